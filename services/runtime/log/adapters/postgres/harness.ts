/** The contract's harness on Postgres; for tests only. Each handle has a pool of its own, as a process would. */
import pg from 'pg';

import { openDatabase, type Database, type Sql, type SqlResult } from '#runtime/database/database.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { RecordLog } from '#runtime/log/record-log.ts';
import { terminateConnections, testDatabase } from '#runtime/testing/postgres.ts';
import type { Harness, HarnessOptions } from '#runtime/testing/record-log.contract.ts';

import { internalsDefault, type PostgresLogInternals } from './internals.ts';
import { openPostgresLogWith } from './postgres-log.ts';

const leaseMs = 700;

interface Handle {
  readonly database: StagedDatabase;
  readonly applicationName: string;
  stalled: boolean;
}

/** Makes a harness; `internals` may leave protections out. */
export async function makePostgresHarness(
  { partitionCount }: HarnessOptions,
  internals: Partial<PostgresLogInternals> = {},
): Promise<Harness> {
  const database = await testDatabase();
  const { url } = database;
  const owner = new pg.Client({ connectionString: url });
  await owner.connect();
  const handles = new Map<RecordLog, Handle>();
  const handleOf = (log: RecordLog): Handle => {
    const handle = handles.get(log);
    if (handle === undefined) throw new Error('not a handle of this harness');
    return handle;
  };

  return {
    patienceMs: 10_000,
    async open(options = {}) {
      const applicationName = `handle-${handles.size + 1}`;
      const staged = new StagedDatabase(
        openDatabase({ url, role: 'prosa_worker', connectionsMax: 6, applicationName }),
      );
      const handle: Handle = { database: staged, applicationName, stalled: false };
      const log = await openPostgresLogWith(
        {
          database: staged,
          partitionCount: options.partitionCount ?? partitionCount,
          clientId: applicationName,
          leaseMs,
          pollMs: 50,
        },
        { ...internalsDefault, ...internals, coordinationPaused: () => handle.stalled },
      );
      handles.set(log, handle);
      const close = log.close.bind(log);
      // With its log, not with the harness: the cases together open more than the server has connections.
      return Object.assign(log, {
        close: async () => {
          await close();
          await staged.close();
        },
      });
    },
    async sever(log) {
      const { database, applicationName } = handleOf(log);
      database.severed = true;
      await terminateConnections(url, applicationName);
    },
    async stall(log) {
      handleOf(log).stalled = true;
      await new Promise((resolve) => setTimeout(resolve, leaseMs));
    },
    async truncate(topic, partition, offset) {
      await owner.query('DELETE FROM log.records WHERE topic = $1 AND partition = $2 AND record_offset < $3', [
        topic,
        partition,
        offset,
      ]);
      await owner.query('UPDATE log.partitions SET start_offset = $3 WHERE topic = $1 AND partition = $2', [
        topic,
        partition,
        offset,
      ]);
    },
    async setCommitted(group, topic, partition, offset) {
      await owner.query(
        'UPDATE log.cursors SET committed_offset = $4 WHERE consumer_group = $1 AND topic = $2 AND partition = $3',
        [group, topic, partition, offset],
      );
    },
    loseNextAnswer(log, outcome) {
      handleOf(log).database.loseNextAnswer = outcome;
    },
    holdNextCommit(log, until) {
      const { database: staged } = handleOf(log);
      return new Promise((reached) => {
        staged.holdNextCommit = () => {
          reached();
          return until;
        };
      });
    },
    async close() {
      await Promise.all([...handles.values()].map(({ database }) => database.close()));
      await owner.end();
      await database.close();
    },
  };
}

/** A database whose connections can be cut, and whose next commit of a slice can lose its answer. */
class StagedDatabase implements Database {
  severed = false;
  loseNextAnswer: 'applied' | 'lost' | undefined;
  holdNextCommit: (() => Promise<void>) | undefined;
  readonly #inner: Database;

  constructor(inner: Database) {
    this.#inner = inner;
  }

  async transaction<T>(tenants: readonly string[], work: (sql: Sql) => Promise<T>): Promise<T> {
    this.#refuseSevered();
    const staged = { movesCursor: false, outcome: undefined as 'applied' | 'lost' | undefined };
    const result = await this.#inner.transaction(tenants, async (sql) => {
      const done = await work({
        query: (text, values) => {
          staged.movesCursor ||= /SET committed_offset = [$m]/.test(text);
          return sql.query(text, values);
        },
      });
      this.#refuseSevered();
      if (staged.movesCursor) {
        await this.#takeHold()?.();
        staged.outcome = this.#takeStaged();
      }
      if (staged.outcome === 'lost') throw new OperatingError('database.unavailable');
      return done;
    });
    if (staged.outcome === 'applied') throw new OperatingError('database.unavailable');
    return result;
  }

  query<Row>(tenants: readonly string[], text: string, values?: readonly unknown[]): Promise<SqlResult<Row>> {
    return this.transaction(tenants, (sql) => sql.query<Row>(text, values));
  }

  queries(
    tenants: readonly string[],
    statements: readonly (readonly [text: string, values: readonly unknown[]])[],
  ): Promise<readonly SqlResult<Record<string, unknown>>[]> {
    return this.transaction(tenants, (sql) => Promise.all(statements.map(([text, values]) => sql.query(text, values))));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #takeHold(): (() => Promise<void>) | undefined {
    const hold = this.holdNextCommit;
    this.holdNextCommit = undefined;
    return hold;
  }

  #takeStaged(): 'applied' | 'lost' | undefined {
    const outcome = this.loseNextAnswer;
    this.loseNextAnswer = undefined;
    return outcome;
  }

  #refuseSevered(): void {
    if (this.severed) throw new OperatingError('database.unavailable');
  }
}
