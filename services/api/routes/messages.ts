/** Sending a message and following it. */
import { z } from 'zod';

import type { OutboundContent } from '#schemas/content.ts';
import type { ConversationEntry } from '#runtime/directory/directory.ts';
import type { Instance } from '#runtime/instances/instances.ts';

import type { ApiContext } from '../deps.ts';
import { requestMessage } from '../message-requests.ts';
import { phoneCandidates } from '../phone-numbers.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { idParams } from '../shapes.ts';

/** WhatsApp shows three buttons at most, with titles of twenty characters. */
const buttonsMax = 3;
const buttonTitleMax = 20;
const textMax = 4_096;

const chatAddress = /^[\d-]{5,40}@(?:c\.us|s\.whatsapp\.net|lid|g\.us)$/;

const newMessage = z.strictObject({
  instanceId: z.string().min(1).max(128),
  to: z
    .string()
    .max(60)
    .refine((to) => chatAddress.test(to) || phoneCandidates(to).length > 0)
    .describe('A phone number with country code, or a chat address'),
  text: z.string().min(1).max(textMax),
  buttons: z
    .array(z.strictObject({ id: z.string().min(1).max(256), title: z.string().min(1).max(buttonTitleMax) }))
    .min(1)
    .max(buttonsMax)
    .optional(),
  priority: z.enum(['high', 'normal', 'low']).default('normal'),
  idempotencyKey: z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/)
    .optional()
    .describe('A second request with the same key is the first one'),
});

const status = z.enum([
  'queued',
  'scheduled',
  'sending',
  'sent',
  'delivered',
  'read',
  'failed',
  'unknown',
  'manual',
  'cancelled',
]);

const sentMessage = z.object({
  id: z.string(),
  conversationId: z.string(),
  instanceId: z.string(),
  status,
  reason: z.string().nullable().describe('Stable code of why it was not sent, or is not known to be'),
  createdAt: z.string(),
  updatedAt: z.string(),
  attempts: z.array(
    z.object({
      number: z.number(),
      at: z.string(),
      instanceId: z.string(),
      provider: z.string().nullable(),
      outcome: z.string(),
      code: z.string().nullable(),
      httpStatus: z.number().nullable(),
      durationMs: z.number().nullable(),
    }),
  ),
});

interface RequestRow {
  readonly id: string;
  readonly conversation: string;
  readonly instance: string;
  readonly status: string;
  readonly reason: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

type DeliveryRow = RequestRow & { readonly message_id: string | null };

interface AttemptRow {
  readonly number: number;
  readonly at: Date;
  readonly instance: string;
  readonly provider: string | null;
  readonly outcome: string;
  readonly code: string | null;
  readonly http_status: number | null;
  readonly duration_ms: number | null;
}

/** The routes of messages. */
export function messageRoutes({ runtime, access }: ApiContext): readonly Route[] {
  /** The chat of an address: one that is known under any spelling of the number, else a new one. */
  const entryOf = async ({ tenant, line }: Instance, to: string): Promise<ConversationEntry> => {
    const addresses = chatAddress.test(to) ? [to] : phoneCandidates(to);
    for (const address of addresses) {
      const known = await runtime.directory.find(tenant, line, address);
      if (known !== undefined) return known;
    }
    const group = to.endsWith('@g.us');
    return runtime.directory.resolve({ tenant, line, addresses: addresses.slice(0, 1), group, at: runtime.now() });
  };

  return [
    defineRoute({
      name: 'messages.send',
      method: 'POST',
      path: '/v1/messages',
      summary: 'Asks for a message to be sent',
      body: newMessage,
      status: 202,
      response: z.object({ id: z.string(), conversationId: z.string() }),
      async handler({ key, body }) {
        const instance = await runtime.instances.read(key.tenant, body.instanceId);
        if (instance === undefined) throw notFound();
        const content: OutboundContent =
          body.buttons === undefined
            ? { kind: 'text', text: body.text }
            : { kind: 'buttons', text: body.text, buttons: body.buttons };
        const entry = await entryOf(instance, body.to);
        const { id, conversation, fresh } = await requestMessage(runtime, {
          tenant: key.tenant,
          instance: instance.id,
          entry,
          content,
          priority: body.priority,
          idempotencyKey: body.idempotencyKey,
        });
        if (fresh) {
          const act = { actor: conversation, action: 'message.send-requested', subject: id, instance: instance.id };
          await access.record(key, [act]);
        }
        return { id, conversationId: conversation };
      },
    }),

    defineRoute({
      name: 'messages.read',
      method: 'GET',
      path: '/v1/messages/:id',
      summary: 'Status of a message and every attempt to send it',
      params: idParams,
      status: 200,
      response: sentMessage,
      async handler({ key, params }) {
        const { request, delivery, attempts } = await runtime.database.transaction([key.tenant], async (sql) => {
          const requests = await sql.query<RequestRow>(
            `SELECT id, conversation, instance, status, reason, created_at, updated_at FROM message_requests
             WHERE tenant = $1 AND id = $2`,
            [key.tenant, params.id],
          );
          // Replies of machines have no request; they are known by the id of their delivery.
          const deliveries = await sql.query<DeliveryRow>(
            `SELECT id, message_id, conversation, instance, status, reason, created_at, updated_at FROM deliveries
             WHERE tenant = $1 AND (message_id = $2 OR id = $2) ORDER BY created_at DESC, id DESC LIMIT 1`,
            [key.tenant, params.id],
          );
          const tried = await sql.query<AttemptRow>(
            `SELECT number, at, instance, provider, outcome, code, http_status, duration_ms FROM delivery_attempts
             WHERE tenant = $1 AND delivery = $2 ORDER BY number`,
            [key.tenant, deliveries.rows[0]?.id ?? ''],
          );
          return { request: requests.rows[0], delivery: deliveries.rows[0], attempts: tried.rows };
        });
        const newest = delivery ?? request;
        if (newest === undefined) throw notFound();
        return {
          id: params.id,
          conversationId: newest.conversation,
          instanceId: newest.instance,
          status: status.parse(newest.status === 'declined' ? 'failed' : newest.status),
          reason: newest.reason,
          createdAt: (request ?? newest).created_at.toISOString(),
          updatedAt: newest.updated_at.toISOString(),
          attempts: attempts.map((attempt) => ({
            number: attempt.number,
            at: attempt.at.toISOString(),
            instanceId: attempt.instance,
            provider: attempt.provider,
            outcome: attempt.outcome,
            code: attempt.code,
            httpStatus: attempt.http_status,
            durationMs: attempt.duration_ms,
          })),
        };
      },
    }),
  ];
}
