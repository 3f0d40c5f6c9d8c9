/** Readings in one line, so that a table of phrases can be read at a glance. */
import type { WhenCandidate, WhenReading } from '../when.ts';

/**
 * `03-14` a day, `03-15..03-16` days, `week 03-17`, `month 2025-04`, `03-14 15h` and `03-14 15:30` starts,
 * `03-14 14:00-16:00` a span; several with `|`; `past …`; `?` unread; `-` none. The year where it is not 2025.
 */
export function notationOf(reading: WhenReading, timeZone: string): string {
  switch (reading.kind) {
    case 'none':
      return '-';
    case 'unread':
      return '?';
    case 'sure':
      return candidateIn(reading, timeZone);
    case 'past':
      return `past ${candidateIn(reading, timeZone)}`;
    case 'ambiguous':
      return reading.candidates.map((candidate) => candidateIn(candidate, timeZone)).join(' | ');
  }
}

function candidateIn({ interval, precision }: WhenCandidate, timeZone: string): string {
  const at = (instant: number) => Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(timeZone);
  const [from, to] = [at(interval.from), at(interval.to)];
  const dayOf = (time: Temporal.ZonedDateTime): string =>
    time
      .toPlainDate()
      .toString()
      .replace(/^2025-/u, '');
  const clockOf = (time: Temporal.ZonedDateTime): string => time.toPlainTime().toString().slice(0, 5);
  const until = clockOf(to) === '00:00' ? '24:00' : clockOf(to);
  const minutes = (interval.to - interval.from) / 60_000;
  if (precision === 'month') return `month ${from.toPlainDate().toString().slice(0, 7)}`;
  if (precision === 'week') return `week ${dayOf(from)}`;
  if (precision === 'day') {
    const last = dayOf(to.subtract({ days: 1 }));
    return last === dayOf(from) ? last : `${dayOf(from)}..${last}`;
  }
  if (precision === 'hour' && minutes === 60) return `${dayOf(from)} ${from.hour}h`;
  if (precision === 'minute' && minutes === 1) return `${dayOf(from)} ${clockOf(from)}`;
  return `${dayOf(from)} ${clockOf(from)}-${until}`;
}
