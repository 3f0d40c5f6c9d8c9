/** Many messages in one call. */
import { z } from 'zod';

import { deliveryStatuses } from '../delivery-status.ts';
import type { ApiContext } from '../deps.ts';
import { type Batch, readBatch, requestBulk } from '../bulk-messages.ts';
import { exampleIds, examplePhone } from '../example-ids.ts';
import { contentFields, oneKind } from '../message-content.ts';
import { messageOutcomes } from '../message-outcomes.ts';
import { type Route, defineRoute, listBytesMax, notFound } from '../route.ts';
import { dueOf, sendTimeFields } from '../send-time.ts';
import { idParams, idempotencyKey, time } from '../shapes.ts';
import { refusal, variableValues } from './broadcast-shapes.ts';

const messagesMax = 1_000;

const bulkMessage = z
  .strictObject({
    to: z.string().max(60).describe('A phone number with country code, or a chat address'),
    ...contentFields,
    variables: variableValues.optional(),
  })
  .superRefine(oneKind);

const bulk = z.strictObject({
  instanceId: z.string().min(1).max(128).describe('The instance to send with'),
  messages: z.array(bulkMessage).min(1).max(messagesMax),
  priority: z.enum(['high', 'normal', 'low']).default('normal'),
  sendAt: sendTimeFields.sendAt,
  idempotencyKey,
});

const item = z
  .object({
    id: z.string().optional().describe('Of the message, when it was accepted'),
    conversationId: z.string().optional(),
    problem: refusal.optional().describe('Why it was not'),
  })
  .meta({ id: 'BulkItem', description: 'A message of a call: its id, or why it was not accepted.' });

const batch = z.object({
  id: z.string(),
  accepted: z.number(),
  refused: z.number(),
  items: z.array(item).describe('In the order of the messages'),
});

const outcome = z.object({
  status: z.enum([...deliveryStatuses, 'declined']),
  reason: z.string().nullable().describe('Stable code'),
  count: z.number(),
});

const answerOf = ({ id, items }: Batch): z.input<typeof batch> => {
  const refused = items.filter((one) => 'problem' in one).length;
  return { id, accepted: items.length - refused, refused, items: [...items] };
};

const exampleItems = [
  { id: exampleIds.message, conversationId: exampleIds.conversation },
  {
    problem: {
      status: 422,
      code: 'recipient-invalid',
      detail: 'It is neither a phone number nor a chat address.',
    },
  },
];

/** The routes of messages in bulk. */
export function bulkRoutes({ runtime, access }: ApiContext): readonly Route[] {
  return [
    defineRoute({
      name: 'messages.bulk',
      method: 'POST',
      path: '/v1/messages/bulk',
      summary: 'Asks for up to 1000 messages to be sent',
      description:
        'Each is accepted or refused by itself, and is an ordinary message then: `GET /v1/messages/{id}`, `DELETE /v1/messages/{id}`. `{{name}}` in words is replaced by the variable `name` of the message. For one content to many people at a pace there are broadcasts.',
      body: bulk,
      bodyBytesMax: listBytesMax,
      status: 202,
      response: batch,
      problems: ['not-found', 'send-at-too-late', 'idempotency-key-reused'],
      example: {
        body: {
          instanceId: exampleIds.instance,
          messages: [
            { to: examplePhone, text: 'Olá {{nome}}, sua consulta é amanhã.', variables: { nome: 'Maria' } },
            { to: 'recepção', text: 'Bom dia' },
          ],
          priority: 'low',
          idempotencyKey: 'reminders-2026-11-21',
        },
        answer: { id: exampleIds.batch, accepted: 1, refused: 1, items: exampleItems },
      },
      async handler({ key, body }) {
        const instance = await runtime.instances.read(key.tenant, body.instanceId);
        if (instance === undefined) throw notFound();
        const { messages, priority, idempotencyKey: once, sendAt } = body;
        const due = await dueOf(runtime, key.tenant, { sendAt });
        const made = await requestBulk(runtime, { instance, messages, priority, due, idempotencyKey: once });
        if (made.fresh) {
          const act = { action: 'message.send-requested', instance: instance.id };
          const accepted = made.items.flatMap((one) => ('problem' in one ? [] : [one]));
          await access.record(key, [
            { actor: instance.id, action: 'messages.bulk-requested', subject: made.id, instance: instance.id },
            ...accepted.map(({ id, conversationId }) => ({ ...act, actor: conversationId, subject: id })),
          ]);
        }
        return answerOf(made);
      },
    }),

    defineRoute({
      name: 'messages.bulk-read',
      method: 'GET',
      path: '/v1/messages/bulk/:id',
      summary: 'What became of the messages of a call',
      params: idParams,
      status: 200,
      response: batch.extend({
        createdAt: time,
        outcomes: z.array(outcome).describe('How many of the accepted ones came how far'),
      }),
      example: {
        params: { id: exampleIds.batch },
        answer: {
          id: exampleIds.batch,
          accepted: 1,
          refused: 1,
          items: exampleItems,
          createdAt: '2026-11-21T02:12:15.175Z',
          outcomes: [{ status: 'delivered', reason: null, count: 1 }],
        },
      },
      async handler({ key, params }) {
        const made = await readBatch(runtime, key.tenant, params.id);
        if (made === undefined) throw notFound();
        const ids = made.items.flatMap((one) => ('problem' in one ? [] : [one.id]));
        const counts = await messageOutcomes(runtime.database, key.tenant, ids);
        return {
          ...answerOf(made),
          createdAt: made.createdAt.toISOString(),
          outcomes: counts.map(({ outcome: became, reason, count }) => ({
            status: outcome.shape.status.parse(became),
            reason,
            count,
          })),
        };
      },
    }),
  ];
}
