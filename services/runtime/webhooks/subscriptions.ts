/** The tenants' own endpoints: which there are and what each wants to be told. */
import { randomBytes } from 'node:crypto';

import type { ProsaRecord } from '#schemas/records.ts';

import type { Database } from '../database/database.ts';
import { newUlid } from '../records.ts';
import { type Vault, tenantSubject } from '../vault/vault.ts';

/** Types of records that endpoints can be told of. */
export const webhookEvents = [
  'message.received',
  'message.changed',
  'message.status',
  'delivery.updated',
  'media.stored',
  'media.failed',
  'instance.reported',
] as const satisfies readonly ProsaRecord['type'][];
export type WebhookEvent = (typeof webhookEvents)[number];

/** What is sent to try an endpoint. */
export const testEvent = 'webhook.test';

/** An endpoint. */
export interface Subscription {
  readonly id: string;
  readonly tenant: string;
  readonly events: readonly string[];
  /** True when it is told what people wrote, not only that they did. */
  readonly includesContent: boolean;
  readonly url: string;
  /** `whsec_` and base64 (Standard Webhooks 1.0). */
  readonly secret: string;
  readonly createdAt: Date;
  readonly failingSince: Date | null;
  readonly disabledAt: Date | null;
  readonly disabledReason: string | null;
}

/** Throws `database.unavailable` and `vault.unavailable`. */
export interface Subscriptions {
  /** Makes an endpoint with a new secret; undefined when the tenant has as many as it may. */
  create(
    wanted: Pick<Subscription, 'tenant' | 'url' | 'includesContent'> & { readonly events: readonly WebhookEvent[] },
  ): Promise<Subscription | undefined>;
  /** All of a tenant's, disabled ones too, oldest first. */
  list(tenant: string): Promise<readonly Subscription[]>;
  /** One of the tenant's. */
  read(tenant: string, id: string): Promise<Subscription | undefined>;
  /** Ends it; what is queued for it is not sent. Idempotent. False when there never was one. */
  remove(tenant: string, id: string): Promise<boolean>;
  /** Queues a test event for it; returns the id of the delivery. */
  test(subscription: Subscription): Promise<string>;
}

interface SealedEndpoint {
  readonly url: string;
  readonly secret: string;
}

interface Row {
  readonly tenant: string;
  readonly id: string;
  readonly events: readonly string[];
  readonly includes_content: boolean;
  readonly sealed: Buffer;
  readonly created_at: Date;
  readonly failing_since: Date | null;
  readonly disabled_at: Date | null;
  readonly disabled_reason: string | null;
}

const perTenantMax = 20;
const secretBytes = 32;
const columns = 'tenant, id, events, includes_content, sealed, created_at, failing_since, disabled_at, disabled_reason';

/** Opens the endpoints. */
export function openSubscriptions(database: Database, vault: Vault, now: () => number): Subscriptions {
  const open = async (row: Row): Promise<Subscription> => {
    const opened = await vault.open<SealedEndpoint>(sealedIn(row), row.sealed);
    if (opened.state === 'erased') throw new Error(`the secret of webhook ${row.id} was erased`);
    return {
      id: row.id,
      tenant: row.tenant,
      events: row.events,
      includesContent: row.includes_content,
      ...opened.value,
      createdAt: row.created_at,
      failingSince: row.failing_since,
      disabledAt: row.disabled_at,
      disabledReason: row.disabled_reason,
    };
  };

  const list = async (tenant: string): Promise<readonly Subscription[]> => {
    const found = await database.query<Row>(
      [tenant],
      `SELECT ${columns} FROM webhooks WHERE tenant = $1 AND deleted_at IS NULL ORDER BY created_at, id`,
      [tenant],
    );
    return Promise.all(found.rows.map(open));
  };

  return {
    list,

    async create({ tenant, url, includesContent, events }) {
      if ((await list(tenant)).length >= perTenantMax) return undefined;
      const at = now();
      const id = `w_${newUlid(at)}`;
      const endpoint: SealedEndpoint = { url, secret: `whsec_${randomBytes(secretBytes).toString('base64')}` };
      const sealed = await vault.seal(sealedIn({ tenant, id }), tenantSubject(tenant), at, endpoint);
      const made = await database.query<Row>(
        [tenant],
        `INSERT INTO webhooks (tenant, id, events, includes_content, sealed, created_at)
         VALUES ($1, $2, $3, $4, $5, to_timestamp($6 / 1000.0)) RETURNING ${columns}`,
        [tenant, id, [...new Set(events)], includesContent, sealed, at],
      );
      const [row] = made.rows;
      return row === undefined ? undefined : open(row);
    },

    async read(tenant, id) {
      const found = await database.query<Row>(
        [tenant],
        `SELECT ${columns} FROM webhooks WHERE id = $1 AND tenant = $2 AND deleted_at IS NULL`,
        [id, tenant],
      );
      const [row] = found.rows;
      return row === undefined ? undefined : open(row);
    },

    async remove(tenant, id) {
      const removed = await database.query(
        [tenant],
        `UPDATE webhooks SET deleted_at = COALESCE(deleted_at, to_timestamp($3 / 1000.0)) WHERE id = $1 AND tenant = $2`,
        [id, tenant, now()],
      );
      return removed.rowCount === 1;
    },

    async test({ tenant, id: webhook }) {
      const at = now();
      const id = `wd_${newUlid(at)}`;
      await database.query(
        [tenant],
        `INSERT INTO webhook_deliveries (tenant, id, webhook, type, occurred_at, status, created_at, updated_at, due_at)
         SELECT $1, $2, $3, $4, t, 'queued', t, t, t FROM to_timestamp($5 / 1000.0) AS t`,
        [tenant, id, webhook, testEvent, at],
      );
      return id;
    },
  };
}

const sealedIn = ({ tenant, id }: { readonly tenant: string; readonly id: string }) => ({
  tenant,
  actor: id,
  type: 'webhook.endpoint',
  eventId: id,
});
