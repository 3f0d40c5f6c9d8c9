/** Health for people and dashboards; probes are in `../probes.ts`. */
import { z } from 'zod';

import type { ApiContext } from '../deps.ts';
import { healthOf } from '../health.ts';
import { type Route, defineRoute } from '../route.ts';

const status = z.enum(['healthy', 'degraded', 'unhealthy']);

/** The routes of health. */
export function healthRoutes({ runtime, deps }: ApiContext): readonly Route[] {
  return [
    defineRoute({
      name: 'health.read',
      method: 'GET',
      path: '/v1/health',
      summary: 'Health and latency of every dependency',
      status: 200,
      response: z.object({
        status,
        dependencies: z.array(
          z.object({ name: z.string(), status, latencyMs: z.number().nullable(), code: z.string().nullable() }),
        ),
      }),
      async handler({ key }) {
        const health = await healthOf(runtime, deps, key.tenant);
        return { status: health.status, dependencies: [...health.dependencies] };
      },
    }),
  ];
}
