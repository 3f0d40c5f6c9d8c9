/** Sending a message and following it. */
import { z } from 'zod';

import type { OutboundContent } from '#schemas/content.ts';
import type { ConversationEntry } from '#runtime/directory/directory.ts';
import type { Instance } from '#runtime/instances/instances.ts';

import { deliveryStatuses } from '../delivery-status.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds, examplePhone } from '../example-ids.ts';
import { requestMessage } from '../message-requests.ts';
import { phoneCandidates } from '../phone-numbers.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { idParams, time } from '../shapes.ts';

/** WhatsApp shows three buttons at most, with titles of twenty characters. */
const buttonsMax = 3;
const buttonTitleMax = 20;
const textMax = 4_096;

const chatAddress = /^[\d-]{5,40}@(?:c\.us|s\.whatsapp\.net|lid|g\.us)$/;

const newMessage = z.strictObject({
  instanceId: z.string().min(1).max(128).describe('The instance to send with'),
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

const status = z.enum(deliveryStatuses);

const sentMessage = z
  .object({
    id: z.string(),
    conversationId: z.string(),
    instanceId: z.string(),
    status,
    reason: z.string().nullable().describe('Stable code of why it was not sent, or is not known to be'),
    createdAt: time,
    updatedAt: time,
    attempts: z.array(
      z.object({
        number: z.number(),
        at: time,
        instanceId: z.string(),
        provider: z.string().nullable(),
        outcome: z.string(),
        code: z.string().nullable(),
        httpStatus: z.number().nullable().describe('What the provider answered'),
        durationMs: z.number().nullable(),
      }),
    ),
  })
  .meta({ id: 'SentMessage', description: 'A message that was asked for, and what became of it.' });

const example: z.input<typeof sentMessage> = {
  id: exampleIds.message,
  conversationId: exampleIds.conversation,
  instanceId: exampleIds.instance,
  status: 'sent',
  reason: null,
  createdAt: '2026-11-21T02:12:15.175Z',
  updatedAt: '2026-11-21T02:12:15.267Z',
  attempts: [
    {
      number: 1,
      at: '2026-11-21T02:12:15.242Z',
      instanceId: exampleIds.instance,
      provider: 'waha',
      outcome: 'sent',
      code: null,
      httpStatus: 201,
      durationMs: 12,
    },
  ],
};

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
      description:
        'Accepted is not sent: read the message, or the conversation, for what became of it. Messages to one chat are sent in order.',
      body: newMessage,
      status: 202,
      response: z.object({ id: z.string(), conversationId: z.string() }),
      problems: ['not-found', 'idempotency-key-reused'],
      example: {
        body: {
          instanceId: exampleIds.instance,
          to: examplePhone,
          text: 'Sua consulta é amanhã às 10h. Você vem?',
          buttons: [
            { id: 'yes', title: 'Sim' },
            { id: 'no', title: 'Não' },
          ],
          priority: 'high',
          idempotencyKey: 'appointment-4711-reminder',
        },
        answer: { id: exampleIds.message, conversationId: exampleIds.conversation },
      },
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
      description: 'Also for replies of a conversation, by the id that its messages have.',
      params: idParams,
      status: 200,
      response: sentMessage,
      example: { params: { id: exampleIds.message }, answer: example },
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
