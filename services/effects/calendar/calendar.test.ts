/**
 * Goal: what conversations may rely on of the calendar, whoever keeps it. Method: one suite over Postgres and over Google
 * (a fake one) with the real handlers; processes that die at every step; people who race.
 *
 * `CALENDAR_RACES` says how often two people race for one time at Google; for Postgres it is 200 times always.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { SchedulingSettings } from '#machines/conversation/agent-settings.ts';
import type { Appointment, Asks, Slot } from '#machines/conversation/asks.ts';
import { openGoogleCalendar } from '#runtime/calendar/adapters/google-calendar.ts';
import { type Calendar, openCalendar } from '#runtime/calendar/calendar.ts';
import type { OutsideCalendar } from '#runtime/calendar/outside-calendar.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { echoConfiguration } from '#runtime/testing/echo-machine.ts';
import { type FakeGoogle, startFakeGoogle } from '#runtime/testing/fake-google.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';

import { EffectFailure } from '../handler.ts';
import { type CrashPlan, atEveryCrash } from '../testing/crashes.ts';
import { calendarHandlers } from './handlers.ts';

type Source = Extract<keyof Asks, `calendar.${string}`>;

const kinds = ['postgres', 'google'] as const;
const calendarId = 'clinic@group.calendar.google.com';
const races = { postgres: 200, google: Number(process.env['CALENDAR_RACES'] ?? 20) };
const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;
/** A Monday, 08:00 in São Paulo. */
const monday = Date.parse('2026-11-23T11:00:00Z');
/** The times of the service of half an hour, from the first. */
const slotAt = (i: number): number => monday + Math.floor(i / 20) * dayMs + (i % 20) * 30 * minuteMs;

const scheduling = (kind: (typeof kinds)[number]): SchedulingSettings => ({
  services: [
    { id: 'consulta', name: 'Consulta', durationMinutes: 30 },
    { id: 'grupo', name: 'Grupo', durationMinutes: 60, capacity: 3, calendar: kind === 'google' ? 'group' : 'sala-2' },
    { id: 'roda', name: 'Roda', durationMinutes: 30, capacity: 3, calendar: kind === 'google' ? 'group' : 'sala-2' },
  ],
  openingHours: Object.fromEntries(
    ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'].map((day) => [day, [['08:00', '18:00']]]),
  ),
  noticeMinutes: 0,
  calendar: kind === 'google' ? { kind, calendarId } : { kind },
});

describe.each(kinds)('a calendar kept by %s', (kind) => {
  let world: TestWorld;
  let worker: Runtime;
  let ingest: Runtime;
  let google: FakeGoogle;
  let outside: OutsideCalendar;
  let now = monday;
  let people = 0;
  let effects = 0;

  beforeAll(async () => {
    google = await startFakeGoogle([calendarId, 'group']);
    const conversation = { version: 'echo', settings: { scheduling: scheduling(kind) } };
    world = await openTestWorld({
      configuration: { ...echoConfiguration, machines: { conversation } },
      now: () => now,
    });
    worker = world.runtime('prosa_worker', 'test-calendar');
    ingest = world.runtime('prosa_ingest', 'test-ingest');
    const { apiUrl, tokenUrl, account } = google;
    outside = openGoogleCalendar({ apiUrl, tokenUrl, accountOf: () => Promise.resolve(account), now: () => now });
  });
  beforeEach(async () => {
    now = monday;
    await asOwner(world.databaseUrl, 'TRUNCATE appointments');
    for (const events of google.calendars.values()) events.clear();
  });
  afterAll(async () => {
    await outside.close();
    await world.close();
    await google.close();
  });

  const calendarOf = (plan?: CrashPlan): Calendar => {
    const { database, vault } = worker;
    if (plan === undefined) return openCalendar({ database, vault, outside });
    return openCalendar({ database: plan.wrap(database), vault, outside: plan.wrap(outside) });
  };
  const newEffect = () => `f_${(effects += 1)}`;

  /** Carries an effect out as the process would, for a conversation. */
  async function ask<S extends Source>(
    source: S,
    actor: string,
    input: Asks[S][0],
    { effectId = newEffect(), plan }: { effectId?: string; plan?: CrashPlan } = {},
  ): Promise<Asks[S][1]> {
    const handler = calendarHandlers({ runtime: worker, calendar: calendarOf(plan) }).get(source);
    const { signal } = new AbortController();
    const call = { tenant: testTenant, actor, effectId, revision: world.revision, attempt: 1, input, signal };
    return (await handler?.run(call)) as Asks[S][1];
  }

  /** Somebody who writes to the tenant. */
  async function person(): Promise<string> {
    const addresses = [`55119${String((people += 1)).padStart(8, '0')}@c.us`];
    const chat = { tenant: testTenant, line: world.instance.line, addresses, group: false, at: now };
    return (await ingest.directory.resolve(chat)).conversation;
  }

  const find = (actor: string, more: Partial<Asks['calendar.find'][0]> = {}) =>
    ask('calendar.find', actor, { service: 'consulta', from: now, to: now + dayMs, max: 5, moving: null, ...more });
  const hold = (actor: string, start: number, more: Partial<Asks['calendar.hold'][0]> = {}, effectId = newEffect()) =>
    ask('calendar.hold', actor, { service: 'consulta', start, moving: null, ...more }, { effectId });
  const held = async (...args: Parameters<typeof hold>): Promise<string> => {
    const answer = await hold(...args);
    if (answer.outcome !== 'held') throw new Error('it is taken');
    return answer.hold;
  };
  const orderOf = (holdId: string, moving: string | null = null) => ({
    hold: holdId,
    confirmedBy: 'yes',
    name: 'Ana Souza',
    moving,
  });
  const book = (actor: string, holdId: string, moving: string | null = null) =>
    ask('calendar.book', actor, orderOf(holdId, moving));
  const booked = async (
    actor: string,
    start: number,
    more: Partial<Asks['calendar.hold'][0]> = {},
  ): Promise<Appointment> => {
    const answer = await book(actor, await held(actor, start, more), more.moving ?? null);
    if (answer.outcome !== 'booked') throw new Error('it is taken');
    return answer.appointment;
  };
  const list = async (actor: string) => (await ask('calendar.list', actor, { max: 10 })).appointments;
  const cancel = (actor: string, appointment: string, effectId = newEffect()) =>
    ask('calendar.cancel', actor, { appointment, confirmedBy: 'yes' }, { effectId });
  const startsOf = (slots: readonly Slot[]) => slots.map(({ start }) => start);

  /** What stands in the calendar itself: events at Google, rows in Postgres. */
  async function entries(): Promise<readonly number[]> {
    const rows = await worker.database.query<{ start: number }>(
      [testTenant],
      `SELECT (extract(epoch FROM starts_at) * 1000)::float8 AS start FROM appointments WHERE status = 'booked' ORDER BY 1`,
    );
    const starts = rows.rows.map(({ start }) => start);
    if (kind === 'google') {
      const events = [...google.calendars.values()].flatMap((all) => [...all.values()]);
      const live = events.filter(({ status }) => status === 'confirmed');
      expect(live.map(({ start }) => Date.parse(start.dateTime ?? '')).sort((a, b) => a - b)).toEqual(starts);
    }
    return starts;
  }

  test('offers what is free, books it, and offers it no more', async () => {
    const [ana, bia] = [await person(), await person()];
    const { slots, closed } = await find(ana);
    expect([closed, startsOf(slots)]).toEqual([false, [0, 1, 2, 3, 4].map((i) => monday + i * 30 * minuteMs)]);
    const appointment = await booked(ana, monday + hourMs);
    expect(appointment).toEqual({
      id: appointment.id,
      service: 'consulta',
      start: monday + hourMs,
      end: monday + 1.5 * hourMs,
    });
    expect(startsOf((await find(bia)).slots)).not.toContain(monday + hourMs);
    expect(await entries()).toEqual([monday + hourMs]);
    expect(await list(ana)).toEqual([appointment]);
    expect(await list(bia)).toEqual([]);
  });

  test('what is held is kept from others, not from whoever holds it', async () => {
    const [ana, bia] = [await person(), await person()];
    await held(ana, monday + hourMs);
    expect(startsOf((await find(bia)).slots)).not.toContain(monday + hourMs);
    expect(startsOf((await find(ana)).slots)).toContain(monday + hourMs);
    const taken = await hold(bia, monday + hourMs);
    expect(taken.outcome).toBe('taken');
    const { alternatives } = taken as { readonly alternatives: readonly Slot[] };
    expect(startsOf(alternatives)).toEqual([-2, -1, 1, 2].map((i) => monday + hourMs + i * 30 * minuteMs));
  });

  test('a hold that is over neither blocks nor books', async () => {
    const [ana, bia] = [await person(), await person()];
    const old = await held(ana, monday + hourMs);
    now += 10 * minuteMs + 1;
    const answer = await book(ana, old);
    // It is free all the same, and offered first of those that are as near.
    expect(answer).toMatchObject({ outcome: 'taken' });
    expect(startsOf((answer as { alternatives: readonly Slot[] }).alternatives)).toContain(monday + hourMs);
    await booked(bia, monday + hourMs);
    expect((await book(ana, old)).outcome).toBe('taken');
    expect(await entries()).toEqual([monday + hourMs]);
  });

  test('a hold is one per conversation, and can be given back', async () => {
    const [ana, bia] = [await person(), await person()];
    const first = await held(ana, monday + hourMs);
    const second = await held(ana, monday + 2 * hourMs);
    expect((await book(ana, first)).outcome).toBe('taken');
    await held(bia, monday + hourMs);
    await ask('calendar.release', bia, { hold: second });
    expect((await book(ana, second)).outcome).toBe('booked');
    const third = await held(bia, monday + 3 * hourMs);
    await ask('calendar.release', bia, { hold: third });
    await ask('calendar.release', bia, { hold: third });
    expect((await book(bia, third)).outcome).toBe('taken');
  });

  test('the same effect twice is one, with one answer', async () => {
    const [ana, bia] = [await person(), await person()];
    const one = await hold(ana, monday + hourMs, {}, 'f_once');
    expect(await hold(ana, monday + hourMs, {}, 'f_once')).toEqual(one);
    const order = { effectId: 'f_book_once' };
    const holdId = (one as { readonly hold: string }).hold;
    const first = await ask('calendar.book', ana, orderOf(holdId), order);
    expect(await ask('calendar.book', ana, orderOf(holdId), order)).toEqual(first);
    // Another effect for the same hold, too.
    expect(await book(ana, holdId)).toEqual(first);
    expect(await hold(bia, monday + hourMs, {}, 'f_late')).toMatchObject({ outcome: 'taken' });
    expect(await hold(bia, monday + hourMs, {}, 'f_late')).toMatchObject({ outcome: 'taken' });
    const { id } = (first as { readonly appointment: Appointment }).appointment;
    expect(await cancel(ana, id, 'f_cancel_once')).toEqual({ outcome: 'cancelled' });
    expect(await cancel(ana, id, 'f_cancel_once')).toEqual({ outcome: 'cancelled' });
    expect(await cancel(ana, id)).toEqual({ outcome: 'gone' });
    expect(await entries()).toEqual([]);
  });

  test('nobody cancels, moves, books or gives back what is another’s', async () => {
    const [ana, bia] = [await person(), await person()];
    const appointment = await booked(ana, monday + hourMs);
    expect(await cancel(bia, appointment.id)).toEqual({ outcome: 'gone' });
    const anas = await held(ana, monday + 3 * hourMs);
    await ask('calendar.release', bia, { hold: anas });
    expect(await book(bia, anas)).toEqual({ outcome: 'taken', alternatives: [] });
    // What she would move is not hers: it is an appointment of her own, and Ana's stays.
    const moved = await booked(bia, monday + 5 * hourMs, { moving: appointment.id });
    expect(moved.id).not.toBe(appointment.id);
    expect(await list(ana)).toEqual([appointment]);
    expect((await book(ana, anas)).outcome).toBe('booked');
  });

  test('a move takes the new time and frees the old one, under the same id', async () => {
    const [ana, bia] = [await person(), await person()];
    const appointment = await booked(ana, monday + hourMs);
    const holdId = await held(ana, monday + 4 * hourMs, { moving: appointment.id });
    expect(startsOf((await find(bia)).slots)).not.toContain(monday + hourMs);
    const answer = await book(ana, holdId, appointment.id);
    const moved = { ...appointment, start: monday + 4 * hourMs, end: monday + 4.5 * hourMs };
    expect(answer).toEqual({ outcome: 'booked', appointment: moved });
    expect(await book(ana, holdId, appointment.id)).toEqual(answer);
    expect(await list(ana)).toEqual([moved]);
    expect(await entries()).toEqual([moved.start]);
    await booked(bia, monday + hourMs);
    expect(await calendarOf().read(testTenant, appointment.id)).toMatchObject({ sequence: 1 });
  });

  test('an appointment can be moved into a part of its own time', async () => {
    const ana = await person();
    const appointment = await booked(ana, monday + hourMs, { service: 'grupo' });
    const { slots } = await find(ana, {
      service: 'roda',
      moving: appointment.id,
      from: monday + hourMs,
      to: monday + 2 * hourMs,
    });
    expect(startsOf(slots)).toEqual([monday + hourMs, monday + 1.5 * hourMs]);
    const moved = await booked(ana, monday + 1.5 * hourMs, { service: 'roda', moving: appointment.id });
    expect(moved).toMatchObject({ id: appointment.id, service: 'roda', start: monday + 1.5 * hourMs });
    expect(await entries()).toEqual([moved.start]);
  });

  test('a move whose time is lost leaves everything as it was', async () => {
    const [ana, bia] = [await person(), await person()];
    const appointment = await booked(ana, monday + hourMs);
    const holdId = await held(ana, monday + 4 * hourMs, { moving: appointment.id });
    now += 11 * minuteMs;
    const theirs = await booked(bia, monday + 4 * hourMs);
    expect((await book(ana, holdId, appointment.id)).outcome).toBe('taken');
    expect(await list(ana)).toEqual([appointment]);
    expect(await list(bia)).toEqual([theirs]);
    expect(await entries()).toEqual([appointment.start, theirs.start]);
  });

  test('what was cancelled before it could be moved is booked anew', async () => {
    const ana = await person();
    const appointment = await booked(ana, monday + hourMs);
    const holdId = await held(ana, monday + 4 * hourMs, { moving: appointment.id });
    await cancel(ana, appointment.id);
    expect((await book(ana, holdId, appointment.id)).outcome).toBe('booked');
    expect(await entries()).toEqual([monday + 4 * hourMs]);
  });

  test('as many are booked for one time as there are places, of all services that share it', async () => {
    const everybody = await Promise.all(Array.from({ length: 5 }, person));
    const start = monday + hourMs;
    const answers = await Promise.all(
      everybody.map((one, i) => hold(one, start, { service: i % 2 === 0 ? 'grupo' : 'roda' })),
    );
    expect(answers.map(({ outcome }) => outcome).sort()).toEqual(['held', 'held', 'held', 'taken', 'taken']);
    for (const [i, answer] of answers.entries())
      if (answer.outcome === 'held') expect((await book(everybody[i] ?? '', answer.hold)).outcome).toBe('booked');
    const somebody = await person();
    expect(startsOf((await find(somebody, { service: 'roda' })).slots)).not.toContain(start);
    // A service of its own calendar does not compete.
    expect(startsOf((await find(somebody)).slots)).toContain(start);
    expect(await entries()).toHaveLength(3);
  });

  test('only what is still to come is listed, of all conversations that are the same person’s', async () => {
    const [elder, younger] = [await person(), await person()];
    const first = await booked(younger, monday + hourMs);
    const second = await booked(elder, monday + 2 * hourMs);
    await worker.directory.move({ tenant: testTenant, from: younger, into: elder, at: now });
    expect(await list(elder)).toEqual([first, second]);
    now = monday + 1.25 * hourMs;
    expect(await list(elder)).toEqual([second]);
    now = monday;
    expect(await cancel(elder, first.id)).toEqual({ outcome: 'cancelled' });
  });

  test('what is asked for outside of the rules is refused', async () => {
    const ana = await person();
    expect((await hold(ana, monday + hourMs + minuteMs)).outcome).toBe('taken');
    expect((await hold(ana, monday - hourMs)).outcome).toBe('taken');
    await expect(hold(ana, monday + hourMs, { service: 'massagem' })).rejects.toThrow('service.unknown');
    await expect(hold('c_nobody', monday + hourMs)).rejects.toThrow('conversation.unknown');
  });

  test(`two people who race for one time ${races[kind]} times: one has it each time, the other is offered others`, async () => {
    const [ana, bia] = [await person(), await person()];
    for (let i = 1; i <= races[kind]; i += 1) {
      const start = slotAt(i);
      const pair = [ana, bia] as const;
      const answers = await Promise.all(
        pair.map(async (one) => {
          const answer = await hold(one, start);
          return answer.outcome === 'held' ? book(one, answer.hold) : answer;
        }),
      );
      expect([i, answers.map(({ outcome }) => outcome).sort()]).toEqual([i, ['booked', 'taken']]);
      const other = answers.find((answer) => answer.outcome === 'taken') as { readonly alternatives: readonly Slot[] };
      expect(other.alternatives).toHaveLength(4);
      expect(startsOf(other.alternatives)).not.toContain(start);
    }
    expect(await entries()).toEqual(Array.from({ length: races[kind] }, (_, i) => slotAt(i + 1)));
  });

  describe('whoever dies at any step', () => {
    /** Dies within one effect, then carries it out again, as the runner does. */
    const survive = async <S extends Source>(source: S, actor: string, input: Asks[S][0], plan: CrashPlan) => {
      const effectId = newEffect();
      await ask(source, actor, input, { effectId, plan }).catch(() => undefined);
      return ask(source, actor, input, { effectId });
    };

    test('while a time is held: one hold, and it can be booked', async () => {
      const ana = await person();
      const steps = await atEveryCrash(async (plan) => {
        const answer = await survive(
          'calendar.hold',
          ana,
          { service: 'consulta', start: monday + hourMs, moving: null },
          plan,
        );
        expect(answer.outcome).toBe('held');
        expect(await entries()).toEqual([]);
        await ask('calendar.release', ana, { hold: (answer as { readonly hold: string }).hold });
      });
      expect(steps).toBeGreaterThanOrEqual(kind === 'google' ? 4 : 1);
    });

    test('while it is booked: one booking, one answer', async () => {
      const ana = await person();
      let slot = 0;
      const steps = await atEveryCrash(async (plan) => {
        const start = slotAt((slot += 1));
        const holdId = await held(ana, start);
        const answer = await survive('calendar.book', ana, orderOf(holdId), plan);
        expect(answer).toMatchObject({ outcome: 'booked', appointment: { start } });
        expect(await entries()).toEqual([start]);
        await cancel(ana, (answer as { readonly appointment: Appointment }).appointment.id);
      });
      expect(steps).toBeGreaterThanOrEqual(kind === 'google' ? 7 : 3);
    });

    test('while it is moved: it is at the new time alone', async () => {
      const ana = await person();
      let slot = 1;
      const appointment = await booked(ana, slotAt(slot));
      await atEveryCrash(async (plan) => {
        const start = slotAt((slot += 1));
        const holdId = await held(ana, start, { moving: appointment.id });
        const answer = await survive('calendar.book', ana, orderOf(holdId, appointment.id), plan);
        expect(answer).toMatchObject({ outcome: 'booked', appointment: { id: appointment.id, start } });
        expect(await entries()).toEqual([start]);
      });
    });

    test('while it is cancelled: it is cancelled', async () => {
      const ana = await person();
      await atEveryCrash(async (plan) => {
        const { id } = await booked(ana, monday + hourMs);
        expect(await survive('calendar.cancel', ana, { appointment: id, confirmedBy: 'yes' }, plan)).toEqual({
          outcome: 'cancelled',
        });
        expect(await entries()).toEqual([]);
      });
    });

    test('and never comes back while it is booked: the time is free again, and nothing is left of it', async () => {
      const [ana, bia] = [await person(), await person()];
      let slot = 1;
      await atEveryCrash(async (plan) => {
        const start = slotAt((slot += 1));
        const holdId = await held(ana, start);
        await ask('calendar.book', ana, orderOf(holdId), { plan }).catch(() => undefined);
        const [done] = await entriesOf(ana);
        if (done === undefined) {
          now += 16 * minuteMs;
          const theirs = await booked(bia, start);
          expect(await entries()).toEqual([start]);
          await cancel(bia, theirs.id);
        } else await cancel(ana, done);
        expect(await entries()).toEqual([]);
        now = monday;
      });
    });
    const entriesOf = async (actor: string) => (await list(actor)).map(({ id }) => id);
  });

  // What people write into a calendar themselves: there is no such way into Postgres.
  describe.skipIf(kind === 'postgres')('what stands there by hand', () => {
    const time = (start: number, length = 30 * minuteMs) => ({
      start: { dateTime: new Date(start).toISOString() },
      end: { dateTime: new Date(start + length).toISOString() },
    });
    const eventOf = () => {
      const [event] = google.calendars.get(calendarId)?.values() ?? [];
      if (event === undefined) throw new Error('there is no event');
      return event;
    };

    test('is not offered, held or booked', async () => {
      const ana = await person();
      const holdId = await held(ana, monday + 2 * hourMs);
      google.write(calendarId, { id: 'lunch', ...time(monday + hourMs, 2 * hourMs) });
      const { slots } = await find(ana, { max: 4 });
      expect(startsOf(slots)).toEqual([0, 0.5, 3, 3.5].map((hours) => monday + hours * hourMs));
      expect((await hold(ana, monday + hourMs)).outcome).toBe('taken');
      const again = await held(ana, monday + 3 * hourMs);
      google.write(calendarId, { id: 'late', ...time(monday + 3 * hourMs) });
      expect((await book(ana, holdId)).outcome).toBe('taken');
      expect((await book(ana, again)).outcome).toBe('taken');
      expect(await list(ana)).toEqual([]);
    });

    test('takes every place of a calendar with several, also where one of ours is', async () => {
      const [ana, bia] = [await person(), await person()];
      await booked(ana, monday + hourMs, { service: 'grupo' });
      google.write('group', { id: 'shut', ...time(monday + hourMs) });
      expect((await hold(bia, monday + hourMs, { service: 'roda' })).outcome).toBe('taken');
    });

    test('moves and ends appointments', async () => {
      const ana = await person();
      const appointment = await booked(ana, monday + hourMs);
      expect(eventOf()).toMatchObject({ summary: 'Consulta – Ana Souza', ...time(monday + hourMs) });
      Object.assign(eventOf(), time(monday + 2 * hourMs));
      const moved = { ...appointment, start: monday + 2 * hourMs, end: monday + 2.5 * hourMs };
      expect(await list(ana)).toEqual([moved]);
      expect(await entries()).toEqual([moved.start]);
      eventOf().status = 'cancelled';
      expect(await list(ana)).toEqual([]);
      expect(await cancel(ana, appointment.id)).toEqual({ outcome: 'gone' });
      expect(await entries()).toEqual([]);
    });
  });

  test('what is kept of a person can be given to them, and removed', async () => {
    const [ana, bia] = [await person(), await person()];
    const appointment = await booked(ana, monday + hourMs);
    await held(ana, monday + 3 * hourMs);
    const theirs = await booked(bia, monday + 2 * hourMs);
    const who = (await worker.directory.read(testTenant, ana))?.person ?? '';
    const calendar = calendarOf();
    const kept = await calendar.exportOf(testTenant, who);
    expect(kept.map(({ name, status }) => [name, status]).sort()).toEqual([
      [null, 'held'],
      ['Ana Souza', 'booked'],
    ]);
    expect(kept.map(({ id }) => id)).toContain(appointment.id);
    await calendar.erase(testTenant, who);
    await calendar.erase(testTenant, who);
    expect(await calendar.exportOf(testTenant, who)).toEqual([]);
    expect(await list(bia)).toEqual([theirs]);
    expect(await entries()).toEqual([theirs.start]);
  });

  test('nobody’s name stands in Postgres', async () => {
    const ana = await person();
    await booked(ana, monday + hourMs);
    const rows = await worker.database.query<{ text: string }>(
      [testTenant],
      `SELECT a::text AS text, encode(sealed, 'escape') AS sealed FROM appointments a`,
    );
    expect(rows.rows).toHaveLength(1);
    expect(JSON.stringify(rows.rows)).not.toMatch(/Ana|Souza/);
  });

  test('a person who was erased books nothing', async () => {
    const ana = await person();
    const holdId = await held(ana, monday + hourMs);
    const who = (await worker.directory.read(testTenant, ana))?.person ?? '';
    await asOwner(
      world.databaseUrl,
      `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = '${who}'`,
    );
    const other = world.runtime('prosa_worker', 'test-other');
    const calendar = openCalendar({ ...other, outside });
    const handler = calendarHandlers({ runtime: other, calendar }).get('calendar.book');
    const call = { tenant: testTenant, actor: ana, effectId: newEffect(), revision: null, attempt: 1 };
    const attempt = handler?.run({ ...call, input: orderOf(holdId), signal: new AbortController().signal });
    await expect(attempt).rejects.toThrow(new EffectFailure('person.erased'));
  });
});
