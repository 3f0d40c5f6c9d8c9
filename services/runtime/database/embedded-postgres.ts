/**
 * Supervisor of the Postgres that comes with us.
 *
 * Owns, in the data directory: `postgres/` (the cluster), `postgres.password` (the superuser's, 0600),
 * `owner.*` (the lock, see data-directory-lock.ts) and the server process. Does not own roles, tables
 * or connections.
 *
 * - E1 A cluster exists whole or not at all: it is made under another name, with its database, and renamed.
 * - E2 At most one server runs on a cluster: the lock comes first, what an earlier owner left running
 *   is stopped next, the server starts last.
 * - E3 The server does not outlive the program. It is a child of a shell that reads from a pipe held
 *   by us; when the pipe ends, by `stop` or by kill -9, the shell asks for a fast shutdown. Should the
 *   shell be killed as well, the next start finds the server by its pid file and working directory.
 * - E4 It is durable: fsync and synchronous_commit are on.
 * - E5 What the server prints holds no row's content: errors go to the client that caused them, not to
 *   the log.
 *
 * As root. Postgres refuses to run as root, so the server runs as the cluster's owner, at first
 * `nobody`. The data stays in the data directory even when that user cannot walk there (a root-only
 * folder): we enter the folder as root before giving up the rights, and name it `/proc/self/cwd`,
 * which needs no walk. Where there is no /proc (macOS), root needs a data directory that user can reach.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  access,
  chown,
  constants,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { codeOf, OperatingError } from '../errors.ts';
import { lockDataDirectory, processStart, type DataDirectoryLock } from './data-directory-lock.ts';
import { providePostgresBinaries, serverEnvironment, type ServerUser } from './postgres-binaries.ts';

const run = promisify(execFile);

/** Where the data is, and who hears what the server prints. */
export interface EmbeddedPostgresOptions {
  /** Made when missing. */
  readonly dataDir: string;
  /** Given the server's lines, one by one; they hold no personal data. */
  readonly log?: (line: string) => void;
}

/** A running server. */
export interface EmbeddedPostgres {
  /** Connects as superuser, on loopback, to the database `prosa`. Holds the password: do not log it. */
  readonly url: string;
  /** Resolves when the server process is gone, for whatever reason; tells whether `stop` was called before. */
  readonly ended: Promise<{ readonly asked: boolean }>;
  /** Fast shutdown: running transactions are rolled back, the rest is on disk. Idempotent. */
  stop(): Promise<void>;
}

/** Major version of the binaries and so of the cluster's files. */
const majorVersion = '18';

/** Milliseconds that a server is given to be ready; recovery after a crash is part of it. */
const startTimeoutMs = 60_000;

/** Milliseconds for a fast shutdown, and for an immediate one after that, before the server is killed. */
const stopPatienceMs = [6_000, 2_000] as const;

/** Starts tried: the chosen port may be taken meanwhile, a killed predecessor's memory may still be attached. */
const startAttempts = 4;

/**
 * Command-line settings. Small memory, no replication, C messages (we read them) and silence about
 * errors of statements, whose text would repeat row contents.
 */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // The pools of a whole cluster: a dozen for each of its services.
  max_connections: 200,
  shared_buffers: '64MB',
  fsync: 'on',
  synchronous_commit: 'on',
  wal_level: 'minimal',
  max_wal_senders: 0,
  min_wal_size: '32MB',
  max_wal_size: '512MB',
  max_logical_replication_workers: 0,
  io_method: 'sync',
  jit: 'off',
  huge_pages: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
  logging_collector: 'off',
  log_destination: 'stderr',
  log_line_prefix: '',
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
};

/** Runs the rest of its arguments; when its input ends, asks that process to shut down until it has. */
const keeperScript = [
  'exec 3<&0',
  '"$@" </dev/null 3<&- & server=$!',
  '{ read -r _ <&3; while kill -INT $server; do sleep 1; done; } 2>/dev/null & watcher=$!',
  'exec 3<&- </dev/null',
  'wait $server; code=$?',
  'kill $watcher 2>/dev/null; wait $watcher',
  'exit $code',
].join('\n');

/**
 * Starts the embedded Postgres on a data directory, making the cluster when there is none (about a
 * second; a warm start is a tenth of that). Throws `data-directory.in-use` when another live process
 * has it, `config.invalid` when it cannot be used, `database.unavailable` when the server does not start.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = await makeDirectory(options.dataDir);
  const lock = await lockDataDirectory(dataDir);
  try {
    const cluster = join(dataDir, 'postgres');
    const user = await serverUser(cluster);
    const binaries = await providePostgresBinaries(user, dataDir);
    const place: Place = { dataDir, cluster, user, binaries, log: options.log ?? (() => undefined) };
    const password = await providePassword(place);
    await createCluster(place);
    await stopOrphan(place);
    return await startServer(place, password, lock);
  } catch (caught) {
    await lock.release();
    throw caught;
  }
}

/** Everything the steps of a start have in common. */
interface Place {
  readonly dataDir: string;
  readonly cluster: string;
  readonly user: ServerUser;
  readonly binaries: string;
  readonly log: (line: string) => void;
}

async function makeDirectory(dataDir: string): Promise<string> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    return await realpath(dataDir);
  } catch (caught) {
    throw new OperatingError(
      'config.invalid',
      `PROSA_DATA_DIR ${dataDir} cannot be made or written: ${codeOf(caught)}.`,
      caught,
    );
  }
}

const isRoot = (): boolean => process.getuid?.() === 0;

/** The owner of an existing cluster, else the first fitting account; nothing when we are not root. */
async function serverUser(cluster: string): Promise<ServerUser> {
  if (!isRoot()) return undefined;
  const existing = await stat(cluster).catch(() => undefined);
  if (existing !== undefined && existing.uid !== 0) return { uid: existing.uid, gid: existing.gid };
  const accounts = await readFile('/etc/passwd', 'utf8').catch(() => '');
  for (const name of ['nobody', 'postgres', 'daemon']) {
    const [, , uid, gid] =
      accounts
        .split('\n')
        .find((line) => line.startsWith(`${name}:`))
        ?.split(':') ?? [];
    if (Number(uid) && Number(gid)) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new OperatingError(
    'config.invalid',
    'Postgres does not run as root and there is no account `nobody`; start as another user or set DATABASE_URL.',
  );
}

/** How the server calls its cluster's folder while that is its working directory. */
const clusterName = (place: Place, folder = place.cluster): string =>
  place.user !== undefined && process.platform === 'linux' ? '/proc/self/cwd' : folder;

/** The superuser's password, made at the first start. */
async function providePassword(place: Place): Promise<string> {
  const path = join(place.dataDir, 'postgres.password');
  const [known, cluster] = [
    await readFile(path, 'utf8').catch(() => ''),
    await stat(place.cluster).catch(() => undefined),
  ];
  if (known !== '') return known.trim();
  if (cluster !== undefined) {
    throw new OperatingError('config.invalid', `${path} is missing or cannot be read; the data belongs to it.`);
  }
  const password = randomBytes(24).toString('hex');
  await writeFile(path, `${password}\n`, { mode: 0o600 });
  return password;
}

/** Makes the cluster and its database unless they exist (E1). */
async function createCluster(place: Place): Promise<void> {
  const found = await readFile(join(place.cluster, 'PG_VERSION'), 'utf8').catch(codeOf);
  if (found.trim() === majorVersion) return;
  if (found !== 'ENOENT') {
    throw new OperatingError(
      'config.invalid',
      found.startsWith('E')
        ? `PROSA_DATA_DIR ${place.dataDir} cannot be read (${found}); it may belong to another user.`
        : `PROSA_DATA_DIR ${place.dataDir} was written by Postgres ${found.trim()}, this is ${majorVersion}.`,
    );
  }
  for (const name of await readdir(place.dataDir)) {
    if (name.startsWith('postgres.new')) await rm(join(place.dataDir, name), { recursive: true });
  }
  const draft = join(place.dataDir, 'postgres.new');
  await mkdir(draft, { mode: 0o700 });
  if (place.user !== undefined) await chown(draft, place.user.uid, place.user.gid);
  await initialize(place, draft);
  await rename(draft, place.cluster);
}

async function initialize(place: Place, draft: string): Promise<void> {
  const common = { cwd: draft, env: serverEnvironment, ...place.user };
  const name = clusterName(place, draft);
  const passwordPath = join(place.dataDir, 'postgres.password');
  // Opened by us, and once more by initdb through its standard input, for which its user must own it.
  if (place.user !== undefined) await chown(passwordPath, place.user.uid, place.user.gid);
  const password = await open(passwordPath);
  try {
    await finish(
      spawn(
        join(place.binaries, 'bin', 'initdb'),
        [
          ['--pgdata', name, '--username', 'prosa', '--pwfile', '/dev/stdin', '--auth', 'scram-sha-256'],
          [
            '--encoding=UTF8',
            '--locale=C',
            '--locale-provider=builtin',
            '--builtin-locale=C.UTF-8',
            '--no-instructions',
          ],
        ].flat(),
        { ...common, stdio: [password.fd, 'pipe', 'pipe'] },
      ),
      'initdb',
    );
  } finally {
    await password.close();
  }
  const single = spawn(
    join(place.binaries, 'bin', 'postgres'),
    ['--single', '-D', name, '-c', 'exit_on_error=on', 'postgres'],
    { ...common, stdio: ['pipe', 'pipe', 'pipe'] },
  );
  single.stdin.on('error', () => undefined);
  single.stdin.end('CREATE DATABASE prosa\n');
  await finish(single, 'The creation of the database');
}

/** Resolves when the process ended well; else throws with the last thing it said. */
async function finish(child: ChildProcess, what: string): Promise<void> {
  let said = '';
  const keep = (chunk: Buffer): void => void (said = (said + chunk.toString()).slice(-2_000));
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code === 0) return;
  throw new OperatingError('database.unavailable', `${what} failed: ${tellingLine(said.split('\n'))}`);
}

/** The line of a server's output that names the failure. */
function tellingLine(lines: readonly string[]): string {
  const said = lines.map((line) => line.trim()).filter((line) => line !== '');
  return said.find((line) => /FATAL|PANIC|error:/.test(line)) ?? said.at(-1) ?? 'it said nothing.';
}

/** Stops a server that an earlier owner left on this cluster; we hold the lock, so it is nobody's (E2). */
async function stopOrphan(place: Place): Promise<void> {
  const pidFile = join(place.cluster, 'postmaster.pid');
  const pid = Number((await readFile(pidFile, 'utf8').catch(() => '')).split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 0) return;
  if (await isServerOf(pid, place.cluster)) {
    place.log(`stopping the server ${pid} that an earlier process left`);
    await shutDown(pid);
  }
  // Else the pid belongs to something else by now; Postgres would refuse to start because of it.
  await rm(pidFile, { force: true });
}

/** True when the process is a Postgres server working in this folder. */
async function isServerOf(pid: number, cluster: string): Promise<boolean> {
  if ((await processStart(pid)) === undefined) return false;
  try {
    if (process.platform === 'linux') return (await readlink(`/proc/${pid}/cwd`)) === cluster;
    const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)], { env: serverEnvironment });
    return stdout.includes('postgres') && stdout.includes(cluster);
  } catch {
    return false;
  }
}

/** Fast shutdown of a server that is not our child; harsher ways when it takes too long. */
async function shutDown(pid: number): Promise<void> {
  const start = await processStart(pid);
  for (const [signal, patienceMs] of [
    ['SIGINT', stopPatienceMs[0]],
    ['SIGQUIT', stopPatienceMs[1]],
    ['SIGKILL', stopPatienceMs[1]],
  ] as const) {
    const deadline = Date.now() + patienceMs;
    send(pid, signal);
    while (Date.now() < deadline) {
      if ((await processStart(pid)) !== start) return;
      await sleep(15);
    }
  }
}

/** Sends a signal to a process that may be gone. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (caught) {
    if (codeOf(caught) !== 'ESRCH') throw caught;
  }
}

async function startServer(place: Place, password: string, lock: DataDirectoryLock): Promise<EmbeddedPostgres> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const keeper = spawnServer(place, port);
    const failure = await whyNotReady(keeper, place.log);
    if (failure === undefined) {
      const url = `postgres://prosa:${password}@127.0.0.1:${port}/prosa`;
      return supervise(keeper, place.cluster, url, lock);
    }
    await endKeeper(keeper, place.cluster);
    if (attempt === startAttempts) {
      throw new OperatingError('database.unavailable', `The embedded Postgres does not start: ${failure}`);
    }
    await sleep(200 * attempt);
  }
}

/** A port of the loopback that was free a moment ago. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}

type Keeper = ReturnType<typeof spawnServer>;

/** Starts the server under its keeper, in a process group of its own: Ctrl-C must not reach it before we have drained. */
function spawnServer(place: Place, port: number) {
  const flags = Object.entries({ ...settings, port }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const program = join(place.binaries, 'bin', 'postgres');
  return spawn('/bin/sh', ['-c', keeperScript, 'prosa-postgres', program, '-D', clusterName(place), ...flags], {
    cwd: place.cluster,
    env: serverEnvironment,
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
    ...place.user,
  });
}

/** Undefined as soon as the server takes connections; else why it does not. */
async function whyNotReady(keeper: Keeper, log: (line: string) => void): Promise<string | undefined> {
  const recent: string[] = [];
  const lines = createInterface({ input: keeper.stderr });
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(`not ready within ${startTimeoutMs / 1_000} s`), startTimeoutMs);
    const settle = (failure: string | undefined): void => {
      clearTimeout(timer);
      resolve(failure);
    };
    lines.on('line', (line) => {
      if (recent.push(line) > 20) recent.shift();
      log(line);
      if (line.includes('database system is ready to accept connections')) settle(undefined);
    });
    keeper.stdin.on('error', () => undefined);
    keeper.once('error', (error) => settle(error.message));
    keeper.once('close', () => settle(tellingLine(recent)));
  });
}

function supervise(keeper: Keeper, cluster: string, url: string, lock: DataDirectoryLock): EmbeddedPostgres {
  let stopping: Promise<void> | undefined;
  const ended = (async () => {
    if (keeper.exitCode === null && keeper.signalCode === null) await once(keeper, 'exit');
    return { asked: stopping !== undefined };
  })();
  const stop = async (): Promise<void> => {
    await endKeeper(keeper, cluster);
    await lock.release();
  };
  return {
    url,
    ended,
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** Ends the pipe, which asks for a fast shutdown, and makes sure that the server is gone. */
async function endKeeper(keeper: Keeper, cluster: string): Promise<void> {
  const pid = Number((await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[0]);
  const gone = keeper.exitCode !== null || keeper.signalCode !== null || keeper.pid === undefined;
  const exit = gone ? Promise.resolve() : once(keeper, 'exit');
  keeper.stdin.end();
  await Promise.race([exit, sleep(stopPatienceMs[0], undefined, { ref: false })]);
  if (pid > 0 && (await isServerOf(pid, cluster))) await shutDown(pid);
  await exit;
}
