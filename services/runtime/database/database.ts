/**
 * Postgres with tenants kept apart by the database itself.
 *
 * Every table with a `tenant` column has row-level security, forced; its one policy compares with
 * the tenants that the transaction declared. A transaction that declares none sees no row. Services
 * connect as roles that own nothing and cannot bypass this.
 */
import { createHmac } from 'node:crypto';

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

/** Roles that services log in as; what each may do is in the migrations. */
export const serviceRoles = ['prosa_ingest', 'prosa_worker', 'prosa_api'] as const;
export type ServiceRole = (typeof serviceRoles)[number];

/** How to connect. */
export interface DatabaseOptions {
  /** URL of the schema's owner; the role's own login is made from it. */
  readonly url: string;
  readonly role: ServiceRole;
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
  'EHOSTUNREACH',
  'ENETUNREACH',
  '57P01',
  '57P02',
  '57P03',
  '08000',
  '08003',
  '08006',
  '53300',
]);

/**
 * SQLSTATE classes and codes that say "not now" about a sound statement: connection, resources (disk
 * full too), rollback by conflict, operator or timeout, I/O, lock not available, read-only after a failover.
 */
const passingStates = /^(08|40|53|55|57|58)...$|^25(006|P03)$/;

/** True when the failure means that Postgres is away or busy, not that the statement was wrong. */
export function isUnavailable(caught: unknown): boolean {
  if (!(caught instanceof Error)) return false;
  const code = 'code' in caught && typeof caught.code === 'string' ? caught.code : '';
  return (
    unavailableCodes.has(code) ||
    passingStates.test(code) ||
    /Connection terminated|is not queryable|timeout exceeded when trying to connect/i.test(caught.message)
  );
}

/** A role's password, derived from the owner's; undefined when the owner needs none (trust, peer). */
export function rolePassword(ownerUrl: string, role: ServiceRole): string | undefined {
  const { password } = new URL(ownerUrl);
  return password === ''
    ? undefined
    : createHmac('sha256', decodeURIComponent(password)).update(`prosa/${role}`).digest('base64url');
}

/** The same database, logging in as a role: not as the owner who takes the role on and could put it off. */
function loginUrl(ownerUrl: string, role: ServiceRole): string {
  const url = new URL(ownerUrl);
  url.username = role;
  url.password = rolePassword(ownerUrl, role) ?? '';
  return url.href;
}

/** Opens a pool. Connects on first use. */
export function openDatabase(options: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: loginUrl(options.url, options.role),
    max: options.connectionsMax,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    application_name: options.applicationName,
  });
  // A pool without a listener ends the process when an idle connection breaks; the next query reports it.
  pool.on('error', () => undefined);
  // It listens to idle connections only; one that breaks between two statements of a transaction, or
  // while it is put away as broken, would end the process too.
  pool.on('connect', (client) => client.on('error', () => undefined));
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
        // In one round trip: most transactions are so short that a second one would be a fifth of their time.
        const declared = pg.escapeLiteral(tenants.join(','));
        await client.query(`BEGIN; SELECT set_config('app.tenants', ${declared}, true)`);
        const result = await work(sqlOf(client));
        const { command } = await client.query('COMMIT');
        // Postgres answers so when a statement failed and `work` hid it.
        if (command !== 'COMMIT') throw new Error('The transaction was rolled back: a statement of it had failed.');
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
