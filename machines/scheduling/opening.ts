/** When a tenant is open, as its settings say. Pure: the time is the caller's. */
import { type SchedulingSettings, weekdays } from '#machines/conversation/agent-settings.ts';
import type { Interval } from '#machines/understanding/when.ts';

/** Days that are looked at; an interval that is longer has an open one, or the tenant has none at all. */
const daysMax = 40;

/** Whether there is opening time within an interval, in the tenant's zone; UTC where there is no such zone. */
export function isOpenWithin(settings: SchedulingSettings, timeZone: string, { from, to }: Interval): boolean {
  let day = zoned(from, timeZone).startOfDay();
  for (let count = 0; count < daysMax && day.epochMilliseconds < to; count += 1) {
    if (openingsOn(settings, day).some((open) => open.from < to && from < open.to)) return true;
    day = day.add({ days: 1 }).startOfDay();
  }
  return false;
}

/** The stretches of a day in which the tenant is open. */
export function openingsOn(
  settings: Pick<SchedulingSettings, 'openingHours' | 'holidays'>,
  day: Temporal.ZonedDateTime,
): readonly Interval[] {
  const weekday = weekdays[day.dayOfWeek - 1];
  const date = day.toPlainDate();
  if (weekday === undefined || (settings.holidays ?? []).includes(date.toString())) return [];
  const at = (time: string): number =>
    // The end of a day is the beginning of the next: Temporal knows no 24:00.
    time === '24:00'
      ? date.add({ days: 1 }).toZonedDateTime(day.timeZoneId).epochMilliseconds
      : date.toZonedDateTime({ timeZone: day.timeZoneId, plainTime: time }).epochMilliseconds;
  return (settings.openingHours[weekday] ?? []).map(([opens, closes]) => ({ from: at(opens), to: at(closes) }));
}

function zoned(at: number, timeZone: string): Temporal.ZonedDateTime {
  const instant = Temporal.Instant.fromEpochMilliseconds(at);
  try {
    return instant.toZonedDateTimeISO(timeZone);
  } catch {
    return instant.toZonedDateTimeISO('UTC');
  }
}
