/** Parked records: seeing them and putting them back. They are references and hold no personal data. */
import { z } from 'zod';

import { topics } from '#schemas/topics.ts';
import { redrive } from '#runtime/parked.ts';

import { cursorOf, placeOf } from '../cursors.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { type Parked, findParked, listParked } from '../parked-list.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { cursor, limit, listOf, time } from '../shapes.ts';

const topic = z.enum(Object.values(topics));
/** One less than the greatest safe integer, so that the offset after it is exact as well. */
const offset = z
  .number()
  .int()
  .min(0)
  .max(Number.MAX_SAFE_INTEGER - 1);
const partition = z.number().int().min(0);

const position = z.strictObject({ topic, partition, offset });

const parkedItem = z
  .object({
    topic: z.string().describe('Where the record itself is, as are partition and offset'),
    partition: z.number(),
    offset: z.number(),
    reason: z.string().describe('Code of what was wrong with it, such as record.undecodable'),
    actor: z.string(),
    parkedAt: time,
  })
  .meta({ id: 'ParkedRecord', description: 'A record that was set aside. It stays where it was.' });

/** A parked record as it is answered. */
export type ParkedItem = z.output<typeof parkedItem>;

const examplePlace = { topic: topics.events, partition: exampleIds.parkedPartition, offset: exampleIds.parkedOffset };

const parkedPage = listOf(parkedItem).extend({
  unretained: z
    .array(z.object({ partition: z.number(), offset: z.number().describe('Of the topic of parked records') }))
    .optional()
    .describe('Partitions that the list has come to the end of and whose oldest are no longer on the log'),
});

const parkedPlace = z.tuple([partition, offset]);

/** The routes of parked records. */
export function parkedRoutes({ runtime, access }: ApiContext): readonly Route[] {
  return [
    defineRoute({
      name: 'parked.list',
      method: 'GET',
      path: '/v1/parked',
      summary: 'Records that were set aside',
      description:
        'Newest first within each partition; where the partitions were made more, those of before follow. A page may be short, or even empty, and not be the last.',
      query: z.strictObject({
        topic: topic.default(topics.events).describe('The topic that they were on'),
        limit,
        cursor,
      }),
      status: 200,
      response: parkedPage,
      example: {
        query: { topic: topics.events, limit: 20 },
        answer: {
          items: [
            {
              ...examplePlace,
              reason: 'record.undecodable',
              actor: exampleIds.conversation,
              parkedAt: '2026-11-21T02:12:15.175Z',
            },
          ],
          next: null,
        },
      },
      async handler({ key, query }) {
        const { items, next, unretained } = await listParked(runtime.log, {
          tenant: key.tenant,
          topic: query.topic,
          after: placeOf(query.cursor, parkedPlace),
          itemsMax: query.limit,
        });
        return {
          items: items.map(itemOf),
          next: next === undefined ? null : cursorOf(next),
          ...(unretained.length === 0 ? {} : { unretained: [...unretained] }),
        };
      },
    }),

    defineRoute({
      name: 'parked.redrive',
      method: 'POST',
      path: '/v1/parked/redrive',
      summary: 'Puts a parked record back',
      description: 'At the end of its topic, as it was; the answer says where it is now.',
      body: position,
      status: 202,
      response: z.object({ topic: z.string(), partition: z.number(), offset: z.number() }),
      problems: ['not-found'],
      example: { body: examplePlace, answer: { ...examplePlace, offset: 48_977 } },
      async handler({ key, body }) {
        const parked = await findParked(runtime.log, key.tenant, body);
        if (parked === undefined) throw notFound();
        await access.record(key, [
          {
            actor: parked.record.actor,
            action: 'record.redrive-requested',
            subject: `${body.topic}/${body.partition}/${body.offset}`,
          },
        ]);
        return redrive(runtime.log, body);
      },
    }),
  ];
}

const itemOf = ({ record, parkedAt }: Parked): z.input<typeof parkedItem> => ({
  topic: record.topic,
  partition: record.partition,
  offset: record.offset,
  reason: record.reason,
  actor: record.actor,
  parkedAt: new Date(parkedAt).toISOString(),
});
