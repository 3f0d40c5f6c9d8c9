/**
 * The API for tests: a real server on a test world with two tenants, ingest beside it, and a key for
 * every role. Everything is closed by `close`.
 */
import type { FastifyInstance, InjectOptions } from 'fastify';

import type { Database } from '#runtime/database/database.ts';
import { createHttpServer } from '#runtime/http.ts';
import { type Instance } from '#runtime/instances/instances.ts';
import { createLogger } from '#runtime/logger.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { openSimulatorPhone } from '#runtime/simulator/simulator-phone.ts';
import { findMachine } from '#machines/registry.ts';
import { instanceVersion } from '#machines/instance/machine.ts';
import { serviceQueueVersion } from '#machines/service-queue/machine.ts';
import type { FindMachine } from '#runtime/actor/machines.ts';
import { echoConfiguration, findEcho } from '#runtime/testing/echo-machine.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';

import { startCompliance } from '../../compliance/compliance.ts';
import { startConversation } from '../../conversation/conversation.ts';
import { processWindow } from '../../ingest/duplicate-window.ts';
import { bodyBytesMax, ingestRoutes } from '../../ingest/routes.ts';
import { startMedia } from '../../media/media.ts';
import { startProjection } from '../../projection/projection.ts';
import { startReplay } from '../../replay/replay.ts';
import { startSender } from '../../sender/sender.ts';
import { startWebhooks } from '../../webhooks/webhooks.ts';
import { openApiKeys } from '../api-keys.ts';
import type { ApiDeps } from '../deps.ts';
import { type Role, roles } from '../roles.ts';
import type { Method } from '../route.ts';
import { apiRoutes } from '../routes.ts';

/** The tenant whose things the callers of these tests may not know. */
export const otherTenant = 'other';

/** An answer, its body read. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** Whatever the body is; tests know its form. */
  readonly body: Record<string, unknown>;
}

/** One server that can be asked. */
interface Asked {
  call(key: string | undefined, method: Method, url: string, payload?: unknown): Promise<Answer>;
}

/** What a test is given. */
export interface ApiWorld extends Asked {
  readonly world: TestWorld;
  /** As the API's role. */
  readonly runtime: Runtime;
  /** Its tables as a service's role, for what tests write and look at by themselves: one pool. */
  readonly tables: Database;
  readonly server: FastifyInstance;
  readonly keys: Readonly<Record<Role, string>>;
  /** An admin's key of the other tenant. */
  readonly otherKey: string;
  readonly otherInstance: Instance;
  /** The same API as another process would serve it: nothing is cached in it. */
  anotherProcess(): Asked;
  /** Starts the other services on the world, as `npm start` does. */
  startServices(): Promise<void>;
  close(): Promise<void>;
}

const scheduling = { services: [{ id: 'consulta', name: 'Consulta', durationMinutes: 30 }], openingHours: {} };
const queue = { name: 'recepcao', capacity: 1, waitingMax: 5, minutesEach: 10 };

/** Conversations run the echo machine, instances and queues their own. */
const configuration = {
  ...echoConfiguration,
  machines: {
    ...echoConfiguration.machines,
    // Recordings are heard by nobody who could be reached; tests that have somebody say so.
    conversation: {
      version: echoConfiguration.machines['conversation']?.version ?? '',
      settings: { media: { speechModel: 'ear', baseUrl: 'http://127.0.0.1:9/v1' }, scheduling, queue },
    },
    instance: { version: instanceVersion, settings: {} },
    'service-queue': { version: serviceQueueVersion, settings: {} },
  },
};
const find: FindMachine = (name, version) => findEcho(name, version) ?? findMachine(name, version);

/** Opens it. `deps` replaces what the API is given. */
export async function openApiWorld(deps: Partial<ApiDeps> = {}): Promise<ApiWorld> {
  const world = await openTestWorld({ configuration });
  const runtime = world.runtime('prosa_api', 'test-api');
  const ingest = world.runtime('prosa_ingest', 'test-ingest');
  await runtime.tenants.create(otherTenant, 'Other');
  await runtime.tenants.configure(otherTenant, configuration);
  const otherInstance = await runtime.instances.create(
    { tenant: otherTenant, provider: 'simulator', name: 'simulator', settings: {} },
    runtime.now(),
  );
  const apiKeys = openApiKeys(runtime.database, runtime.now);
  const keyed = await Promise.all(
    roles.map(async (role) => [role, (await apiKeys.createApiKey(testTenant, role, role)).key] as const),
  );
  const { key: otherKey } = await apiKeys.createApiKey(otherTenant, 'admin', 'admin');

  const server = createHttpServer({ logger: createLogger('silent'), bodyBytesMax });
  let url = '';
  ingestRoutes(server, ingest, processWindow(runtime.now));
  apiRoutes(server, runtime, {
    find,
    phone: openSimulatorPhone(runtime.database, runtime.vault),
    ingestUrl: () => url,
    ...deps,
  });
  url = await server.listen({ host: '127.0.0.1', port: 0 });
  const services: RunningService[] = [];

  return {
    world,
    runtime,
    tables: world.runtime('prosa_worker', 'test-tables').database,
    server,
    keys: Object.fromEntries(keyed) as Record<Role, string>,
    otherKey,
    otherInstance,
    ...asked(server),
    anotherProcess() {
      const another = createHttpServer({ logger: createLogger('silent'), bodyBytesMax });
      const fresh = world.runtime('prosa_api', 'test-another');
      apiRoutes(another, fresh, {
        find,
        phone: openSimulatorPhone(fresh.database, fresh.vault),
        ingestUrl: () => url,
        ...deps,
      });
      return asked(another);
    },
    async startServices() {
      const worker = world.runtime('prosa_worker', 'test-worker');
      services.push(
        await startConversation(worker, find),
        await startSender(worker, { soleOwner: true }),
        await startProjection(worker, find),
        await startMedia(worker),
        await startWebhooks(worker),
        await startCompliance(worker),
        startReplay(worker, { find: deps.find ?? find }),
      );
    },
    async close() {
      await server.close();
      await Promise.all(services.map((service) => service.stop()));
      await world.close();
    },
  };
}

const asked = (server: FastifyInstance): Asked => ({
  async call(key, method, path, payload) {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const request: InjectOptions = { method, url: path, headers };
    if (payload !== undefined) request.payload = payload as object;
    const answer = await server.inject(request);
    const isJson = String(answer.headers['content-type']).includes('json');
    const body = isJson ? answer.json<Record<string, unknown>>() : {};
    return { status: answer.statusCode, headers: answer.headers, text: answer.body, body };
  },
});
