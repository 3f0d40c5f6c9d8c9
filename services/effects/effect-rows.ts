/**
 * The rows of `effects`: every statement of the service on them. Times are the database's clock, so that
 * processes with different clocks agree.
 */
import type { Database } from '#runtime/database/database.ts';
import { type Columns, insertRows } from '#runtime/database/rows.ts';
import type { ReadSlice } from '#runtime/log/consume-records.ts';
import { writeWithProgress } from '#runtime/log/queue-progress.ts';
import type { EffectRequested } from '#schemas/records.ts';

/** An effect that this process owns until its lease ends. */
export interface ClaimedEffect {
  readonly tenant: string;
  readonly id: string;
  readonly actor: string;
  readonly source: string;
  readonly revision: string | null;
  readonly input: Buffer | null;
  readonly attempts: number;
  readonly claim: string;
}

/** An answer that the actor was not told yet. */
export interface PendingAnswer {
  readonly tenant: string;
  readonly id: string;
  readonly actor: string;
  readonly revision: string | null;
  readonly outcome: 'done' | 'error';
  readonly reason: string | null;
  /** Sealed for the record. */
  readonly output: Buffer | null;
  /** Of its record, by the clock of the process that answered. Epoch milliseconds. */
  readonly occurredAt: number;
}

/** How much of a source may be taken. */
export interface SourceRoom {
  readonly source: string;
  readonly room: number;
  readonly leaseMs: number;
}

/** A row is needed for as long as the topic may give its request again, and a little longer. */
const keptDays = 35;
const removedAtOnce = 1_000;
/** How long the process that answered has to tell it before others do. */
const tellLeaseMs = 10_000;

const requestColumns: Columns<EffectRequested> = {
  tenant: ['text', (row) => row.tenant],
  id: ['text', (row) => row.effectId],
  actor: ['text', (row) => row.actor],
  source: ['text', (row) => row.source],
  revision: ['text', (row) => row.revision],
  input: ['bytea', (row) => row.sealed],
  status: ['text', () => 'requested'],
};

/** Of a request that was read before and is not there any more: as one whose claimer is gone. */
const lostColumns: Columns<EffectRequested> = {
  ...requestColumns,
  status: ['text', () => 'running'],
  lease_until: ['timestamptz', () => new Date(0)],
};

const claimed = 'e.tenant, e.id, e.actor, e.source, e.revision, e.input, e.attempts, e.claim';
const answered = `tenant, id, actor, revision, outcome, reason, output,
  floor(extract(epoch FROM coalesce(occurred_at, answered_at)) * 1000)::float8 AS "occurredAt"`;

/**
 * The condition on a row that was found by its id. Said so that no index of a status seems to fit, which would be read
 * whole in place of the one row.
 */
const isStill = (...statuses: readonly string[]): string =>
  `coalesce(status, '') IN (${statuses.map((status) => `'${status}'`).join(', ')})`;

const cancelStatement = `
  UPDATE effects SET status = 'cancelled', input = NULL WHERE id = ANY ($1::text[]) AND ${isStill('requested', 'running')}`;

/** Of each source the ones that are due first, as many as there is room for. $1 owner, $2 to $4 the columns of rooms, $5 most in all. */
const claimDueStatement = `
  WITH due AS (
    SELECT head.id, r.lease_ms FROM unnest($2::text[], $3::int[], $4::int[]) AS r (source, room, lease_ms)
    CROSS JOIN LATERAL (
      SELECT d.id FROM effects d WHERE d.status = 'requested' AND d.source = r.source AND d.next_attempt_at <= now()
      ORDER BY d.next_attempt_at LIMIT r.room FOR UPDATE SKIP LOCKED
    ) head LIMIT $5
  )
  UPDATE effects e SET status = 'running', claimed_by = $1, claim = e.claim + 1, attempts = e.attempts + 1,
    lease_until = now() + due.lease_ms * interval '1 ms'
  FROM due WHERE e.id = due.id RETURNING ${claimed}`;

const claimLapsedStatement = `
  UPDATE effects e SET claimed_by = $1, claim = e.claim + 1, lease_until = now() + $2 * interval '1 ms'
  WHERE e.id = ANY (ARRAY(
    SELECT id FROM effects WHERE status = 'running' AND lease_until <= now()
    ORDER BY lease_until LIMIT $3 FOR UPDATE SKIP LOCKED))
  RETURNING ${claimed}`;

/** Opens them as prosa_worker. All methods throw `database.unavailable`. */
export function openEffectRows(database: Database) {
  return {
    /**
     * Takes requests and cancellations from the log, in this order, and moves the progress of `group`; those that were
     * read `again` as begun by somebody. True when there are requests. Idempotent.
     */
    async accept(group: string, slices: readonly ReadSlice[], again: boolean): Promise<boolean> {
      const records = slices.flatMap((slice) => slice.records.map(({ record }) => record));
      const requests = records.filter((record) => record.type === 'effect.requested');
      const cancelled = records.filter((record) => record.type === 'effect.cancelled');
      const tenants = [...requests, ...cancelled].map(({ tenant }) => tenant);
      await writeWithProgress(database, group, { slices, tenants }, (sql) =>
        Promise.all([
          insertRows(sql, 'effects', again ? lostColumns : requestColumns, requests, '(id) DO NOTHING'),
          cancelled.length === 0 ? undefined : sql.query(cancelStatement, [cancelled.map(({ effectId }) => effectId)]),
        ]),
      );
      return requests.length > 0;
    },

    async claimDue(tenants: readonly string[], owner: string, rooms: readonly SourceRoom[], max: number) {
      if (rooms.length === 0 || max <= 0) return [];
      const columns = [rooms.map((one) => one.source), rooms.map((one) => one.room), rooms.map((one) => one.leaseMs)];
      return (await database.query<ClaimedEffect>(tenants, claimDueStatement, [owner, ...columns, max])).rows;
    },

    /** Takes over those whose claimer is gone: nobody knows whether they were carried out. */
    async claimLapsed(tenants: readonly string[], owner: string, leaseMs: number, max: number) {
      return (await database.query<ClaimedEffect>(tenants, claimLapsedStatement, [owner, leaseMs, max])).rows;
    },

    /** For an owner who knows that it is the only one. */
    async disown(tenants: readonly string[]) {
      await database.query(
        tenants,
        `UPDATE effects SET lease_until = now() WHERE status = 'running' AND lease_until > now()`,
      );
    },

    /** Puts one back; false when it is not ours any more. `countsAttempt` false: nothing was tried. */
    async putBack({ tenant, id, claim }: ClaimedEffect, delayMs: number, countsAttempt: boolean): Promise<boolean> {
      const { rowCount } = await database.query(
        [tenant],
        `UPDATE effects SET status = 'requested', next_attempt_at = now() + $3 * interval '1 ms', claimed_by = NULL,
           lease_until = NULL, attempts = attempts - $4
         WHERE id = $1 AND claim = $2 AND ${isStill('running')}`,
        [id, claim, delayMs, countsAttempt ? 0 : 1],
      );
      return rowCount === 1;
    },

    /** Keeps an answer; how the row stands then: `cancelled` and `taken` keep nothing. */
    async answer(effect: ClaimedEffect, answer: PendingAnswer): Promise<'kept' | 'cancelled' | 'taken'> {
      const { outcome, reason, output, occurredAt } = answer;
      const kept = await database.query(
        [effect.tenant],
        `UPDATE effects SET status = 'answered', outcome = $3, reason = $4, output = $5, input = NULL,
           answered_at = now(), occurred_at = to_timestamp($6 / 1000.0), lease_until = NULL
         WHERE id = $1 AND claim = $2 AND ${isStill('running')}`,
        [effect.id, effect.claim, outcome, reason, output, occurredAt],
      );
      if (kept.rowCount === 1) return 'kept';
      const found = await database.query<{ status: string }>(
        [effect.tenant],
        'SELECT status FROM effects WHERE id = $1 AND claim = $2',
        [effect.id, effect.claim],
      );
      return found.rows[0]?.status === 'cancelled' ? 'cancelled' : 'taken';
    },

    /** Those answers are on the log. Idempotent. */
    async told(answers: readonly PendingAnswer[]) {
      await database.query(
        [...new Set(answers.map(({ tenant }) => tenant))],
        `UPDATE effects SET status = 'done', output = NULL WHERE id = ANY ($1::text[]) AND ${isStill('answered')}`,
        [answers.map(({ id }) => id)],
      );
    },

    /** Answers that whoever made them did not tell in time; at once with `all`. */
    async untold(tenants: readonly string[], max: number, all: boolean): Promise<readonly PendingAnswer[]> {
      const found = await database.query<PendingAnswer>(
        tenants,
        `SELECT ${answered} FROM effects WHERE status = 'answered' AND answered_at <= now() - $2 * interval '1 ms'
         ORDER BY answered_at LIMIT $1`,
        [max, all ? 0 : tellLeaseMs],
      );
      return found.rows;
    },

    /** Of some that run, the ones that nobody waits for any more. */
    async cancelledAmong(tenants: readonly string[], ids: readonly string[]): Promise<readonly string[]> {
      if (ids.length === 0) return [];
      const found = await database.query<{ id: string }>(
        tenants,
        `SELECT id FROM effects WHERE id = ANY ($1::text[]) AND ${isStill('cancelled')}`,
        [ids],
      );
      return found.rows.map(({ id }) => id);
    },

    /** Takes requests of sources that nobody here knows, once they are old enough for anybody to have. */
    async claimUnknown(tenants: readonly string[], owner: string, known: readonly string[], olderThanMs: number) {
      const found = await database.query<ClaimedEffect>(
        tenants,
        `UPDATE effects e SET status = 'running', claimed_by = $1, claim = e.claim + 1, lease_until = now() + interval '1 minute'
         WHERE e.id = ANY (ARRAY(
           SELECT id FROM effects WHERE status = 'requested' AND source <> ALL ($2::text[])
             AND next_attempt_at <= now() - $3 * interval '1 ms' LIMIT 100 FOR UPDATE SKIP LOCKED))
         RETURNING ${claimed}`,
        [owner, known, olderThanMs],
      );
      return found.rows;
    },

    /** Removes what nobody will ask for again. */
    async tidy(tenants: readonly string[]) {
      await database.query(
        tenants,
        `DELETE FROM effects WHERE id = ANY (ARRAY(
           SELECT id FROM effects WHERE status IN ('done', 'cancelled') AND created_at < now() - $1 * interval '1 day'
           ORDER BY created_at LIMIT $2))`,
        [keptDays, removedAtOnce],
      );
    },
  };
}

/** The rows. */
export type EffectRows = ReturnType<typeof openEffectRows>;
