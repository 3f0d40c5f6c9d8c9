/**
 * Opens everything that services stand on, in the order in which it depends on each other: Postgres
 * (embedded unless configured), migrations, the log, the vault, the directory. Adapters are chosen here,
 * those of the log in `log/open-log.ts`.
 */
import { join, resolve } from 'node:path';

import type { Config } from './config.ts';
import { type Database, type ServiceRole, openDatabase } from './database/database.ts';
import { startEmbeddedPostgres } from './database/embedded-postgres.ts';
import { migrate, requireMigrated } from './database/migrate.ts';
import { openDirectory } from './directory/postgres-directory.ts';
import { openInstances } from './instances/instances.ts';
import type { KafkaSeam } from './log/adapters/kafka/seam.ts';
import { recordIncarnation } from './log/incarnation-table.ts';
import { openLog } from './log/open-log.ts';
import { refuseOtherLog } from './log/other-log.ts';
import { provideTopics } from './log/provide-topics.ts';
import type { RecordLog } from './log/record-log.ts';
import type { Logger } from './logger.ts';
import { type Metrics, createMetrics } from './metrics.ts';
import type { Runtime } from './runtime.ts';
import { demoTenant } from './tenants/demo-tenant.ts';
import { openTenants } from './tenants/tenants.ts';
import { type TenantKeys, openKeyFile, provisionKeyFile } from './vault/key-file.ts';
import { openVault } from './vault/postgres-vault.ts';

/** Connections per role. */
const connectionsMax = { log: 10, prosa_ingest: 6, prosa_worker: 12, prosa_api: 6 } as const;

/** What services stand on. */
export interface Platform {
  readonly metrics: Metrics;
  readonly log: RecordLog;
  readonly tenantKeys: TenantKeys;
  /** The ports of a service, as its role. */
  runtime(role: ServiceRole, service: string): Runtime;
  /** Closes everything, in reverse order. Idempotent. */
  close(): Promise<void>;
}

/** How to open it. */
export interface PlatformOptions {
  /** Bring everything up to date first. */
  readonly setUp: boolean;
  /** The clock of every part, epoch milliseconds. */
  readonly now?: () => number;
  /** Faults and missing protections, given by the programs of chaos/ alone. */
  readonly kafkaSeam?: KafkaSeam;
}

/**
 * Opens the platform. With `setUp` it is brought up to date first (migrations, topics, groups): by the
 * one process of `npm start` and by the set-up service; others find it so or refuse to start. Throws `config.invalid`, `data-directory.in-use`, `database.unavailable`,
 * `log.unavailable`, and at set-up `log.offset-out-of-range`. */
export async function openPlatform(
  config: Config,
  logger: Logger,
  { setUp, now = Date.now, kafkaSeam }: PlatformOptions,
): Promise<Platform> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const url = await openPostgres(config, logger, closers);
    if (setUp) await migrate(url);
    else await requireMigrated(url);
    const open = (role: ServiceRole, max: number, applicationName: string): Database => {
      const database = openDatabase({ url, role, connectionsMax: max, applicationName });
      closers.push(() => database.close());
      return database;
    };
    const database = open('prosa_worker', connectionsMax.log, 'prosa-log');
    const log = await openLog({ config, logger, database, kafkaSeam });
    closers.push(() => log.close());
    if (setUp) await setUpLog(log, database, logger);
    const keys = openKeys(config);
    const metrics = createMetrics();
    return {
      metrics,
      log,
      tenantKeys: keys,
      runtime: (role, service) =>
        assembleRuntime(
          { config, logger: logger.child(service), metrics, log, now },
          open(role, connectionsMax[role], `prosa-${service}`),
          keys,
        ),
      close,
    };
  } catch (caught) {
    await close();
    throw caught;
  }
}

/** Makes the topics, gives each consumer group its first offsets and puts the first incarnation on record. Idempotent. Refuses another log than before. */
async function setUpLog(log: RecordLog, database: Database, logger: Logger): Promise<void> {
  await provideTopics(log, logger);
  await refuseOtherLog(log, database);
  await database.transaction([], (sql) =>
    recordIncarnation(sql, { number: 1, partitionCount: log.partitionCount, base: 0 }),
  );
}

/** The ports of one service, over a database opened as its role. */
export function assembleRuntime(
  shared: Pick<Runtime, 'config' | 'logger' | 'metrics' | 'log' | 'now'>,
  database: Database,
  keys: TenantKeys,
): Runtime {
  const vault = openVault(database, keys, shared.now);
  return {
    ...shared,
    database,
    vault,
    directory: openDirectory(database, vault),
    instances: openInstances(database, vault, shared.now),
    tenants: openTenants(database, shared.now),
  };
}

/** Postgres as its owner: the one configured, or the embedded one, started. Throws `data-directory.in-use`. */
export async function openPostgres(config: Config, logger: Logger, closers: (() => Promise<void>)[]): Promise<string> {
  if (config.databaseUrl !== undefined) return config.databaseUrl;
  const dataDir = resolve(config.dataDir);
  const postgres = await startEmbeddedPostgres({ dataDir, log: () => logger.debug('embedded Postgres wrote a line') });
  closers.push(() => postgres.stop());
  return postgres.url;
}

function openKeys(config: Config): TenantKeys {
  if (config.keyFile !== undefined) return openKeyFile(config.keyFile);
  // Production has named its key file, or would not have come this far.
  const path = join(resolve(config.dataDir), 'tenant-keys.json');
  provisionKeyFile(path, [demoTenant]);
  return openKeyFile(path);
}
