/** Sending a message and following it. */
import { z } from 'zod';

import { chatOf, isChat } from '../chats.ts';
import { deliveryStatuses } from '../delivery-status.ts';
import { attempt, readAttempts } from '../delivery-attempts.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds, examplePhone } from '../example-ids.ts';
import { contentSources } from '../content-sources.ts';
import { contentFields, contentOf, oneKind } from '../message-content.ts';
import { messageExamples } from '../message-examples.ts';
import { requestMessage } from '../message-requests.ts';
import { contentProblems } from '../problems.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { dueOf, oneSendTime, sendTimeFields } from '../send-time.ts';
import { idParams, idempotencyKey, time } from '../shapes.ts';

const newMessage = z
  .strictObject({
    instanceId: z.string().min(1).max(128).describe('The instance to send with'),
    to: z.string().max(60).refine(isChat).describe('A phone number with country code, or a chat address'),
    ...contentFields,
    priority: z.enum(['high', 'normal', 'low']).default('normal'),
    origin: z
      .enum(['api', 'operator'])
      .default('api')
      .describe('`operator`: somebody writes it by hand, such as who took the conversation over'),
    ...sendTimeFields,
    idempotencyKey,
  })
  .superRefine(oneKind)
  .superRefine(oneSendTime);

const status = z.enum(deliveryStatuses);

const sentMessage = z
  .object({
    id: z.string(),
    conversationId: z.string(),
    instanceId: z.string(),
    status,
    reason: z
      .string()
      .nullable()
      .describe(
        'Stable code of why it was not sent, or is not known to be. `provider.window-closed`: the person did not write for 24 hours, so that only a template can be sent; send one in its place',
      ),
    createdAt: time,
    updatedAt: time,
    attempts: z.array(attempt),
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

interface ToldRow {
  readonly status: string;
  readonly reason: string | null;
  readonly status_at: Date;
}

/** A delivery with what the provider told later of what was sent. */
const withTold = (delivery: DeliveryRow | undefined, told: ToldRow | undefined): DeliveryRow | undefined =>
  delivery === undefined || told === undefined || !['sent', 'unknown'].includes(delivery.status)
    ? delivery
    : { ...delivery, status: told.status, reason: told.reason, updated_at: told.status_at };

/** The routes of messages. */
export function messageRoutes({ runtime, access }: ApiContext): readonly Route[] {
  return [
    defineRoute({
      name: 'messages.send',
      method: 'POST',
      path: '/v1/messages',
      summary: 'Asks for a message to be sent',
      description:
        'One of `text` (alone, with `buttons` or with `list`), `media`, `template`, `location`, `contacts` and `reaction`. Where a provider has no buttons, lists or templates, the same is sent in words, the choices numbered. Accepted is not sent: read the message, or the conversation, for what became of it. Messages to one chat are sent in order.',
      body: newMessage,
      status: 202,
      response: z.object({ id: z.string(), conversationId: z.string() }),
      problems: [...contentProblems, 'recipient-erased', 'message-not-sent', 'idempotency-key-reused'],
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
      moreExamples: messageExamples,
      async handler({ key, body }) {
        const instance = await runtime.instances.read(key.tenant, body.instanceId);
        if (instance === undefined) throw notFound();
        const entry = await chatOf(runtime, instance, body.to);
        const content = await contentOf(body, contentSources(runtime, key.tenant, entry.conversation));
        const { id, conversation, fresh } = await requestMessage(runtime, {
          tenant: key.tenant,
          instance: instance.id,
          entry,
          content,
          priority: body.priority,
          origin: body.origin,
          idempotencyKey: body.idempotencyKey,
          due: await dueOf(runtime, key.tenant, body),
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
        const { request, delivery, tried } = await runtime.database.transaction([key.tenant], async (sql) => {
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
          // What the provider told of it since: delivered, read, or failed after all.
          const told = await sql.query<ToldRow>(
            `SELECT status, reason, status_at FROM message_history WHERE tenant = $1 AND conversation = $2 AND id = $3
               AND status IN ('delivered', 'read', 'failed')`,
            [key.tenant, deliveries.rows[0]?.conversation ?? '', deliveries.rows[0]?.id ?? ''],
          );
          return {
            request: requests.rows[0],
            delivery: withTold(deliveries.rows[0], told.rows[0]),
            tried: deliveries.rows[0]?.id,
          };
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
          attempts: tried === undefined ? [] : [...(await readAttempts(runtime.database, key.tenant, tried))],
        };
      },
    }),
  ];
}
