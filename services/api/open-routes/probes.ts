/** Probes as the documents describe them; they are served by `../probes.ts`. */
import { z } from 'zod';

import type { Operation } from '../operation.ts';

const common = { tag: 'probes', method: 'GET', roles: undefined, problems: [], operating: false, example: {} } as const;
const contentType = 'application/json';

const readiness = z.object({
  status: z.enum(['healthy', 'degraded', 'unhealthy']),
  dependencies: z.array(z.object({ name: z.string(), status: z.enum(['healthy', 'degraded', 'unhealthy']) })),
});

/** The probes. */
export const probeOperations: readonly Operation[] = [
  {
    ...common,
    name: 'probes.live',
    path: '/livez',
    summary: 'Whether the process lives',
    description: 'Asks nothing of anybody. Restart the process when it does not answer.',
    answers: [
      {
        status: 200,
        meaning: 'It lives.',
        contentType,
        shape: z.object({ status: z.literal('alive') }),
        example: { status: 'alive' },
      },
    ],
  },
  {
    ...common,
    name: 'probes.ready',
    path: '/readyz',
    summary: 'Whether the process can do its work',
    description: 'Send it no requests while it answers 503: what every request needs is away, or it drains.',
    answers: [
      {
        status: 200,
        meaning: 'Ready.',
        contentType,
        shape: readiness,
        example: {
          status: 'healthy',
          dependencies: [
            { name: 'postgres', status: 'healthy' },
            { name: 'log', status: 'healthy' },
          ],
        },
      },
      {
        status: 503,
        meaning: 'Not ready.',
        contentType,
        shape: readiness,
        example: {
          status: 'unhealthy',
          dependencies: [
            { name: 'postgres', status: 'healthy' },
            { name: 'log', status: 'unhealthy' },
          ],
        },
      },
    ],
  },
  {
    ...common,
    name: 'probes.metrics',
    path: '/metrics',
    summary: 'Metrics for Prometheus',
    description: 'Labels are codes: no ids and nothing personal. Not meant for the public side of an edge.',
    answers: [
      {
        status: 200,
        meaning: "Prometheus' text format.",
        contentType: 'text/plain',
        example: 'wa_turns_total{machine="conversation",outcome="applied"} 4',
      },
    ],
  },
];
