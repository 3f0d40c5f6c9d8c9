/** Gateways on a real Postgres, before a fake WhatsApp and an ingest that keeps what it is given. */
import { createHmac } from 'node:crypto';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { createHttpServer } from '#runtime/http.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import { createLogger } from '#runtime/logger.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';

import { Gateway, type GatewayOptions } from '../gateway.ts';
import { gatewayRoutes, requestBytesMax } from '../routes.ts';
import { FakeWhatsApp } from './fake-whatsapp.ts';

/** A webhook that arrived. */
export interface Arrived {
  readonly event: string;
  readonly sequence: number;
  readonly epoch: number;
  readonly id: string;
  readonly data: unknown;
  readonly isSigned: boolean;
  readonly raw: string;
}

/** Ingest, as the gateway sees it. */
export interface FakeIngest {
  readonly url: string;
  readonly arrived: Arrived[];
  /** Answered to what comes next; 200 when empty. */
  readonly answers: number[];
  /** Answers nothing but 503 while true. */
  isAway: boolean;
  close(): Promise<void>;
}

/** A gateway process: its own connections and caches. */
export interface Process {
  readonly gateway: Gateway;
  readonly whatsapp: FakeWhatsApp;
  readonly url: string;
  /** Name of its connections at Postgres. */
  readonly applicationName: string;
  readonly lines: string[];
  call(method: string, path: string, body?: unknown, key?: string): Promise<{ status: number; body: unknown }>;
  /** Ends as a crash would: nothing is written any more, nothing is given back. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** Everything. */
export interface GatewayWorld {
  readonly world: TestWorld;
  readonly ingest: FakeIngest;
  readonly tenant: string;
  instance(): Promise<Instance>;
  start(options?: Partial<GatewayOptions>): Promise<Process>;
  close(): Promise<void>;
}

/** What is the key in all tests. */
export const testKey = 'key-of-the-gateway';

const quick = {
  leaseMs: 1_500,
  pollMs: 40,
  staggerMs: 0,
  writeRetryMs: 20,
  postDelaysMs: { first: 20, max: 100 },
  waitFactor: 0.001,
  ackMs: 100,
  random: () => 0.5,
} as const satisfies Partial<GatewayOptions>;

/** Opens a world; `close` ends everything that was started in it. */
export async function openGatewayWorld(): Promise<GatewayWorld> {
  const world = await openTestWorld();
  const api = world.runtime('prosa_api');
  const secrets = new Map<string, string>();
  const ingest = await startIngest(secrets);
  const processes: Process[] = [];
  let serial = 0;
  return {
    world,
    ingest,
    tenant: testTenant,

    async instance() {
      serial += 1;
      const wanted = { tenant: testTenant, provider: 'baileys' as const, name: `number-${serial}`, settings: {} };
      const made = await api.instances.create(wanted, Date.now());
      secrets.set(made.credentials.webhookToken, made.credentials.webhookSecret ?? '');
      return made;
    },

    async start(options = {}) {
      serial += 1;
      const started = await startProcess(world, `gateway-${serial}`, ingest.url, options);
      processes.push(started);
      return started;
    },

    async close() {
      await Promise.all(processes.map((one) => one.stop()));
      await ingest.close();
      await world.close();
    },
  };
}

async function startProcess(
  world: TestWorld,
  applicationName: string,
  ingestUrl: string,
  options: Partial<GatewayOptions>,
): Promise<Process> {
  const lines: string[] = [];
  const logger = createLogger('debug', 'baileys-gateway', { write: (line: string) => void lines.push(line) });
  const opened = world.runtime('prosa_worker', applicationName);
  const baileys = { ...opened.config.baileys, key: testKey };
  const runtime: Runtime = { ...opened, logger, config: { ...opened.config, baileys } };
  const whatsapp = new FakeWhatsApp();
  const server = createHttpServer({ logger, bodyBytesMax: requestBytesMax });
  let url = '';
  const gateway = new Gateway(runtime, {
    fetchFile: () => Promise.resolve(Buffer.from('bytes of an address')),
    url: () => url,
    ownUrl: () => url,
    ingestUrl: () => ingestUrl,
    library: whatsapp,
    ...quick,
    ...options,
  });
  gatewayRoutes(server, { gateway, library: whatsapp, runtime });
  await server.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  const stop = async (): Promise<void> => {
    await server.close();
    await gateway.stop();
    await runtime.database.close();
  };
  return {
    gateway,
    whatsapp,
    url,
    applicationName,
    lines,
    stop,
    async kill() {
      // Its database is gone for it from here on, as everything is for a dead process.
      await runtime.database.close();
      await server.close();
      gateway.stop().catch(() => undefined);
    },
    async call(method, path, body, key = testKey) {
      const answer = await fetch(new URL(path, url), {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return { status: answer.status, body: text === '' ? undefined : jsonOr(text) };
    },
  };
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function startIngest(secrets: ReadonlyMap<string, string>): Promise<FakeIngest> {
  const arrived: Arrived[] = [];
  const answers: number[] = [];
  const state = { isAway: false };
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const status = state.isAway ? 503 : (answers.shift() ?? 200);
      const raw = Buffer.concat(chunks).toString('utf8');
      if (status === 200) {
        const token = request.url?.split('/').at(-1) ?? '';
        const hmac = createHmac('sha512', secrets.get(token) ?? '')
          .update(raw)
          .digest('hex');
        const body = JSON.parse(raw) as Omit<Arrived, 'isSigned' | 'raw'>;
        arrived.push({ ...body, raw, isSigned: request.headers['x-webhook-hmac'] === hmac });
      }
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrived,
    answers,
    get isAway() {
      return state.isAway;
    },
    set isAway(value) {
      state.isAway = value;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
