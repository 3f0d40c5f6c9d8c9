/**
 * The rows of `appointments`: every statement on them but the API's list. Times are epoch milliseconds; what the time is
 * now is said by the caller, so that an appointment's life has one clock.
 */
import type { Database, Sql } from '../database/database.ts';
import type { Place } from './places.ts';

/** A row. */
export interface AppointmentRow {
  readonly id: string;
  readonly person: string;
  readonly conversation: string;
  readonly service: string;
  readonly calendar: string;
  readonly seat: number;
  readonly start: number;
  readonly end: number;
  readonly status: 'held' | 'booking' | 'booked' | 'cancelled' | 'released';
  /** The appointment that the time is for: its own id, or that of the one to be moved. */
  readonly placeOf: string;
  readonly heldUntil: number | null;
  readonly sequence: number;
  readonly movedBy: string | null;
  readonly cancelledBy: string | null;
  readonly sealed: Buffer | null;
}

/** A time that is wanted. */
export interface WantedTime {
  /** The same whenever the same is asked for. */
  readonly id: string;
  readonly place: Place;
  readonly service: string;
  readonly start: number;
  readonly end: number;
  /** Whose it will be, and under which other names they may have booked what is to be moved. */
  readonly persons: readonly [string, ...string[]];
  readonly conversation: string;
  /** The appointment to be moved there, whose own time is no hindrance. */
  readonly moving: string | null;
  readonly until: number;
  /** Whether what else the conversation holds is given up. */
  readonly replaces: boolean;
}

const ms = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;
const columnsOf = (row: string): string =>
  `${row}.id, ${row}.person, ${row}.conversation, ${row}.service, ${row}.calendar, ${row}.seat, ${row}.status,
   ${ms(`${row}.starts_at`)} AS start, ${ms(`${row}.ends_at`)} AS "end", ${row}.place_of AS "placeOf",
   ${ms(`${row}.held_until`)} AS "heldUntil", ${row}.sequence, ${row}.moved_by AS "movedBy",
   ${row}.cancelled_by AS "cancelledBy", ${row}.sealed`;
const columns = columnsOf('a');

/** No appointment is longer than this, so that what overlaps an interval is found from both sides of it. */
const longest = `interval '1 day'`;
/**
 * What takes time in an interval, by `appointments_taken`. $1 tenant, $2 calendar, $3 and $4 the interval. Not by the
 * constraint's index: `&&` of ranges is not leakproof, so that under row-level security it is a filter, and all that was
 * ever booked would be read.
 */
const within = `a.tenant = $1 AND a.calendar = $2 AND a.seat > 0 AND a.status IN ('held', 'booking', 'booked')
  AND a.ends_at > $3 AND a.ends_at < $4::timestamptz + ${longest} AND a.starts_at < $4`;
/** What may still become an appointment at $3: what is begun outside may be ended there, however late. */
const claimable = `(h.status = 'booking' OR (h.status = 'held' AND h.held_until > $3))`;

const at = (time: number): Date => new Date(time);
/** Rows of what nobody took are of use to nobody after this. */
const releasedKept = `interval '2 days'`;
const tidiedAtOnce = 100;
/** SQLSTATE. */
const exclusionViolation = '23P01';

/** Opens them. All methods throw `database.unavailable`. */
export function openAppointmentRows(database: Database) {
  return {
    async read(tenant: string, id: string): Promise<AppointmentRow | undefined> {
      const found = await database.query<AppointmentRow>(
        [tenant],
        `SELECT ${columns} FROM appointments a WHERE a.tenant = $1 AND a.id = $2`,
        [tenant, id],
      );
      return found.rows[0];
    },

    /** What takes time within an interval, at most `takenMax`; times whose hold is over do not. */
    async taken({ tenant, calendar }: Place, from: number, to: number, now: number, takenMax: number) {
      const found = await database.query<AppointmentRow>(
        [tenant],
        `SELECT ${columns} FROM appointments a WHERE ${within} AND (a.status = 'booked' OR a.held_until > $5)
         ORDER BY a.ends_at LIMIT $6`,
        [tenant, calendar, at(from), at(to), at(now), takenMax],
      );
      return found.rows;
    },

    /** Times whose booking outside was begun, in an interval, and that are over. */
    async abandoned({ tenant, calendar }: Place, from: number, to: number, now: number) {
      const found = await database.query<AppointmentRow>(
        [tenant],
        `SELECT ${columns} FROM appointments a WHERE ${within} AND a.status = 'booking' AND a.held_until <= $5`,
        [tenant, calendar, at(from), at(to), at(now)],
      );
      return found.rows;
    },

    /** Keeps a time; undefined when it is taken. */
    async hold(wanted: WantedTime, now: number): Promise<AppointmentRow | undefined> {
      const { tenant } = wanted.place;
      return database.transaction([tenant], (sql) => hold(sql, tenant, wanted, now));
    },

    /** A hold becomes an appointment, in one statement; undefined when it is over. */
    async book(tenant: string, id: string, now: number, sealed: Buffer | null): Promise<AppointmentRow | undefined> {
      const booked = await database.query<AppointmentRow>(
        [tenant],
        `UPDATE appointments h SET status = 'booked', held_until = NULL, sealed = $4, updated_at = $3
         WHERE h.tenant = $1 AND h.id = $2 AND h.place_of = h.id AND ${claimable} RETURNING ${columnsOf('h')}`,
        [tenant, id, at(now), sealed],
      );
      return booked.rows[0];
    },

    /**
     * An appointment takes the place of a hold, in one statement: the new time is taken and the old one free, or neither.
     * Undefined when the hold is over or the appointment is no more.
     */
    async move(tenant: string, hold: string, appointment: string, now: number): Promise<AppointmentRow | undefined> {
      const moved = await database.query<AppointmentRow>(
        [tenant],
        `WITH appointment AS (
           SELECT m.id FROM appointments m WHERE m.tenant = $1 AND m.id = $4 AND m.status = 'booked' FOR UPDATE
         ), place AS (
           UPDATE appointments h SET status = 'released', updated_at = $3 FROM appointment
           WHERE h.tenant = $1 AND h.id = $2 AND h.place_of = appointment.id AND ${claimable}
           RETURNING h.service, h.calendar, h.seat, h.starts_at, h.ends_at
         )
         UPDATE appointments a SET service = place.service, calendar = place.calendar, seat = place.seat,
           starts_at = place.starts_at, ends_at = place.ends_at, sequence = a.sequence + 1, moved_by = $2, updated_at = $3
         FROM place WHERE a.tenant = $1 AND a.id = $4 RETURNING ${columns}`,
        [tenant, hold, at(now), appointment],
      );
      return moved.rows[0];
    },

    /** The booking of a hold is begun outside, and may be ended until then; false when the hold is over. */
    async claim(tenant: string, id: string, now: number, until: number): Promise<boolean> {
      const claimed = await database.query(
        [tenant],
        `UPDATE appointments h SET status = 'booking', held_until = $4, updated_at = $3
         WHERE h.tenant = $1 AND h.id = $2 AND ${claimable}`,
        [tenant, id, at(now), at(until)],
      );
      return claimed.rowCount === 1;
    },

    /** The time of a hold is for itself: what was to be moved there is no more. */
    async detach(tenant: string, id: string) {
      await database.query([tenant], `UPDATE appointments SET place_of = id WHERE tenant = $1 AND id = $2`, [
        tenant,
        id,
      ]);
    },

    /** Gives a hold up, its booking outside too when `begun`. */
    async release(tenant: string, id: string, now: number, begun: boolean) {
      await database.query(
        [tenant],
        `UPDATE appointments a SET status = 'released', updated_at = $3
         WHERE a.tenant = $1 AND a.id = $2 AND (a.status = 'held' OR (a.status = 'booking' AND $4))`,
        [tenant, id, at(now), begun],
      );
    },

    /** Appointments of some persons that begin after `now`, earliest first. */
    async upcoming(tenant: string, persons: readonly string[], now: number, max: number) {
      const found = await database.query<AppointmentRow>(
        [tenant],
        `SELECT ${columns} FROM (SELECT DISTINCT unnest($2::text[]) AS person) p CROSS JOIN LATERAL (
           SELECT * FROM appointments o
           WHERE o.tenant = $1 AND o.person = p.person AND o.status = 'booked' AND o.starts_at > $3
           ORDER BY o.starts_at LIMIT $4
         ) a ORDER BY a.starts_at, a.id LIMIT $4`,
        [tenant, persons, at(now), max],
      );
      return found.rows;
    },

    /** Cancels what is booked; false when it is not. */
    async cancel(tenant: string, id: string, by: string, now: number): Promise<boolean> {
      const cancelled = await database.query(
        [tenant],
        `UPDATE appointments a SET status = 'cancelled', cancelled_by = $3, updated_at = $4
         WHERE a.tenant = $1 AND a.id = $2 AND a.status = 'booked'`,
        [tenant, id, by, at(now)],
      );
      return cancelled.rowCount === 1;
    },

    /** What is booked goes where its event was moved by hand; false when that place is taken. */
    async follow(tenant: string, id: string, start: number, end: number, now: number): Promise<boolean> {
      try {
        const moved = await database.query(
          [tenant],
          `UPDATE appointments a SET starts_at = $3, ends_at = $4, sequence = a.sequence + 1, updated_at = $5
           WHERE a.tenant = $1 AND a.id = $2 AND a.status = 'booked'`,
          [tenant, id, at(start), at(end), at(now)],
        );
        return moved.rowCount === 1;
      } catch (caught) {
        if (caught instanceof Error && 'code' in caught && caught.code === exclusionViolation) return false;
        throw caught;
      }
    },

    /** Some of all that there is of a person. */
    async ofPerson(tenant: string, person: string, after: string, max: number) {
      const found = await database.query<AppointmentRow>(
        [tenant],
        `SELECT ${columns} FROM appointments a WHERE a.tenant = $1 AND a.person = $2 AND a.id > $3 ORDER BY a.id LIMIT $4`,
        [tenant, person, after, max],
      );
      return found.rows;
    },

    async remove(tenant: string, ids: readonly string[]) {
      await database.query([tenant], 'DELETE FROM appointments WHERE tenant = $1 AND id = ANY ($2::text[])', [
        tenant,
        ids,
      ]);
    },

    /** Removes some of what was held and not taken. */
    async tidy(tenant: string, now: number) {
      await database.query(
        [tenant],
        `DELETE FROM appointments WHERE id = ANY (ARRAY(
           SELECT id FROM appointments WHERE status = 'released' AND updated_at < $1::timestamptz - ${releasedKept}
           ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED))`,
        [at(now), tidiedAtOnce],
      );
    },
  };
}

/** The rows. */
export type AppointmentRows = ReturnType<typeof openAppointmentRows>;

async function hold(sql: Sql, tenant: string, wanted: WantedTime, now: number): Promise<AppointmentRow | undefined> {
  const { id, conversation, persons, service, start, end, place, until } = wanted;
  // One round trip. What an earlier life of the same hold left is of no more use; what it did stands.
  const [, , , known, placeOf] = await Promise.all([
    sql.query(
      `DELETE FROM appointments a WHERE a.tenant = $1 AND a.id = $2 AND (a.status = 'released'
         OR (a.status IN ('held', 'booking') AND a.held_until <= $3))`,
      [tenant, id, at(now)],
    ),
    sql.query(
      `UPDATE appointments SET status = 'released', updated_at = $3
       WHERE tenant = $1 AND conversation = $2 AND status = 'held' AND $5 AND NOT EXISTS (SELECT FROM appointments k WHERE k.id = $4)`,
      [tenant, conversation, at(now), id, wanted.replaces],
    ),
    sql.query(
      `UPDATE appointments a SET status = 'released', updated_at = $5
       WHERE ${within} AND a.status IN ('held', 'booking') AND a.held_until <= $5`,
      [tenant, place.calendar, at(start), at(end), at(now)],
    ),
    sql.query<AppointmentRow>(`SELECT ${columns} FROM appointments a WHERE a.tenant = $1 AND a.id = $2`, [tenant, id]),
    placeFor(sql, tenant, wanted),
  ]);
  if (known.rows[0] !== undefined) return known.rows[0];
  // Who is between these two statements of another process is met by the constraint, which waits for them.
  for (let attempt = 0; attempt <= place.seats; attempt += 1) {
    const seat = await freeSeat(sql, wanted, placeOf);
    if (seat === undefined) return undefined;
    const kept = await sql.query<AppointmentRow>(
      `INSERT INTO appointments AS a (tenant, id, person, conversation, service, calendar, seat, starts_at, ends_at, status,
         place_of, held_until, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'held', $10, $11, $12, $12)
       ON CONFLICT DO NOTHING RETURNING ${columns}`,
      [
        tenant,
        id,
        persons[0],
        conversation,
        service,
        place.calendar,
        seat,
        at(start),
        at(end),
        placeOf,
        at(until),
        at(now),
      ],
    );
    if (kept.rows[0] !== undefined) return kept.rows[0];
  }
  return undefined;
}

/** The appointment to be moved, when it is the person's to move; else the time is for an appointment of its own. */
async function placeFor(sql: Sql, tenant: string, { id, moving, persons }: WantedTime): Promise<string> {
  if (moving === null) return id;
  const own = await sql.query(
    `SELECT a.id FROM appointments a
     WHERE a.tenant = $1 AND a.id = $2 AND a.person = ANY ($3::text[]) AND a.status = 'booked'`,
    [tenant, moving, persons],
  );
  return own.rows.length === 0 ? id : moving;
}

async function freeSeat(sql: Sql, { place, start, end }: WantedTime, placeOf: string): Promise<number | undefined> {
  const found = await sql.query<{ seat: number }>(
    `SELECT DISTINCT a.seat FROM appointments a WHERE ${within} AND a.place_of <> $5`,
    [place.tenant, place.calendar, at(start), at(end), placeOf],
  );
  const taken = new Set(found.rows.map(({ seat }) => seat));
  for (let seat = 1; seat <= place.seats; seat += 1) if (!taken.has(seat)) return seat;
  return undefined;
}
