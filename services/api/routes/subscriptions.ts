/** The tenant's own endpoints, which are told what happens. */
import { z } from 'zod';

import { Problem } from '#runtime/http.ts';
import { OutsideError } from '#runtime/net/outside.ts';
import { checkUrl, webPorts } from '#runtime/net/outside-url.ts';
import { type Subscription, openSubscriptions, webhookEvents } from '#runtime/webhooks/subscriptions.ts';

import { pageOf, placeOf, placeOfTime, timeOfPlace, timePlace } from '../cursors.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { cursor, idParams, limit, listOf, time } from '../shapes.ts';

const events = z.array(z.enum(webhookEvents)).min(1).max(webhookEvents.length);

const endpoint = z
  .object({
    id: z.string(),
    url: z.string(),
    events: z.array(z.string()),
    includeContent: z.boolean(),
    createdAt: time,
    failingSince: time.nullable().describe('Since when nothing has arrived any more; null when the last attempt did'),
    disabledAt: time.nullable(),
    disabledReason: z
      .string()
      .nullable()
      .describe('endpoint.failing (for five days) or endpoint.gone (it answered 410)'),
  })
  .meta({ id: 'Webhook', description: "A tenant's own endpoint." });

const delivery = z
  .object({
    id: z.string().describe('The header `webhook-id`, the same at every attempt'),
    type: z.string(),
    occurredAt: time,
    status: z.enum(['queued', 'delivered', 'failed']),
    attempts: z.number(),
    httpStatus: z.number().nullable().describe('Of the last attempt'),
    code: z.string().nullable().describe('Stable code of why the last attempt did not arrive'),
    nextAttemptAt: time.nullable(),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: 'WebhookDelivery', description: 'An event on its way to an endpoint.' });

interface DeliveryRow {
  readonly id: string;
  readonly type: string;
  readonly occurred_at: Date;
  readonly status: 'queued' | 'delivered' | 'failed';
  readonly attempts: number;
  readonly http_status: number | null;
  readonly code: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly due_at: Date;
  readonly place: string;
}

const exampleUrl = 'https://systems.clinic.example/prosa';

const example: z.input<typeof endpoint> = {
  id: exampleIds.webhook,
  url: exampleUrl,
  events: ['message.received', 'delivery.updated'],
  includeContent: false,
  createdAt: '2026-11-21T02:12:15.175Z',
  failingSince: null,
  disabledAt: null,
  disabledReason: null,
};

/** The routes of endpoints. */
export function subscriptionRoutes({ runtime, access }: ApiContext): readonly Route[] {
  const endpoints = () => openSubscriptions(runtime.database, runtime.vault, runtime.now);

  const requireCallable = (url: string): void => {
    const { trustedOrigins: trusted, mode } = runtime.config;
    try {
      const checked = checkUrl(url, { trusted }, webPorts);
      // In production nothing is told in the clear but to neighbours.
      if (mode !== 'production' || checked.trusted || checked.url.protocol === 'https:') return;
    } catch (caught) {
      if (!(caught instanceof OutsideError)) throw caught;
    }
    throw new Problem(400, 'url-refused', 'The address may not be called: it is not public, or not https.');
  };

  const requireOne = async (tenant: string, id: string): Promise<Subscription> => {
    const found = await endpoints().read(tenant, id);
    if (found === undefined) throw notFound();
    return found;
  };

  return [
    defineRoute({
      name: 'subscriptions.create',
      method: 'POST',
      path: '/v1/webhooks',
      summary: 'Has an endpoint of yours told what happens',
      description:
        'Bodies are `{type, timestamp, data}` with ids and states, and with `includeContent` what people wrote. They are signed by Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp`, `webhook-signature`. Anything but 2xx is tried again for three days; deliveries come at least once and in no order. The secret is shown this once.',
      body: z.strictObject({
        url: z.string().max(2_048).describe('Public address; https in production'),
        events,
        includeContent: z.boolean().default(false),
      }),
      status: 201,
      response: endpoint.extend({ secret: z.string().describe('What bodies are signed with; shown this once') }),
      problems: ['url-refused', 'webhooks-too-many'],
      example: {
        body: { url: exampleUrl, events: ['message.received', 'delivery.updated'], includeContent: false },
        answer: { ...example, secret: 'whsec_bm90IGEgc2VjcmV0LCBidXQgYW4gZXhhbXBsZSBvZiBvbmUu' },
      },
      async handler({ key, body: { url, events: wanted, includeContent } }) {
        requireCallable(url);
        const { tenant } = key;
        const made = await endpoints().create({ tenant, url, events: wanted, includesContent: includeContent });
        if (made === undefined)
          throw new Problem(409, 'webhooks-too-many', 'The tenant has as many webhooks as it may.');
        await access.record(key, [{ actor: key.id, action: 'webhook.created', subject: made.id }]);
        return { ...shown(made), secret: made.secret };
      },
    }),

    defineRoute({
      name: 'subscriptions.list',
      method: 'GET',
      path: '/v1/webhooks',
      summary: 'Endpoints that are told what happens',
      status: 200,
      response: listOf(endpoint),
      example: { answer: { items: [example], next: null } },
      async handler({ key }) {
        return { items: (await endpoints().list(key.tenant)).map(shown), next: null };
      },
    }),

    defineRoute({
      name: 'subscriptions.delete',
      method: 'DELETE',
      path: '/v1/webhooks/:id',
      summary: 'Ends an endpoint; what is queued for it is not sent',
      params: idParams,
      status: 200,
      response: z.object({ id: z.string() }),
      example: { params: { id: exampleIds.endedWebhook }, answer: { id: exampleIds.endedWebhook } },
      async handler({ key, params: { id } }) {
        if (!(await endpoints().remove(key.tenant, id))) throw notFound();
        await access.record(key, [{ actor: key.id, action: 'webhook.deleted', subject: id }]);
        return { id };
      },
    }),

    defineRoute({
      name: 'subscriptions.test',
      method: 'POST',
      path: '/v1/webhooks/:id/test',
      summary: 'Tells an endpoint a `webhook.test`',
      params: idParams,
      status: 202,
      response: z.object({ deliveryId: z.string() }),
      example: { params: { id: exampleIds.webhook }, answer: { deliveryId: exampleIds.webhookDelivery } },
      async handler({ key, params: { id } }) {
        return { deliveryId: await endpoints().test(await requireOne(key.tenant, id)) };
      },
    }),

    defineRoute({
      name: 'subscriptions.deliveries',
      method: 'GET',
      path: '/v1/webhooks/:id/deliveries',
      summary: 'What an endpoint was told, or is to be, newest first',
      description: 'What is settled is kept for 30 days.',
      params: idParams,
      query: z.strictObject({ limit, cursor }),
      status: 200,
      response: listOf(delivery),
      example: {
        params: { id: exampleIds.webhook },
        query: { limit: 20 },
        answer: {
          items: [
            {
              id: exampleIds.webhookDelivery,
              type: 'message.received',
              occurredAt: '2026-11-21T02:12:15.175Z',
              status: 'delivered',
              attempts: 1,
              httpStatus: 204,
              code: null,
              nextAttemptAt: null,
              createdAt: '2026-11-21T02:12:15.231Z',
              updatedAt: '2026-11-21T02:12:15.310Z',
            },
          ],
          next: null,
        },
      },
      async handler({ key, params, query }) {
        await requireOne(key.tenant, params.id);
        const after = placeOf(query.cursor, timePlace);
        const found = await runtime.database.query<DeliveryRow>(
          [key.tenant],
          `SELECT id, type, occurred_at, status, attempts, http_status, code, created_at, updated_at, due_at,
                  ${placeOfTime('created_at')} AS place
           FROM webhook_deliveries
           WHERE tenant = $1 AND webhook = $2 AND ($3::bigint IS NULL OR (created_at, id) < (${timeOfPlace('$3')}, $4))
           ORDER BY created_at DESC, id DESC LIMIT $5`,
          [key.tenant, params.id, after?.[0] ?? null, after?.[1] ?? null, query.limit + 1],
        );
        return pageOf(found.rows, query.limit, deliveryOf, ({ place, id }) => [Number(place), id]);
      },
    }),
  ];
}

const shown = (one: Subscription): z.input<typeof endpoint> => ({
  id: one.id,
  url: one.url,
  events: [...one.events],
  includeContent: one.includesContent,
  createdAt: one.createdAt.toISOString(),
  failingSince: one.failingSince?.toISOString() ?? null,
  disabledAt: one.disabledAt?.toISOString() ?? null,
  disabledReason: one.disabledReason,
});

const deliveryOf = (row: DeliveryRow): z.input<typeof delivery> => ({
  id: row.id,
  type: row.type,
  occurredAt: row.occurred_at.toISOString(),
  status: row.status,
  attempts: row.attempts,
  httpStatus: row.http_status,
  code: row.code,
  nextAttemptAt: row.status === 'queued' ? row.due_at.toISOString() : null,
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString(),
});
