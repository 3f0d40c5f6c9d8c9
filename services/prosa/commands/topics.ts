/** `prosa topics`: the log and how far its readers are. */
import type { TopicAnswer } from '../../api/routes/topics.ts';
import type { Page } from '../api.ts';
import { defineCommand } from '../command.ts';
import type { ExitCode } from '../exit-codes.ts';
import { showPage } from '../lists.ts';
import { flag } from '../options.ts';
import type { Output } from '../output.ts';

export const topics = defineCommand({
  name: 'topics',
  summary: 'List topics with partitions, retention and the lag of each consumer group',
  description:
    'Of the whole installation. Lag is counted in offsets, to the stable end; the time is the age of the oldest record that waits, and behind it is in how many partitions.',
  examples: [
    ['topics', 'is anything behind?'],
    ['topics --behind', 'which partitions are, and by how much'],
    ['topics --json', 'for a program'],
  ],
  options: { behind: flag('Instead: the partitions in which a group lags, a row each') },
  async run({ options }, { api, out }) {
    const page = await api().get<Page<TopicAnswer>>('/v1/topics');
    if (options.behind) return showBehind(out, page);
    return showPage(out, page, {
      TOPIC: (one) => one.name,
      PARTITIONS: (one) => one.partitions,
      RETENTION: (one) => (one.retentionDays === null ? 'unlimited' : `${one.retentionDays} days`),
      OFFSETS: (one) => one.offsets,
      LAG: (one) =>
        one.groups
          .map(({ name, lag, lagSeconds, behind }) =>
            lag === 0 ? `${name} 0` : `${name} ${lag} (${lagSeconds.toFixed(1)} s) in ${behind.length}`,
          )
          .join(', '),
    });
  },
});

function showBehind(out: Output, { items }: Page<TopicAnswer>): ExitCode {
  const rows = items.flatMap(({ name: topic, groups }) =>
    groups.flatMap(({ name: group, behind }) => behind.map((one) => ({ topic, group, ...one }))),
  );
  return showPage(
    out,
    { items: rows, next: null },
    {
      TOPIC: (one) => one.topic,
      GROUP: (one) => one.group,
      PARTITION: (one) => one.partition,
      LAG: (one) => one.lag,
      SECONDS: (one) => Math.round(one.lagSeconds * 10) / 10,
    },
  );
}
