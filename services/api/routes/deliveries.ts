/** Deliveries: what is being sent to people and what became of it. Hold no personal data. */
import { z } from 'zod';

import { pageOf, placeOf, placeOfTime, timeOfPlace, timePlace } from '../cursors.ts';
import { deliveryStatuses } from '../delivery-status.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { type Route, defineRoute } from '../route.ts';
import { cursor, filterText, limit, listOf, time } from '../shapes.ts';

const status = z.enum(deliveryStatuses);

const delivery = z
  .object({
    id: z.string(),
    messageId: z.string().nullable().describe('Id of the request, for messages sent through the API'),
    conversationId: z.string(),
    instanceId: z.string(),
    provider: z.string().nullable().describe('Null before the first attempt'),
    origin: z.string().describe('machine, api, operator or broadcast'),
    kind: z.string().describe('text, buttons, image, …'),
    priority: z.string(),
    status,
    reason: z.string().nullable().describe('Stable code of why it was not sent, or is not known to be'),
    attempts: z.number(),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: 'Delivery', description: 'The sending of a reply.' });

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
  readonly attempts: number;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly place: string;
}

/**
 * The newest of each status, each found by the index of its own (which is why the status stands in the
 * text of the statement), and of those the newest.
 */
const listOfStatuses = (wanted: readonly (typeof deliveryStatuses)[number][]): string =>
  `SELECT *, ${placeOfTime('updated_at')} AS place FROM (${wanted
    .map(
      (one) =>
        `(SELECT id, message_id, conversation, instance, provider, origin, kind, priority, status, reason, attempts,
                 created_at, updated_at
          FROM deliveries
          WHERE tenant = $1 AND status = '${one}' AND ($2::text IS NULL OR conversation = $2)
            AND ($3::text IS NULL OR instance = $3)
            AND ($4::bigint IS NULL OR (updated_at, id) < (${timeOfPlace('$4')}, $5))
          ORDER BY updated_at DESC, id DESC LIMIT $6)`,
    )
    .join(' UNION ALL ')}) AS newest ORDER BY updated_at DESC, id DESC LIMIT $6`;

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
  attempts: row.attempts,
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString(),
});
