/** The pace of a broadcast. Pure. */
import { type SendingPolicy, quietUntil } from '#runtime/tenants/sending-policy.ts';

/** What decides it. */
export interface PaceOf {
  readonly per_minute: number;
  /** When the next message is due, unless that has passed. */
  readonly next_due_at: Date | null;
}

const minuteMs = 60_000;

/** So many are on their way at most, in minutes' worth and at least. */
const onTheWay = { minutes: 2, least: 20 } as const;

/** How many more may be on their way. */
export const roomOf = ({ per_minute: perMinute }: PaceOf, handedOver: number): number =>
  Math.max(0, Math.max(onTheWay.least, onTheWay.minutes * perMinute) - handedOver);

/**
 * When the next messages are due, `count` at most and before `until`, none in quiet hours, and when the one
 * after them would be. Time that was missed is not made up for. Epoch milliseconds.
 */
export function dueTimes(
  pace: PaceOf,
  policy: Pick<SendingPolicy, 'timeZone' | 'quietHours'>,
  { at, until, count }: { readonly at: number; readonly until: number; readonly count: number },
): { readonly times: readonly number[]; readonly next: number } {
  const loudFrom = (moment: number): number => quietUntil(policy, moment) ?? moment;
  const times: number[] = [];
  let next = loudFrom(Math.max(pace.next_due_at?.getTime() ?? at, at));
  while (times.length < count && next < until) {
    times.push(next);
    next = loudFrom(next + minuteMs / pace.per_minute);
  }
  return { times, next };
}
