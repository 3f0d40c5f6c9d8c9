/**
 * The parts that a run stands on, each behind a proxy: a Postgres of its own, a broker of its own (or
 * the Postgres log), a Redis, and a WAHA that people are reached by. All of it ends with the scope.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type Broker, findBroker } from '#runtime/components/broker.ts';
import { type FoundRedis, findRedis } from '#runtime/components/redis.ts';
import { type Config, inheritedEnvironment, readConfig } from '#runtime/config.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#runtime/database/embedded-postgres.ts';
import { createLogger } from '#runtime/logger.ts';
import { type Platform, openPlatform } from '#runtime/platform.ts';
import { demoTenant } from '#runtime/tenants/demo-tenant.ts';
import { type FakeWaha, startFakeWaha } from '#runtime/testing/fake-waha.ts';
import { provisionKeyFile } from '#runtime/vault/key-file.ts';
import { openSubscriptions } from '#runtime/webhooks/subscriptions.ts';

import { type BenchInstance, type LogKind, quietEnvironment } from '../bench/installation.ts';
import { type Environment, startProcess } from '../bench/processes.ts';
import type { Scope } from '../bench/stage.ts';
import { toldOf } from './checker.ts';
import { historyConfiguration } from './programs/history-machine.ts';
import { mountSmallDisk } from './small-disk.ts';
import { Outskirts } from './outskirts.ts';
import { TcpProxy } from './tcp-proxy.ts';

const run = promisify(execFile);

/** Few, so that every process has several and they move often. */
const partitionCount = 4;
/** Sessions: on a broker of ours, and the shortest that every other takes. Transactions are a fifth shorter, and may take seconds. */
const sessionMs = { ours: 4_000, other: 6_000 } as const;

/** A Postgres that can be stopped, killed and set back. */
export class PostgresPart {
  readonly proxy: TcpProxy;
  readonly #folder: string;
  #server: EmbeddedPostgres;

  private constructor(folder: string, proxy: TcpProxy, server: EmbeddedPostgres) {
    this.#folder = folder;
    this.proxy = proxy;
    this.#server = server;
    this.#lead();
  }

  static async start(scope: Scope, folder: string): Promise<PostgresPart> {
    const proxy = await TcpProxy.open();
    scope.defer(() => proxy.close());
    const part = new PostgresPart(folder, proxy, await startEmbeddedPostgres({ dataDir: folder }));
    scope.defer(() => part.stop());
    return part;
  }

  /** Leads through the proxy; the same whatever the server does. */
  get url(): string {
    const url = new URL(this.#server.url);
    url.port = String(this.proxy.port);
    return url.href;
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }

  async start(): Promise<void> {
    this.#server = await startEmbeddedPostgres({ dataDir: this.#folder });
    this.#lead();
  }

  /** Keeps what is on disk; it must be stopped. */
  async copy(): Promise<void> {
    await run('rm', ['-rf', this.#copy]);
    await run('cp', ['-a', this.#cluster, this.#copy]);
  }

  /** Puts back what was kept; it must be stopped. */
  async putBack(): Promise<void> {
    await run('rm', ['-rf', this.#cluster]);
    await run('mv', [this.#copy, this.#cluster]);
  }

  get #cluster(): string {
    return join(this.#folder, 'postgres');
  }

  get #copy(): string {
    return join(this.#folder, 'kept');
  }

  #lead(): void {
    this.proxy.target = Number(new URL(this.#server.url).port);
  }
}

/** A broker behind a proxy, where it can be had. */
export interface BrokerPart {
  readonly broker: Broker;
  readonly proxy: TcpProxy;
  /** Topic names, groups and transactional ids begin with it. */
  readonly prefix: string;
}

async function startBroker(
  scope: Scope,
  say: (line: string) => void,
  dataFolder: string | undefined,
): Promise<BrokerPart> {
  const proxy = await TcpProxy.open();
  scope.defer(() => proxy.close());
  const environment = inheritedEnvironment();
  const broker = await findBroker({
    environment,
    advertisedPort: proxy.port,
    progress: say,
    ...(dataFolder === undefined ? {} : { dataFolder }),
  });
  if (broker === undefined) throw new Error('there is no broker here; --log postgres needs none');
  scope.defer(() => broker.stop());
  proxy.target = Number((broker.brokers[0] ?? '').split(':').at(-1));
  return { broker, proxy, prefix: `chaos-${randomBytes(4).toString('hex')}.` };
}

/** A Redis behind a proxy; undefined where there is none. */
export interface RedisPart {
  readonly found: FoundRedis;
  readonly proxy: TcpProxy;
}

async function startRedis(scope: Scope): Promise<RedisPart | undefined> {
  const found = await findRedis(inheritedEnvironment());
  if (found === undefined) return undefined;
  scope.defer(() => found.stop());
  const proxy = await TcpProxy.open(Number(new URL(found.url).port));
  scope.defer(() => proxy.close());
  return { found, proxy };
}

/** A place for processes to run on. */
export interface Installation {
  readonly log: LogKind;
  /** Folders of the small disks, if it stands on such. */
  readonly disks: { readonly postgres: string | undefined; readonly broker: string | undefined };
  readonly postgres: PostgresPart;
  /** Undefined on the Postgres log. */
  readonly broker: BrokerPart | undefined;
  readonly redis: RedisPart | undefined;
  readonly waha: FakeWaha;
  /** Undefined where nobody sends photos and nobody is told anything. */
  readonly outskirts: Outskirts | undefined;
  /** The demo tenant's WAHA instance. */
  readonly instance: BenchInstance;
  readonly tenant: string;
  /** A host that was silent this long loses its partitions. */
  readonly sessionTimeoutMs: number;
  readonly environment: Environment;
  readonly config: Config;
  /** The ports of the services in this process, for looking. */
  readonly platform: Platform;
}

/** How to make one. */
export interface InstallationOptions {
  readonly log: LogKind;
  /** Data on disks of their own that are soon full. */
  readonly smallDisks: boolean;
  readonly outskirts: boolean;
  readonly logLevel: string;
  readonly say: (line: string) => void;
}

/** Makes one, brought up to date by the set-up service, with the first version of the machine in force. */
export async function openInstallation(
  scope: Scope,
  { log, smallDisks, outskirts: wantsOutskirts, logLevel, say }: InstallationOptions,
): Promise<Installation> {
  const disks = smallDisks
    ? { postgres: await mountSmallDisk(scope), broker: await mountSmallDisk(scope) }
    : { postgres: undefined, broker: undefined };
  const [postgres, broker, redis] = await allOf([
    PostgresPart.start(scope, disks.postgres ?? (await scope.temporaryFolder())),
    log === 'kafka' ? startBroker(scope, say, disks.broker) : Promise.resolve(undefined),
    startRedis(scope),
  ]);
  const sessionTimeoutMs = broker === undefined || broker.broker.kind === 'kafka' ? sessionMs.ours : sessionMs.other;
  const waha = await startFakeWaha();
  scope.defer(() => waha.close());
  const outskirts = wantsOutskirts ? await Outskirts.open() : undefined;
  scope.defer(async () => outskirts?.close());
  const folder = await scope.temporaryFolder();
  const keyFile = join(folder, 'tenant-keys.json');
  provisionKeyFile(keyFile, [demoTenant]);
  const environment: Environment = {
    ...quietEnvironment(),
    ...(broker === undefined
      ? { KAFKA_BROKERS: undefined }
      : { KAFKA_BROKERS: addressOf(broker), KAFKA_TOPIC_PREFIX: broker.prefix }),
    ...(redis === undefined ? {} : { REDIS_URL: `redis://127.0.0.1:${redis.proxy.port}` }),
    DATABASE_URL: postgres.url,
    PROSA_KEY_FILE: keyFile,
    PROSA_DATA_DIR: folder,
    PROSA_PARTITIONS: String(partitionCount),
    PROSA_LOG_LEVEL: logLevel,
    WAHA_BASE_URL: waha.url,
    ...(outskirts === undefined ? {} : { PROSA_TRUSTED_ORIGINS: outskirts.url }),
  };
  const setUp = await startProcess('services/set-up/main.ts', { environment });
  await setUp.lines.next();
  await setUp.stop();
  const { instances } = setUp.ready as { readonly instances: readonly BenchInstance[] };
  const instance = instances.find(({ provider }) => provider === 'waha');
  if (instance === undefined) throw new Error('the demo tenant has no WAHA instance');
  const config = readConfig(environment);
  const platform = await openPlatform(config, createLogger('silent'), { setUp: false });
  scope.defer(() => platform.close());
  const api = platform.runtime('prosa_api', 'chaos');
  await api.tenants.configure(demoTenant, historyConfiguration('history-1'));
  if (outskirts !== undefined) {
    const wanted = { tenant: demoTenant, url: `${outskirts.url}/told`, includesContent: false, events: [...toldOf] };
    await openSubscriptions(api.database, api.vault, api.now).create(wanted);
  }
  const tenant = demoTenant;
  return {
    ...{ log, disks, postgres, broker, redis, waha, outskirts, instance, tenant, sessionTimeoutMs, environment },
    ...{ config, platform },
  };
}

/** What they come to; when one fails, not before all have ended, so that what was started can be stopped. */
async function allOf<Parts extends readonly Promise<unknown>[]>(
  parts: readonly [...Parts],
): Promise<{ -readonly [At in keyof Parts]: Awaited<Parts[At]> }> {
  await Promise.allSettled(parts);
  return Promise.all(parts);
}

/** A broker of ours is told to send clients to the proxy; one that was configured is not. */
const addressOf = ({ broker, proxy }: BrokerPart): string =>
  broker.kind === 'kafka' ? `127.0.0.1:${proxy.port}` : broker.brokers.join(',');
