/** Goal: what Google says is understood, and what it does not say is asked again without harm. Method: a fake one that misbehaves. */
import { generateKeyPairSync } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { type FakeGoogle, type GoogleFault, startFakeGoogle } from '#runtime/testing/fake-google.ts';

import { type CalendarFailure, type OutsideCalendar } from '../outside-calendar.ts';
import { type GoogleOptions, openGoogleCalendar } from './google-calendar.ts';

const calendar = 'clinic@group.calendar.google.com';
const place = { tenant: 'demo', calendar };
const hourMs = 3_600_000;
const noon = Date.parse('2026-11-23T15:00:00Z');
const event = { id: 'prosa0a', appointment: 'ap_1', start: noon, end: noon + hourMs, title: 'Consulta – Ana' };

let google: FakeGoogle;
let now = noon;
const opened: OutsideCalendar[] = [];

beforeEach(async () => {
  now = noon;
  google = await startFakeGoogle([calendar]);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
  await google.close();
});

function open(more: Partial<GoogleOptions> = {}): OutsideCalendar {
  const { apiUrl, tokenUrl, account } = google;
  const one = openGoogleCalendar({
    apiUrl,
    tokenUrl,
    accountOf: () => Promise.resolve(account),
    now: () => now,
    callTimeoutMs: 2_000,
    ...more,
  });
  opened.push(one);
  return one;
}
const failureOf = (work: Promise<unknown>): Promise<CalendarFailure | undefined> =>
  work.then(
    () => undefined,
    (caught: unknown) => caught as CalendarFailure,
  );
const stored = () => google.calendars.get(calendar) ?? new Map<string, never>();
const time = (from: number, to = from + hourMs) => ({
  start: { dateTime: new Date(from).toISOString() },
  end: { dateTime: new Date(to).toISOString() },
});

describe('a token', () => {
  test('is asked for once, by all who need it, and again when its hour is over', async () => {
    const client = open();
    await Promise.all([client.read(place, 'prosa1'), client.read(place, 'prosa2'), client.read(place, 'prosa3')]);
    expect(google.tokens).toBe(1);
    now += 3_539_000;
    await client.read(place, 'prosa1');
    expect(google.tokens).toBe(2);
  });

  test('that is not taken any more is replaced, once for each call', async () => {
    const client = open();
    expect(await client.put(place, event, false)).toBe('kept');
    google.expireTokens();
    await client.remove(place, event.id);
    expect([google.tokens, stored().get(event.id)?.status]).toEqual([2, 'cancelled']);
    google.fault({ on: 'get', kind: 'error', status: 401, times: 2 });
    expect(await failureOf(client.read(place, event.id))).toMatchObject({
      code: 'calendar.unauthorized',
      retry: false,
    });
  });

  test('is not to be had with another key, nor without one', async () => {
    const privateKeyEncoding = { type: 'pkcs8', format: 'pem' } as const;
    const publicKeyEncoding = { type: 'spki', format: 'pem' } as const;
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048, privateKeyEncoding, publicKeyEncoding });
    const forged = { ...google.account, private_key: privateKey };
    const wrong = { ...google.account, private_key: 'a secret that is no key '.repeat(9) };
    for (const account of [forged, wrong]) {
      const failure = await failureOf(open({ accountOf: () => Promise.resolve(account) }).read(place, event.id));
      expect(failure).toMatchObject({ code: 'calendar.unauthorized', retry: false });
      expect(String(failure?.stack)).not.toContain('secret');
    }
    const none = open({ accountOf: () => Promise.resolve(undefined) });
    expect(await failureOf(none.read(place, event.id))).toMatchObject({ code: 'calendar.not-configured' });
  });

  test('that cannot be had now may be had later', async () => {
    google.fault({ on: 'token', kind: 'error', status: 503 });
    const client = open();
    expect(await failureOf(client.read(place, event.id))).toMatchObject({ code: 'calendar.unavailable', retry: true });
    expect(await client.read(place, event.id)).toBeUndefined();
  });
});

describe('a failure', () => {
  test.each<readonly [GoogleFault, Partial<CalendarFailure>]>([
    [
      { on: 'insert', kind: 'error', status: 403, reason: 'rateLimitExceeded' },
      { code: 'calendar.busy', retry: true },
    ],
    [
      { on: 'insert', kind: 'error', status: 403, reason: 'forbidden' },
      { code: 'calendar.refused', retry: false },
    ],
    [
      { on: 'insert', kind: 'error', status: 429, retryAfter: '7' },
      { code: 'calendar.busy', retry: true, afterMs: 7_000 },
    ],
    [
      { on: 'insert', kind: 'error', status: 500 },
      { code: 'calendar.unavailable', retry: true },
    ],
    [
      { on: 'insert', kind: 'error', status: 400, reason: 'invalid' },
      { code: 'calendar.refused', retry: false },
    ],
    [
      { on: 'insert', kind: 'error', status: 404, reason: 'notFound' },
      { code: 'calendar.unknown', retry: false },
    ],
    [
      { on: 'insert', kind: 'drop-before' },
      { code: 'calendar.unavailable', retry: true },
    ],
  ])('is understood: %j', async (fault, expected) => {
    google.fault(fault);
    const client = open();
    const failure = await failureOf(client.put(place, event, false));
    expect(failure).toMatchObject(expected);
    expect(`${String(failure)}${JSON.stringify(failure)}`).not.toMatch(/Ana|clinic|127/);
    expect(stored().size).toBe(0);
    if (failure?.retry === true) expect(await client.put(place, event, false)).toBe('kept');
  });

  test.each<GoogleFault>([
    { on: 'insert', kind: 'drop-after' },
    { on: 'insert', kind: 'silent-after' },
  ])('after it was done makes no second event: %j', async (fault) => {
    google.fault(fault);
    const client = open({ callTimeoutMs: 300 });
    expect(await failureOf(client.put(place, event, false))).toMatchObject({ retry: true });
    expect(await open().put(place, event, false)).toBe('kept');
    expect([...stored().values()]).toMatchObject([{ id: event.id, status: 'confirmed', summary: event.title }]);
  });

  test('of a removal or a change is repeated without harm', async () => {
    const client = open();
    await client.put(place, event, false);
    google.fault({ on: 'patch', kind: 'drop-after' });
    const later = { ...event, start: noon + hourMs, end: noon + 2 * hourMs };
    expect(await failureOf(client.put(place, later, true))).toMatchObject({ retry: true });
    expect(await client.put(place, later, true)).toBe('kept');
    google.fault({ on: 'delete', kind: 'drop-after' });
    expect(await failureOf(client.remove(place, event.id))).toMatchObject({ retry: true });
    await client.remove(place, event.id);
    await client.remove(place, 'prosanever');
    expect([...stored().values()].map(({ status }) => status)).toEqual(['cancelled']);
  });
});

describe('an event', () => {
  test('whose id another thing has is refused, and that is left alone', async () => {
    google.write(calendar, { id: event.id, ...time(noon + 5 * hourMs) });
    expect(await open().put(place, event, false)).toBe('refused');
    expect(stored().get(event.id)).toMatchObject({ summary: 'by hand', ...time(noon + 5 * hourMs) });
  });

  test('that somebody deleted is put there again, moved or not', async () => {
    const client = open();
    for (const known of [false, true]) {
      await client.put(place, event, false);
      await client.remove(place, event.id);
      expect(await client.read(place, event.id)).toBeUndefined();
      expect(await client.put(place, event, known)).toBe('kept');
      expect(await client.read(place, event.id)).toMatchObject({ start: noon, end: noon + hourMs });
    }
    // One that was never there.
    expect(await client.put(place, { ...event, id: 'prosa0b' }, true)).toBe('kept');
  });
});

describe('what is busy', () => {
  test('is read from all pages, whoever wrote it', async () => {
    const client = open();
    await client.put(place, event, false);
    for (let i = 1; i <= 7; i += 1) google.write(calendar, { id: `hand${i}`, ...time(noon + i * hourMs) });
    const busy = await client.busy(place, noon, noon + 24 * hourMs);
    expect(busy.map(({ id }) => id)).toEqual([event.id, 'hand1', 'hand2', 'hand3', 'hand4', 'hand5', 'hand6', 'hand7']);
    expect(google.requests.filter((one) => one === 'list')).toHaveLength(3);
  });

  test('is a whole day in the calendar’s zone, and not what is free, declined, cancelled or elsewhere', async () => {
    google.write(calendar, { id: 'holiday', start: { date: '2026-11-24' }, end: { date: '2026-11-25' } });
    google.write(calendar, { id: 'reminder', transparency: 'transparent', ...time(noon) });
    google.write(calendar, { id: 'declined', attendees: [{ self: true, responseStatus: 'declined' }], ...time(noon) });
    google.write(calendar, { id: 'cancelled', status: 'cancelled', ...time(noon) });
    google.write(calendar, { id: 'later', ...time(noon + 72 * hourMs) });
    const busy = await open().busy(place, noon, noon + 48 * hourMs);
    expect(busy).toEqual([
      { id: 'holiday', start: Date.parse('2026-11-24T03:00:00Z'), end: Date.parse('2026-11-25T03:00:00Z') },
    ]);
  });

  test.each([
    '{"error": {"code": 403, "errors": [{"reason": "rateLimitExceeded"}]}}',
    '{"calendars": {"clinic": {"errors": [{"reason": "notFound"}], "busy": []}}}',
    '{}',
    '{"items": [',
    '<html>Sign in</html>',
  ])('is not taken to be nothing when 200 says %s', async (body) => {
    google.fault({ on: 'list', kind: 'says', body });
    expect(await failureOf(open().busy(place, noon, noon + hourMs))).toMatchObject({
      code: 'calendar.unavailable',
      retry: true,
    });
  });

  test('is not taken to be nothing when the calendar is not there, or the answer is none', async () => {
    const client = open();
    expect(await failureOf(client.busy({ ...place, calendar: 'other' }, noon, noon + 1))).toMatchObject({
      code: 'calendar.unknown',
    });
    google.fault({ on: 'list', kind: 'error', status: 502 });
    expect(await failureOf(client.busy(place, noon, noon + 1))).toMatchObject({ code: 'calendar.unavailable' });
  });
});
