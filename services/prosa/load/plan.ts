/** What a load is: who says what when, and what was measured. */

/** How much, for how long. */
export interface LoadPlan {
  /** Messages a second. */
  readonly rate: number;
  readonly durationMs: number;
  /** People who write, in turns. */
  readonly people: number;
  readonly text: string;
}

/** Messages of a plan. */
export const messagesOf = ({ rate, durationMs }: LoadPlan): number =>
  Math.max(1, Math.floor((rate * durationMs) / 1_000));

/** Milliseconds after the beginning at which a message is due: evenly, whatever became of those before. */
export const dueAt = ({ rate }: LoadPlan, message: number): number => (message * 1_000) / rate;

/** Country code that no country has, so that nobody has these numbers. */
const nobody = '999';

/** The number of a made-up person. `run` is six digits that tell runs apart. */
export const phoneOf = (run: string, person: number): string => `${nobody}${run}${String(person).padStart(6, '0')}`;

/** Times of one kind, in milliseconds. */
export interface Times {
  readonly count: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** Their summary; percentiles by nearest rank. */
export function summary(times: readonly number[]): Times {
  const sorted = times.toSorted((one, other) => one - other);
  const rank = (share: number): number | null => rounded(sorted[Math.ceil(sorted.length * share) - 1]);
  return { count: sorted.length, p50: rank(0.5), p99: rank(0.99), max: rounded(sorted.at(-1)) };
}

const rounded = (ms: number | undefined): number | null => (ms === undefined ? null : Math.round(ms * 10) / 10);
