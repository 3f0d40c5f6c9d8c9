/**
 * Whose key a model is called with: the tenant's own for that address, else the installation's, which reaches the
 * installation's own address and no other.
 */
import type { Config } from '../config.ts';
import type { Database } from '../database/database.ts';
import { Lru } from '../lru.ts';
import { type Vault, tenantSubject } from '../vault/vault.ts';
import type { ModelEndpoint } from './model-server.ts';

/** A model as settings name it. */
export interface NamedModel {
  readonly model: string;
  /** The installation's without it. */
  readonly baseUrl?: string | undefined;
}

/** Throws `database.unavailable` and `vault.unavailable`. */
export interface ModelKeys {
  /** Where and as whom a model is called; undefined when there is no key and one is needed. Cached for `cacheMs`. */
  endpointOf(tenant: string, named: NamedModel): Promise<ModelEndpoint | undefined>;
  /**
   * Keeps the tenant's key for an address, or forgets it. Resolves with the address, in the one form in which it
   * counts; undefined when the tenant has keys for `addressesMax` others. Idempotent.
   */
  set(tenant: string, baseUrl: string | undefined, apiKey: string | null): Promise<string | undefined>;
}

/** OpenAI's own API, which nobody calls without a key. */
const keyedBaseUrl = 'https://api.openai.com/v1';

const cacheMs = 10_000;
const tenantsCachedMax = 10_000;
const addressesMax = 20;

type Keys = ReadonlyMap<string, string>;

/** Opens the keys. */
export function openModelKeys(
  config: Pick<Config, 'openai'>,
  database: Database,
  vault: Vault,
  now: () => number,
): ModelKeys {
  const cache = new Lru<string, { readonly keys: Promise<Keys>; readonly until: number }>(tenantsCachedMax);
  const ownBaseUrl = plainBaseUrl(config.openai.baseUrl);

  const read = async (tenant: string): Promise<Keys> => {
    const { rows } = await database.query<{ base_url: string; sealed: Buffer }>(
      [tenant],
      'SELECT base_url, sealed FROM model_credentials WHERE tenant = $1',
      [tenant],
    );
    const opened = await Promise.all(
      rows.map(async ({ base_url: baseUrl, sealed }) => {
        const found = await vault.open<{ readonly apiKey: string }>(sealedIn(tenant, baseUrl), sealed);
        return found.state === 'erased' ? [] : [[baseUrl, found.value.apiKey] as const];
      }),
    );
    return new Map(opened.flat());
  };

  const keysOf = (tenant: string): Promise<Keys> => {
    const known = cache.get(tenant);
    if (known !== undefined && now() < known.until) return known.keys;
    const keys = read(tenant);
    cache.set(tenant, { keys, until: now() + cacheMs });
    keys.catch(() => cache.delete(tenant));
    return keys;
  };

  return {
    async endpointOf(tenant, { model, baseUrl: named }) {
      const baseUrl = named === undefined ? ownBaseUrl : plainBaseUrl(named);
      const own = (await keysOf(tenant)).get(baseUrl);
      const apiKey = own ?? (baseUrl === ownBaseUrl ? config.openai.apiKey : undefined);
      return apiKey === undefined && baseUrl === keyedBaseUrl ? undefined : { baseUrl, model, apiKey };
    },

    async set(tenant, named, apiKey) {
      const baseUrl = named === undefined ? ownBaseUrl : plainBaseUrl(named);
      cache.delete(tenant);
      if (apiKey === null) {
        await database.query([tenant], 'DELETE FROM model_credentials WHERE tenant = $1 AND base_url = $2', [
          tenant,
          baseUrl,
        ]);
        return baseUrl;
      }
      const sealed = await vault.seal(sealedIn(tenant, baseUrl), tenantSubject(tenant), now(), { apiKey });
      const kept = await database.query(
        [tenant],
        `INSERT INTO model_credentials (tenant, base_url, sealed)
         SELECT $1, $2, $3 WHERE (SELECT count(*) FROM model_credentials WHERE tenant = $1 AND base_url <> $2) < $4
         ON CONFLICT (tenant, base_url) DO UPDATE SET sealed = excluded.sealed, updated_at = now()`,
        [tenant, baseUrl, sealed, addressesMax],
      );
      return kept.rowCount === 0 ? undefined : baseUrl;
    },
  };
}

/** The same address is written in one way. */
const plainBaseUrl = (text: string): string => {
  const { origin, pathname } = new URL(text);
  return `${origin}${pathname}`.replace(/\/+$/, '');
};

const sealedIn = (tenant: string, baseUrl: string) => ({
  tenant,
  actor: tenantSubject(tenant),
  type: 'model.credentials',
  eventId: baseUrl,
});
