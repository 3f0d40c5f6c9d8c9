/**
 * The calendar: what time is taken, and by whose appointment.
 *
 * Owns `appointments`. Postgres is the truth for our own appointments and for times that are kept for a while; where a
 * tenant's people look into a calendar elsewhere (Google), each appointment is an event there too, and what else stands
 * there is busy.
 *
 * C1 A seat of a calendar is taken once, by a constraint: whoever writes, whatever dies.
 * C2 A hold ends by its time: it blocks nothing then, and nothing is booked by it.
 * C3 Everything is named by its caller (a hold by its effect, an appointment by its hold) and may be asked for again:
 *    the answer is the same.
 * C4 A move takes the new time and frees the old one in one statement.
 * C5 What another person has is as if it were not there.
 * C6 Elsewhere an event's id is made of its appointment's: however often it is put there, it is one event. Steps are
 *    hold → claim → event → appointment; who comes after a crash goes on at the step that is next. A booking that
 *    nobody ended is over after a while, and its event is removed before its time is given to somebody else.
 *
 * With a calendar elsewhere, somebody who writes there by hand at the very moment of a booking is not seen.
 */
import { hash } from 'node:crypto';

import type { Database } from '../database/database.ts';
import type { Opened, Vault } from '../vault/vault.ts';
import { type AppointmentRow, type AppointmentRows, type WantedTime, openAppointmentRows } from './appointment-rows.ts';
import type { OutsideCalendar, OutsidePlace } from './outside-calendar.ts';
import { type Place, googleIdOf } from './places.ts';

/** An appointment, or a hold of its time. */
export type Booking = Omit<AppointmentRow, 'sealed' | 'seat'>;

/** A time that is taken. */
export interface TakenTime {
  readonly start: number;
  readonly end: number;
  /** Which of the place's seats; all of them when it is null. */
  readonly seat: number | null;
  /** The appointment that it is for, and in which conversation it is only held. */
  readonly of: string | null;
  readonly heldIn: string | null;
}

/** A hold to be made an appointment. */
export interface BookingOrder {
  readonly tenant: string;
  readonly hold: string;
  /** Who may: the person of the hold is one of them. */
  readonly persons: readonly string[];
  readonly name: string | null;
  /** What is shown in a calendar elsewhere, before the name. */
  readonly title: string;
  readonly at: number;
}

/** Throws `database.unavailable`, `vault.unavailable`, `vault.key-erased`, `CalendarFailure`. Times are epoch milliseconds. */
export interface Calendar {
  /** What is taken within an interval, elsewhere too. */
  taken(place: Place, from: number, to: number, at: number): Promise<readonly TakenTime[]>;
  /** Keeps a time until `until`; undefined when it is taken. What is to be replaced is given up either way. */
  hold(wanted: WantedTime, at: number): Promise<Booking | undefined>;
  /** Makes a hold an appointment, or moves the appointment that it is for there; undefined when the hold is over. */
  book(order: BookingOrder): Promise<Booking | undefined>;
  /** Gives a hold back. */
  release(
    of: { readonly tenant: string; readonly hold: string; readonly persons: readonly string[] },
    at: number,
  ): Promise<void>;
  /** Appointments still to come, earliest first. What was moved or removed elsewhere by hand is so here from now on. */
  upcoming(tenant: string, persons: readonly string[], at: number, max: number): Promise<readonly Booking[]>;
  read(tenant: string, id: string): Promise<Booking | undefined>;
  /** The name of whoever comes. */
  nameOf(tenant: string, row: Pick<AppointmentRow, 'id' | 'sealed'>): Promise<Opened<string | null>>;
  /** `gone` when it is no appointment any more, or none of these persons'; null: whoever's it is. */
  cancel(order: {
    readonly tenant: string;
    readonly id: string;
    readonly persons: readonly string[] | null;
    /** The same at every repeat. */
    readonly by: string;
    readonly at: number;
  }): Promise<'cancelled' | 'gone'>;
  /** All that is kept of a person, for their access to it. */
  exportOf(tenant: string, person: string): Promise<readonly (Booking & { readonly name: string | null })[]>;
  /** Removes all that is kept of a person, elsewhere too: what is still to come is cancelled by it. Idempotent. */
  erase(tenant: string, person: string): Promise<void>;
  close(): Promise<void>;
}

/** How long a booking that was begun elsewhere may be ended. Longer than the attempts of an effect take. */
const claimMs = 15 * 60_000;
const takenMax = 20_000;
const rowsAtOnce = 200;
const tidyEveryMs = 60_000;

/** The event of an appointment: digits that Google takes as an id (base32hex). */
const eventIdOf = (tenant: string, appointment: string): string => `prosa${hash('sha256', `${tenant}/${appointment}`)}`;

/** Opens the calendar as prosa_worker or prosa_api. */
export function openCalendar(parts: {
  readonly database: Database;
  readonly vault: Vault;
  readonly outside: OutsideCalendar;
}): Calendar {
  return new StoredCalendar(openAppointmentRows(parts.database), parts.vault, parts.outside);
}

class StoredCalendar implements Calendar {
  readonly #rows: AppointmentRows;
  readonly #vault: Vault;
  readonly #outside: OutsideCalendar;
  #tidiedAt = 0;

  constructor(rows: AppointmentRows, vault: Vault, outside: OutsideCalendar) {
    this.#rows = rows;
    this.#vault = vault;
    this.#outside = outside;
  }

  async taken(place: Place, from: number, to: number, at: number): Promise<readonly TakenTime[]> {
    const rows = await this.#rows.taken(place, from, to, at, takenMax);
    const own = rows.map((row) => ({
      start: row.start,
      end: row.end,
      seat: row.seat,
      of: row.placeOf,
      heldIn: row.status === 'held' ? row.conversation : null,
    }));
    const elsewhere = outsidePlace(place.tenant, place.calendar);
    if (elsewhere === undefined) return own;
    const ours = new Set(rows.map((row) => eventIdOf(place.tenant, row.placeOf)));
    const busy = await this.#outside.busy(elsewhere, from, to);
    const others = busy.filter(({ id }) => !ours.has(id));
    return [...own, ...others.map(({ start, end }) => ({ start, end, seat: null, of: null, heldIn: null }))];
  }

  async hold(wanted: WantedTime, at: number): Promise<Booking | undefined> {
    const { place, start, end } = wanted;
    const elsewhere = outsidePlace(place.tenant, place.calendar);
    if (elsewhere !== undefined) {
      for (const row of await this.#rows.abandoned(place, start, end, at))
        if (row.placeOf === row.id) await this.#outside.remove(elsewhere, eventIdOf(place.tenant, row.id));
      const taken = await this.taken(place, start, end, at);
      if (taken.some(({ seat }) => seat === null)) return undefined;
    }
    const row = await this.#rows.hold(wanted, at);
    return row?.person === wanted.persons[0] ? shown(row) : undefined;
  }

  async book(order: BookingOrder): Promise<Booking | undefined> {
    const { tenant, at } = order;
    const held = await this.#rows.read(tenant, order.hold);
    if (held === undefined || !order.persons.includes(held.person)) return undefined;
    if (held.status === 'booked') return shown(held);
    let hold = held;
    if (held.placeOf !== held.id) {
      const moved = await this.#rows.read(tenant, held.placeOf);
      if (moved?.status === 'booked' && moved.movedBy === held.id) return shown(moved);
      if (moved?.status !== 'booked') {
        await this.#rows.detach(tenant, held.id);
        hold = { ...held, placeOf: held.id };
      }
    }
    const elsewhere = outsidePlace(tenant, hold.calendar);
    const booked =
      elsewhere === undefined ? await this.#settle(hold, order) : await this.#bookElsewhere(elsewhere, hold, order);
    if (at - this.#tidiedAt > tidyEveryMs) {
      this.#tidiedAt = at;
      await this.#rows.tidy(tenant, at);
    }
    return booked && shown(booked);
  }

  /** The last step (C4). */
  async #settle(hold: AppointmentRow, { tenant, at, name }: BookingOrder): Promise<AppointmentRow | undefined> {
    if (hold.placeOf !== hold.id) return this.#rows.move(tenant, hold.id, hold.placeOf, at);
    const sealed = name === null ? null : await this.#vault.seal(nameIn(tenant, hold.id), hold.person, at, name);
    return this.#rows.book(tenant, hold.id, at, sealed);
  }

  /** C6. */
  async #bookElsewhere(
    elsewhere: OutsidePlace,
    hold: AppointmentRow,
    order: BookingOrder,
  ): Promise<AppointmentRow | undefined> {
    const { tenant, at, name, title } = order;
    if (!(await this.#rows.claim(tenant, hold.id, at, at + claimMs))) return undefined;
    const before = hold.placeOf === hold.id ? undefined : await this.#rows.read(tenant, hold.placeOf);
    const event = {
      id: eventIdOf(tenant, hold.placeOf),
      appointment: hold.placeOf,
      start: hold.start,
      end: hold.end,
      title: name === null ? title : `${title} – ${name}`,
    };
    const busy = await this.#outside.busy(elsewhere, hold.start, hold.end);
    const ours = await this.#rows.taken(
      { ...elsewhere, calendar: hold.calendar, seats: 1 },
      hold.start,
      hold.end,
      at,
      takenMax,
    );
    const known = new Set([event.id, ...ours.map((row) => eventIdOf(tenant, row.placeOf))]);
    const isFree = busy.every(({ id }) => known.has(id));
    if (!isFree || (await this.#outside.put(elsewhere, event, before !== undefined)) === 'refused') {
      await this.#rows.release(tenant, hold.id, at, true);
      return undefined;
    }
    const settled = await this.#settle(hold, order);
    if (settled !== undefined) {
      // From another calendar: its event there is no more.
      const left = before === undefined ? undefined : outsidePlace(tenant, before.calendar);
      if (left !== undefined && before?.calendar !== hold.calendar) await this.#outside.remove(left, event.id);
      return settled;
    }
    // It was given up, or cancelled, while its event was made.
    if (before?.status === 'booked' && before.calendar === hold.calendar)
      await this.#outside.put(elsewhere, { ...event, start: before.start, end: before.end }, true);
    else await this.#outside.remove(elsewhere, event.id);
    return undefined;
  }

  async release({ tenant, hold, persons }: { tenant: string; hold: string; persons: readonly string[] }, at: number) {
    const row = await this.#rows.read(tenant, hold);
    if (row !== undefined && persons.includes(row.person)) await this.#rows.release(tenant, hold, at, false);
  }

  async upcoming(tenant: string, persons: readonly string[], at: number, max: number): Promise<readonly Booking[]> {
    const rows = await this.#rows.upcoming(tenant, persons, at, max);
    const there: Booking[] = [];
    for (const row of rows) {
      const event = await this.#eventOf(tenant, row);
      if (event === undefined) {
        await this.#rows.cancel(tenant, row.id, 'elsewhere', at);
        continue;
      }
      const { start, end } = event;
      if (start !== row.start || end !== row.end) await this.#rows.follow(tenant, row.id, start, end, at);
      if (start > at) there.push(shown({ ...row, start, end }));
    }
    return there;
  }

  /** When it is, where its people look; undefined when somebody took it away there. */
  async #eventOf(
    tenant: string,
    row: AppointmentRow,
  ): Promise<{ readonly start: number; readonly end: number } | undefined> {
    const elsewhere = outsidePlace(tenant, row.calendar);
    return elsewhere === undefined ? row : this.#outside.read(elsewhere, eventIdOf(tenant, row.id));
  }

  async read(tenant: string, id: string): Promise<Booking | undefined> {
    const row = await this.#rows.read(tenant, id);
    return row && shown(row);
  }

  async nameOf(tenant: string, { id, sealed }: Pick<AppointmentRow, 'id' | 'sealed'>): Promise<Opened<string | null>> {
    if (sealed === null) return { state: 'open', value: null };
    return this.#vault.open<string>(nameIn(tenant, id), sealed);
  }

  async cancel({ tenant, id, persons, by, at }: Parameters<Calendar['cancel']>[0]): Promise<'cancelled' | 'gone'> {
    const row = await this.#rows.read(tenant, id);
    if (row === undefined || (persons !== null && !persons.includes(row.person))) return 'gone';
    if (row.status !== 'booked') return row.cancelledBy === by ? 'cancelled' : 'gone';
    const elsewhere = outsidePlace(tenant, row.calendar);
    if (elsewhere !== undefined) await this.#outside.remove(elsewhere, eventIdOf(tenant, id));
    if (await this.#rows.cancel(tenant, id, by, at)) return 'cancelled';
    return (await this.#rows.read(tenant, id))?.cancelledBy === by ? 'cancelled' : 'gone';
  }

  async exportOf(tenant: string, person: string) {
    const all: (Booking & { readonly name: string | null })[] = [];
    for (let after = ''; ;) {
      const rows = await this.#rows.ofPerson(tenant, person, after, rowsAtOnce);
      for (const row of rows) {
        const name = await this.nameOf(tenant, row);
        all.push({ ...shown(row), name: name.state === 'open' ? name.value : null });
      }
      after = rows.at(-1)?.id ?? '';
      if (rows.length < rowsAtOnce) return all;
    }
  }

  async erase(tenant: string, person: string): Promise<void> {
    for (;;) {
      const rows = await this.#rows.ofPerson(tenant, person, '', rowsAtOnce);
      for (const row of rows) {
        const elsewhere = outsidePlace(tenant, row.calendar);
        // Of one that was cancelled the event is gone, and of a hold to move there never was one of its own.
        if (elsewhere !== undefined && (row.status === 'booked' || row.status === 'booking'))
          await this.#outside.remove(elsewhere, eventIdOf(tenant, row.id));
      }
      await this.#rows.remove(
        tenant,
        rows.map(({ id }) => id),
      );
      if (rows.length < rowsAtOnce) return;
    }
  }

  close(): Promise<void> {
    return this.#outside.close();
  }
}

function outsidePlace(tenant: string, calendar: string): OutsidePlace | undefined {
  const id = googleIdOf(calendar);
  return id === undefined ? undefined : { tenant, calendar: id };
}

const nameIn = (tenant: string, id: string) => ({ tenant, actor: id, type: 'appointment', eventId: id });

/** What leaves: no bytes, no seat. */
function shown({ sealed: _sealed, seat: _seat, ...booking }: AppointmentRow): Booking {
  return booking;
}
