/**
 * `npm run cluster`: the real broker and one process per service, on one machine.
 *
 * Owns the processes it starts: broker, embedded Postgres, Redis where there is one, every service
 * (actor host and sender twice; the Baileys gateway where its packages are installed), and a small edge
 * that gives them one URL as a proxy would. Lines of services are prefixed with their name. A service that
 * ends by itself is started again, where it was; one signal ends all, in the reverse order of starting.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

import { type Broker, findBroker } from '#runtime/components/broker.ts';
import { freePorts } from '#runtime/components/process-guard.ts';
import { findRedis } from '#runtime/components/redis.ts';
import { type Config, inheritedEnvironment, readConfig } from '#runtime/config.ts';
import { lockDataDirectory } from '#runtime/database/data-directory-lock.ts';
import { startEmbeddedPostgres } from '#runtime/database/embedded-postgres.ts';
import { OperatingError } from '#runtime/errors.ts';
import { type Logger, createLogger } from '#runtime/logger.ts';
import { serviceFlags } from '#runtime/process-flags.ts';
import { drainOnSignal, runMain } from '#runtime/process.ts';
import { derivedId } from '#runtime/records.ts';
import { demoTenant } from '#runtime/tenants/demo-tenant.ts';
import { provisionKeyFile } from '#runtime/vault/key-file.ts';

import { announce } from './announce.ts';
import type { Demo } from './demo.ts';
import { startEdge } from './edge.ts';

/** Services, in the order of starting, with how many processes each has. */
const processes: readonly (readonly [service: string, count: number])[] = [
  ['conversation', 2],
  ['timers', 1],
  ['sender', 2],
  ['projection', 1],
  ['compliance', 1],
  ['media', 1],
  ['webhooks', 1],
  ['replay', 1],
  ['ingest', 1],
];

/** Started when it is there: the gateway's packages are apart from all others, and not everybody has them. */
const baileysPackage = new URL('./baileys-gateway/packages/node_modules/baileys/package.json', import.meta.url);

/** Before a service that ended by itself is started again. */
const restartDelayMs = 1_000;

/** What a service's process says when it is ready. */
interface ServiceReady {
  readonly event: string;
  readonly url?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** A service's process, started again whenever it ends by itself. */
class Supervised {
  readonly name: string;
  readonly #service: string;
  #environment: Environment;
  #child: ChildProcess | undefined;
  #stopping = false;

  constructor(service: string, name: string, environment: Environment) {
    this.name = name;
    this.#service = service;
    this.#environment = environment;
  }

  /** Starts it; resolves with its ready line, rejects when it ends before. */
  start(): Promise<ServiceReady> {
    const child = spawn(
      process.execPath,
      [...serviceFlags, new URL(`./${this.#service}/main.ts`, import.meta.url).pathname],
      {
        // The channel tells the child when this supervisor is gone, so that it does not outlive it.
        env: { ...this.#environment, PROSA_LAUNCHER: '1' },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      },
    );
    this.#child = child;
    createInterface({ input: child.stderr ?? process.stdin }).on('line', (line) =>
      process.stderr.write(`${this.name.padEnd(15)} ${line}\n`),
    );
    return new Promise((resolveReady, reject) => {
      createInterface({ input: child.stdout ?? process.stdin }).once('line', (line) => {
        const ready = JSON.parse(line) as ServiceReady;
        // Others know it by this address: in its next life it has the same one. The gateway's is given.
        if (ready.url !== undefined && this.#service !== 'baileys-gateway')
          this.#environment = { ...this.#environment, PORT: new URL(ready.url).port };
        resolveReady(ready);
        child.once('exit', () => {
          this.#startAgain();
        });
      });
      child.once('exit', (code) => {
        reject(
          new OperatingError('config.invalid', `${this.name} ended with ${code ?? 'a signal'} before it was ready`),
        );
      });
    });
  }

  /** Asks it to drain; resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (child === undefined) return;
    if (child.exitCode !== null || child.signalCode !== null) return;
    await new Promise((gone) => {
      child.once('exit', gone);
      child.kill('SIGTERM');
    });
  }

  #startAgain(): void {
    if (this.#stopping) return;
    process.stderr.write(`${this.name.padEnd(15)} ended by itself, starting again\n`);
    setTimeout(() => {
      if (!this.#stopping) this.start().catch(() => this.#startAgain());
    }, restartDelayMs);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } }, strict: true });
  const config = readConfig();
  const logger = createLogger(config.logLevel, 'cluster');
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const environment = await startParts(config, closers);
    const demo = await setUp(environment);
    const gateway = await gatewayIn(environment, logger);
    const url = await startServices(config, { ...environment, ...gateway }, gateway !== undefined, closers, logger);
    drainOnSignal(logger, close);
    announce(values.json, resolve(config.dataDir), url, demo);
  } catch (caught) {
    await close();
    throw caught;
  }
}

/** Broker, Postgres, Redis and keys; returns the environment that services are given. */
async function startParts(config: Config, closers: (() => Promise<void>)[]): Promise<Environment> {
  const environment = inheritedEnvironment();
  const dataDir = resolve(config.dataDir);
  // Tables go with their log: those of `npm start`, whose log is in Postgres, stay as they are.
  const clusterDir = join(dataDir, 'cluster');
  await mkdir(clusterDir, { recursive: true, mode: 0o700 });
  // Another cluster on these data is told before a second broker is started on them.
  await (await lockDataDirectory(clusterDir)).release();

  let { databaseUrl, keyFile } = config;
  if (keyFile === undefined) {
    keyFile = join(dataDir, 'tenant-keys.json');
    provisionKeyFile(keyFile, [demoTenant]);
  }
  const broker = await findBroker({
    environment,
    dataFolder: join(clusterDir, 'kafka'),
    progress: (line) => process.stderr.write(`${line}\n`),
  });
  if (broker === undefined) {
    throw new OperatingError(
      'log.unavailable',
      'no broker: set KAFKA_BROKERS, or install Docker, or Java 17 with Maven',
    );
  }
  closers.push(() => broker.stop());
  if (databaseUrl === undefined) {
    const postgres = await startEmbeddedPostgres({ dataDir: await databaseFolder(broker, clusterDir, closers) });
    closers.push(() => postgres.stop());
    databaseUrl = postgres.url;
  }
  const redis = await findRedis({ ...environment, CI: undefined });
  if (redis !== undefined) closers.push(() => redis.stop());
  return {
    ...environment,
    DATABASE_URL: databaseUrl,
    KAFKA_BROKERS: broker.brokers.join(','),
    PROSA_KEY_FILE: keyFile,
    ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
    // Each finds a free port and says which; the edge has the one that is asked for.
    HOST: '127.0.0.1',
    PORT: '0',
  };
}

/** Where Postgres keeps its data: nowhere for long beside a broker in Docker, whose log is gone when it stops. */
async function databaseFolder({ kind }: Broker, clusterDir: string, closers: (() => Promise<void>)[]): Promise<string> {
  if (kind !== 'redpanda') return clusterDir;
  const folder = await mkdtemp(join(clusterDir, 'passing-'));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs the set-up service to its end. */
async function setUp(environment: Environment): Promise<Demo | undefined> {
  const child = spawn(process.execPath, [new URL('./set-up/main.ts', import.meta.url).pathname], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const code = await new Promise<number | null>((resolveExit) => child.once('close', resolveExit));
  if (code !== 0) throw new OperatingError('config.invalid', 'the set-up service failed');
  const { event, ...demo } = JSON.parse(said) as Demo & { readonly event: string };
  return event === 'set-up' && 'tenant' in demo ? demo : undefined;
}

/** Where the Baileys gateway will be; undefined when it is not to be started. */
async function gatewayIn(environment: Environment, logger: Logger): Promise<Environment | undefined> {
  if (environment['BAILEYS_GATEWAY_URL'] !== undefined) {
    logger.info('the Baileys gateway is not started: BAILEYS_GATEWAY_URL names another');
    return undefined;
  }
  if (!existsSync(baileysPackage)) {
    logger.info(
      'the Baileys gateway is not started: its packages are not installed; `npm run baileys-gateway` does it',
    );
    return undefined;
  }
  const [port = 0] = await freePorts(1);
  return { BAILEYS_GATEWAY_PORT: String(port), BAILEYS_GATEWAY_URL: `http://127.0.0.1:${port}` };
}

/** Starts all services and the edge; returns its URL. */
async function startServices(
  config: Config,
  environment: Environment,
  withGateway: boolean,
  closers: (() => Promise<void>)[],
  logger: Logger,
): Promise<string> {
  const started: Supervised[] = [];
  closers.push(async () => {
    await Promise.all(started.map((service) => service.stop()));
  });
  const start = async (service: string, name: string, more: Environment = {}): Promise<ServiceReady> => {
    const KAFKA_INSTANCE_ID = derivedId('n', hostname(), resolve(config.dataDir), name);
    const supervised = new Supervised(service, name, { ...environment, KAFKA_INSTANCE_ID, ...more });
    started.push(supervised);
    return supervised.start();
  };
  const names = processes.flatMap(([service, count]) =>
    Array.from({ length: count }, (_, i) => [service, count === 1 ? service : `${service}-${i + 1}`] as const),
  );
  const starting = new Map(names.map(([service, name]) => [name, start(service, name)]));
  // These are told where ingest is, and wait for nobody else.
  const behindIngest = async (service: string): Promise<ServiceReady> =>
    start(service, service, { PROSA_INGEST_URL: (await starting.get('ingest'))?.url ?? '' });
  const [ingest, api] = await Promise.all([
    starting.get('ingest'),
    ...['api', 'effects', ...(withGateway ? ['baileys-gateway'] : [])].map(behindIngest),
    ...starting.values(),
  ]);
  const edge = await startEdge({ '/webhooks/': ingest?.url ?? '', '/': api?.url ?? '' }, config, logger);
  closers.push(() => edge.close());
  return edge.url;
}

await runMain(main);
