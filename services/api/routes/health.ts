/** Health for people and dashboards; probes are in `../probes.ts`. */
import { z } from 'zod';

import type { ApiContext } from '../deps.ts';
import { healthOf } from '../health.ts';
import { type Route, defineRoute } from '../route.ts';

const status = z.enum(['healthy', 'degraded', 'unhealthy']);

const health = z
  .object({
    status: status.describe('The worst of all, where only what every request needs makes it unhealthy'),
    dependencies: z.array(
      z.object({
        name: z.string(),
        status,
        latencyMs: z.number().nullable(),
        code: z.string().nullable().describe('Stable code of what is wrong'),
      }),
    ),
  })
  .meta({ id: 'Health' });

/** Health as it is answered. */
export type HealthAnswer = z.output<typeof health>;

const example: z.input<typeof health> = {
  status: 'degraded',
  dependencies: [
    { name: 'postgres', status: 'healthy', latencyMs: 1.44, code: null },
    { name: 'log', status: 'healthy', latencyMs: 2.1, code: null },
    { name: 'keys', status: 'healthy', latencyMs: 0.43, code: null },
    { name: 'redis', status: 'degraded', latencyMs: null, code: 'not-configured' },
  ],
};

/** The routes of health. */
export function healthRoutes({ runtime, deps }: ApiContext): readonly Route[] {
  return [
    defineRoute({
      name: 'health.read',
      method: 'GET',
      path: '/v1/health',
      summary: 'Health and latency of every dependency',
      description: 'Always 200: what is wrong is in the body. For probes there are `/livez` and `/readyz`.',
      status: 200,
      response: health,
      example: { answer: example },
      async handler({ key }) {
        const health = await healthOf(runtime, deps, key.tenant);
        return { status: health.status, dependencies: [...health.dependencies] };
      },
    }),
  ];
}
