/** Repeating of requests whose failure passes, within a bound. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaClient } from './client.ts';
import { isPassing } from './failure.ts';

const pauseFirstMs = 4;
const pauseMaxMs = 200;

/** How long to repeat, and what ends it early. */
export interface Repeating {
  /** Epoch ms after which the last failure is thrown. */
  readonly deadline: number;
  readonly signal?: AbortSignal;
}

/**
 * Runs `attempt` until it succeeds, fails with what does not pass, or the deadline is reached (then
 * its last failure is thrown). The first pause is short: what most often passes is the previous
 * transaction of the same producer, whose markers are written within milliseconds.
 */
export async function repeating<Result>(
  client: KafkaClient,
  { deadline, signal }: Repeating,
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (let pauseMs = pauseFirstMs; ; pauseMs = Math.min(pauseMs * 2, pauseMaxMs)) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (caught) {
      if (!isPassing(caught) || Date.now() + pauseMs > deadline) throw caught;
      await client.reconsider(caught);
    }
    await sleep(pauseMs, undefined, signal === undefined ? {} : { signal });
  }
}
