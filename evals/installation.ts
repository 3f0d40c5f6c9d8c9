/**
 * The program under evaluation: the services of a conversation in this process, on an embedded Postgres and with a clock
 * of their own. People write to it by the webhook of the simulator.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { conversationVersion } from '#machines/conversation/machine.ts';
import { findMachine } from '#machines/registry.ts';
import { readConfig } from '#runtime/config.ts';
import type { Directory } from '#runtime/directory/directory.ts';
import { createHttpServer, listen } from '#runtime/http.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import { createLogger } from '#runtime/logger.ts';
import { type Platform, openPlatform } from '#runtime/platform.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { type SimulatorPhone, openSimulatorPhone } from '#runtime/simulator/simulator-phone.ts';
import { checkConfiguration } from '#runtime/tenants/check-configuration.ts';
import type { Configuration } from '#runtime/tenants/tenants.ts';
import { provisionKeyFile } from '#runtime/vault/key-file.ts';

import { startConversation } from '../services/conversation/conversation.ts';
import { startEffects } from '../services/effects/effects.ts';
import { openHandlers } from '../services/effects/handlers.ts';
import { openDuplicateWindow } from '../services/ingest/open-window.ts';
import { bodyBytesMax, ingestRoutes } from '../services/ingest/routes.ts';
import { startMedia } from '../services/media/media.ts';
import { startSender } from '../services/sender/sender.ts';
import { startTimers } from '../services/timers/timers.ts';
import { startMailServer } from './mail-server.ts';
import type { ModelServers } from './models.ts';
import { beginning } from './task.ts';

/** A tenant to be made: what the conversation goes by. */
export interface WantedTenant {
  readonly id: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** How to open it. */
export interface InstallationOptions {
  readonly models: ModelServers;
  /** All that there will be: services look for new ones seldom. */
  readonly tenants: readonly WantedTenant[];
  /** A real API of models instead of the stub. */
  readonly real?: RealModel | undefined;
}

/** A real API of models. */
export interface RealModel {
  readonly baseUrl: string;
  readonly model: string;
  readonly apiKey: string | undefined;
}

/** It runs. */
export interface Installation {
  readonly platform: Platform;
  readonly runtime: Runtime;
  /** As ingest, which makes conversations. */
  readonly directory: Directory;
  readonly phone: SimulatorPhone;
  /** The simulator of a tenant. */
  instanceOf(tenant: string): Instance;
  /** Posts a message of a simulated phone; resolves when it is durable. */
  post(tenant: string, message: object): Promise<void>;
  /** Ends the services; what is on record can be read until `close`. Idempotent. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

/** Opens it. */
export async function openInstallation({ models, tenants, real }: InstallationOptions): Promise<Installation> {
  const dataDir = await mkdtemp(join(tmpdir(), 'prosa-eval-'));
  const closers: (() => Promise<void>)[] = [() => rm(dataDir, { recursive: true, force: true, maxRetries: 5 })];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const mailServer = await startMailServer();
    closers.push(() => mailServer.close());
    const config = readConfig({
      PORT: '0',
      PROSA_LOG_LEVEL: 'silent',
      PROSA_DATA_DIR: dataDir,
      PROSA_TRUSTED_ORIGINS: models.filesUrl,
      SMTP_HOST: '127.0.0.1',
      SMTP_PORT: mailServer.port.toString(),
      SMTP_TLS: 'none',
      DEFAULT_FROM_EMAIL: 'eval@example.com',
      OPENAI_BASE_URL: real?.baseUrl ?? models.reasonable.url,
      ...(real?.apiKey === undefined ? {} : { OPENAI_API_KEY: real.apiKey }),
    });
    provisionKeyFile(
      join(dataDir, 'tenant-keys.json'),
      tenants.map(({ id }) => id),
    );
    const begun = performance.now();
    const now = (): number => beginning + Math.floor(performance.now() - begun);
    const platform = await openPlatform(config, createLogger(config.logLevel), { setUp: true, now });
    closers.push(() => platform.close());
    const instances = await makeTenants(platform.runtime('prosa_api', 'eval'), tenants);
    const running = await startServices(platform);
    closers.push(() => running.stop());
    const runtime = platform.runtime('prosa_worker', 'eval');
    const instanceOf = (tenant: string): Instance => {
      const found = instances.get(tenant);
      if (found === undefined) throw new Error('there is no such tenant');
      return found;
    };
    return {
      platform,
      runtime,
      directory: platform.runtime('prosa_ingest', 'eval-ingest').directory,
      phone: openSimulatorPhone(runtime.database, runtime.vault),
      instanceOf,
      async post(tenant, message) {
        const { webhookToken } = instanceOf(tenant).credentials;
        const response = await fetch(`${running.url}/webhooks/simulator/${webhookToken}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(message),
          signal: AbortSignal.timeout(postTimeoutMs),
        });
        await response.arrayBuffer();
        if (!response.ok) throw new Error(`a message was not accepted: ${response.status.toString()}`);
      },
      stop: () => running.stop(),
      close,
    };
  } catch (caught) {
    await close();
    throw caught;
  }
}

const postTimeoutMs = 15_000;

async function makeTenants(
  { tenants, instances, now }: Runtime,
  wanted: readonly WantedTenant[],
): Promise<ReadonlyMap<string, Instance>> {
  const made = new Map<string, Instance>();
  for (const { id, settings } of wanted) {
    const configuration: Configuration = {
      machines: { conversation: { version: conversationVersion, settings } },
      answerGroups: false,
    };
    checkConfiguration(configuration, findMachine);
    await tenants.create(id, id);
    await tenants.configure(id, configuration);
    const simulator = { tenant: id, provider: 'simulator', name: 'simulator', settings: {} } as const;
    made.set(id, await instances.create(simulator, now()));
  }
  return made;
}

/** The services of a conversation, from the webhook to the phone. */
async function startServices(platform: Platform): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const worker = platform.runtime('prosa_worker', 'worker');
  const ingest = platform.runtime('prosa_ingest', 'ingest');
  const window = openDuplicateWindow(ingest);
  const server = createHttpServer({ logger: worker.logger, bodyBytesMax });
  ingestRoutes(server, ingest, window);
  const url = await listen(server, worker.config, worker.logger);
  const services = await Promise.all([
    startConversation(worker),
    startTimers(worker),
    startEffects(worker, { ...openHandlers(worker, () => url), soleOwner: true }),
    startSender(worker, { soleOwner: true }),
    startMedia(worker),
  ]);
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await server.close();
    await Promise.all(services.map((service) => service.stop()));
    await window.close();
  };
  return { url, stop: () => (stopped ??= stop()) };
}
