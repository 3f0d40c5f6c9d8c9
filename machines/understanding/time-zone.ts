/** Where the zone of a context is unknown. */
const fallback = 'America/Sao_Paulo';

/** That zone, or America/Sao_Paulo for one that the calendar does not know: a machine bears wrong settings. */
export function knownTimeZone(timeZone: string): string {
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(timeZone).timeZoneId;
  } catch {
    return fallback;
  }
}
