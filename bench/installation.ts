/**
 * An installation for one bench: a Postgres and topics of its own, brought up to date by the set-up
 * service, with the demo tenant. Services are started on it as processes of their own.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { type Config, inheritedEnvironment, readConfig, settingNames } from '#runtime/config.ts';
import { startEmbeddedPostgres } from '#runtime/database/embedded-postgres.ts';
import { createLogger } from '#runtime/logger.ts';
import { serviceFlags } from '#runtime/process-flags.ts';
import { type Platform, openPlatform } from '#runtime/platform.ts';
import { demoTenant } from '#runtime/tenants/demo-tenant.ts';
import { provisionKeyFile } from '#runtime/vault/key-file.ts';

import { deleteTopics } from './adapters/broker-admin.ts';
import { type Environment, type StartedProcess, startProcess } from './processes.ts';
import type { Scope, Stage } from './stage.ts';

/** Kinds of logs. */
export type LogKind = 'postgres' | 'kafka';

/** An instance of the demo tenant. */
export interface BenchInstance {
  readonly id: string;
  readonly provider: string;
  readonly webhook: string;
  readonly secret?: string;
}

/** A place for services to run on. */
export interface Installation {
  readonly log: LogKind;
  readonly environment: Environment;
  readonly config: Config;
  readonly tenant: string;
  instance(provider: string): BenchInstance;
  /** Starts a service as a process of its own; it ends with the scope. */
  start(service: string, more?: Environment): Promise<StartedProcess>;
  /** The ports of the services, in this process; closed with the scope. */
  platform(): Promise<Platform>;
}

/** The environment of programs under measurement: settings of ours are left out, but for those of the broker. */
export function quietEnvironment(): Environment {
  const inherited = inheritedEnvironment();
  const ours = new Set(settingNames.filter((name) => !name.startsWith('KAFKA_')));
  return {
    ...Object.fromEntries(Object.entries(inherited).filter(([name]) => !ours.has(name))),
    HOST: '127.0.0.1',
    PORT: '0',
    PROSA_LOG_LEVEL: 'error',
    WAHA_LIMITS: 'false',
  };
}

/** Where the log of an installation is: in its Postgres, or under a prefix of its own on the run's broker. */
export async function logEnvironment(stage: Stage, scope: Scope, log: LogKind): Promise<Environment> {
  if (log === 'postgres') return { KAFKA_BROKERS: undefined };
  const broker = await stage.broker();
  if (broker === undefined) throw new Error('there is no broker here');
  const prefix = `bench-${randomBytes(4).toString('hex')}.`;
  const environment = { KAFKA_BROKERS: broker.brokers.join(','), KAFKA_TOPIC_PREFIX: prefix };
  const { kafka } = readConfig({ ...quietEnvironment(), ...environment });
  if (kafka !== undefined) scope.defer(() => deleteTopics(kafka, prefix));
  return environment;
}

/** Makes one. `more` are settings of all its services. */
export async function openInstallation(
  stage: Stage,
  scope: Scope,
  log: LogKind,
  more: Environment = {},
): Promise<Installation> {
  const folder = await scope.temporaryFolder();
  const postgres = await startEmbeddedPostgres({ dataDir: folder });
  scope.defer(() => postgres.stop());
  const keyFile = join(folder, 'tenant-keys.json');
  provisionKeyFile(keyFile, [demoTenant]);
  const environment: Environment = {
    ...quietEnvironment(),
    ...(await logEnvironment(stage, scope, log)),
    DATABASE_URL: postgres.url,
    PROSA_KEY_FILE: keyFile,
    PROSA_DATA_DIR: folder,
    ...more,
  };
  const setUp = await startProcess('services/set-up/main.ts', { environment });
  await setUp.lines.next();
  await setUp.stop();
  const { instances } = setUp.ready as { readonly instances: readonly BenchInstance[] };
  const config = readConfig(environment);
  return {
    log,
    environment,
    config,
    tenant: demoTenant,
    instance(provider) {
      const found = instances.find((instance) => instance.provider === provider);
      if (found === undefined) throw new Error(`the demo tenant has no ${provider} instance`);
      return found;
    },
    async start(service, own = {}) {
      const started = await startProcess(`services/${service}/main.ts`, {
        environment: { ...environment, ...own },
        flags: serviceFlags,
      });
      scope.defer(() => started.stop());
      return started;
    },
    async platform() {
      const platform = await openPlatform(config, createLogger('error', 'bench'), { setUp: false });
      scope.defer(() => platform.close());
      return platform;
    },
  };
}
