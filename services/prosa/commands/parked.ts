/** `prosa parked`: records that were set aside. */
import { topics } from '#schemas/topics.ts';

import type { ParkedItem } from '../../api/routes/parked.ts';
import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { listOptions, shortTime, showPage } from '../lists.ts';
import { number, oneOf, word } from '../options.ts';

const offsetMax = Number.MAX_SAFE_INTEGER - 1;
const partitionMax = 1_000_000;

export const parkedLs = defineCommand({
  name: 'parked ls',
  summary: 'List records that were set aside, newest first within each partition',
  description:
    'A record stays listed after it was put back: the log forgets nothing. Where the partitions were made more, those of before follow.',
  options: { topic: oneOf(Object.values(topics), 'The topic that they were on'), ...listOptions },
  examples: [
    ['parked ls', 'what could not be processed, and why'],
    [`parked ls --topic ${topics.replies} --json`, 'of another topic, for a program'],
  ],
  async run({ options: { topic, limit, cursor } }, { api, out }) {
    const page = await api().list<ParkedItem>('/v1/parked', { topic }, limit, cursor);
    for (const { partition, offset } of page.unretained ?? [])
      out.note(`Of partition ${partition} those before ${offset} of the parked topic are no longer there.`);
    return showPage(out, page, {
      TOPIC: (one) => one.topic,
      PARTITION: (one) => one.partition,
      OFFSET: (one) => one.offset,
      REASON: (one) => one.reason,
      ACTOR: (one) => one.actor,
      PARKED: (one) => shortTime(one.parkedAt),
    });
  },
});

export const parkedRedrive = defineCommand({
  name: 'parked redrive',
  summary: 'Put a parked record back at the end of its topic',
  arguments: {
    topic: word('The topic that it was on'),
    partition: number('Its partition', { min: 0, max: partitionMax }),
    offset: number('Its offset', { min: 0, max: offsetMax }),
  },
  examples: [[`parked redrive ${topics.events} 17 48213`, 'when the reason is gone']],
  async run({ args }, { api, out }) {
    const now = await api().post<Pick<ParkedItem, 'topic' | 'partition' | 'offset'>>('/v1/parked/redrive', args);
    out.result(now, () => [`It is now at ${now.topic} ${now.partition} ${now.offset}.`]);
    return exitCodes.ok;
  },
});
