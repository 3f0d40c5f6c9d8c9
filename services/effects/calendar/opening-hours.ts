/** When a tenant is open, and when appointments can begin. Times are epoch milliseconds; days are those of its zone. */
import type { SchedulingSettings } from '#machines/conversation/agent-settings.ts';
import { openingsOn } from '#machines/scheduling/opening.ts';

/** A stretch of time. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** What of the settings says when it is open. */
type Opening = Pick<SchedulingSettings, 'openingHours' | 'holidays'>;

const minuteMs = 60_000;
/** Longest interval that is looked through. */
const daysMax = 400;

/**
 * The stretches within which a tenant is open, in order, that overlap an interval. Local times that a change of clocks
 * leaves out are those after it, and of those that it repeats the first (Temporal's `compatible`).
 */
export function* stretchesOf(opening: Opening, timeZone: string, from: number, to: number): Generator<Stretch> {
  let day = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(timeZone).startOfDay();
  for (let days = 0; days < daysMax && day.epochMilliseconds < to; days += 1) {
    for (const { from: start, to: end } of openingsOn(opening, day)) if (end > from && start < to) yield { start, end };
    day = day.add({ days: 1 }).startOfDay();
  }
}

/**
 * When appointments of a length can begin, in order, from `from` and before `to`: at multiples of a step after each
 * opening. Steps are time that passes, not what a clock shows, so that none is there twice when clocks go back.
 */
export function* beginningsOf(
  opening: Opening,
  timeZone: string,
  {
    from,
    to,
    durationMs,
    stepMs,
  }: { readonly from: number; readonly to: number; readonly durationMs: number; readonly stepMs: number },
): Generator<number> {
  for (const { start, end } of stretchesOf(opening, timeZone, from, to)) {
    const skipped = Math.max(0, Math.ceil((from - start) / stepMs));
    for (let begin = start + skipped * stepMs; begin + durationMs <= end && begin < to; begin += stepMs) yield begin;
  }
}

/** A duration as it stands in settings. */
export const minutes = (count: number): number => count * minuteMs;
