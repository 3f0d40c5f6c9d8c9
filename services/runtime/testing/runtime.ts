/**
 * Runtimes for tests: real Postgres, the Postgres log (or one that is given), one tenant, one
 * simulator instance. Everything is closed by `close`.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { readConfig } from '../config.ts';
import { type ServiceRole, openDatabase } from '../database/database.ts';
import type { Instance } from '../instances/instances.ts';
import { openPostgresLog } from '../log/adapters/postgres/postgres-log.ts';
import { provideTopics } from '../log/provide-topics.ts';
import type { RecordLog } from '../log/record-log.ts';
import { createLogger } from '../logger.ts';
import { createMetrics } from '../metrics.ts';
import { assembleRuntime } from '../platform.ts';
import type { Runtime } from '../runtime.ts';
import type { Configuration } from '../tenants/tenants.ts';
import type { TenantKeys } from '../vault/key-file.ts';
import { echoConfiguration } from './echo-machine.ts';
import { testDatabase } from './postgres.ts';

/** Tenants that exist in it. */
export const testTenant = 'demo';

const connectionsMax = 8;
/** What a test is given. */
export interface TestWorld {
  /** Connects as the owner. */
  readonly databaseUrl: string;
  readonly log: RecordLog;
  /** Ports of a service as a role; a fresh set (caches, connections) at each call. */
  runtime(role: ServiceRole, service?: string): Runtime;
  readonly instance: Instance;
  readonly revision: string;
  close(): Promise<void>;
}

/** Tenant keys that live as long as the test. */
export function memoryKeys(): TenantKeys {
  const keys = new Map<string, Buffer>();
  return {
    keyOf(tenant) {
      let key = keys.get(tenant);
      if (key === undefined) keys.set(tenant, (key = randomBytes(32)));
      return key;
    },
  };
}

/** Opens a world. `now` is the clock of every part. */
export async function openTestWorld(
  options: {
    readonly configuration?: Configuration;
    readonly partitionCount?: number;
    readonly now?: () => number;
    readonly log?: RecordLog;
    /** Shared with other processes by a file, for example; random ones otherwise. */
    readonly keys?: TenantKeys;
    /** Time after which a log consumer that gave no sign loses its partitions. */
    readonly leaseMs?: number;
  } = {},
): Promise<TestWorld> {
  const now = options.now ?? Date.now;
  const own = await testDatabase();
  const { url } = own;
  const closers: (() => Promise<void>)[] = [() => own.close()];
  const keys = options.keys ?? memoryKeys();
  const dataDir = join(tmpdir(), `prosa-test-data-${randomUUID()}`);
  closers.push(() => rm(dataDir, { recursive: true, force: true }));
  const config = readConfig({ PROSA_LOG_LEVEL: 'silent', PROSA_DATA_DIR: dataDir });
  const logger = createLogger('silent');
  const metrics = createMetrics();
  const open = (role: ServiceRole, service: string) => {
    const database = openDatabase({ url, role, connectionsMax, applicationName: service });
    closers.push(() => database.close());
    return database;
  };
  const log =
    options.log ??
    (await openPostgresLog({
      database: open('prosa_worker', 'test-log'),
      partitionCount: options.partitionCount ?? 4,
      clientId: 'test',
      leaseMs: options.leaseMs ?? 3_000,
    }));
  closers.push(() => log.close());
  await provideTopics(log, logger);

  const runtime = (role: ServiceRole, service = 'test'): Runtime =>
    assembleRuntime({ config, logger, metrics, log, now }, open(role, service), keys);
  const setUp = runtime('prosa_api', 'test-set-up');
  await setUp.tenants.create(testTenant, 'Demo');
  const revision = await setUp.tenants.configure(testTenant, options.configuration ?? echoConfiguration);
  const instance = await setUp.instances.create(
    { tenant: testTenant, provider: 'simulator', name: 'simulator', settings: {} },
    now(),
  );
  return {
    databaseUrl: url,
    log,
    runtime,
    instance,
    revision,
    async close() {
      for (const closer of closers.splice(0).reverse()) await closer();
    },
  };
}
