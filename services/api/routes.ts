/**
 * The API: routes as data, registered in a loop.
 *
 * A request passes in this order: key (401, before its body is read), role (403), form (400, 404),
 * handler. Nothing under /v1 may be stored by caches. What a handler throws is answered as problem
 * JSON by the server, without traces.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';

import { Problem } from '#runtime/http.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { openAccess } from './access.ts';
import { openActors } from './actors.ts';
import { type ApiKey, type ApiKeys, openApiKeys } from './api-keys.ts';
import type { ApiContext, ApiDeps } from './deps.ts';
import { documentRoutes } from './documents.ts';
import { probeRoutes } from './probes.ts';
import { type Route, bodyBytesMax } from './route.ts';
import { auditRoutes } from './routes/audit.ts';
import { conversationReplayRoutes } from './routes/conversation-replay.ts';
import { conversationRoutes } from './routes/conversations.ts';
import { deliveryRoutes } from './routes/deliveries.ts';
import { healthRoutes } from './routes/health.ts';
import { historyRoutes } from './routes/history.ts';
import { instanceRoutes } from './routes/instances.ts';
import { messageRoutes } from './routes/messages.ts';
import { parkedRoutes } from './routes/parked.ts';
import { replayRoutes } from './routes/replays.ts';
import { simulatorRoutes } from './routes/simulator.ts';
import { topicRoutes } from './routes/topics.ts';
import { schemaRegistryRoutes } from './schema-registry.ts';

const bearer = /^Bearer ([\w-]{10,200})$/i;

/** Every route under /v1. */
export const routesOf = (context: ApiContext): readonly Route[] => [
  ...healthRoutes(context),
  ...simulatorRoutes(context),
  ...conversationRoutes(context),
  ...historyRoutes(context),
  ...conversationReplayRoutes(context),
  ...messageRoutes(context),
  ...instanceRoutes(context),
  ...deliveryRoutes(context),
  ...parkedRoutes(context),
  ...topicRoutes(context),
  ...auditRoutes(context),
  ...replayRoutes(context),
];

/** Registers the API's routes and the probes. The server stays the caller's to start and close. */
export function apiRoutes(server: FastifyInstance, runtime: Runtime, deps: ApiDeps): void {
  const keys = openApiKeys(runtime.database, runtime.now);
  const context: ApiContext = {
    runtime,
    deps,
    actors: openActors(runtime, deps.find),
    access: openAccess(runtime),
  };
  probeRoutes(server, runtime, deps);
  schemaRegistryRoutes(server);
  const routes = routesOf(context);
  documentRoutes(server, routes);
  void server.register(async (scope) => {
    scope.addHook('onSend', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    for (const route of routes) register(scope, route, keys, runtime);
  });
}

function register(scope: FastifyInstance, route: Route, keys: ApiKeys, runtime: Runtime): void {
  const holders = new WeakMap<FastifyRequest, ApiKey>();
  scope.route({
    method: route.method,
    url: route.path,
    bodyLimit: bodyBytesMax,
    onRequest: async (request, reply) => {
      const key = await authenticate(keys, request).catch((caught: unknown) => {
        if (caught instanceof Problem) reply.header('www-authenticate', 'Bearer');
        throw caught;
      });
      if (!route.roles.includes(key.role)) throw new Problem(403, 'forbidden', 'The role of this key may not do this.');
      holders.set(request, key);
    },
    onResponse: async (_request, reply) => {
      const labels = { route: route.name, status: String(reply.statusCode) };
      runtime.metrics.apiDuration.observe(labels, reply.elapsedTime / 1_000);
    },
    handler: async (request, reply) => {
      const key = holders.get(request);
      if (key === undefined) throw new Error('a request was handled before its key was known');
      const { params, query, body } = request;
      return reply.status(route.status).send(await route.run(key, { params, query, body }));
    },
  });
}

async function authenticate(keys: ApiKeys, request: FastifyRequest): Promise<ApiKey> {
  const presented = bearer.exec(request.headers.authorization ?? '')?.[1];
  const key = presented === undefined ? undefined : await keys.find(presented);
  if (key === undefined) throw new Problem(401, 'unauthorized', 'An API key is missing, wrong or revoked.');
  return key;
}
