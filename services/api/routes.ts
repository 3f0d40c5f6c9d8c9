/**
 * The API: routes as data, registered in a loop.
 *
 * A request passes in this order: key (401, before its body is read), role (403), form (400, 404),
 * handler. Nothing under /v1 may be stored by caches. What a handler throws is answered as problem
 * JSON by the server, without traces.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { Problem } from '#runtime/http.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { openAccess } from './access.ts';
import { openActors } from './actors.ts';
import { type ApiKey, type ApiKeys, openApiKeys } from './api-keys.ts';
import type { ApiContext, ApiDeps } from './deps.ts';
import { documentRoutes } from './documents.ts';
import { probeRoutes } from './probes.ts';
import { FileAnswer, type Route, UploadedFile, fileBody } from './route.ts';
import { appointmentRoutes } from './routes/appointments.ts';
import { attendanceRoutes } from './routes/attendance.ts';
import { auditRoutes } from './routes/audit.ts';
import { broadcastRoutes } from './routes/broadcasts.ts';
import { bulkRoutes } from './routes/bulk.ts';
import { configurationRoutes } from './routes/configuration.ts';
import { chatRoutes } from './routes/chat.ts';
import { conversationReplayRoutes } from './routes/conversation-replay.ts';
import { conversationRoutes } from './routes/conversations.ts';
import { deliveryRoutes } from './routes/deliveries.ts';
import { fileRoutes } from './routes/files.ts';
import { healthRoutes } from './routes/health.ts';
import { historyRoutes } from './routes/history.ts';
import { instanceOperationRoutes } from './routes/instance-operations.ts';
import { instanceRoutes } from './routes/instances.ts';
import { mergeRoutes } from './routes/merges.ts';
import { messageRoutes } from './routes/messages.ts';
import { modelRoutes } from './routes/models.ts';
import { parkedRoutes } from './routes/parked.ts';
import { participantRoutes } from './routes/participants.ts';
import { replayRoutes } from './routes/replays.ts';
import { manualQueueRoutes } from './routes/manual-queue.ts';
import { sendingRoutes } from './routes/sending.ts';
import { simulatorRoutes } from './routes/simulator.ts';
import { subscriptionRoutes } from './routes/subscriptions.ts';
import { templateRoutes } from './routes/templates.ts';
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
  ...attendanceRoutes(context),
  ...mergeRoutes(context),
  ...chatRoutes(context),
  ...messageRoutes(context),
  ...bulkRoutes(context),
  ...broadcastRoutes(context),
  ...instanceRoutes(context),
  ...instanceOperationRoutes(context),
  ...templateRoutes(context),
  ...fileRoutes(context),
  ...modelRoutes(context),
  ...appointmentRoutes(context),
  ...participantRoutes(context),
  ...subscriptionRoutes(context),
  ...deliveryRoutes(context),
  ...manualQueueRoutes(context),
  ...sendingRoutes(context),
  ...parkedRoutes(context),
  ...topicRoutes(context),
  ...auditRoutes(context),
  ...replayRoutes(context),
  ...configurationRoutes(context),
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
    for (const route of routes.filter(({ body }) => body !== fileBody)) register(scope, route, keys, runtime);
    void scope.register(async (files) => {
      // Whatever it is called: handlers get it as it streams in, and bound it.
      files.removeAllContentTypeParsers();
      files.addContentTypeParser('*', (request, payload, done) => {
        done(null, new UploadedFile(request.headers['content-type'] ?? '', payload));
      });
      for (const route of routes.filter(({ body }) => body === fileBody)) register(files, route, keys, runtime);
    });
  });
}

function register(scope: FastifyInstance, route: Route, keys: ApiKeys, runtime: Runtime): void {
  const holders = new WeakMap<FastifyRequest, ApiKey>();
  scope.route({
    method: route.method,
    url: route.path,
    bodyLimit: route.bodyBytesMax,
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
      const answer = await route.run(key, { params, query, body });
      return answer instanceof FileAnswer ? sendFile(reply, answer) : reply.status(route.status).send(answer);
    },
  });
}

/** What came from outside is never shown in place, whatever it turns out to be. */
function sendFile(reply: FastifyReply, { mimetype, bytes, content }: FileAnswer): FastifyReply {
  return reply
    .headers({
      'content-type': mimetype,
      'content-length': bytes,
      'content-disposition': 'attachment',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
    })
    .send(content);
}

async function authenticate(keys: ApiKeys, request: FastifyRequest): Promise<ApiKey> {
  const presented = bearer.exec(request.headers.authorization ?? '')?.[1];
  const key = presented === undefined ? undefined : await keys.find(presented);
  if (key === undefined) throw new Problem(401, 'unauthorized', 'An API key is missing, wrong or revoked.');
  return key;
}
