/**
 * Tenants and their configuration. A revision is immutable and named by the hash of its content; it
 * says which machine versions and settings are in force. Ingest stamps the tenant's current revision
 * on every record, so that a replay knows which one held (host invariant I1).
 */
import { z } from 'zod';

import type { Database } from '../database/database.ts';
import { OperatingError } from '../errors.ts';
import { Lru } from '../lru.ts';
import { derivedId } from '../records.ts';
import { retentionShape } from './retention.ts';
import { sendingShape } from './sending-policy.ts';

/** One machine as a revision puts it in force. */
const machineChoice = z.strictObject({
  version: z.string().max(40).describe('A version that this release has'),
  settings: z
    .record(z.string(), z.unknown())
    .describe("In place of the version's defaults; the machine says what may be set"),
});

/** As it is stored, and as the API takes and gives it. */
export const configurationShape = z.strictObject({
  machines: z.record(z.string().max(40), machineChoice).describe('By name: `conversation`, `instance`, …'),
  answerGroups: z.boolean().describe('Group chats are recorded; they are answered only when this is true'),
  sending: sendingShape.optional().describe('Quiet hours, and what is done about what does not go out'),
  retention: retentionShape.optional().describe('How long things are kept'),
});

/** What a revision holds. */
export type Configuration = z.infer<typeof configurationShape>;

/** Throws `database.unavailable`. */
export interface Tenants {
  /** Ids of all tenants. Cached for `cacheMs`. */
  ids(): Promise<readonly string[]>;
  /** The tenant's current revision. Cached for `cacheMs`. Throws `tenant.unconfigured`. */
  currentRevision(tenant: string): Promise<string>;
  /** The content of a revision; undefined when it is not known. Cached for ever: it cannot change. */
  configuration(tenant: string, revision: string): Promise<Configuration | undefined>;
  /**
   * Stores a revision and makes it the current one; returns its name. Idempotent. `by`: the API key with which it was set;
   * null for set-up. With `instead` it takes the place of that revision and of no other. Throws `RevisionOutdated`.
   */
  configure(tenant: string, configuration: Configuration, by?: string | null, instead?: string): Promise<string>;
  /** Throws `RevisionOutdated` when none of these is the current one. Asks Postgres each time. */
  requireCurrent(tenant: string, revisions: readonly string[]): Promise<void>;
  /** With which API key the current revision was set; null when set-up did it, or there is none. Cached for `cacheMs`. */
  configuredBy(tenant: string): Promise<string | null>;
  /** Makes a tenant if it does not exist. Idempotent. */
  create(tenant: string, name: string): Promise<void>;
}

/** Another revision is in force than the one that a change was made from. */
export class RevisionOutdated extends Error {
  override readonly name = 'RevisionOutdated';
}

const cacheMs = 5_000;
const revisionsCachedMax = 10_000;

/** Opens the tenants. */
export function openTenants(database: Database, now: () => number = Date.now): Tenants {
  const revisions = new Lru<string, Configuration>(revisionsCachedMax);
  let known: { readonly rows: ReadonlyMap<string, TenantRow>; readonly until: number } | undefined;

  const all = async (): Promise<ReadonlyMap<string, TenantRow>> => {
    if (known !== undefined && known.until > now()) return known.rows;
    try {
      const found = await database.transaction([], (sql) =>
        sql.query<TenantRow>('SELECT id, revision, configured_by FROM tenants ORDER BY id'),
      );
      known = { rows: new Map(found.rows.map((row) => [row.id, row])), until: now() + cacheMs };
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
      const revision = (await all()).get(tenant)?.revision ?? null;
      if (revision === null) throw new OperatingError('tenant.unconfigured', `Tenant ${tenant}.`);
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
    async configure(tenant, configuration, by = null, instead) {
      const { revision, body } = storedForm(configuration);
      await database.transaction([tenant], async (sql) => {
        await sql.query(
          'INSERT INTO configurations (tenant, revision, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
          [tenant, revision, body],
        );
        const { rowCount } = await sql.query(
          `UPDATE tenants SET revision = $2, configured_by = $3
           WHERE id = $1 AND ($4::text IS NULL OR revision IN ($4, $2))`,
          [tenant, revision, by, instead],
        );
        if (rowCount === 0 && instead !== undefined) throw new RevisionOutdated();
      });
      known = undefined;
      return revision;
    },
    async requireCurrent(tenant, revisions) {
      known = undefined;
      const current = (await all()).get(tenant)?.revision ?? '';
      if (!revisions.includes(current)) throw new RevisionOutdated();
    },
    async configuredBy(tenant) {
      return (await all()).get(tenant)?.configured_by ?? null;
    },
    async create(tenant, name) {
      await database.transaction([tenant], (sql) =>
        sql.query('INSERT INTO tenants (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING', [tenant, name]),
      );
      known = undefined;
    },
  };
}

interface TenantRow {
  readonly id: string;
  readonly revision: string | null;
  readonly configured_by: string | null;
}

function storedForm(configuration: Configuration): { readonly revision: string; readonly body: string } {
  const body = JSON.stringify(sortKeys(configurationShape.parse(configuration)));
  return { revision: derivedId('r', body), body };
}

/** The name that the revision of a content has. */
export const revisionOf = (configuration: Configuration): string => storedForm(configuration).revision;

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
