/**
 * A Google Calendar for tests: the token endpoint of service accounts (signatures are checked) and events of calendars
 * like v3's. An event that was deleted stays, cancelled: its id is taken for ever. It can be told to misbehave.
 *
 * Owns: events by calendar (`calendars`), what was asked for, in order (`requests`).
 */
import { createVerify, generateKeyPairSync } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { ServiceAccount } from '../calendar/adapters/google-token.ts';
import { FaultQueue, bytesOf, startFakeServer } from './fake-server.ts';

/** As it stands in a calendar; what the tests do not look at is left out. */
export interface GoogleEvent {
  readonly id: string;
  status: string;
  summary: string;
  start: { readonly dateTime?: string; readonly date?: string };
  end: { readonly dateTime?: string; readonly date?: string };
  transparency?: string;
  attendees?: readonly { readonly self: boolean; readonly responseStatus: string }[];
  extendedProperties?: { readonly private: Readonly<Record<string, string>> };
}

/** What to do wrong, for the next `times` requests to `on`. */
export type GoogleFault = {
  readonly on: 'token' | 'list' | 'get' | 'insert' | 'patch' | 'delete';
  /** Default: 1. */
  readonly times?: number;
} & (
  | { readonly kind: 'error'; readonly status: number; readonly reason?: string; readonly retryAfter?: string }
  /** Answers that with 200, having done nothing. */
  | { readonly kind: 'says'; readonly body: string }
  /** Cuts the connection, having done nothing. */
  | { readonly kind: 'drop-before' }
  /** Does it, then cuts the connection: the caller cannot know. */
  | { readonly kind: 'drop-after' }
  /** Does it, and does not answer. */
  | { readonly kind: 'silent-after' }
);

/** A running server. */
export interface FakeGoogle {
  readonly apiUrl: string;
  readonly tokenUrl: string;
  /** The one that it knows. */
  readonly account: ServiceAccount;
  readonly calendars: ReadonlyMap<string, Map<string, GoogleEvent>>;
  /** Such as `insert`, in order. */
  readonly requests: readonly string[];
  /** Tokens given out so far. */
  readonly tokens: number;
  fault(fault: GoogleFault): void;
  /** None of the tokens given out is taken any more. */
  readonly expireTokens: () => void;
  /** What somebody puts into a calendar by hand. */
  write(calendar: string, event: Omit<GoogleEvent, 'status' | 'summary'> & Partial<GoogleEvent>): void;
  close(): Promise<void>;
}

const bodyBytesMax = 1_048_576;
/** Events of a page, small, so that tests meet several. */
const pageSize = 3;
const calendarTimeZone = 'America/Sao_Paulo';
const idPattern = /^[a-v0-9]{5,1024}$/;

/** Made once: it takes a while. */
let keys: ReturnType<typeof makeKeys> | undefined;
const makeKeys = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });

type Answered = readonly [status: number, body: unknown];

/** Starts a server on the loopback. Calendars are those that are named here. */
export async function startFakeGoogle(calendars: readonly string[]): Promise<FakeGoogle> {
  const { publicKey, privateKey } = (keys ??= makeKeys());
  const state = new State(calendars, publicKey);
  const { url, close } = await startFakeServer({}, (request, response) => state.handle(request, response));
  state.tokenUrl = `${url}/token`;
  return {
    apiUrl: `${url}/calendar/v3`,
    tokenUrl: state.tokenUrl,
    account: { client_email: 'prosa@clinic.example', private_key: privateKey, private_key_id: 'k1' },
    calendars: state.calendars,
    requests: state.requests,
    get tokens() {
      return state.tokensGiven;
    },
    fault: (fault) => state.faults.add(fault),
    expireTokens: () => state.tokens.clear(),
    write: (calendar, event) => {
      state.calendars.get(calendar)?.set(event.id, { status: 'confirmed', summary: 'by hand', ...event });
    },
    close,
  };
}

class State {
  readonly calendars: Map<string, Map<string, GoogleEvent>>;
  readonly requests: string[] = [];
  readonly faults = new FaultQueue<GoogleFault>();
  readonly tokens = new Set<string>();
  tokensGiven = 0;
  tokenUrl = '';
  readonly #publicKey: string;

  constructor(calendars: readonly string[], publicKey: string) {
    this.calendars = new Map(calendars.map((id) => [id, new Map<string, GoogleEvent>()]));
    this.#publicKey = publicKey;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const body = (await bytesOf(request, bodyBytesMax)).toString('utf8');
    const on = kindOf(request.method ?? '', url.pathname);
    if (on === undefined) {
      send(response, 404, errorOf(404, 'notFound'));
      return;
    }
    this.requests.push(on);
    const fault = this.faults.next(on);
    if (fault?.kind === 'says') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(fault.body);
      return;
    }
    if (fault?.kind === 'error') {
      if (fault.retryAfter !== undefined) response.setHeader('retry-after', fault.retryAfter);
      send(response, fault.status, errorOf(fault.status, fault.reason ?? 'backendError'));
      return;
    }
    if (fault?.kind === 'drop-before') {
      request.socket.destroy();
      return;
    }
    const answered = on === 'token' ? this.#token(body) : this.#events(request, url, body, on);
    if (fault?.kind === 'silent-after') return;
    if (fault?.kind === 'drop-after') request.socket.destroy();
    else send(response, ...answered);
  }

  #token(body: string): Answered {
    const form = new URLSearchParams(body);
    const [header = '', claims = '', signature = ''] = (form.get('assertion') ?? '').split('.');
    const isSigned = createVerify('RSA-SHA256')
      .update(`${header}.${claims}`)
      .verify(this.#publicKey, signature, 'base64url');
    const { aud, iss, scope, iat, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')) as Record<
      string,
      unknown
    >;
    const isSound =
      isSigned &&
      form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer' &&
      aud === this.tokenUrl &&
      iss === 'prosa@clinic.example' &&
      scope === 'https://www.googleapis.com/auth/calendar.events' &&
      Number(exp) - Number(iat) <= 3_600;
    if (!isSound) return [400, { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }];
    this.tokensGiven += 1;
    const token = `ya29.${this.tokensGiven}`;
    this.tokens.add(token);
    return [200, { access_token: token, expires_in: 3_599, token_type: 'Bearer' }];
  }

  #events(request: IncomingMessage, url: URL, body: string, on: GoogleFault['on']): Answered {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined || !this.tokens.has(token)) return [401, errorOf(401, 'authError')];
    const [, calendarId = '', id = ''] = /\/calendars\/([^/]+)\/events(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
    const events = this.calendars.get(decodeURIComponent(calendarId));
    if (events === undefined) return [404, errorOf(404, 'notFound')];
    const given = body === '' ? {} : (JSON.parse(body) as Partial<GoogleEvent>);
    if (on === 'list') return listed(events, url.searchParams);
    if (on === 'insert') return inserted(events, given);
    const event = events.get(id);
    if (event === undefined) return [404, errorOf(404, 'notFound')];
    if (on === 'delete') {
      if (event.status === 'cancelled') return [410, errorOf(410, 'deleted')];
      event.status = 'cancelled';
      return [204, undefined];
    }
    if (on === 'patch') Object.assign(event, given);
    return [200, event];
  }
}

function kindOf(method: string, path: string): GoogleFault['on'] | undefined {
  if (path === '/token') return 'token';
  if (path.endsWith('/events')) return method === 'POST' ? 'insert' : 'list';
  if (!path.includes('/events/')) return undefined;
  return method === 'DELETE' ? 'delete' : method === 'PATCH' ? 'patch' : 'get';
}

function inserted(events: Map<string, GoogleEvent>, given: Partial<GoogleEvent>): Answered {
  const { id = '', start, end, summary = '', extendedProperties } = given;
  if (!idPattern.test(id) || start === undefined || end === undefined) return [400, errorOf(400, 'invalid')];
  if (events.has(id)) return [409, errorOf(409, 'duplicate')];
  const event: GoogleEvent = {
    id,
    status: 'confirmed',
    summary,
    start,
    end,
    ...(extendedProperties === undefined ? {} : { extendedProperties }),
  };
  events.set(id, event);
  return [200, event];
}

/** Those that overlap the interval, a page at a time. */
function listed(events: ReadonlyMap<string, GoogleEvent>, query: URLSearchParams): Answered {
  const [from, to] = [Date.parse(query.get('timeMin') ?? ''), Date.parse(query.get('timeMax') ?? '')];
  if (!(from < to)) return [400, errorOf(400, 'timeRangeEmpty')];
  const at = ({ dateTime, date }: GoogleEvent['start']): number =>
    date === undefined
      ? Date.parse(dateTime ?? '')
      : Temporal.PlainDate.from(date).toZonedDateTime(calendarTimeZone).epochMilliseconds;
  const found = [...events.values()]
    .filter((one) => one.status !== 'cancelled' && at(one.end) > from && at(one.start) < to)
    .sort((a, b) => at(a.start) - at(b.start));
  const start = Number(query.get('pageToken') ?? 0);
  const next = start + pageSize;
  return [
    200,
    {
      timeZone: calendarTimeZone,
      items: found.slice(start, next),
      ...(next < found.length ? { nextPageToken: String(next) } : {}),
    },
  ];
}

const errorOf = (status: number, reason: string) => ({
  error: { errors: [{ domain: 'global', reason, message: reason }], code: status, message: reason },
});

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body === undefined ? '' : JSON.stringify(body));
}
