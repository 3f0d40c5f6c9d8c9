/**
 * Servers started for real, in folders of their own. Where it matters who dies, the owner is a child
 * process that is killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { OperatingError } from '../errors.ts';
import { lockDataDirectory, processStart } from './data-directory-lock.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts';

const isRoot = process.getuid?.() === 0;
const ownerProgram = fileURLToPath(new URL('../testing/embedded-postgres-owner.ts', import.meta.url));

let folder: string;
/** Of the test that runs. Making a cluster takes its time, so most tests share one. */
let dataDir: string;
let fresh = 0;
const servers: EmbeddedPostgres[] = [];
const owners: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prosa-embedded-'));
});

beforeEach(() => {
  dataDir = join(folder, 'shared');
});

/** From here on, the test has a data directory of its own. */
function freshDirectory(): void {
  fresh += 1;
  dataDir = join(folder, `fresh-${fresh}`);
}

afterEach(async () => {
  for (const owner of owners.splice(0)) await kill(owner);
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  const left = await serverPid();
  if (left !== undefined && left !== process.pid && (await processStart(left)) !== undefined)
    process.kill(left, 'SIGKILL');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function start(log?: (line: string) => void): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres(log === undefined ? { dataDir } : { dataDir, log });
  servers.push(server);
  return server;
}

/** Runs the statements one by one; gives the first column of the last one's rows. */
async function query(url: string, ...statements: readonly string[]): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows;
    return rows.map((row) => Object.values(row)[0]);
  } finally {
    await client.end();
  }
}

/** A table with one row, in place of any of an earlier test. */
const keep = (url: string, n: number): Promise<unknown[]> =>
  query(url, 'DROP TABLE IF EXISTS kept', 'CREATE TABLE kept (n int)', `INSERT INTO kept VALUES (${n})`);

const kept = (url: string): Promise<unknown[]> => query(url, 'SELECT n FROM kept');

/** Pid of the server on the data directory, by its own file. */
async function serverPid(): Promise<number | undefined> {
  const file = await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').catch(() => undefined);
  return file === undefined ? undefined : Number(file.split('\n')[0]);
}

/** Another process that starts the server and then waits; gives its url. */
async function startOwner(environment: NodeJS.ProcessEnv = process.env): Promise<{ owner: ChildProcess; url: string }> {
  const owner = spawn(process.execPath, [ownerProgram, dataDir], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  owners.push(owner);
  for await (const line of createInterface({ input: owner.stdout })) return { owner, url: line };
  throw new Error('the owner ended before its server was ready');
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  await expect.poll(condition, { timeout: 10_000, interval: 20 }).toBe(true);
}

async function refusal(work: Promise<unknown>): Promise<OperatingError> {
  const caught: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(caught).toBeInstanceOf(OperatingError);
  return caught as OperatingError;
}

describe('the embedded server', () => {
  test('keeps its data over a restart, is UTF-8 with the built-in locale, durable, on loopback, with a password', async () => {
    const first = await start();
    await query(first.url, 'CREATE TABLE words (word text)', `INSERT INTO words VALUES ('ação')`);
    await first.stop();
    await first.stop();
    expect(await first.ended).toEqual({ asked: true });

    const { url } = await start();
    expect(await query(url, 'SELECT word FROM words')).toEqual(['ação']);
    expect(await query(url, 'SELECT current_database()')).toEqual(['prosa']);
    expect(
      await query(url, `SELECT concat(datlocprovider, pg_encoding_to_char(encoding), datlocale) FROM pg_database`),
    ).toEqual(['bUTF8C.UTF-8', 'bUTF8C.UTF-8', 'bUTF8C.UTF-8', 'bUTF8C.UTF-8']);
    expect(
      await query(
        url,
        `SELECT setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'listen_addresses') ORDER BY name`,
      ),
    ).toEqual(['on', 'on', '127.0.0.1', 'on']);

    const stranger = new URL(url);
    stranger.password = 'guess';
    await expect(query(stranger.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
    expect((await stat(join(dataDir, 'postgres.password'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(dataDir, 'postgres'))).mode & 0o077).toBe(0);
  });

  test('does not log what a failing statement said', async () => {
    const lines: string[] = [];
    const { url } = await start((line) => lines.push(line));
    await query(url, 'CREATE TABLE people (name text PRIMARY KEY)');
    await query(url, `INSERT INTO people VALUES ('canary-person')`);
    await expect(query(url, `INSERT INTO people VALUES ('canary-person')`)).rejects.toThrow(/duplicate key/);
    await expect(query(url, `SELECT 'canary-number'::int`)).rejects.toThrow(/canary-number/);
    await servers[0]?.stop();
    expect(lines.join('\n')).toContain('database system is shut down');
    expect(lines.join('\n')).not.toContain('canary');
  });

  test('tells when it ended unasked', async () => {
    const server = await start();
    const pid = await serverPid();
    process.kill(pid ?? 0, 'SIGINT');
    expect(await server.ended).toEqual({ asked: false });
    await server.stop();
    const again = await start();
    expect(await query(again.url, 'SELECT 1')).toEqual([1]);
  });

  test('ends with its program, and a next start has what was committed', async () => {
    const { owner, url } = await startOwner();
    await keep(url, 7);
    const pid = await serverPid();
    expect(pid).toBeTypeOf('number');
    await kill(owner);
    const next = await start();
    expect(await kept(next.url)).toEqual([7]);
    expect(await serverPid()).not.toBe(pid);
    expect(await processStart(pid ?? 0)).toBeUndefined();
  });

  test('ends after kill -9 of its program without any next start', async () => {
    const { owner } = await startOwner();
    const pid = await serverPid();
    await kill(owner);
    await until(async () => (await processStart(pid ?? 0)) === undefined);
  });

  test('an orphan that nobody keeps is stopped by the next start', async () => {
    const { owner, url } = await startOwner();
    await keep(url, 8);
    const pid = (await serverPid()) ?? 0;
    // Kill the program and, first, the shell and its watcher that would end the server.
    for (const keeper of await keepersOf(pid)) process.kill(keeper, 'SIGKILL');
    await kill(owner);
    expect(await processStart(pid)).toBeDefined();

    const next = await start();
    expect(await kept(next.url)).toEqual([8]);
    expect(await processStart(pid)).toBeUndefined();
  });

  test('comes up after its own kill -9, with what was committed', async () => {
    const server = await start();
    await keep(server.url, 9);
    process.kill((await serverPid()) ?? 0, 'SIGKILL');
    await server.ended;
    await server.stop();
    const next = await start();
    expect(await kept(next.url)).toEqual([9]);
  });

  test('a pid file that names another process is not believed', async () => {
    await (await start()).stop();
    await writeFile(join(dataDir, 'postgres', 'postmaster.pid'), `${process.pid}\n${dataDir}\n`);
    expect(await query((await start()).url, 'SELECT 1')).toEqual([1]);
  });

  test('a half-made cluster is not taken for a whole one', async () => {
    freshDirectory();
    await mkdir(join(dataDir, 'postgres.new', 'base'), { recursive: true });
    await writeFile(join(dataDir, 'postgres.new', 'PG_VERSION'), '18\n');
    expect(await query((await start()).url, 'SELECT 1')).toEqual([1]);
    expect(await readdir(dataDir)).not.toContain('postgres.new');
  });

  test('a second live start is refused with the pid of the first, which is not disturbed', async () => {
    const { owner, url } = await startOwner();
    const refused = await refusal(startEmbeddedPostgres({ dataDir }));
    expect(refused.code).toBe('data-directory.in-use');
    expect(refused.message).toContain(`Process ${owner.pid ?? 0} uses`);
    expect(await query(url, 'SELECT 1')).toEqual([1]);
  });

  test('a cluster of another major version is refused', async () => {
    freshDirectory();
    await mkdir(join(dataDir, 'postgres'), { recursive: true });
    await writeFile(join(dataDir, 'postgres.password'), 'x\n');
    await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), '17\n');
    const refused = await refusal(startEmbeddedPostgres({ dataDir }));
    expect(refused.message).toContain('written by Postgres 17');
  });

  test('does not need an environment', async () => {
    freshDirectory();
    const { url } = await startOwner({});
    expect(await query(url, `SELECT upper('ação')`)).toEqual(['AÇÃO']);
  });

  test.runIf(isRoot)('as root: runs unprivileged, with its data inside a root-only folder', async () => {
    await chmod(folder, 0o700);
    const { url } = await start();
    const pid = (await serverPid()) ?? 0;
    expect((await stat(`/proc/${pid}`)).uid).not.toBe(0);
    await keep(url, 10);
    await query(url, 'CHECKPOINT');
    expect(await query(url, 'SELECT pg_reload_conf()')).toEqual([true]);
    await servers[0]?.stop();
    expect(await readdir(dataDir)).toEqual(expect.arrayContaining(['postgres', 'postgres.password']));
    expect(await kept((await start()).url)).toEqual([10]);
  });
});

describe('the lock of a data directory', () => {
  beforeEach(async () => {
    freshDirectory();
    await mkdir(dataDir);
  });

  test('is free again once released, and taken while held', async () => {
    const lock = await lockDataDirectory(dataDir, 0);
    expect((await refusal(lockDataDirectory(dataDir, 50))).code).toBe('data-directory.in-use');
    await lock.release();
    await lock.release();
    await (await lockDataDirectory(dataDir, 0)).release();
    expect(await readdir(dataDir)).toEqual([]);
  });

  test('waits for a predecessor that lets go', async () => {
    const lock = await lockDataDirectory(dataDir, 0);
    const second = lockDataDirectory(dataDir, 2_000);
    await lock.release();
    await (await second).release();
  });

  test('is not held by a dead process, nor by one that has a dead one’s pid', async () => {
    await writeFile(join(dataDir, `owner.${process.ppid}.1-00000000`), '');
    await writeFile(join(dataDir, 'owner.999999999.1-00000000'), '');
    await (await lockDataDirectory(dataDir, 0)).release();
    expect(await readdir(dataDir)).toEqual([]);
  });

  test('is held by a live process', async () => {
    const start = (await processStart(process.ppid)) ?? '';
    await writeFile(join(dataDir, `owner.${process.ppid}.${start}`), '');
    const refused = await refusal(lockDataDirectory(dataDir, 0));
    expect(refused.message).toContain(`Process ${process.ppid} uses`);
    expect(await readdir(dataDir)).toEqual([`owner.${process.ppid}.${start}`]);
  });
});

/** The shell that keeps a server and the shell's watcher: the server's parent and its siblings. */
async function keepersOf(server: number): Promise<readonly number[]> {
  const listing = spawn('ps', ['-eo', 'pid=,ppid='], { stdio: ['ignore', 'pipe', 'inherit'] });
  const processes: { pid: number; parent: number }[] = [];
  for await (const line of createInterface({ input: listing.stdout })) {
    const [pid = 0, parent = 0] = line.trim().split(/\s+/).map(Number);
    processes.push({ pid, parent });
  }
  const keeper = processes.find(({ pid }) => pid === server)?.parent ?? 0;
  expect(keeper).toBeGreaterThan(1);
  const watchers = processes.filter(({ pid, parent }) => parent === keeper && pid !== server).map(({ pid }) => pid);
  expect(watchers).toHaveLength(1);
  return [keeper, ...watchers];
}
