/**
 * Lanes: what a queued delivery competes in with the others of its instance. A lane is a class, which
 * says what limits it, and a priority. Pure.
 */

/**
 * Classes, the least limited first: an answer in a running conversation, a message of ours to somebody
 * who wrote before, a message to somebody who never did.
 */
export const sendClasses = ['reply', 'initiated', 'cold'] as const;
export type SendClass = (typeof sendClasses)[number];

/** Priorities, the most urgent first. */
export const priorities = ['high', 'normal', 'low'] as const;
export type Priority = (typeof priorities)[number];

/** Number of every lane, in the order of urgency within a class. */
export const lanes: readonly number[] = sendClasses.flatMap((_, place) =>
  priorities.map((__, urgency) => place * priorities.length + urgency),
);

/** The number of a lane, as the table has it. */
export const laneOf = (sendClass: SendClass, priority: Priority): number =>
  sendClasses.indexOf(sendClass) * priorities.length + priorities.indexOf(priority);

/** The class of a lane. */
export const classOfLane = (lane: number): SendClass => sendClasses[Math.trunc(lane / priorities.length)] ?? 'cold';

/** The place of a lane's priority: 0 is the most urgent. */
export const urgencyOfLane = (lane: number): number => lane % priorities.length;

/** The lane of the same class that is most urgent. */
export const raisedLane = (lane: number): number => lane - urgencyOfLane(lane);

/** A priority as a record has it; one that is not known is normal. */
export const priorityOf = (text: string): Priority => priorities.find((one) => one === text) ?? 'normal';

/** A conversation is running for this long after the person wrote: WhatsApp's own window. */
const runningMs = 24 * 3_600_000;

/**
 * The class of a message. `heardAt`: when the person wrote last, epoch milliseconds; undefined when they
 * never did. What a machine or an operator says is an answer; a broadcast never is.
 */
export function classOf(origin: string, heardAt: number | undefined, now: number): SendClass {
  if (origin === 'machine' || origin === 'operator') return 'reply';
  if (heardAt === undefined) return 'cold';
  return origin !== 'broadcast' && now - heardAt < runningMs ? 'reply' : 'initiated';
}
