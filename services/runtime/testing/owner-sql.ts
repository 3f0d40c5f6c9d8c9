/** Statements as the owner of the schema: what an operator does by hand. */
import pg from 'pg';

/** Runs one, on a connection of its own. */
export async function asOwner(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
