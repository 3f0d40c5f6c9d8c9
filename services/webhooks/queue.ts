/** What is to be told to endpoints: one row per event and endpoint. */
import { type Columns, insertRows } from '#runtime/database/rows.ts';
import type { ReadSlice } from '#runtime/log/consume-records.ts';
import { writeWithProgress } from '#runtime/log/queue-progress.ts';
import { derivedId } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';

/** A row to be made. */
export interface NewDelivery {
  readonly tenant: string;
  readonly webhook: string;
  readonly type: string;
  readonly eventId: string;
  readonly occurredAt: number;
  /** The record as on the log. */
  readonly value: Buffer;
}

/** A claimed row. */
export interface WebhookDelivery {
  readonly tenant: string;
  readonly id: string;
  readonly webhook: string;
  readonly type: string;
  readonly occurred_at: Date;
  readonly record: Buffer | null;
  /** With this one. */
  readonly attempts: number;
}

/** How an attempt ended. */
export interface Attempted {
  readonly httpStatus: number | null;
  /** Stable code; null for success. */
  readonly code: string | null;
}

/** Throws `database.unavailable`. */
export interface WebhookQueue {
  /** Queues what the slices lead to, and moves the progress of `group`. Idempotent: an event is one delivery per endpoint. */
  add(deliveries: readonly NewDelivery[], group: string, slices: readonly ReadSlice[]): Promise<void>;
  /** Takes what is due for `leaseMs`, so that with what is in flight no endpoint has more than its share. */
  claim(
    count: number,
    leaseMs: number,
    perEndpoint: number,
    inFlight: readonly WebhookDelivery[],
  ): Promise<readonly WebhookDelivery[]>;
  /** It is settled. */
  settle(delivery: WebhookDelivery, status: 'delivered' | 'failed', attempted: Attempted): Promise<void>;
  /** It is tried again; `counts` is false when it was not tried. */
  putOff(delivery: WebhookDelivery, delayMs: number, attempted: Attempted | undefined): Promise<void>;
  /** Forgets what was settled before `at` (epoch ms), so many at once. */
  forget(tenants: readonly string[], at: number): Promise<void>;
}

/** Of what is due, the oldest: endpoints that are full are not among them. */
const lookedAtMax = 500;
const forgottenAtOnceMax = 5_000;

/** Opens the queue. */
export function openWebhookQueue({
  database,
  tenants,
  now,
}: Pick<Runtime, 'database' | 'tenants' | 'now'>): WebhookQueue {
  const columns: Columns<NewDelivery> = {
    tenant: ['text', (row) => row.tenant],
    id: ['text', (row) => derivedId('wd', row.webhook, row.eventId)],
    webhook: ['text', (row) => row.webhook],
    type: ['text', (row) => row.type],
    occurred_at: ['timestamptz', (row) => new Date(row.occurredAt)],
    record: ['bytea', (row) => row.value],
    status: ['text', () => 'queued'],
    created_at: ['timestamptz', () => new Date(now())],
    updated_at: ['timestamptz', () => new Date(now())],
    due_at: ['timestamptz', () => new Date(now())],
  };

  return {
    async add(deliveries, group, slices) {
      const of = { slices, tenants: deliveries.map(({ tenant }) => tenant) };
      await writeWithProgress(database, group, of, (sql) =>
        insertRows(sql, 'webhook_deliveries', columns, deliveries, '(id) DO NOTHING'),
      );
    },

    async claim(count, leaseMs, perEndpoint, inFlight) {
      const busy = new Map<string, number>();
      for (const { webhook } of inFlight) busy.set(webhook, (busy.get(webhook) ?? 0) + 1);
      const full = [...busy].flatMap(([webhook, running]) => (running >= perEndpoint ? [webhook] : []));
      const claimed = await database.query<WebhookDelivery>(
        await tenants.ids(),
        `UPDATE webhook_deliveries d SET attempts = d.attempts + 1, due_at = to_timestamp($2 / 1000.0)
         WHERE d.id = ANY (ARRAY(
               SELECT id FROM webhook_deliveries
               WHERE status = 'queued' AND due_at <= to_timestamp($1 / 1000.0) AND id = ANY (ARRAY(
                 SELECT id FROM (
                   SELECT id, webhook, due_at, row_number() OVER (PARTITION BY webhook ORDER BY due_at, id) AS place
                   FROM (SELECT id, webhook, due_at FROM webhook_deliveries
                         WHERE status = 'queued' AND due_at <= to_timestamp($1 / 1000.0) AND webhook <> ALL ($5::text[])
                         ORDER BY due_at LIMIT ${lookedAtMax}) AS oldest) AS placed
                 WHERE place <= $4 - COALESCE((SELECT running FROM unnest($6::text[], $7::int[]) AS busy (webhook, running)
                                               WHERE busy.webhook = placed.webhook), 0)
                 ORDER BY due_at LIMIT $3))
               FOR UPDATE SKIP LOCKED)) RETURNING d.tenant, d.id, d.webhook, d.type, d.occurred_at, d.record, d.attempts`,
        [now(), now() + leaseMs, count, perEndpoint, full, [...busy.keys()], [...busy.values()]],
      );
      return claimed.rows;
    },

    async settle({ tenant, id }, status, { httpStatus, code }) {
      await database.query(
        [tenant],
        `UPDATE webhook_deliveries SET status = $2, record = NULL, http_status = $3, code = $4,
           updated_at = to_timestamp($5 / 1000.0) WHERE id = $1`,
        [id, status, httpStatus, code, now()],
      );
    },

    async putOff({ tenant, id }, delayMs, attempted) {
      await database.query(
        [tenant],
        `UPDATE webhook_deliveries SET due_at = to_timestamp($2 / 1000.0), attempts = attempts - $3,
           http_status = COALESCE($4, http_status), code = COALESCE($5, code), updated_at = to_timestamp($6 / 1000.0)
         WHERE id = $1`,
        [id, now() + delayMs, attempted === undefined ? 1 : 0, attempted?.httpStatus, attempted?.code, now()],
      );
    },

    async forget(of, at) {
      await database.query(
        of,
        `DELETE FROM webhook_deliveries WHERE id IN (
           SELECT id FROM webhook_deliveries WHERE status <> 'queued' AND updated_at < to_timestamp($1 / 1000.0)
           ORDER BY updated_at LIMIT $2)`,
        [at, forgottenAtOnceMax],
      );
    },
  };
}
