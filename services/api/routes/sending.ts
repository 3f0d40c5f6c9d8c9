/** What waits to be sent: the queues, and orders about what is in them. Holds no personal data. */
import { z } from 'zod';

import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { readCauses } from '../manual-queue.ts';
import { cancelMessage, retryMessage } from '../sending-orders.ts';
import { readQueues } from '../sending-queues.ts';
import { idParams, time } from '../shapes.ts';

const pause = z
  .object({
    reason: z.string().describe('Stable code'),
    until: time.nullable().describe('When it is tried again; null while it is being tried'),
  })
  .nullable();

const queue = z
  .object({
    instanceId: z.string(),
    priority: z.enum(['high', 'normal', 'low']),
    waiting: z.number().describe('At most 10000 are counted of each class'),
    due: z.number().describe('Of these the ones that nothing but limits and pauses holds back'),
    oldestAt: time.nullable(),
    paused: pause.describe('Why nothing is sent with the instance; null when it is not paused'),
    newChatsPaused: pause.describe('Why nobody is written to who never wrote; null when it is not so'),
  })
  .meta({ id: 'SendQueue', description: 'What waits for an instance with a priority.' });

/** A queue as it is answered. */
export type SendQueue = z.output<typeof queue>;

const causes = z.array(
  z.object({
    status: z.enum(['manual', 'unknown']),
    reason: z.string().nullable(),
    cause: z.string().nullable(),
    instanceId: z.string(),
    count: z.number(),
    oldestAt: time,
  }),
);

/** The routes of sending. */
export function sendingRoutes({ runtime, access }: ApiContext): readonly Route[] {
  return [
    defineRoute({
      name: 'queues.list',
      method: 'GET',
      path: '/v1/queues',
      summary: 'What waits to be sent, by instance and priority, and what waits for a decision',
      description:
        'A message whose attempts are used up is `manual`, one that may have arrived is `unknown`: both wait for somebody to retry or to cancel them.',
      status: 200,
      response: z.object({
        items: z.array(queue),
        undecided: causes.describe(
          'Deliveries that wait for a decision, by account and cause, the most first; `/v1/manual-queue` has more',
        ),
      }),
      example: {
        answer: {
          items: [
            {
              instanceId: exampleIds.instance,
              priority: 'normal',
              waiting: 42,
              due: 40,
              oldestAt: '2026-11-21T02:12:15.175Z',
              paused: { reason: 'provider.session-not-working', until: '2026-11-21T02:14:00.000Z' },
              newChatsPaused: null,
            },
          ],
          undecided: [
            {
              status: 'manual',
              reason: 'attempts-exhausted',
              cause: 'provider.unavailable',
              instanceId: exampleIds.instance,
              count: 3,
              oldestAt: '2026-11-21T01:40:02.010Z',
            },
          ],
        },
      },
      async handler({ key }) {
        const [items, undecided] = await Promise.all([
          readQueues(runtime.database, key.tenant),
          readCauses(runtime.database, key.tenant, { statuses: ['manual', 'unknown'] }),
        ]);
        return {
          items: [...items],
          undecided: undecided.flatMap(({ status, ...one }) => (status === 'failed' ? [] : [{ status, ...one }])),
        };
      },
    }),

    defineRoute({
      name: 'queues.resume',
      method: 'POST',
      path: '/v1/queues/:id/resume',
      summary: 'Tries a paused instance now',
      description:
        'One message is sent; what becomes of it opens the queue or pauses it again. People who never wrote may be written to again.',
      params: idParams,
      body: z.strictObject({}),
      status: 202,
      response: z.object({ instanceId: z.string() }),
      example: {
        params: { id: exampleIds.instance },
        body: {},
        answer: { instanceId: exampleIds.instance },
      },
      async handler({ key, params: { id } }) {
        const changed = await runtime.database.query(
          [key.tenant],
          `UPDATE sending_gates SET probe_at = CASE WHEN state = 'open' THEN now() ELSE probe_at END, cold_until = NULL
           WHERE tenant = $1 AND instance = $2`,
          [key.tenant, id],
        );
        if (changed.rowCount === 0 && (await runtime.instances.read(key.tenant, id)) === undefined) throw notFound();
        await access.record(key, [{ actor: id, action: 'queue.resumed', instance: id }]);
        return { instanceId: id };
      },
    }),

    defineRoute({
      name: 'messages.cancel',
      method: 'DELETE',
      path: '/v1/messages/:id',
      summary: 'Takes a message back that is not on its way',
      description: 'One that is scheduled, queued, or waits for a decision. What was cancelled before stays so.',
      params: idParams,
      status: 200,
      response: z.object({ id: z.string(), status: z.literal('cancelled') }),
      problems: ['message-not-cancellable'],
      example: {
        params: { id: exampleIds.scheduledMessage },
        answer: { id: exampleIds.scheduledMessage, status: 'cancelled' },
      },
      async handler({ key, params: { id } }) {
        const { conversation, instance, changed } = await cancelMessage(runtime.database, key.tenant, id);
        if (changed)
          await access.record(key, [{ actor: conversation, action: 'message.cancelled', subject: id, instance }]);
        return { id, status: 'cancelled' as const };
      },
    }),

    defineRoute({
      name: 'messages.retry',
      method: 'POST',
      path: '/v1/messages/:id/retry',
      summary: 'Tries a message again',
      description:
        'One that failed, waits for a decision, or waits for its next attempt, which is then made now. One that may have arrived only with `evenIfUnknown`: the person may then have it twice.',
      params: idParams,
      body: z.strictObject({ evenIfUnknown: z.boolean().default(false) }),
      status: 202,
      response: z.object({ id: z.string(), status: z.literal('queued') }),
      problems: ['message-not-retryable', 'message-outcome-unknown'],
      example: {
        params: { id: exampleIds.failedMessage },
        body: { evenIfUnknown: false },
        answer: { id: exampleIds.failedMessage, status: 'queued' },
      },
      async handler({ key, params: { id }, body }) {
        const { conversation, instance } = await retryMessage(runtime.database, key.tenant, id, body.evenIfUnknown);
        await access.record(key, [{ actor: conversation, action: 'message.retried', subject: id, instance }]);
        return { id, status: 'queued' as const };
      },
    }),
  ];
}
