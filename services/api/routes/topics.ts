/** Topics of the log and how far their readers are. Of the installation, all its tenants together. */
import { z } from 'zod';

import { topicTable, topics } from '#schemas/topics.ts';
import { consumerGroups } from '#runtime/log/consumer-groups.ts';
import { type MeasuredLag, openLagMeter } from '#runtime/log/lag-meter.ts';

import type { ApiContext } from '../deps.ts';
import { type Route, defineRoute } from '../route.ts';
import { listOf } from '../shapes.ts';

const topic = z
  .object({
    name: z.string(),
    partitions: z.number(),
    retentionDays: z.number().nullable().describe('Null: kept for ever'),
    offsets: z
      .number()
      .describe('From the oldest to the stable end; transactions take some, so that records are fewer'),
    groups: z.array(
      z.object({
        name: z.string(),
        lag: z.number().describe('Offsets between what is committed and the stable end, of all partitions'),
        lagSeconds: z.number().describe('Age of the oldest record that it has not done'),
        behind: z
          .array(z.object({ partition: z.number(), lag: z.number(), lagSeconds: z.number() }))
          .describe('The partitions that are, the one with the oldest record first'),
      }),
    ),
  })
  .meta({ id: 'Topic', description: 'A topic of the log, with the consumer groups that read it.' });

/** A topic as it is answered. */
export type TopicAnswer = z.output<typeof topic>;

const example: TopicAnswer = {
  name: topics.events,
  partitions: 24,
  retentionDays: null,
  offsets: 48_213,
  groups: [{ name: 'conversation', lag: 3, lagSeconds: 0.4, behind: [{ partition: 7, lag: 3, lagSeconds: 0.4 }] }],
};

/** The routes of topics. */
export function topicRoutes({ runtime }: ApiContext): readonly Route[] {
  const { log, now } = runtime;
  const meter = openLagMeter(log, consumerGroups, now);
  return [
    defineRoute({
      name: 'topics.list',
      method: 'GET',
      path: '/v1/topics',
      summary: 'Topics of the log, with the lag of every consumer group',
      description: 'Of the whole installation: the log is shared by its tenants.',
      status: 200,
      response: listOf(topic),
      example: { answer: { items: [example], next: null } },
      async handler() {
        const lags = await meter.measure();
        const items = topicTable.map(async ({ name, retention }) => {
          const ends = await log.ends(name);
          return {
            name,
            partitions: log.partitionCount,
            retentionDays: retention.kind === 'days' ? retention.days : null,
            offsets: ends.reduce((sum, { start, stableEnd }) => sum + stableEnd - start, 0),
            groups: groupsOf(lags.filter((lag) => lag.topic === name)),
          };
        });
        return { items: await Promise.all(items), next: null };
      },
    }),
  ];
}

/** The lags of one topic, its partitions together. */
function groupsOf(lags: readonly MeasuredLag[]): TopicAnswer['groups'] {
  return [...new Set(lags.map(({ group }) => group))].map((name) => {
    const own = lags.filter(({ group }) => group === name);
    return {
      name,
      lag: own.reduce((sum, { lag }) => sum + lag, 0),
      lagSeconds: Math.max(...own.map(({ seconds }) => seconds)),
      behind: own
        .filter(({ lag }) => lag > 0)
        .map(({ partition, lag, seconds }) => ({ partition, lag, lagSeconds: seconds }))
        .sort((one, other) => other.lagSeconds - one.lagSeconds),
    };
  });
}
