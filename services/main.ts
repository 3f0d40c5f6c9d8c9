/**
 * Everything in one process: `npm start`. Wires platform, services and one HTTP server, says what a
 * caller needs, and drains on a signal.
 */
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { findMachine } from '#machines/registry.ts';
import { type Config, readConfig } from '#runtime/config.ts';
import { OperatingError } from '#runtime/errors.ts';
import { createHttpServer } from '#runtime/http.ts';
import { type Logger, createLogger } from '#runtime/logger.ts';
import { openPlatform } from '#runtime/platform.ts';
import { openSimulatorPhone } from '#runtime/simulator/simulator-phone.ts';

import { apiRoutes } from './api/routes.ts';
import { startCompliance } from './compliance/compliance.ts';
import { startConversation } from './conversation/conversation.ts';
import { type Demo, provideDemo } from './demo.ts';
import { openDuplicateWindow } from './ingest/open-window.ts';
import { bodyBytesMax, ingestRoutes } from './ingest/routes.ts';
import { startProjection } from './projection/projection.ts';
import { startSender } from './sender/sender.ts';
import { drainOnSignal } from './shutdown.ts';
import { startTimers } from './timers/timers.ts';

/** Ports tried after a busy one. */
const portsTried = 20;

const exitCodeRefused = 1;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } }, strict: true });
  const config = readConfig();
  const logger = createLogger(config.logLevel);
  const platform = await openPlatform(config, logger);

  const api = platform.runtime('prosa_api', 'api');
  const worker = platform.runtime('prosa_worker', 'worker');
  const ingest = platform.runtime('prosa_ingest', 'ingest');
  const demo = config.mode === 'development' ? await provideDemo(api, platform.tenantKeys) : undefined;

  let draining = false;
  let url = '';
  const window = openDuplicateWindow(ingest);
  const server = createHttpServer({ logger, bodyBytesMax });
  ingestRoutes(server, ingest, window);
  apiRoutes(server, api, {
    find: findMachine,
    phone: openSimulatorPhone(api.database, api.vault),
    ingestUrl: () => config.ingestUrl ?? url,
    draining: () => draining,
  });

  const named = (service: string) => ({ ...worker, logger: logger.child(service) });
  const services = await Promise.all([
    startConversation(named('conversation')),
    startTimers(named('timers')),
    // Nobody else sends from an embedded database: what an earlier life left half done is ours to settle.
    startSender(named('sender'), { soleOwner: config.databaseUrl === undefined }),
    startProjection(named('projection')),
    startCompliance(named('compliance')),
  ]);

  drainOnSignal(logger, async () => {
    draining = true;
    await server.close();
    await Promise.all(services.map((service) => service.stop()));
    await window.close();
    await platform.close();
  });
  for (const service of services) {
    service.finished.catch((caught: unknown) => {
      logger.error('a service stopped by itself', { error: caught, code: service.name });
      process.exit(exitCodeRefused);
    });
  }

  url = await listen(server, config, logger);
  announce(values.json, config, url, demo);
}

/** Listens on the configured port or, when it is busy, on the next free one. */
async function listen(server: ReturnType<typeof createHttpServer>, config: Config, logger: Logger): Promise<string> {
  for (let offset = 0; ; offset++) {
    try {
      await server.listen({ host: config.host, port: config.port === 0 ? 0 : config.port + offset });
      break;
    } catch (caught) {
      const busy = caught instanceof Error && 'code' in caught && caught.code === 'EADDRINUSE';
      if (!busy || offset === portsTried) throw caught;
      logger.warn('port is busy, trying the next one', { count: config.port + offset });
    }
  }
  const { port, family, address } = server.server.address() as AddressInfo;
  const host = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
  return `http://${host}:${port}`;
}

function announce(json: boolean, config: Config, url: string, demo: Demo | undefined): void {
  const dataDir = resolve(config.dataDir);
  if (json) {
    process.stdout.write(`${JSON.stringify({ event: 'ready', url, ...demo, dataDir })}\n`);
    return;
  }
  const lines = [`Prosa is ready at ${url}`, `  data    ${dataDir}`];
  if (demo !== undefined) {
    lines.push(`  tenant  ${demo.tenant}`, `  key     ${demo.apiKey}`);
    for (const { provider, webhook, secret } of demo.instances) {
      lines.push(`  ${provider.padEnd(10)} ${url}${webhook}${secret === undefined ? '' : `  (HMAC secret ${secret})`}`);
    }
    const authorization = `-H 'authorization: Bearer ${demo.apiKey}'`;
    lines.push(
      '',
      'Write as a person with a simulated WhatsApp:',
      `  curl -s ${url}/v1/simulator/messages ${authorization} -H 'content-type: application/json' -d '{"from":"5511999990001","text":"Oi"}'`,
      'Read what that phone received:',
      `  curl -s '${url}/v1/simulator/messages?phone=5511999990001' ${authorization}`,
      '',
      'Ctrl-C stops.',
    );
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

try {
  await main();
} catch (caught) {
  // What is expected is said in one line; a defect shows where it is.
  const line =
    caught instanceof OperatingError
      ? `prosa: ${caught.message}`
      : caught instanceof Error
        ? caught.stack
        : String(caught);
  process.stderr.write(`${line ?? 'prosa: unknown failure'}\n`);
  process.exit(exitCodeRefused);
}
