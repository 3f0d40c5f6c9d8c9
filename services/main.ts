/**
 * Everything in one process: `npm start`. Wires platform, services and one HTTP server, says what a
 * caller needs, and drains on a signal.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { findMachine } from '#machines/registry.ts';
import { readConfig } from '#runtime/config.ts';
import { createHttpServer, listen } from '#runtime/http.ts';
import { createLogger } from '#runtime/logger.ts';
import { openPlatform } from '#runtime/platform.ts';
import { drainOnSignal, runMain, stopWhenOneEnds } from '#runtime/process.ts';
import { openSimulatorPhone } from '#runtime/simulator/simulator-phone.ts';

import { announce } from './announce.ts';
import { openRedisProbe } from './api/adapters/redis-probe.ts';
import { apiRoutes } from './api/routes.ts';
import { startBaileysGateway } from './baileys-gateway/start.ts';
import { startCompliance } from './compliance/compliance.ts';
import { startConversation } from './conversation/conversation.ts';
import { provideDemo } from './demo.ts';
import { startEffects } from './effects/effects.ts';
import { openHandlers } from './effects/handlers.ts';
import { openDuplicateWindow } from './ingest/open-window.ts';
import { bodyBytesMax, ingestRoutes } from './ingest/routes.ts';
import { startMedia } from './media/media.ts';
import { startProjection } from './projection/projection.ts';
import { startReplay } from './replay/replay.ts';
import { startSender } from './sender/sender.ts';
import { startTimers } from './timers/timers.ts';
import { startWebhooks } from './webhooks/webhooks.ts';

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } }, strict: true });
  const config = readConfig();
  const logger = createLogger(config.logLevel);
  const platform = await openPlatform(config, logger, { setUp: true });

  const api = platform.runtime('prosa_api', 'api');
  const worker = platform.runtime('prosa_worker', 'worker');
  const ingest = platform.runtime('prosa_ingest', 'ingest');
  const demo = config.mode === 'development' ? await provideDemo(api, platform.tenantKeys) : undefined;

  let draining = false;
  let url = '';
  const window = openDuplicateWindow(ingest);
  const probe = openRedisProbe(config.redis);
  const server = createHttpServer({ logger, bodyBytesMax });
  ingestRoutes(server, ingest, window);
  apiRoutes(server, api, {
    find: findMachine,
    phone: openSimulatorPhone(api.database, api.vault),
    ingestUrl: () => config.ingestUrl ?? url,
    ...(probe === undefined ? {} : { redis: probe }),
    draining: () => draining,
  });

  const named = (service: string) => ({ ...worker, logger: logger.child(service) });
  const effects = named('effects');
  const handlers = openHandlers(effects, () => config.ingestUrl ?? url);
  const services = await Promise.all([
    startConversation(named('conversation')),
    startTimers(named('timers')),
    startEffects(effects, { ...handlers, soleOwner: config.databaseUrl === undefined }),
    // Nobody else sends from an embedded database: what an earlier life left half done is ours to settle.
    startSender(named('sender'), { soleOwner: config.databaseUrl === undefined }),
    startProjection(named('projection')),
    startCompliance(named('compliance')),
    startMedia(named('media')),
    startWebhooks(named('webhooks')),
  ]);
  services.push(startReplay(named('replay'), { soleOwner: config.databaseUrl === undefined }));
  if (config.baileys.enabled) {
    const ingestUrl = () => config.ingestUrl ?? url;
    services.push(await startBaileysGateway(named('baileys-gateway'), { ingestUrl }));
  }

  drainOnSignal(logger, async () => {
    draining = true;
    await server.close();
    await Promise.all(services.map((service) => service.stop()));
    await window.close();
    probe?.close();
    await platform.close();
  });
  stopWhenOneEnds(logger, services);

  url = await listen(server, config, logger);
  announce(values.json, resolve(config.dataDir), url, demo);
}

await runMain(main);
