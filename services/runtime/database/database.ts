/**
 * Postgres with tenants kept apart by the database itself.
 *
 * Every table with a `tenant` column has row-level security, forced; its one policy compares with
 * the tenants that the transaction declared. A transaction that declares none sees no row. Services
 * connect as roles that own nothing and cannot bypass this.
 */
import pg from 'pg';

import { OperatingError } from '../errors.ts';

/** What runs statements: a transaction. */
export interface Sql {
  query<Row = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ readonly rows: readonly Row[]; readonly rowCount: number }>;
}

/** A pool of connections as one role. */
export interface Database {
  /**
   * Runs `work` in one transaction that sees rows of `tenants` only; commits when it resolves, rolls
   * back when it throws. Throws `database.unavailable` when Postgres cannot be reached.
   */
  transaction<T>(tenants: readonly string[], work: (sql: Sql) => Promise<T>): Promise<T>;
  /** Closes all connections. Idempotent. */
  close(): Promise<void>;
}

/** How to connect. */
export interface DatabaseOptions {
  readonly url: string;
  /** Role to act as, see migrations: prosa_ingest, prosa_worker, prosa_api. */
  readonly role: 'prosa_ingest' | 'prosa_worker' | 'prosa_api';
  readonly connectionsMax: number;
  /** Name shown in pg_stat_activity. */
  readonly applicationName: string;
}

/** Milliseconds to wait for a free or new connection. */
const connectTimeoutMs = 5_000;

/** Statements slower than this are given up, so that nothing waits for ever. */
const statementTimeoutMs = 30_000;

const unavailableCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
  'ENOTFOUND',
  '57P01',
  '57P02',
  '57P03',
  '08000',
  '08003',
  '08006',
  '53300',
]);

/** True when the failure means that Postgres is away, not that the statement was wrong. */
export function isUnavailable(caught: unknown): boolean {
  if (!(caught instanceof Error)) return false;
  const code = 'code' in caught && typeof caught.code === 'string' ? caught.code : '';
  return (
    unavailableCodes.has(code) || /Connection terminated|timeout exceeded when trying to connect/i.test(caught.message)
  );
}

/** Opens a pool. Connects on first use. */
export function openDatabase(options: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.connectionsMax,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    application_name: options.applicationName,
    // The role is part of the session from its first statement, so that no query can run without it.
    options: `-c role=${options.role}`,
  });
  // A pool without a listener ends the process when an idle connection breaks; the next query reports it.
  pool.on('error', () => undefined);
  let closed: Promise<void> | undefined;

  return {
    async transaction(tenants, work) {
      let client: pg.PoolClient;
      try {
        client = await pool.connect();
      } catch (caught) {
        throw new OperatingError('database.unavailable', undefined, caught);
      }
      let broken: Error | undefined;
      try {
        await client.query('BEGIN');
        await client.query(`SELECT set_config('app.tenants', $1, true)`, [tenants.join(',')]);
        const result = await work(sqlOf(client));
        await client.query('COMMIT');
        return result;
      } catch (caught) {
        try {
          await client.query('ROLLBACK');
        } catch (rollback) {
          broken = rollback instanceof Error ? rollback : new Error('rollback failed');
        }
        if (isUnavailable(caught)) throw new OperatingError('database.unavailable', undefined, caught);
        throw caught;
      } finally {
        client.release(broken);
      }
    },
    close() {
      closed ??= pool.end();
      return closed;
    },
  };
}

const sqlOf = (client: pg.PoolClient): Sql => ({
  async query<Row>(text: string, values: readonly unknown[] = []) {
    const result = await client.query(text, [...values]);
    return { rows: result.rows as Row[], rowCount: result.rowCount ?? 0 };
  },
});
