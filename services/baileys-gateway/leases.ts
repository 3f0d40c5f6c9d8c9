/**
 * Who owns a session: one gateway process at a time.
 *
 * L1 An owner is (owner, epoch). The epoch grows with every change of owner, and every write of a session
 *    is under it: a deposed owner writes nothing, whatever it still believes.
 * L2 A lease that ran out may be taken by anybody; until somebody does, its owner may renew it.
 */
import type { Database, Sql } from '#runtime/database/database.ts';

/** A session that this process owns. */
export interface Lease {
  readonly tenant: string;
  readonly instance: string;
  readonly owner: string;
  readonly epoch: number;
}

/** A session as it was when it was taken. */
export interface TakenSession extends Lease {
  readonly wanted: boolean;
  readonly status: string;
  readonly reason: string | null;
}

/** Somebody else owns the session now (L1). */
export class Deposed extends Error {
  override readonly name = 'Deposed';

  constructor() {
    super('another gateway owns the session');
  }
}

/** Where a session is. */
export interface SessionPlace {
  /** Where its owner is reached; undefined when nobody owns it. */
  readonly ownerUrl: string | undefined;
  readonly status: string;
  readonly reason: string | null;
  readonly epoch: number;
  readonly waiting: number;
}

/** How this process presents itself. */
export interface LeaseOptions {
  readonly owner: string;
  readonly ownerUrl: () => string;
  readonly leaseMs: number;
}

interface TakenRow {
  readonly tenant: string;
  readonly instance: string;
  readonly epoch: string;
  readonly wanted: boolean;
  readonly state: string;
  readonly reason: string | null;
}

const takeStatement = (which: string, max: string): string => `
  WITH due AS (
    SELECT instance FROM baileys_sessions WHERE ${which} AND lease_until < now()
    ORDER BY lease_until LIMIT ${max} FOR UPDATE SKIP LOCKED
  )
  UPDATE baileys_sessions s
  SET owner = $1, owner_url = $2, epoch = s.epoch + 1, lease_until = now() + $3 * interval '1 ms'
  FROM due WHERE s.instance = due.instance
  RETURNING s.tenant, s.instance, s.epoch, s.wanted, s.state, s.reason`;

const takeDue = takeStatement('(wanted OR sequence > posted)', '$4');
const takeOne = takeStatement('instance = $4', '1');

/** Throws `database.unavailable`. */
export interface Leases {
  /** Takes sessions that are to be served and that nobody owns, `max` at most. */
  take(tenants: readonly string[], max: number): Promise<readonly TakenSession[]>;
  /** Takes this one, to be served or not, unless somebody owns it. */
  takeThis(tenant: string, instance: string): Promise<TakenSession | undefined>;
  /** Renews; resolves with the instances that are still owned. */
  renew(leases: readonly Lease[]): Promise<ReadonlySet<string>>;
  /** Gives a session back, so that others need not wait. */
  release(lease: Lease): Promise<void>;
  /** Makes it wanted, and makes it when there is none. */
  want(tenant: string, instance: string): Promise<void>;
  /** Undefined for a session that never was. */
  find(tenant: string, instance: string): Promise<SessionPlace | undefined>;
}

/** Opens the leases. */
export function openLeases(database: Database, { owner, ownerUrl, leaseMs }: LeaseOptions): Leases {
  const taken = (row: TakenRow): TakenSession => ({
    tenant: row.tenant,
    instance: row.instance,
    owner,
    epoch: Number(row.epoch),
    wanted: row.wanted,
    status: row.state,
    reason: row.reason,
  });

  return {
    async take(tenants, max) {
      const { rows } = await database.query<TakenRow>(tenants, takeDue, [owner, ownerUrl(), leaseMs, max]);
      return rows.map(taken);
    },

    async takeThis(tenant, instance) {
      const { rows } = await database.query<TakenRow>([tenant], takeOne, [owner, ownerUrl(), leaseMs, instance]);
      return rows.map(taken)[0];
    },

    async renew(leases) {
      if (leases.length === 0) return new Set();
      const { rows } = await database.query<{ readonly instance: string }>(
        [...new Set(leases.map(({ tenant }) => tenant))],
        `UPDATE baileys_sessions s SET lease_until = now() + $1 * interval '1 ms', owner_url = $2
         FROM unnest($3::text[], $4::bigint[]) AS held (instance, epoch)
         WHERE s.instance = held.instance AND s.epoch = held.epoch AND s.owner = $5 RETURNING s.instance`,
        [leaseMs, ownerUrl(), leases.map(({ instance }) => instance), leases.map(({ epoch }) => epoch), owner],
      );
      return new Set(rows.map(({ instance }) => instance));
    },

    async release(lease) {
      await database.query(
        [lease.tenant],
        `UPDATE baileys_sessions SET owner = NULL, owner_url = NULL, lease_until = '-infinity'
         WHERE instance = $1 AND epoch = $2 AND owner = $3`,
        [lease.instance, lease.epoch, lease.owner],
      );
    },

    async want(tenant, instance) {
      await database.query(
        [tenant],
        `INSERT INTO baileys_sessions (tenant, instance, wanted) VALUES ($1, $2, true)
         ON CONFLICT (instance) DO UPDATE SET wanted = true`,
        [tenant, instance],
      );
    },

    async find(tenant, instance) {
      const { rows } = await database.query<{
        readonly owner_url: string | null;
        readonly state: string;
        readonly reason: string | null;
        readonly epoch: string;
        readonly waiting: string;
      }>(
        [tenant],
        `SELECT CASE WHEN lease_until >= now() THEN owner_url END AS owner_url, state, reason, epoch,
           sequence - posted AS waiting
         FROM baileys_sessions WHERE instance = $1`,
        [instance],
      );
      const [row] = rows;
      return row === undefined
        ? undefined
        : {
            ownerUrl: row.owner_url ?? undefined,
            status: row.state,
            reason: row.reason,
            epoch: Number(row.epoch),
            waiting: Number(row.waiting),
          };
    },
  };
}

/** Makes the transaction one of this owner's, until its end nobody takes the session. Throws `Deposed` (L1). */
export async function requireOwner(sql: Sql, { instance, owner, epoch }: Lease): Promise<void> {
  const { rowCount } = await sql.query(
    'SELECT FROM baileys_sessions WHERE instance = $1 AND epoch = $2 AND owner = $3 FOR SHARE',
    [instance, epoch, owner],
  );
  if (rowCount === 0) throw new Deposed();
}
