/**
 * Tenants and their configuration. A revision is immutable and named by the hash of its content; it
 * says which machine versions and settings are in force. Ingest stamps the tenant's current revision
 * on every record, so that a replay knows which one held (host invariant I1).
 */
import { z } from 'zod';

import type { Database } from '../database/database.ts';
import { Lru } from '../lru.ts';
import { derivedId } from '../records.ts';
import { sendingShape } from './sending-policy.ts';

/** One machine as a revision puts it in force. */
const machineChoice = z.object({
  version: z.string(),
  /** Settings of the machine; merged over the version's defaults. */
  settings: z.record(z.string(), z.unknown()),
});

const configurationShape = z.object({
  /** By machine name. */
  machines: z.record(z.string(), machineChoice),
  /** Group chats are recorded; they are answered only when this is true. */
  answerGroups: z.boolean(),
  sending: sendingShape.optional(),
});

/** What a revision holds. */
export type Configuration = z.infer<typeof configurationShape>;

/** Throws `database.unavailable`. */
export interface Tenants {
  /** Ids of all tenants. Cached for `cacheMs`. */
  ids(): Promise<readonly string[]>;
  /** The tenant's current revision. Cached for `cacheMs`. */
  currentRevision(tenant: string): Promise<string>;
  /** The content of a revision; undefined when it is not known. Cached for ever: it cannot change. */
  configuration(tenant: string, revision: string): Promise<Configuration | undefined>;
  /** Stores a revision and makes it the current one; returns its name. Idempotent. */
  configure(tenant: string, configuration: Configuration): Promise<string>;
  /** Makes a tenant if it does not exist. Idempotent. */
  create(tenant: string, name: string): Promise<void>;
}

const cacheMs = 5_000;
const revisionsCachedMax = 10_000;

/** Opens the tenants. */
export function openTenants(database: Database, now: () => number = Date.now): Tenants {
  const revisions = new Lru<string, Configuration>(revisionsCachedMax);
  let known: { readonly rows: ReadonlyMap<string, string | null>; readonly until: number } | undefined;

  const all = async (): Promise<ReadonlyMap<string, string | null>> => {
    if (known !== undefined && known.until > now()) return known.rows;
    try {
      const found = await database.transaction([], (sql) =>
        sql.query<{ id: string; revision: string | null }>('SELECT id, revision FROM tenants ORDER BY id'),
      );
      known = { rows: new Map(found.rows.map((row) => [row.id, row.revision])), until: now() + cacheMs };
    } catch (caught) {
      // What was known goes on while Postgres is away: known chats need no Postgres.
      if (known === undefined) throw caught;
    }
    return known.rows;
  };

  return {
    async ids() {
      return [...(await all()).keys()];
    },
    async currentRevision(tenant) {
      const revision = (await all()).get(tenant);
      if (revision === undefined || revision === null) throw new Error(`tenant ${tenant} has no configuration`);
      return revision;
    },
    async configuration(tenant, revision) {
      const key = `${tenant}/${revision}`;
      const cached = revisions.get(key);
      if (cached !== undefined) return cached;
      const found = await database.transaction([tenant], (sql) =>
        sql.query<{ body: unknown }>('SELECT body FROM configurations WHERE tenant = $1 AND revision = $2', [
          tenant,
          revision,
        ]),
      );
      if (found.rows[0] === undefined) return undefined;
      const configuration = configurationShape.parse(found.rows[0].body);
      revisions.set(key, configuration);
      return configuration;
    },
    async configure(tenant, configuration) {
      const body = JSON.stringify(sortKeys(configurationShape.parse(configuration)));
      const revision = derivedId('r', body);
      await database.transaction([tenant], async (sql) => {
        await sql.query(
          'INSERT INTO configurations (tenant, revision, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
          [tenant, revision, body],
        );
        await sql.query('UPDATE tenants SET revision = $2 WHERE id = $1', [tenant, revision]);
      });
      known = undefined;
      return revision;
    },
    async create(tenant, name) {
      await database.transaction([tenant], (sql) =>
        sql.query('INSERT INTO tenants (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING', [tenant, name]),
      );
      known = undefined;
    },
  };
}

/** The same content has the same revision, whatever the order of its keys. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}
