/** Deliveries: what is being sent to people and what became of it. Hold no personal data. */
import { z } from 'zod';

import { attempt, readAttempts } from '../delivery-attempts.ts';
import { pageOf, placeOf, placeOfTime, timeOfPlace, timePlace } from '../cursors.ts';
import { deliveryStatuses } from '../delivery-status.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { cursor, filterText, idParams, limit, listOf, time } from '../shapes.ts';

const status = z.enum(deliveryStatuses);

const deliveryFields = {
  id: z.string(),
  messageId: z.string().nullable().describe('Id of the request, for messages sent through the API'),
  conversationId: z.string(),
  instanceId: z.string(),
  provider: z.string().nullable().describe('Null before the first attempt'),
  origin: z.string().describe('machine, api, operator or broadcast'),
  kind: z.string().describe('text, buttons, image, …'),
  priority: z.string(),
  status,
  reason: z.string().nullable().describe('Stable code of why it was given up, or is not known to be sent'),
  cause: z
    .string()
    .nullable()
    .describe('Stable code of what its last attempt met, or, while its account is held, of what holds it'),
  fallback: z
    .enum(['instance', 'priority'])
    .nullable()
    .describe('Rung of the ladder on which it stands: another account, or the urgent queue'),
  nextAttemptAt: time
    .nullable()
    .describe('Not tried before then; null when it is over, on its way, or waits for an earlier one of its chat'),
  attempts: z.number(),
  createdAt: time,
  updatedAt: time,
};

const delivery = z.object(deliveryFields).meta({ id: 'Delivery', description: 'The sending of a reply.' });

const oneDelivery = z
  .object({
    ...deliveryFields,
    tries: z.array(attempt).describe('Every attempt and what became of it'),
    steps: z
      .array(
        z.object({
          number: z.number(),
          at: time,
          step: z.enum(['endpoint', 'instance', 'priority', 'notify', 'manual']),
          cause: z.string().describe('Stable code of what made it necessary'),
          instanceId: z.string().describe('With which it went on'),
        }),
      )
      .describe('Its way down the ladder of fallbacks'),
  })
  .meta({ id: 'DeliveryInDetail', description: 'The sending of a reply, with every attempt.' });

/** A delivery in detail as it is answered. */
export type DeliveryInDetail = z.output<typeof oneDelivery>;

/** A delivery as it is answered. */
export type Delivery = z.output<typeof delivery>;

const example: Delivery = {
  id: exampleIds.delivery,
  messageId: null,
  conversationId: exampleIds.conversation,
  instanceId: exampleIds.instance,
  provider: 'simulator',
  origin: 'machine',
  kind: 'text',
  priority: 'normal',
  status: 'sent',
  reason: null,
  cause: null,
  fallback: null,
  nextAttemptAt: null,
  attempts: 1,
  createdAt: '2026-11-21T02:12:13.351Z',
  updatedAt: '2026-11-21T02:12:13.524Z',
};

interface DeliveryRow {
  readonly id: string;
  readonly message_id: string | null;
  readonly conversation: string;
  readonly instance: string;
  readonly provider: string | null;
  readonly origin: string;
  readonly kind: string;
  readonly priority: string;
  readonly status: (typeof deliveryStatuses)[number];
  readonly reason: string | null;
  readonly cause: string | null;
  readonly fallback: 'instance' | 'priority' | null;
  readonly next_at: Date | null;
  readonly attempts: number;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly place: string;
}

const columns = `id, message_id, conversation, instance, provider, origin, kind, priority, status, reason,
  cause AS met, fallback, attempts, lane, next_attempt_at, created_at, updated_at`;

// An account that is shut holds what waits for it; one that may not write to strangers holds the last three
// lanes (services/sender/lanes.ts).
const answeredOf = (source: string): string => `
  SELECT f.*, coalesce(CASE WHEN f.status = 'queued' THEN g.reason END, f.met) AS cause,
    CASE WHEN f.status IN ('queued', 'scheduled') AND f.next_attempt_at <> 'infinity'
      THEN greatest(f.next_attempt_at, CASE WHEN f.status = 'queued' THEN g.until END) END AS next_at
  FROM (${source}) f LEFT JOIN LATERAL (
    SELECT CASE WHEN h.state <> 'closed' THEN h.reason ELSE h.cold_reason END AS reason,
      CASE WHEN h.state <> 'closed' THEN h.probe_at ELSE h.cold_until END AS until
    FROM sending_gates h WHERE h.tenant = $1 AND h.instance = f.instance
      AND (h.state <> 'closed' OR f.lane >= 6 AND h.cold_until > now())
  ) g ON true`;

/**
 * The newest of each status, each found by the index of its own (which is why the status stands in the
 * text of the statement), and of those the newest.
 */
const listOfStatuses = (wanted: readonly (typeof deliveryStatuses)[number][]): string =>
  `SELECT *, ${placeOfTime('updated_at')} AS place FROM (${answeredOf(
    `SELECT * FROM (${wanted
      .map(
        (one) =>
          `(SELECT ${columns} FROM deliveries
          WHERE tenant = $1 AND status = '${one}' AND ($2::text IS NULL OR conversation = $2)
            AND ($3::text IS NULL OR instance = $3)
            AND ($4::bigint IS NULL OR (updated_at, id) < (${timeOfPlace('$4')}, $5))
          ORDER BY updated_at DESC, id DESC LIMIT $6)`,
      )
      .join(' UNION ALL ')}) AS newest ORDER BY updated_at DESC, id DESC LIMIT $6`,
  )}) AS page
   ORDER BY updated_at DESC, id DESC`;

interface StepRow {
  readonly number: number;
  readonly at: Date;
  readonly step: DeliveryInDetail['steps'][number]['step'];
  readonly cause: string;
  readonly instance: string;
}

const readStatement = answeredOf(
  `SELECT ${columns} FROM deliveries WHERE tenant = $1 AND (id = $2 OR message_id = $2)
   ORDER BY created_at DESC, id DESC LIMIT 1`,
);

const exampleInDetail: DeliveryInDetail = {
  ...example,
  status: 'queued',
  cause: 'provider.unavailable',
  fallback: 'instance',
  nextAttemptAt: '2026-11-21T02:20:15.267Z',
  attempts: 5,
  tries: [
    {
      number: 5,
      at: '2026-11-21T02:19:15.242Z',
      instanceId: exampleIds.instance,
      provider: 'waha',
      outcome: 'retry',
      code: 'provider.unavailable',
      httpStatus: 503,
      durationMs: 12,
    },
  ],
  steps: [
    {
      number: 1,
      at: '2026-11-21T02:19:14.980Z',
      step: 'instance',
      cause: 'provider.unavailable',
      instanceId: exampleIds.instance,
    },
  ],
};

/** The routes of deliveries. */
export function deliveryRoutes({ runtime }: ApiContext): readonly Route[] {
  return [
    defineRoute({
      name: 'deliveries.list',
      method: 'GET',
      path: '/v1/deliveries',
      summary: 'Deliveries, newest change first',
      query: z.strictObject({
        status: status.optional(),
        conversation: filterText.optional().describe('Id of the conversation'),
        instance: filterText.optional().describe('Id of the instance'),
        limit,
        cursor,
      }),
      status: 200,
      response: listOf(delivery),
      example: {
        query: { conversation: exampleIds.conversation, limit: 20 },
        answer: { items: [example], next: null },
      },
      async handler({ key, query }) {
        const after = placeOf(query.cursor, timePlace);
        const wanted = query.status === undefined ? deliveryStatuses : [query.status];
        const found = await runtime.database.transaction([key.tenant], (sql) =>
          sql.query<DeliveryRow>(listOfStatuses(wanted), [
            key.tenant,
            query.conversation ?? null,
            query.instance ?? null,
            after?.[0] ?? null,
            after?.[1] ?? null,
            query.limit + 1,
          ]),
        );
        return pageOf(found.rows, query.limit, deliveryOf, (row) => [Number(row.place), row.id]);
      },
    }),

    defineRoute({
      name: 'deliveries.read',
      method: 'GET',
      path: '/v1/deliveries/:id',
      summary: 'A delivery with every attempt and its way down the ladder of fallbacks',
      description: 'By its own id, or that of its message.',
      params: idParams,
      status: 200,
      response: oneDelivery,
      example: { params: { id: exampleIds.message }, answer: exampleInDetail },
      async handler({ key, params: { id } }) {
        const found = await runtime.database.query<DeliveryRow>([key.tenant], readStatement, [key.tenant, id]);
        const [row] = found.rows;
        if (row === undefined) throw notFound();
        const [tries, steps] = await Promise.all([
          readAttempts(runtime.database, key.tenant, row.id),
          runtime.database.query<StepRow>(
            [key.tenant],
            'SELECT number, at, step, cause, instance FROM delivery_steps WHERE delivery = $1 AND tenant = $2 ORDER BY number',
            [row.id, key.tenant],
          ),
        ]);
        return {
          ...deliveryOf(row),
          tries: [...tries],
          steps: steps.rows.map(({ at, instance, ...step }) => ({
            ...step,
            at: at.toISOString(),
            instanceId: instance,
          })),
        };
      },
    }),
  ];
}

const deliveryOf = (row: DeliveryRow): Delivery => ({
  id: row.id,
  messageId: row.message_id,
  conversationId: row.conversation,
  instanceId: row.instance,
  provider: row.provider,
  origin: row.origin,
  kind: row.kind,
  priority: row.priority,
  status: row.status,
  reason: row.reason,
  cause: row.cause,
  fallback: row.fallback,
  nextAttemptAt: row.next_at?.toISOString() ?? null,
  attempts: row.attempts,
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString(),
});
