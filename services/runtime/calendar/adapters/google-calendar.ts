/**
 * Google Calendar over REST (developers.google.com/workspace/calendar/api/v3/reference/events), as a service account with
 * which the tenant shared its calendar.
 *
 * What is busy is read from the list of events and not from `freeBusy`: that joins what overlaps into one stretch and
 * says of nothing whose it is, so that our own appointments could not be told from others' (a move into one's own
 * time, several seats at a time). Of the events only ids and times are asked for.
 *
 * G1 Every call may be repeated: ids are given by us, changes name the whole time. What was not answered is asked again.
 * G2 409 to an insert means that the id is taken: by our own event (of an attempt that was not answered, or one that
 *    somebody deleted: it stays, cancelled, and is revived), or by somebody's, which is a refusal.
 * G3 404 and 410 to a removal mean that it is done.
 */
import { z } from 'zod';

import {
  NoAnswer,
  type ProviderAnswer,
  type ProviderHttp,
  isGood,
  noAnswer,
  openProviderHttp,
  providerHttpDefaults,
  urlAt,
} from '../../net/adapters/provider-http.ts';
import {
  type BusyTime,
  CalendarFailure,
  type OutsideCalendar,
  type OutsideEvent,
  type OutsidePlace,
} from '../outside-calendar.ts';
import { type ServiceAccount, openGoogleTokens } from './google-token.ts';

/** How to reach it. */
export interface GoogleOptions {
  /** The key by which a tenant's calendars are reached; undefined when it has none. */
  readonly accountOf: (tenant: string) => Promise<ServiceAccount | undefined>;
  readonly now: () => number;
  /** Google's own, or a test's. */
  readonly apiUrl?: string;
  readonly tokenUrl?: string;
  readonly callTimeoutMs?: number;
}

const defaults = {
  apiUrl: 'https://www.googleapis.com/calendar/v3',
  tokenUrl: 'https://oauth2.googleapis.com/token',
  callTimeoutMs: 8_000,
} as const;

const pageSize = 2_500;
const pagesMax = 8;
/** Reasons of a 403 that pass (developers.google.com/workspace/calendar/api/guides/errors). */
const passingReasons = /^(rateLimitExceeded|userRateLimitExceeded|quotaExceeded)$/;

const moment = z.object({ dateTime: z.string().optional(), date: z.string().optional() });
const eventShape = z.object({
  id: z.string(),
  status: z.string().optional(),
  transparency: z.string().optional(),
  start: moment.optional(),
  end: moment.optional(),
  attendees: z.array(z.object({ self: z.boolean().optional(), responseStatus: z.string().optional() })).optional(),
  extendedProperties: z.object({ private: z.record(z.string(), z.string()).optional() }).optional(),
});
type Event = z.infer<typeof eventShape>;
const listShape = z.object({
  items: z.array(eventShape).default([]),
  nextPageToken: z.string().optional(),
  // Asked for, so there in every list: what has none is something else, and says nothing of what is busy.
  timeZone: z.string(),
});

/** Under which our events name their appointment. */
const property = 'prosaAppointment';

/** Opens it; connects at the first call. */
export function openGoogleCalendar(options: GoogleOptions): OutsideCalendar {
  const { apiUrl, tokenUrl, callTimeoutMs, accountOf, now } = { ...defaults, ...options };
  const http = openProviderHttp({ ...providerHttpDefaults, callTimeoutMs });
  const tokens = openGoogleTokens(http, tokenUrl, now);

  const call = async (method: Method, place: OutsidePlace, path: string, body?: unknown): Promise<ProviderAnswer> => {
    const account = await accountOf(place.tenant);
    if (account === undefined) throw new CalendarFailure('calendar.not-configured');
    const url = urlAt(apiUrl, `calendars/${encodeURIComponent(place.calendar)}/events${path}`);
    const token = await tokens.tokenOf(account);
    const answer = await asked(http, method, url, token, body);
    if (answer.status !== 401) return answer;
    // A token may end before its time: when the account's key was changed, for example.
    return asked(http, method, url, await tokens.tokenOf(account, token), body);
  };

  const read = async (place: OutsidePlace, id: string): Promise<Event | undefined> => {
    const answer = await call('GET', place, `/${id}`);
    if (answer.status === 404 || answer.status === 410) return undefined;
    return eventIn(required(answer));
  };

  const patch = (place: OutsidePlace, event: OutsideEvent): Promise<ProviderAnswer> =>
    call('PATCH', place, `/${event.id}?sendUpdates=none`, { ...timesOf(event), status: 'confirmed' });

  return {
    async busy(place, from, to) {
      const found: BusyTime[] = [];
      let pageToken: string | undefined;
      for (let page = 0; page < pagesMax; page += 1) {
        const query = new URLSearchParams({
          timeMin: new Date(from).toISOString(),
          timeMax: new Date(to).toISOString(),
          singleEvents: 'true',
          maxResults: String(pageSize),
          fields: 'nextPageToken,timeZone,items(id,status,transparency,start,end,attendees(self,responseStatus))',
          ...(pageToken === undefined ? {} : { pageToken }),
        });
        const list = parsed(listShape, required(await call('GET', place, `?${query.toString()}`)));
        found.push(...list.items.filter(takesTime).flatMap((event) => timeIn(event, list.timeZone) ?? []));
        pageToken = list.nextPageToken;
        if (pageToken === undefined) return found;
      }
      throw new CalendarFailure('calendar.too-full');
    },

    async put(place, event, known) {
      if (known) {
        const changed = await patch(place, event);
        if (isGood(changed)) return 'kept';
        if (changed.status !== 404 && changed.status !== 410) throw failureOf(changed);
      }
      const inserted = await call('POST', place, '?sendUpdates=none', {
        id: event.id,
        summary: event.title,
        ...timesOf(event),
        extendedProperties: { private: { [property]: event.appointment } },
      });
      if (inserted.status !== 409) {
        required(inserted);
        return 'kept';
      }
      // G2.
      const there = await read(place, event.id);
      if (there?.extendedProperties?.private?.[property] !== event.appointment) return 'refused';
      const time = timeIn(there, 'UTC');
      if (there.status !== 'cancelled' && time?.start === event.start && time.end === event.end) return 'kept';
      const revived = await patch(place, event);
      if (revived.status === 404 || revived.status === 410) return 'refused';
      required(revived);
      return 'kept';
    },

    async remove(place, id) {
      const answer = await call('DELETE', place, `/${id}?sendUpdates=none`);
      if (answer.status !== 404 && answer.status !== 410) required(answer);
    },

    async read(place, id) {
      const event = await read(place, id);
      return event === undefined || event.status === 'cancelled' ? undefined : timeIn(event, 'UTC');
    },

    close: () => http.close(),
  };
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

async function asked(
  http: ProviderHttp,
  method: Method,
  url: URL,
  token: string,
  body: unknown,
): Promise<ProviderAnswer> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await http.call({ method, url, headers, ...(body === undefined ? {} : { body }) }).catch(noAnswer);
  if (answer instanceof NoAnswer) throw new CalendarFailure('calendar.unavailable', { retry: true });
  return answer;
}

const timesOf = ({ start, end }: OutsideEvent) => ({
  start: { dateTime: new Date(start).toISOString() },
  end: { dateTime: new Date(end).toISOString() },
});

/** What is shown as free, was cancelled or was declined takes no time. */
const takesTime = ({ status, transparency, attendees }: Event): boolean =>
  status !== 'cancelled' &&
  transparency !== 'transparent' &&
  attendees?.some(({ self, responseStatus }) => self === true && responseStatus === 'declined') !== true;

/** When an event is; undefined when that cannot be read. A day begins and ends in the calendar's zone. */
function timeIn({ id, start, end }: Event, timeZone: string): BusyTime | undefined {
  const at = ({ dateTime, date }: z.infer<typeof moment> = {}): number =>
    date === undefined
      ? Date.parse(dateTime ?? '')
      : Temporal.PlainDate.from(date).toZonedDateTime(timeZone).epochMilliseconds;
  const time = { id, start: at(start), end: at(end) };
  return Number.isNaN(time.start) || Number.isNaN(time.end) ? undefined : time;
}

function required(answer: ProviderAnswer): ProviderAnswer {
  if (!isGood(answer)) throw failureOf(answer);
  return answer;
}

function failureOf({ status, body, headers }: ProviderAnswer): CalendarFailure {
  const seconds = Number(headers['retry-after']);
  const afterMs = seconds > 0 ? { afterMs: seconds * 1_000 } : {};
  if (status === 429 || (status === 403 && passingReasons.test(reasonIn(body))))
    return new CalendarFailure('calendar.busy', { retry: true, ...afterMs });
  if (status >= 500 || status === 408) return new CalendarFailure('calendar.unavailable', { retry: true, ...afterMs });
  if (status === 401) return new CalendarFailure('calendar.unauthorized');
  if (status === 404 || status === 410) return new CalendarFailure('calendar.unknown');
  return new CalendarFailure('calendar.refused');
}

const errorShape = z.object({ error: z.object({ errors: z.array(z.object({ reason: z.string() })).min(1) }) });

function reasonIn(body: string): string {
  try {
    return errorShape.parse(JSON.parse(body)).error.errors[0]?.reason ?? '';
  } catch {
    return '';
  }
}

const eventIn = (answer: ProviderAnswer): Event => parsed(eventShape, answer);

function parsed<Value>(shape: z.ZodType<Value>, { body }: ProviderAnswer): Value {
  try {
    return shape.parse(JSON.parse(body));
  } catch {
    // Half an answer, or something between us and Google that answers for it.
    throw new CalendarFailure('calendar.unavailable', { retry: true });
  }
}
