/** How fast a consumer works through what is on the log, seen from outside by what it commits. */
import { setTimeout as sleep } from 'node:timers/promises';

const lookIntervalMs = 25;
/** Without any progress for this long it is stuck. */
const patienceMs = 60_000;

/** A drain that was watched. */
export interface Drain {
  /** Records per second, from the first commit that was seen to the last. */
  readonly perSecond: number;
  readonly seconds: number;
}

/**
 * Watches until `records` are done. `done` tells how many are, by what is committed. The clock starts at
 * the first progress, so that starting and joining do not count, and what was done by then neither.
 * Throws when nothing moves for a minute.
 */
export async function watchDrain(records: number, done: () => Promise<number>): Promise<Drain> {
  let first: { readonly at: number; readonly done: number } | undefined;
  let moved = { at: performance.now(), done: 0 };
  for (;;) {
    const now = { at: performance.now(), done: await done() };
    if (now.done > moved.done) moved = now;
    if (now.done > 0) first ??= now;
    if (first !== undefined && now.done >= records) {
      const seconds = (now.at - first.at) / 1_000;
      return { perSecond: (records - first.done) / seconds, seconds };
    }
    if (now.at - moved.at > patienceMs) throw new Error(`stuck at ${now.done} of ${records} records`);
    await sleep(lookIntervalMs);
  }
}
