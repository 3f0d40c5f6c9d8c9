/**
 * When a delivery is tried again. Times in milliseconds.
 */

/** Before the first, second, … attempt. Its length is the number of attempts. */
export const retryDelaysMsDefault: readonly number[] = [0, 60_000, 120_000, 240_000];

/** Before the first, second, … look-up of an unknown outcome. Its length is the number of look-ups. */
export const lookupDelaysMsDefault: readonly number[] = [1_000, 4_000, 15_000];

/** Share by which a delay may be longer, so that what failed together does not come back together. */
const jitter = 0.2;

/** A provider that asks for more patience than this is not believed. */
const patienceMaxMs = 3_600_000;

/**
 * Milliseconds to wait after `attempts` attempts; undefined when there shall be no further one.
 * `random` is in [0, 1). `afterMs` is what the provider asked for; never less is waited.
 */
export function retryDelay(
  attempts: number,
  delaysMs: readonly number[],
  random: number,
  afterMs = 0,
): number | undefined {
  const delay = delaysMs[attempts];
  if (delay === undefined) return undefined;
  return Math.max(Math.round(delay * (1 + jitter * random)), Math.min(afterMs, patienceMaxMs));
}
