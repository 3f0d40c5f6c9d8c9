/**
 * The desk: what a tenant offers, held against what is taken. A tenant's rules (opening hours, notice, horizon) are here,
 * and hold for what persons ask for; that nothing is booked twice is the calendar's.
 */
import type { Asks, Slot } from '#machines/conversation/asks.ts';
import type { SchedulingSettings, Service } from '#machines/conversation/agent-settings.ts';
import { schedulingDefaults } from '#machines/scheduling/settings.ts';
import type { Calendar, TakenTime } from '#runtime/calendar/calendar.ts';
import { type Place, placeOf } from '#runtime/calendar/places.ts';

import { beginningsOf, minutes, stretchesOf } from './opening-hours.ts';

/** What a tenant has set, and where. */
export interface Desk {
  readonly calendar: Pick<Calendar, 'taken'>;
  readonly tenant: string;
  readonly scheduling: SchedulingSettings;
  readonly timeZone: string;
  /** Now. */
  readonly at: number;
  /** In which conversation it is asked: what that holds is free to it. */
  readonly conversation: string;
}

const dayMs = 86_400_000;
/** What is taken is read for so long at a time. */
const windowMs = 14 * dayMs;
const alternativesMax = 4;
/** Alternatives are looked for so far before and after. */
const nearMs = { before: dayMs, after: 7 * dayMs } as const;
const nearMax = 400;

/** Whose time it takes, of a desk. */
export const placeAt = ({ tenant, scheduling }: Desk, service: Service): Place =>
  placeOf(tenant, { service, ...(scheduling.calendar === undefined ? {} : { calendar: scheduling.calendar }) });

/** Free times that begin from `from` and before `to` (or at `from`, where that is all), earliest first. */
export async function freeTimes(
  desk: Desk,
  service: Service,
  asked: Omit<Asks['calendar.find'][0], 'service'>,
): Promise<Asks['calendar.find'][1]> {
  const { scheduling, timeZone, at } = desk;
  const { noticeMinutes, horizonDays } = { ...schedulingDefaults, ...scheduling };
  const to = Math.max(asked.to, asked.from + 1);
  const bounded = {
    from: Math.max(asked.from, at + minutes(noticeMinutes)),
    to: Math.min(to, at + horizonDays * dayMs),
  };
  // What was, and what is far away, says nothing of whether there are opening hours.
  const told = { from: Math.max(asked.from, at - dayMs), to: Math.min(to, at + (horizonDays + 7) * dayMs) };
  const isOpen = told.from >= told.to || stretchesOf(scheduling, timeZone, told.from, told.to).next().done !== true;
  return {
    slots: await slotsWithin(desk, service, { ...bounded, max: asked.max, moving: asked.moving }),
    closed: !isOpen,
  };
}

async function slotsWithin(
  desk: Desk,
  service: Service,
  { from, to, max, moving }: { from: number; to: number; max: number; moving: string | null },
): Promise<readonly Slot[]> {
  const place = placeAt(desk, service);
  const durationMs = minutes(service.durationMinutes);
  const slots: Slot[] = [];
  for (let start = from; start < to && slots.length < max; start += windowMs) {
    const end = Math.min(to, start + windowMs);
    const within = { ...steps(desk.scheduling, service), from: start, to: end };
    const beginnings = [...beginningsOf(desk.scheduling, desk.timeZone, within)];
    if (beginnings.length === 0) continue;
    const taken = await desk.calendar.taken(place, start, end + durationMs, desk.at);
    const others = taken.filter((one) => (moving === null || one.of !== moving) && one.heldIn !== desk.conversation);
    for (const begin of beginnings) {
      if (slots.length === max) break;
      if (isFree(others, place.seats, begin, begin + durationMs)) slots.push({ start: begin, end: begin + durationMs });
    }
  }
  return slots;
}

const steps = (scheduling: SchedulingSettings, { durationMinutes }: Service) => ({
  durationMs: minutes(durationMinutes),
  stepMs: minutes(scheduling.slotMinutes ?? durationMinutes),
});

/** Whether one seat is free all the time. */
function isFree(taken: readonly TakenTime[], seats: number, start: number, end: number): boolean {
  const met = taken.filter((one) => one.start < end && one.end > start);
  if (met.some(({ seat }) => seat === null)) return false;
  return new Set(met.map(({ seat }) => seat)).size < seats;
}

/** Whether an appointment may begin then at all. Notice was asked for when the time was shown. */
export function isOffered({ scheduling, timeZone, at }: Desk, service: Service, start: number): boolean {
  const within = { ...steps(scheduling, service), from: start, to: start + 1 };
  return start > at && !(beginningsOf(scheduling, timeZone, within).next().done ?? false);
}

/** Free times near one that was taken, earliest first; where there are none, the next ones. */
export async function alternativesTo(
  desk: Desk,
  service: Service,
  wanted: number,
  moving: string | null,
): Promise<readonly Slot[]> {
  const near = { from: wanted - nearMs.before, to: wanted + nearMs.after, max: nearMax, moving };
  const { slots } = await freeTimes(desk, service, near);
  if (slots.length === 0)
    return (
      await freeTimes(desk, service, { ...near, from: desk.at, to: Number.MAX_SAFE_INTEGER, max: alternativesMax })
    ).slots;
  return slots
    .toSorted((a, b) => Math.abs(a.start - wanted) - Math.abs(b.start - wanted))
    .slice(0, alternativesMax)
    .toSorted((a, b) => a.start - b.start);
}
