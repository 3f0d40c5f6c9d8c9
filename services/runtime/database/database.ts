/**
 * Postgres with tenants kept apart by the database itself.
 *
 * Every table with a `tenant` column has row-level security, forced; its one policy compares with
 * the tenants that the transaction declared. A transaction that declares none sees no row. Services
 * connect as roles that own nothing and cannot bypass this.
 */
import { createHmac } from 'node:crypto';

import pg from 'pg';

import { codeOf, OperatingError } from '../errors.ts';
import { GatheringSocket } from './gathering-socket.ts';
import { nameStatements } from './statement-names.ts';

/** What a statement did. */
export interface SqlResult<Row> {
  readonly rows: readonly Row[];
  readonly rowCount: number;
}

/**
 * What runs statements: a transaction. Statements run in the order in which they were asked for, and
 * each is sent at once, without waiting for the one before: those that need nothing from each other
 * are asked for together (`Promise.all`) and cost one round trip. After one that failed, the others of
 * the transaction fail too, and the transaction throws what the first of them failed with.
 */
export interface Sql {
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<SqlResult<Row>>;
}

/** A pool of connections as one role. */
export interface Database {
  /**
   * Runs `work` in one transaction that sees rows of `tenants` only; commits when it resolves, rolls
   * back when it throws. Throws `database.unavailable` when Postgres cannot be reached.
   */
  transaction<T>(tenants: readonly string[], work: (sql: Sql) => Promise<T>): Promise<T>;
  /** A transaction of one statement, in one round trip. Throws like `transaction`. */
  query<Row = Record<string, unknown>>(
    tenants: readonly string[],
    text: string,
    values?: readonly unknown[],
  ): Promise<SqlResult<Row>>;
  /** A transaction of some statements, in one round trip; each sees what was committed before it began. Throws like `transaction`. */
  queries(
    tenants: readonly string[],
    statements: readonly (readonly [text: string, values: readonly unknown[]])[],
  ): Promise<readonly SqlResult<Record<string, unknown>>[]>;
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

/**
 * What runs over and over, all of it by an index, is planned once per connection: without the values,
 * and so that a plan made when a table was small does not read all of it later (migration 050 says what is
 * believed of it then). The API's lists are planned for what is asked.
 */
const plannedOnce = '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off';

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

/** What Postgres answers to every statement after one that failed, until the transaction ends. */
const failedBefore = '25P02';

/** True when the failure means that Postgres is away or busy, not that the statement was wrong. */
export function isUnavailable(caught: unknown): boolean {
  if (!(caught instanceof Error)) return false;
  const code = codeOf(caught);
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

/**
 * What Postgres answers when a statement that the connection prepared is gone, or no longer fits its
 * tables (a migration meanwhile). A new connection prepares it anew.
 */
const isStale = (caught: unknown): caught is Error =>
  caught instanceof Error &&
  'code' in caught &&
  (caught.code === '26000' || (caught.code === '0A000' && caught.message.includes('cached plan')));

/**
 * Opens a pool. Connects on first use. Statements that come again are prepared, once per connection:
 * their plans are kept, not the tenants, which every transaction declares for itself.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: loginUrl(options.url, options.role),
    max: options.connectionsMax,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    application_name: options.applicationName,
    pipeline: true,
    ...(options.role === 'prosa_api' ? {} : { options: plannedOnce }),
    stream: () => new GatheringSocket(),
  });
  // A pool without a listener ends the process when an idle connection breaks; the next query reports it.
  pool.on('error', () => undefined);
  // It listens to idle connections only; one that breaks between two statements of a transaction, or
  // while it is put away as broken, would end the process too.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const nameOf = nameStatements();
  let closed: Promise<void> | undefined;

  const run = async <Row>(client: pg.PoolClient, text: string, values: readonly unknown[]): Promise<SqlResult<Row>> => {
    const name = nameOf(text);
    const result = await client.query({ text, values: [...values], ...(name === undefined ? {} : { name }) });
    return { rows: result.rows as Row[], rowCount: result.rowCount ?? 0 };
  };

  const begin = async (client: pg.PoolClient, tenants: readonly string[]): Promise<void> => {
    const began = client.query('BEGIN');
    if (tenants.length === 0) await began;
    else await Promise.all([began, run(client, `SELECT set_config('app.tenants', $1, true)`, [tenants.join(',')])]);
  };

  const onConnection = async <T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
    let client: pg.PoolClient;
    try {
      client = await pool.connect();
    } catch (caught) {
      throw new OperatingError('database.unavailable', undefined, caught);
    }
    let broken: Error | undefined;
    try {
      return await work(client);
    } catch (caught) {
      try {
        await client.query('ROLLBACK');
      } catch (rollback) {
        broken = rollback instanceof Error ? rollback : new Error('rollback failed');
      }
      if (isStale(caught)) broken = caught;
      if (isUnavailable(caught) || isStale(caught)) throw new OperatingError('database.unavailable', undefined, caught);
      throw caught;
    } finally {
      client.release(broken);
    }
  };

  return {
    transaction: (tenants, work) =>
      onConnection(async (client) => {
        // Not waited for: it goes out with the first statement, and where it fails that fails too.
        const begun = begin(client, tenants);
        begun.catch(() => undefined);
        let isOver = false;
        // What is still going on after another part of `work` failed must not be done outside of the transaction.
        let fault: { readonly error: unknown } | undefined;
        const query = <Row>(text: string, values: readonly unknown[] = []): Promise<SqlResult<Row>> => {
          if (isOver) return Promise.reject(new Error('The transaction is over.'));
          const asked = run<Row>(client, text, values);
          asked.catch((error: unknown) => {
            fault ??= { error };
          });
          return asked;
        };
        let result: Awaited<ReturnType<typeof work>>;
        try {
          result = await work({ query });
        } catch (caught) {
          // Of statements asked for together, that of a later one may be heard of first; it says only that one before it failed.
          throw fault !== undefined && codeOf(caught) === failedBefore ? fault.error : caught;
        } finally {
          isOver = true;
          await begun;
        }
        await commit(client);
        return result;
      }),
    query: <Row>(tenants: readonly string[], text: string, values: readonly unknown[] = []) =>
      onConnection(async (client) => {
        // A statement alone is a transaction, and outside of one nothing is declared.
        if (tenants.length === 0) return run<Row>(client, text, values);
        return firstFault(begin(client, tenants), run<Row>(client, text, values), commit(client));
      }),
    queries: (tenants, statements) =>
      onConnection(async (client) => {
        const began = begin(client, tenants);
        const results = statements.map(([text, values]) => run<Record<string, unknown>>(client, text, values));
        return firstFault(began, Promise.all(results), commit(client));
      }),
    close() {
      closed ??= pool.end();
      return closed;
    },
  };
}

/** What the statements of a transaction give that was asked for at once; the fault is theirs, and not what it makes of the commit. */
async function firstFault<T>(began: Promise<void>, asked: Promise<T>, committed: Promise<void>): Promise<T> {
  const settled = await Promise.allSettled([began, asked, committed]);
  for (const part of settled) if (part.status === 'rejected') throw part.reason;
  return asked;
}

/** A statement for the beginning of a transaction: nobody waits for the disk at its commit, which a crash of Postgres may lose. */
export const unawaited = [`SELECT set_config('synchronous_commit', 'off', true)`, []] as const;

async function commit(client: pg.PoolClient): Promise<void> {
  const { command } = await client.query('COMMIT');
  // Postgres answers so when a statement failed and whoever asked for it hid it.
  if (command !== 'COMMIT') throw new Error('The transaction was rolled back: a statement of it had failed.');
}
