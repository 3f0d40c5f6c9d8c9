/** `prosa topics`: the log and how far its readers are. */
import type { TopicAnswer } from '../../api/routes/topics.ts';
import type { Page } from '../api.ts';
import { defineCommand } from '../command.ts';
import { showPage } from '../lists.ts';

export const topics = defineCommand({
  name: 'topics',
  summary: 'List topics with partitions, retention and the lag of each consumer group',
  description:
    'Of the whole installation. Lag is counted in offsets, to the stable end; the time is the age of the oldest record that waits.',
  examples: [
    ['topics', 'is anything behind?'],
    ['topics --json', 'for a program'],
  ],
  async run(_input, { api, out }) {
    return showPage(out, await api().get<Page<TopicAnswer>>('/v1/topics'), {
      TOPIC: (one) => one.name,
      PARTITIONS: (one) => one.partitions,
      RETENTION: (one) => (one.retentionDays === null ? 'unlimited' : `${one.retentionDays} days`),
      OFFSETS: (one) => one.offsets,
      LAG: (one) =>
        one.groups
          .map(({ name, lag, lagSeconds }) => (lag === 0 ? `${name} 0` : `${name} ${lag} (${lagSeconds.toFixed(1)} s)`))
          .join(', '),
    });
  },
});
