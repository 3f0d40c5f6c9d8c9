/** The queue for decisions: what did not go out, by cause, and orders about many at once. Holds no personal data. */
import { z } from 'zod';

import type { Act } from '../access.ts';
import { type BulkOrder, type BulkOutcome, cancelMany, orderedMax, retryMany } from '../bulk-orders.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { readCauses, undecidedStatuses } from '../manual-queue.ts';
import { type Route, defineRoute } from '../route.ts';
import { filterText, time } from '../shapes.ts';

const hoursMax = 168;
/** A thousand ids. */
const bodyBytesMax = 262_144;

const cause = z
  .object({
    status: z.enum(undecidedStatuses),
    reason: z.string().nullable().describe('Stable code of why it was given up'),
    cause: z.string().nullable().describe('Stable code of what its last attempt met'),
    instanceId: z.string(),
    count: z.number(),
    oldestAt: time,
    newestAt: time,
  })
  .meta({ id: 'Cause', description: 'Deliveries of one account that did not go out for one cause.' });

/** A cause as it is answered. */
export type CauseItem = z.output<typeof cause>;

const order = {
  ids: z
    .array(z.string().regex(/^[A-Za-z0-9_-]{1,128}$/))
    .min(1)
    .max(orderedMax)
    .optional()
    .describe('Deliveries or their messages, whatever their status; nothing else is asked for then'),
  hours: z.number().positive().max(hoursMax).optional().describe('Only of the last so many hours'),
  instanceId: filterText.optional(),
  reason: filterText.optional().describe('Only what ended with this code'),
  cause: filterText.optional().describe('Only what met this code last'),
};

type Asked = z.output<z.ZodObject<typeof order>>;

/** Ids name deliveries; without, something has to be said: nobody means all by nothing. */
const saysWhich = ({ ids, hours, instanceId, reason, cause: met }: Asked): boolean => {
  const said = [hours, instanceId, reason, met].filter((one) => one !== undefined).length;
  return ids === undefined ? said > 0 : said === 0;
};
const which = { message: 'either ids, or at least one of hours, instanceId, reason and cause' };

const orderOf = (
  { ids, hours, instanceId: instance, reason, cause: met }: Asked,
  statuses: BulkOrder['statuses'],
): BulkOrder => ({ ids, hours, instance, reason, cause: met, statuses });

const skipped = z.array(z.string()).describe('Of `ids`, those of nothing that can be ordered about so');
const more = z.boolean().describe('Another call has something to do');

const actsOf = ({ decided }: BulkOutcome, actionOf: (status: string) => string): readonly Act[] =>
  decided.map(({ id, conversation, instance, status }) => ({
    actor: conversation,
    action: actionOf(status),
    subject: id,
    instance,
  }));

const anHourAgo = '2026-11-21T01:40:02.010Z';

/** The routes of the queue for decisions. */
export function manualQueueRoutes({ runtime, access }: ApiContext): readonly Route[] {
  return [
    defineRoute({
      name: 'deliveries.causes',
      method: 'GET',
      path: '/v1/manual-queue',
      summary: 'What waits for a decision, by cause',
      description:
        'A message that went the whole ladder of fallbacks is `manual`, one that may have arrived is `unknown`: both wait for somebody to retry or to cancel them. What was refused for good is `failed`, and listed when it is asked for.',
      query: z.strictObject({
        status: z.enum(undecidedStatuses).optional().describe('Only these; `manual` and `unknown` when absent'),
        instance: filterText.optional().describe('Id of the instance'),
      }),
      status: 200,
      response: z.object({
        items: z.array(cause).describe('The most first; at most 200'),
        total: z.number().describe('Deliveries in all of them'),
      }),
      example: {
        query: { status: 'manual' },
        answer: {
          items: [
            {
              status: 'manual',
              reason: 'attempts-exhausted',
              cause: 'provider.unavailable',
              instanceId: exampleIds.instance,
              count: 3,
              oldestAt: anHourAgo,
              newestAt: '2026-11-21T02:12:15.267Z',
            },
          ],
          total: 3,
        },
      },
      async handler({ key, query: { status, instance } }) {
        const statuses = status === undefined ? (['manual', 'unknown'] as const) : [status];
        const items = await readCauses(runtime.database, key.tenant, { statuses, instance });
        return { items: [...items], total: items.reduce((sum, { count }) => sum + count, 0) };
      },
    }),

    defineRoute({
      name: 'deliveries.retry',
      method: 'POST',
      path: '/v1/deliveries/retry',
      summary: 'Tries many deliveries again: those named, of a cause, of an account, of the last hours',
      description: `What may have arrived only with \`evenIfUnknown\`. At most ${orderedMax} at a call, the oldest first. Each is an audit event of its own.`,
      body: z
        .strictObject({
          ...order,
          statuses: z
            .array(z.enum(undecidedStatuses))
            .min(1)
            .max(undecidedStatuses.length)
            .default(['failed', 'manual'])
            .describe('Of those that are not named by id'),
          evenIfUnknown: z
            .boolean()
            .default(false)
            .describe('Also what may have arrived, which may then be there twice'),
        })
        .refine(saysWhich, which)
        .refine(({ statuses, evenIfUnknown }) => evenIfUnknown || !statuses.includes('unknown'), {
          path: ['statuses'],
          message: 'unknown only with evenIfUnknown',
        }),
      bodyBytesMax,
      status: 202,
      response: z.object({ retried: z.number(), skipped, more }),
      example: {
        body: { hours: 2, cause: 'provider.unavailable' },
        answer: { retried: 17, skipped: [], more: false },
      },
      moreExamples: [
        { summary: 'of the last two hours, whatever the cause', body: { hours: 2 } },
        { summary: 'some', body: { ids: [exampleIds.failedMessage] } },
        {
          summary: 'what may have arrived, of one account, though it may then be there twice',
          body: { instanceId: exampleIds.instance, statuses: ['unknown'], evenIfUnknown: true },
        },
      ],
      async handler({ key, body: { statuses, evenIfUnknown, ...asked } }) {
        const outcome = await retryMany(runtime.database, key.tenant, orderOf(asked, statuses), evenIfUnknown);
        await access.record(
          key,
          actsOf(outcome, () => 'message.retried'),
        );
        return { retried: outcome.decided.length, skipped: [...outcome.skipped], more: outcome.more };
      },
    }),

    defineRoute({
      name: 'deliveries.cancel',
      method: 'POST',
      path: '/v1/deliveries/cancel',
      summary: 'Gives many deliveries up: those named, of a cause, of an account, of the last hours',
      description: `What may have arrived cannot be taken back: it is \`dismissed\`, stays \`unknown\` and leaves the queue for decisions. At most ${orderedMax} at a call, the oldest first. Each is an audit event of its own.`,
      body: z
        .strictObject({
          ...order,
          statuses: z
            .array(z.enum(['manual', 'unknown']))
            .min(1)
            .max(2)
            .default(['manual'])
            .describe('Of those that are not named by id'),
        })
        .refine(saysWhich, which),
      bodyBytesMax,
      status: 202,
      response: z.object({ cancelled: z.number(), dismissed: z.number(), skipped, more }),
      example: {
        body: { cause: 'provider.unavailable', hours: 24 },
        answer: { cancelled: 3, dismissed: 0, skipped: [], more: false },
      },
      moreExamples: [
        { summary: 'some', body: { ids: [exampleIds.delivery] } },
        { summary: 'what may have arrived is left as it is', body: { statuses: ['unknown'], hours: 24 } },
      ],
      async handler({ key, body: { statuses, ...asked } }) {
        const outcome = await cancelMany(runtime.database, key.tenant, orderOf(asked, statuses));
        const actionOf = (status: string): string =>
          status === 'cancelled' ? 'message.cancelled' : 'message.dismissed';
        await access.record(key, actsOf(outcome, actionOf));
        const cancelled = outcome.decided.filter(({ status }) => status === 'cancelled').length;
        const dismissed = outcome.decided.length - cancelled;
        return { cancelled, dismissed, skipped: [...outcome.skipped], more: outcome.more };
      },
    }),
  ];
}
