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
import { sendLimits } from './send-limits.ts';

/** Providers that exist. */
export const providers = ['waha', 'evolution', 'cloud', 'baileys', 'simulator'] as const;
export type Provider = (typeof providers)[number];

/** WhatsApp shows for this long that somebody writes (Meta: typing indicators end after 25 s). */
export const typingMsMax = 25_000;

const alternateUrlsMax = 4;

/** Plain settings; what a provider needs of them is checked by its adapter. */
export const instanceSettings = z.object({
  baseUrl: z.url({ protocol: /^https?$/ }).optional(),
  /** Other addresses of the same server with the same account, tried in this order where the first leads nowhere. */
  alternateUrls: z
    .array(z.url({ protocol: /^https?$/ }))
    .min(1)
    .max(alternateUrlsMax)
    .optional(),
  /** Name of the session (WAHA) or instance (Evolution). */
  session: z.string().min(1).max(100).optional(),
  /** WAHA engine: NOWEB and GOWS take a client message id. */
  engine: z.enum(['WEBJS', 'WPP', 'NOWEB', 'GOWS']).optional(),
  /** Cloud: the number's id at Meta, which is not the number. */
  phoneNumberId: z
    .string()
    .regex(/^\d{1,32}$/)
    .optional(),
  /** Cloud: the WhatsApp Business Account (WABA) that the number and its templates belong to. */
  businessAccountId: z
    .string()
    .regex(/^\d{1,32}$/)
    .optional(),
  /** Cloud: id of the Meta app. Instances of one app share its webhook, app secret and verify token. */
  appId: z
    .string()
    .regex(/^\d{1,32}$/)
    .optional(),
  /** Cloud: version of the Graph API, as in its URLs. */
  graphVersion: z
    .string()
    .regex(/^v\d{1,2}\.\d$/)
    .optional(),
  /** Time for which a chat shows that we write before each message that says nothing of it; none when absent. Milliseconds. */
  typingMs: z.number().int().min(0).max(typingMsMax).optional(),
  /** What a person wrote is marked as read when their conversation answers, where the provider can; true when absent. */
  markRead: z.boolean().optional(),
  /** How fast it may send; its provider's defaults where nothing is said. */
  limits: sendLimits.optional(),
});
export type InstanceSettings = z.infer<typeof instanceSettings>;

/** What must stay secret. */
export interface InstanceCredentials {
  /** Path token of the webhook URL. */
  readonly webhookToken: string;
  /** HMAC key of the webhook (WAHA; of Cloud the secret of the Meta app), or what its caller presents (Evolution). */
  readonly webhookSecret?: string;
  /** What Meta presents when it checks the webhook's URL (Cloud). */
  readonly verifyToken?: string;
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
  /** One that others serve already; a new one when absent. */
  readonly line?: string;
  readonly apiKey?: string;
  /** Fixed for tests; random otherwise. */
  readonly webhookToken?: string;
  /** Given by the provider (Cloud), or fixed for tests; random otherwise. */
  readonly webhookSecret?: string;
  readonly verifyToken?: string;
}

/** Throws `database.unavailable` and `vault.unavailable`. Reads are cached for `cacheMs`. */
export interface Instances {
  /**
   * The instances of a webhook path token, of any tenant, oldest first; none when nobody has it. Several
   * only for Cloud, where the token is of a Meta app: then all are of one tenant. `newest` is for who
   * misses one: what was read is then a second old at most.
   */
  byToken(token: string, newest?: boolean): Promise<readonly Instance[]>;
  read(tenant: string, id: string): Promise<Instance | undefined>;
  list(tenant: string): Promise<readonly Instance[]>;
  /**
   * Makes an instance, on a line of its own unless one is given. One of a Meta app that the tenant has instances of shares
   * their token and, where they are not given, their secrets. Throws Postgres' unique violation when the
   * name, or the number of the app, is taken.
   */
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
  const cache = new Map<string, { readonly found: Promise<readonly Instance[]>; readonly at: number }>();

  const cached = (
    key: string,
    load: () => Promise<readonly Instance[]>,
    oldestMs = cacheMs,
  ): Promise<readonly Instance[]> => {
    const hit = cache.get(key);
    if (hit !== undefined && now() - hit.at < oldestMs) return hit.found;
    // Unknown tokens are cached too, so the cache is bounded by emptying it.
    if (cache.size >= cacheEntriesMax) cache.clear();
    const found = load().catch((caught: unknown) => {
      // A failure is not an answer: the next call asks again, and until then what was known goes on.
      cache.delete(key);
      if (hit === undefined || !(caught instanceof OperatingError) || caught.disposition !== 'retry') throw caught;
      cache.set(key, { ...hit, at: now() - cacheMs + staleMs });
      return hit.found;
    });
    cache.set(key, { found, at: now() });
    return found;
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

  const list: Instances['list'] = async (tenant) => {
    const found = await database.transaction([tenant], (sql) =>
      sql.query<InstanceRow>(
        `SELECT ${columns} FROM instances WHERE tenant = $1 AND deleted_at IS NULL ORDER BY created_at, id`,
        [tenant],
      ),
    );
    return Promise.all(found.rows.map(open));
  };

  /** Of the Meta app that it is of, when the tenant has one there already. */
  const sharedWith = async ({ tenant, provider, settings }: NewInstance): Promise<Partial<InstanceCredentials>> => {
    if (provider !== 'cloud' || settings.appId === undefined) return {};
    const ofApp = (await list(tenant)).findLast(
      (one) => one.provider === 'cloud' && one.settings.appId === settings.appId,
    );
    if (ofApp === undefined) return {};
    const { webhookToken, webhookSecret, verifyToken } = ofApp.credentials;
    return {
      webhookToken,
      ...(webhookSecret === undefined ? {} : { webhookSecret }),
      ...(verifyToken === undefined ? {} : { verifyToken }),
    };
  };

  return {
    byToken: (token, newest = false) =>
      cached(
        `token/${hashOf(token)}`,
        async () => {
          const found = await database.transaction([], async (sql) => {
            await sql.query(`SELECT set_config('app.presented', $1, true)`, [hashOf(token)]);
            return sql.query<InstanceRow>(
              `SELECT ${columns} FROM instances WHERE webhook_token_hash = $1 AND deleted_at IS NULL
               ORDER BY created_at, id`,
              [hashOf(token)],
            );
          });
          return Promise.all(found.rows.map(open));
        },
        newest ? staleMs : cacheMs,
      ),

    async read(tenant, id) {
      const [found] = await cached(`id/${tenant}/${id}`, async () => {
        const { rows } = await database.transaction([tenant], (sql) =>
          sql.query<InstanceRow>(
            // By the id first: the index by token, which has what is not deleted, would look as good.
            `SELECT ${columns} FROM (SELECT * FROM instances WHERE id = $2 LIMIT 1) i
             WHERE i.tenant = $1 AND i.deleted_at IS NULL`,
            [tenant, id],
          ),
        );
        return Promise.all(rows.map(open));
      });
      return found;
    },

    list,

    async create(wanted, at) {
      const instance: Instance = {
        id: `i_${newUlid(at)}`,
        tenant: wanted.tenant,
        line: wanted.line ?? `l_${newUlid(at)}`,
        provider: wanted.provider,
        name: wanted.name,
        settings: wanted.settings,
        credentials: credentialsOf(wanted, await sharedWith(wanted)),
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

/** Given ones first, then those of the app, then new ones. */
function credentialsOf(wanted: NewInstance, shared: Partial<InstanceCredentials>): InstanceCredentials {
  const { provider, webhookToken, webhookSecret, verifyToken, apiKey } = wanted;
  return {
    webhookToken: webhookToken ?? shared.webhookToken ?? secretText(),
    ...(provider === 'simulator' ? {} : { webhookSecret: webhookSecret ?? shared.webhookSecret ?? secretText() }),
    ...(provider === 'cloud' ? { verifyToken: verifyToken ?? shared.verifyToken ?? secretText() } : {}),
    ...(apiKey === undefined ? {} : { apiKey }),
  };
}

/** What the caller of an instance's webhook presents. */
export interface WebhookProof {
  /** Key that bodies are signed with. */
  readonly secret?: string;
  /** To be sent along with each request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What Meta presents when it checks the webhook (Cloud). */
  readonly verifyToken?: string;
}

/** Providers that do not sign: a header proves who calls. The Baileys gateway, which is ours, signs besides. */
const withHeaders: ReadonlySet<Provider> = new Set(['evolution', 'baileys']);

/** What the caller of this instance's webhook presents. Secret. */
export function webhookProofOf({ provider, credentials }: Pick<Instance, 'provider' | 'credentials'>): WebhookProof {
  const { webhookSecret: secret, verifyToken } = credentials;
  return {
    ...(secret === undefined
      ? {}
      : withHeaders.has(provider)
        ? { headers: { authorization: `Bearer ${secret}` } }
        : { secret }),
    ...(verifyToken === undefined ? {} : { verifyToken }),
  };
}

const credentialsIn = (row: { readonly tenant: string; readonly id: string }) => ({
  tenant: row.tenant,
  actor: row.id,
  type: 'instance.credentials',
  eventId: row.id,
});
