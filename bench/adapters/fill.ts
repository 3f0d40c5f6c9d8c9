/** Many conversations at once, in the database alone: rows as years of running leave them, with sealed bytes that nobody opens. */
import pg from 'pg';

/** What each conversation has. Bytes of the columns that are sealed are about those of real ones. */
const statements: readonly string[] = [
  `INSERT INTO vault_keys (tenant, id, person, month, state, wrapped)
   SELECT $1, gen_random_uuid(), 'p_' || lpad(n::text, 26, '0'), '2020-01', 'active', decode(repeat('ab', 60), 'hex')
   FROM generate_series($2::int, $3::int) n`,
  `INSERT INTO conversations (tenant, id, line, person, is_group)
   SELECT $1, 'c_' || lpad(n::text, 26, '0'), 'l_bench', 'p_' || lpad(n::text, 26, '0'), false
   FROM generate_series($2::int, $3::int) n`,
  `INSERT INTO addresses (tenant, line, address_index, conversation, kind, sealed)
   SELECT $1, 'l_bench', encode(sha256(n::text::bytea), 'hex'), 'c_' || lpad(n::text, 26, '0'), 'pn', decode(repeat('cd', 70), 'hex')
   FROM generate_series($2::int, $3::int) n`,
  `INSERT INTO actors_begun (tenant, actor, begun_offset)
   SELECT $1, 'c_' || lpad(n::text, 26, '0'), n FROM generate_series($2::int, $3::int) n`,
  `INSERT INTO actor_snapshots (tenant, actor, next_offset, partition, epoch, machine, machine_version, state, status, episode, held, body, updated_at)
   SELECT $1, 'c_' || lpad(n::text, 26, '0'), n, n % 24, 1, 'conversation', '1', 'menu', 'active', 1, 0,
     decode(repeat(md5(n::text), 45), 'hex'), now() - n * interval '1 second'
   FROM generate_series($2::int, $3::int) n`,
];

const rowsPerStatement = 100_000;

/** Adds `count` conversations of a tenant. `url` is the owner's. */
export async function fillConversations(url: string, tenant: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    // What a crash in between would lose is made again by the next run.
    await client.query('SET synchronous_commit = off');
    for (const statement of statements) {
      for (let from = 1; from <= count; from += rowsPerStatement)
        await client.query(statement, [tenant, from, Math.min(count, from + rowsPerStatement - 1)]);
    }
    await client.query('ANALYZE');
  } finally {
    await client.end();
  }
}
