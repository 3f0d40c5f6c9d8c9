/** What orchestrators and Prometheus ask: without a key, without personal data. */
import type { FastifyInstance } from 'fastify';

import type { Runtime } from '#runtime/runtime.ts';

import type { ApiDeps } from './deps.ts';
import { readinessOf } from './health.ts';

/**
 * Registers `/livez` (this process turns; asks nobody), `/readyz` (503 when what every request needs
 * is away, or the process drains) and `/metrics`.
 */
export function probeRoutes(server: FastifyInstance, runtime: Runtime, deps: ApiDeps): void {
  server.get('/livez', async () => ({ status: 'alive' }));
  server.get('/readyz', async (_request, reply) => {
    const { status, dependencies } = await readinessOf(runtime, deps);
    const named = dependencies.map((dependency) => ({ name: dependency.name, status: dependency.status }));
    return reply.status(status === 'unhealthy' ? 503 : 200).send({ status, dependencies: named });
  });
  server.get('/metrics', async (_request, reply) =>
    reply.type(runtime.metrics.registry.contentType).send(await runtime.metrics.registry.metrics()),
  );
}
