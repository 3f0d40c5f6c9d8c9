/**
 * Provider instances: a tenant's accounts at WAHA, Evolution, WhatsApp Cloud API, a Baileys gateway
 * or the simulator. Settings are plain, credentials are sealed under the tenant's own key, the
 * webhook token is known by its hash.
 */
import { createHash, randomBytes } from 'node:crypto';

import { z } from 'zod';

import type { Database } from '../database/database.ts';
import { OperatingError } from '../errors.ts';
import { newUlid } from '../records.ts';
import { type Vault, tenantSubject } from '../vault/vault.ts';

/** Providers that exist. */
export const providers = ['waha', 'simulator'] as const;
export type Provider = (typeof providers)[number];

/** Plain settings; what a provider needs of them is checked by its adapter. */
export const instanceSettings = z.object({
  baseUrl: z.url({ protocol: /^https?$/ }).optional(),
  /** WAHA session name. */
  session: z.string().min(1).max(100).optional(),
  /** WAHA engine: NOWEB and GOWS take a client message id. */
  engine: z.enum(['WEBJS', 'WPP', 'NOWEB', 'GOWS']).optional(),
});
export type InstanceSettings = z.infer<typeof instanceSettings>;

/** What must stay secret. */
export interface InstanceCredentials {
  /** Path token of the webhook URL. */
  readonly webhookToken: string;
  /** HMAC key of the webhook (WAHA). */
  readonly webhookSecret?: string;
  /** Key that we present to the provider. */
  readonly apiKey?: string;
}

/** An instance with its credentials, for ingest and sender. */
export interface Instance {
  readonly id: string;
  readonly tenant: string;
  readonly line: string;
  readonly provider: Provider;
  readonly name: string;
  readonly settings: InstanceSettings;
  readonly credentials: InstanceCredentials;
}

/** What is asked for when one is made. */
export interface NewInstance {
  readonly tenant: string;
  readonly provider: Provider;
  readonly name: string;
  readonly settings: InstanceSettings;
  readonly apiKey?: string;
  /** Fixed ones for the demo tenant and tests; random otherwise. */
  readonly webhookToken?: string;
  readonly webhookSecret?: string;
}

/** Throws `database.unavailable` and `vault.unavailable`. Reads are cached for `cacheMs`. */
export interface Instances {
  /** The instance of a webhook path token, of any tenant; undefined when there is none. */
  byToken(token: string): Promise<Instance | undefined>;
  read(tenant: string, id: string): Promise<Instance | undefined>;
  list(tenant: string): Promise<readonly Instance[]>;
  /** Makes an instance on a line of its own. Throws Postgres' unique violation when the name is taken. */
  create(wanted: NewInstance, at: number): Promise<Instance>;
}

interface InstanceRow {
  readonly id: string;
  readonly tenant: string;
  readonly line: string;
  readonly provider: string;
  readonly name: string;
  readonly settings: unknown;
  readonly credentials: Buffer;
}

const columns = 'id, tenant, line, provider, name, settings, credentials';

/** How long a read may be stale: a deleted instance takes webhooks for this long at most. */
const cacheMs = 10_000;
/** How long a stale one is used before the database is asked again, while it is away. */
const staleMs = 1_000;
const cacheEntriesMax = 10_000;

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
const secretText = (): string => randomBytes(24).toString('base64url');

/** Opens the instances. */
export function openInstances(database: Database, vault: Vault, now: () => number = Date.now): Instances {
  const cache = new Map<string, { readonly instance: Promise<Instance | undefined>; readonly until: number }>();

  const cached = (key: string, load: () => Promise<Instance | undefined>): Promise<Instance | undefined> => {
    const hit = cache.get(key);
    if (hit !== undefined && hit.until > now()) return hit.instance;
    // Unknown tokens are cached too, so the cache is bounded by emptying it.
    if (cache.size >= cacheEntriesMax) cache.clear();
    const instance = load().catch((caught: unknown) => {
      // A failure is not an answer: the next call asks again, and until then what was known goes on.
      cache.delete(key);
      if (hit === undefined || !(caught instanceof OperatingError) || caught.disposition !== 'retry') throw caught;
      cache.set(key, { ...hit, until: now() + staleMs });
      return hit.instance;
    });
    cache.set(key, { instance, until: now() + cacheMs });
    return instance;
  };

  const open = async (row: InstanceRow): Promise<Instance> => {
    const opened = await vault.open<InstanceCredentials>(credentialsIn(row), row.credentials);
    if (opened.state === 'erased') throw new Error(`the credentials of instance ${row.id} were erased`);
    return {
      id: row.id,
      tenant: row.tenant,
      line: row.line,
      provider: z.enum(providers).parse(row.provider),
      name: row.name,
      settings: instanceSettings.parse(row.settings),
      credentials: opened.value,
    };
  };

  const one = async (row: InstanceRow | undefined): Promise<Instance | undefined> =>
    row === undefined ? undefined : open(row);

  return {
    byToken: (token) =>
      cached(`token/${hashOf(token)}`, async () => {
        const found = await database.transaction([], async (sql) => {
          await sql.query(`SELECT set_config('app.presented', $1, true)`, [hashOf(token)]);
          return sql.query<InstanceRow>(
            `SELECT ${columns} FROM instances WHERE webhook_token_hash = $1 AND deleted_at IS NULL`,
            [hashOf(token)],
          );
        });
        return one(found.rows[0]);
      }),

    read: (tenant, id) =>
      cached(`id/${tenant}/${id}`, async () => {
        const found = await database.transaction([tenant], (sql) =>
          sql.query<InstanceRow>(
            `SELECT ${columns} FROM instances WHERE tenant = $1 AND id = $2 AND deleted_at IS NULL`,
            [tenant, id],
          ),
        );
        return one(found.rows[0]);
      }),

    async list(tenant) {
      const found = await database.transaction([tenant], (sql) =>
        sql.query<InstanceRow>(
          `SELECT ${columns} FROM instances WHERE tenant = $1 AND deleted_at IS NULL ORDER BY created_at, id`,
          [tenant],
        ),
      );
      return Promise.all(found.rows.map(open));
    },

    async create(wanted, at) {
      const instance: Instance = {
        id: `i_${newUlid(at)}`,
        tenant: wanted.tenant,
        line: `l_${newUlid(at)}`,
        provider: wanted.provider,
        name: wanted.name,
        settings: wanted.settings,
        credentials: {
          webhookToken: wanted.webhookToken ?? secretText(),
          ...(wanted.provider === 'simulator' ? {} : { webhookSecret: wanted.webhookSecret ?? secretText() }),
          ...(wanted.apiKey === undefined ? {} : { apiKey: wanted.apiKey }),
        },
      };
      const sealed = await vault.seal(
        credentialsIn(instance),
        tenantSubject(instance.tenant),
        at,
        instance.credentials,
      );
      await database.transaction([instance.tenant], (sql) =>
        sql.query(
          `INSERT INTO instances (tenant, id, line, provider, name, webhook_token_hash, settings, credentials)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
          [
            instance.tenant,
            instance.id,
            instance.line,
            instance.provider,
            instance.name,
            hashOf(instance.credentials.webhookToken),
            JSON.stringify(instance.settings),
            sealed,
          ],
        ),
      );
      return instance;
    },
  };
}

const credentialsIn = (row: { readonly tenant: string; readonly id: string }) => ({
  tenant: row.tenant,
  actor: row.id,
  type: 'instance.credentials',
  eventId: row.id,
});
