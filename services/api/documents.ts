/**
 * `/openapi.json` and `/docs`: the routes, for programs and for people. Both are made once, from the
 * routes that are served; neither asks for a key, names a machine or loads anything from elsewhere.
 */
import { createHash } from 'node:crypto';

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { contentSecurityPolicy, docsPage } from './docs-page.ts';
import { documentOperations } from './open-routes/documents.ts';
import { probeOperations } from './open-routes/probes.ts';
import { schemaRegistryOperations } from './open-routes/schema-registry.ts';
import { webhookOperations } from './open-routes/webhooks.ts';
import { openApiDocument } from './openapi.ts';
import type { OpenApiDocument } from './openapi-types.ts';
import { operationOf } from './operation.ts';
import type { Route } from './route.ts';

/** The document of these routes and of all that no key is asked for. */
export const documentOf = (routes: readonly Route[]): OpenApiDocument =>
  openApiDocument([
    ...routes.map(operationOf),
    ...webhookOperations,
    ...schemaRegistryOperations,
    ...probeOperations,
    ...documentOperations,
  ]);

/** Short, so that a new release is seen soon; afterwards the `ETag` saves the body. */
const maxAgeSeconds = 300;

/** Registers them. */
export function documentRoutes(server: FastifyInstance, routes: readonly Route[]): void {
  const document = documentOf(routes);
  serve(server, '/openapi.json', { 'content-type': 'application/json' }, JSON.stringify(document));
  const pageHeaders = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': contentSecurityPolicy,
    'referrer-policy': 'no-referrer',
  };
  serve(server, '/docs', pageHeaders, docsPage(document));
}

function serve(server: FastifyInstance, path: string, headers: Readonly<Record<string, string>>, text: string): void {
  const body = Buffer.from(text);
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  const fixed = {
    ...headers,
    etag,
    'cache-control': `public, max-age=${maxAgeSeconds}`,
    'x-content-type-options': 'nosniff',
  };
  server.get(path, async (request: FastifyRequest, reply: FastifyReply) => {
    void reply.headers(fixed);
    if (namesVersion(request.headers['if-none-match'], etag)) return reply.status(304).send();
    return reply.send(body);
  });
}

/** RFC 9110, 13.1.2: weak comparison, a list, or `*`. */
const namesVersion = (header = '', etag: string): boolean =>
  header.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag);
