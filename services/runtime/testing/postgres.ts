/**
 * Databases for tests: one server per test process, started by the first who asks, a fresh database
 * with all migrations for everyone who asks.
 *
 * Owns the server and its folder; both go when the test process ends. The first process of a run makes a
 * cluster with a migrated database and leaves it stopped in the run's folder; every server begins as a copy
 * of it and every database as a copy of its database, which takes a tenth of the time.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { afterAll, inject } from 'vitest';

import { startEmbeddedPostgres } from '#runtime/database/embedded-postgres.ts';
import { migrate } from '#runtime/database/migrate.ts';

import { guardProcess } from '../components/process-guard.ts';
import { asOwner } from './owner-sql.ts';

export { asOwner };

/** A database of one's own, as its owner. */
export interface TestDatabase {
  /** Connects as the owner of everything; services take roles, see `openDatabase`. */
  readonly url: string;
  /** Drops the database, whoever is connected. Idempotent. */
  close(): Promise<void>;
}

interface TestServer {
  readonly url: string;
  stop(): Promise<void>;
}

let server: Promise<TestServer> | undefined;
let serial = 0;

/** Makes a fresh database with all migrations. Call it from a test file's hooks or tests. */
export async function testDatabase(): Promise<TestDatabase> {
  server ??= startServer();
  const { url } = await server;
  serial += 1;
  const name = `test_${process.pid}_${serial}`;
  await asOwner(url, `CREATE DATABASE ${name} TEMPLATE ${migratedDatabase}`);
  return { url: ofDatabase(url, name), close: () => asOwner(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

/** Ends every connection of that application name, as the death of its process would. */
export function terminateConnections(url: string, applicationName: string): Promise<void> {
  if (!/^[\w-]+$/.test(applicationName)) throw new Error('an application name of another kind');
  return asOwner(
    url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${applicationName}'`,
  );
}

const ofDatabase = (url: string, name: string): string => {
  const own = new URL(url);
  own.pathname = `/${name}`;
  return own.href;
};

/** Nobody connects to it: databases are made as copies of it. */
const migratedDatabase = 'migrated';
const seedPatienceMs = 90_000;

/** The data directory that all servers of this run begin as; made by the first process that asks. */
async function seedOfRun(): Promise<string> {
  const folder = inject('runFolder');
  const seed = join(folder, 'postgres-seed');
  const isThere = (path: string): Promise<boolean> => stat(path).then(Boolean, () => false);
  if (await isThere(seed)) return seed;
  const isFirst = await mkdir(join(folder, 'postgres-seed.claimed')).then(
    () => true,
    () => false,
  );
  if (isFirst) {
    const draft = join(folder, 'postgres-seed.draft');
    const server = await startEmbeddedPostgres({ dataDir: draft });
    await asOwner(server.url, `CREATE DATABASE ${migratedDatabase}`);
    await migrate(ofDatabase(server.url, migratedDatabase));
    await server.stop();
    await rename(draft, seed);
    return seed;
  }
  const deadline = Date.now() + seedPatienceMs;
  while (!(await isThere(seed))) {
    if (Date.now() > deadline) throw new Error('the process that makes the cluster of the run did not end');
    await sleep(50);
  }
  return seed;
}

async function startServer(): Promise<TestServer> {
  const seed = await seedOfRun();
  const folder = await mkdtemp(join(tmpdir(), 'prosa-test-postgres-'));
  const dataDir = join(folder, 'data');
  await mkdir(dataDir, { mode: 0o700 });
  // With the owners of its files: Postgres does not run as root, nor on what is another's.
  const parts = ['postgres', 'postgres.password'].map((name) => join(seed, name));
  await promisify(execFile)('cp', ['-a', ...parts, dataDir]);
  const started = await startEmbeddedPostgres({ dataDir });
  const release = await guardServer(dataDir, folder);
  return {
    url: started.url,
    async stop() {
      await started.stop();
      release();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Neither server nor folder may outlive a test process that was killed. */
async function guardServer(dataDir: string, folder: string): Promise<() => void> {
  const [pid] = (await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
  return guardProcess(Number(pid), folder);
}

// Registered when a test file imports this: the server ends with the file.
afterAll(async () => {
  const started = server;
  server = undefined;
  await (await started)?.stop();
}, 60_000);
