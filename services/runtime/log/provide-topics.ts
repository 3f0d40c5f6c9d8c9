/** What set-up does to a log: every topic, and the first offsets of every consumer group. */
import { setTimeout } from 'node:timers/promises';

import { topicTable } from '#schemas/topics.ts';

import { OperatingError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { consumerGroups } from './consumer-groups.ts';
import type { RecordLog } from './record-log.ts';

/** A broker that has just started, or is busy, loads its groups and chooses leaders for longer than one question is repeated. */
const patienceMs = 60_000;
const pauseMs = 1_000;

/** How time goes by. */
export interface Waiting {
  /** Milliseconds, from whenever. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<unknown>;
}

const realWaiting: Waiting = { now: () => performance.now(), pause: (ms) => setTimeout(ms) };

/**
 * Makes the topics and gives each consumer group its first offsets. Idempotent. Waits for a log that is
 * not there yet, up to a minute, then throws `log.unavailable`; throws `config.invalid` at once.
 */
export async function provideTopics(
  log: Pick<RecordLog, 'createGroup' | 'createTopics'>,
  logger: Pick<Logger, 'warn'>,
  waiting: Waiting = realWaiting,
): Promise<void> {
  const until = waiting.now() + patienceMs;
  const patiently = async (work: () => Promise<void>): Promise<void> => {
    for (;;)
      try {
        await work();
        return;
      } catch (caught) {
        if (!(caught instanceof OperatingError) || caught.disposition !== 'retry' || waiting.now() >= until)
          throw caught;
        logger.warn('the log is not ready yet', { code: caught.code, error: caught });
        await waiting.pause(pauseMs);
      }
  };
  await patiently(() => log.createTopics(topicTable.map(({ name }) => name)));
  for (const { group, topic } of consumerGroups) await patiently(() => log.createGroup(group, topic));
}
