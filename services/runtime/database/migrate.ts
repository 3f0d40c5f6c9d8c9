/**
 * Brings a database to the newest migration. Idempotent; concurrent calls wait for each other.
 */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import pg from 'pg';
import Postgrator from 'postgrator';

import { OperatingError } from '../errors.ts';
import { rolePassword, serviceRoles } from './database.ts';

/** Any fixed number: the advisory lock under which migrations run. */
const migrationLock = 7_271_001;

/** Runs all migrations that the database does not have, as the owner, and lets the services' roles log in. */
export async function migrate(ownerUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl, application_name: 'prosa-migrate' });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [migrationLock]);
    const postgrator = new Postgrator({
      migrationPattern: fileURLToPath(new URL('./migrations/*.sql', import.meta.url)),
      driver: 'pg',
      schemaTable: 'schema_version',
      execQuery: async (query: string) => {
        const result = await client.query(query);
        return { rows: result.rows as unknown[] };
      },
      execSqlScript: async (script: string) => {
        // One transaction per migration: it is there whole or not at all.
        await client.query(`BEGIN;\n${script}\nCOMMIT;`);
      },
    });
    await postgrator.migrate();
    await provideLogins(client, ownerUrl);
  } finally {
    await client.end();
  }
}

/** Throws `config.invalid` unless the database has exactly the migrations of this release. */
export async function requireMigrated(ownerUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl, application_name: 'prosa-check' });
  try {
    await client.connect();
    const newest = Math.max(
      ...(await readdir(new URL('./migrations/', import.meta.url))).map((name) => Number.parseInt(name, 10)),
    );
    const known = await client.query<{ known: boolean }>(`SELECT to_regclass('schema_version') IS NOT NULL AS known`);
    const found =
      known.rows[0]?.known === true
        ? await client.query<{ version: string | null }>('SELECT max(version) AS version FROM schema_version')
        : undefined;
    if (Number(found?.rows[0]?.version ?? 0) !== newest) {
      throw new OperatingError('config.invalid', `the database is not at migration ${newest}; run the set-up service`);
    }
  } catch (caught) {
    if (caught instanceof OperatingError) throw caught;
    throw new OperatingError('database.unavailable', undefined, caught);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * Roles belong to the cluster, so several databases (of tests, say) meet here. A password is written
 * only when it is another one than the role's comment says; the comment holds its hash.
 */
async function provideLogins(client: pg.Client, ownerUrl: string): Promise<void> {
  for (const role of serviceRoles) {
    const password = rolePassword(ownerUrl, role);
    const mark = `login ${createHash('sha256')
      .update(password ?? '')
      .digest('hex')}`;
    const found = await client.query<{ mark: string | null }>(
      `SELECT shobj_description(oid, 'pg_authid') AS mark FROM pg_roles WHERE rolname = $1`,
      [role],
    );
    if (found.rows[0]?.mark === mark) continue;
    const secret = password === undefined ? 'NULL' : client.escapeLiteral(password);
    await retried(() =>
      client.query(`ALTER ROLE ${role} LOGIN PASSWORD ${secret}; COMMENT ON ROLE ${role} IS '${mark}'`),
    );
  }
}

const attempts = 10;
/** Postgres' `internal_error`: what two sessions that alter one role at the same moment get. */
const concurrentlyUpdated = 'XX000';

async function retried(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return;
    } catch (caught) {
      const code = caught instanceof Error && 'code' in caught ? caught.code : undefined;
      if (code !== concurrentlyUpdated || attempt === attempts) throw caught;
    }
  }
}
