/**
 * Whose time an appointment takes. A place is a calendar with as many seats as may be taken at a time.
 *
 * Services do not compete: a clinic's blood tests and its consultations go on side by side, and who would have them share
 * a room or a person says so by one name for both (`calendar` of a service). Services in one calendar at Google share
 * it, because there everything that stands in a calendar is busy. Names are the tenant's: two tenants share nothing.
 */

/** A calendar of a tenant. */
export interface Place {
  readonly tenant: string;
  /** `service:consulta`, `own:sala-1` or `google:…@group.calendar.google.com`. */
  readonly calendar: string;
  /** How many may be taken at a time. */
  readonly seats: number;
}

/** What of a service and of the tenant's settings decides it. */
interface Placed {
  readonly service: { readonly id: string; readonly capacity?: number; readonly calendar?: string };
  readonly calendar?: { readonly kind: 'postgres' } | { readonly kind: 'google'; readonly calendarId: string };
}

const google = 'google:';

/** Whose time a service takes. */
export function placeOf(tenant: string, { service, calendar }: Placed): Place {
  return { tenant, seats: service.capacity ?? 1, calendar: calendarOf(service, calendar) };
}

function calendarOf(service: Placed['service'], calendar: Placed['calendar']): string {
  if (calendar?.kind === 'google') return `${google}${service.calendar ?? calendar.calendarId}`;
  return service.calendar === undefined ? `service:${service.id}` : `own:${service.calendar}`;
}

/** Its id at Google; undefined for what is kept in Postgres alone. */
export const googleIdOf = (calendar: string): string | undefined =>
  calendar.startsWith(google) ? calendar.slice(google.length) : undefined;
