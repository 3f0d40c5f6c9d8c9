/**
 * Conversations, replies and audit in Postgres, for the peers that keep them there. A message and its
 * reply are one transaction; a message that was answered before gets the same reply again.
 */
import pg from 'pg';

import { fresh, step } from '../conversation.ts';

const schema = `
  CREATE TABLE IF NOT EXISTS conversations (id text PRIMARY KEY, state jsonb NOT NULL);
  CREATE TABLE IF NOT EXISTS replies (message text PRIMARY KEY, conversation text NOT NULL, text text NOT NULL, state jsonb NOT NULL);
  CREATE TABLE IF NOT EXISTS audit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, conversation text NOT NULL,
    message text NOT NULL, "from" text NOT NULL, "to" text NOT NULL, at timestamptz NOT NULL DEFAULT now());
`;

const writeAll = {
  name: 'write-all',
  text: `WITH reply AS (INSERT INTO replies (message, conversation, text, state) VALUES ($2, $1, $3, $4)),
              entry AS (INSERT INTO audit (conversation, message, "from", "to") VALUES ($1, $2, $5, $6))
         INSERT INTO conversations (id, state) VALUES ($1, $4) ON CONFLICT (id) DO UPDATE SET state = excluded.state`,
};

/** Opens them. */
export async function openConversationRows(url, connectionsMax) {
  const pool = new pg.Pool({ connectionString: url, max: connectionsMax });
  await pool.query(schema);
  return {
    async look(conversation) {
      const { rows } = await pool.query({
        name: 'look',
        text: 'SELECT state FROM conversations WHERE id = $1',
        values: [conversation],
      });
      return rows[0]?.state ?? fresh;
    },

    /** Steps under the conversation's row lock; `known` is its state when the caller knows it and holds a lock of its own. */
    async receive(conversation, { id, text }, known) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const { rows } = await client.query({
          name: 'before',
          text: `SELECT (SELECT state FROM conversations WHERE id = $1 FOR UPDATE) AS state,
                        (SELECT to_jsonb(replies) FROM replies WHERE message = $2) AS answered`,
          values: [conversation, id],
        });
        const [{ state, answered }] = rows;
        if (answered !== null) {
          await client.query('ROLLBACK');
          return { reply: answered.text, after: state, setsTimer: false };
        }
        // What a cache says counts only while it agrees with what was committed.
        const before = known?.count === (state?.count ?? 0) ? known : (state ?? fresh);
        const stepped = step(before, text);
        const values = [conversation, id, stepped.reply, stepped.after, before.state, stepped.after.state];
        await client.query({ ...writeAll, values });
        await client.query('COMMIT');
        return stepped;
      } catch (caught) {
        await client.query('ROLLBACK').catch(() => undefined);
        throw caught;
      } finally {
        client.release();
      }
    },
  };
}
