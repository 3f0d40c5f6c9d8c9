/**
 * Opens everything that services stand on, in the order in which it depends on each other: Postgres
 * (embedded unless configured), migrations, the log, the vault, the directory. The only place that
 * chooses adapters.
 */
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';

import { topicTable, topics } from '#schemas/topics.ts';

import type { Config } from './config.ts';
import { type Database, type ServiceRole, openDatabase } from './database/database.ts';
import { startEmbeddedPostgres } from './database/embedded-postgres.ts';
import { migrate, requireMigrated } from './database/migrate.ts';
import { openDirectory } from './directory/postgres-directory.ts';
import { openInstances } from './instances/instances.ts';
import { openKafkaLog } from './log/adapters/kafka/kafka-log.ts';
import { openPostgresLog } from './log/adapters/postgres/postgres-log.ts';
import type { RecordLog } from './log/record-log.ts';
import type { Logger } from './logger.ts';
import { type Metrics, createMetrics } from './metrics.ts';
import { derivedId } from './records.ts';
import type { Runtime } from './runtime.ts';
import { openTenants } from './tenants/tenants.ts';
import { type TenantKeys, openKeyFile, provisionKeyFile } from './vault/key-file.ts';
import { openVault } from './vault/postgres-vault.ts';

/** Consumer groups and the topics they read. Set-up gives each its first offsets. */
const groups: readonly (readonly [group: string, topic: string])[] = [
  ['conversation', topics.events],
  ['timers', topics.timers],
  ['sender', topics.replies],
  ['projection', topics.events],
  ['projection', topics.replies],
  ['compliance', topics.audit],
];

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

/** The tenant that development makes by itself. */
export const demoTenant = 'demo';

/**
 * Opens the platform. With `setUp` it is brought up to date first (migrations, topics, groups): by the
 * one process of `npm start` and by the set-up service; others find it so or refuse to start. Throws `config.invalid`, `data-directory.in-use`, `database.unavailable`, `log.unavailable`. */
export async function openPlatform(
  config: Config,
  logger: Logger,
  { setUp, now = Date.now }: { readonly setUp: boolean; readonly now?: () => number },
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
    const log = await openLog(config, logger, open);
    closers.push(() => log.close());
    if (setUp) await setUpLog(log);
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

/** Makes the topics and gives each consumer group its first offsets. Idempotent. */
export async function setUpLog(log: RecordLog): Promise<void> {
  await log.createTopics(topicTable.map(({ name }) => name));
  for (const [group, topic] of groups) await log.createGroup(group, topic);
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

async function openPostgres(config: Config, logger: Logger, closers: (() => Promise<void>)[]): Promise<string> {
  if (config.databaseUrl !== undefined) return config.databaseUrl;
  const dataDir = resolve(config.dataDir);
  const postgres = await startEmbeddedPostgres({ dataDir, log: () => logger.debug('embedded Postgres wrote a line') });
  closers.push(() => postgres.stop());
  return postgres.url;
}

async function openLog(
  config: Config,
  logger: Logger,
  open: (role: ServiceRole, max: number, applicationName: string) => Database,
): Promise<RecordLog> {
  const clientId = `prosa-${process.pid}`;
  const { partitionCount } = config;
  if (config.kafka !== undefined) {
    // On embedded Postgres the data folder's lock makes this process the only one of its name.
    const instanceId =
      config.databaseUrl === undefined ? derivedId('n', hostname(), resolve(config.dataDir)) : undefined;
    return openKafkaLog({
      ...(instanceId === undefined ? {} : { instanceId }),
      ...config.kafka,
      clientId,
      partitionCount,
      logger: logger.child('log'),
    });
  }
  const database = open('prosa_worker', connectionsMax.log, 'prosa-log');
  // On the embedded Postgres there is no other process, so members of the groups that are still listed are dead.
  const onlyProcess = config.databaseUrl === undefined;
  return openPostgresLog({ database, partitionCount, clientId, onlyProcess, logger: logger.child('log') });
}

function openKeys(config: Config): TenantKeys {
  if (config.keyFile !== undefined) return openKeyFile(config.keyFile);
  // Production has named its key file, or would not have come this far.
  const path = join(resolve(config.dataDir), 'tenant-keys.json');
  provisionKeyFile(path, [demoTenant]);
  return openKeyFile(path);
}
