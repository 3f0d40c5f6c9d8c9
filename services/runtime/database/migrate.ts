/**
 * Brings a database to the newest migration. Idempotent; concurrent calls wait for each other.
 */
import { fileURLToPath } from 'node:url';

import pg from 'pg';
import Postgrator from 'postgrator';

/** Any fixed number: the advisory lock under which migrations run. */
const migrationLock = 7_271_001;

/** Runs all migrations that the database does not have, as the owner. */
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
  } finally {
    await client.end();
  }
}
