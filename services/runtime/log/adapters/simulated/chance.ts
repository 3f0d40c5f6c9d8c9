/** Chance that repeats: the same seed gives the same numbers. */

/** A source of numbers. */
export interface Chance {
  /** A number from 0 to 1, 1 excluded. */
  share(): number;
  /** A whole number from 0 to `end`, `end` excluded. */
  below(end: number): number;
  /** True once in `every` times, on average. */
  once(every: number): boolean;
}

/** Makes a source (mulberry32: small, fast, good enough to vary schedules). */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const share = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const below = (end: number): number => Math.floor(share() * end);
  return { share, below, once: (every) => below(every) === 0 };
}
