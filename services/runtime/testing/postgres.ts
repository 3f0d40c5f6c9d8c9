/**
 * Databases for tests: one server per test process, started by the first who asks, a fresh database
 * with all migrations for everyone who asks.
 *
 * Owns the server and its folder; both go when the test process ends.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll } from 'vitest';

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
  await asOwner(url, `CREATE DATABASE ${name}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  await migrate(own.href);
  return { url: own.href, close: () => asOwner(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

/** Ends every connection of that application name, as the death of its process would. */
export function terminateConnections(url: string, applicationName: string): Promise<void> {
  if (!/^[\w-]+$/.test(applicationName)) throw new Error('an application name of another kind');
  return asOwner(
    url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${applicationName}'`,
  );
}

async function startServer(): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'prosa-test-postgres-'));
  const dataDir = join(folder, 'data');
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
