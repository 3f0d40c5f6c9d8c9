/** The log in Postgres, by plain SQL. */
import { setTimeout as sleep } from 'node:timers/promises';

import pg from 'pg';

import { type RawLog, type RawRecord, Readings } from '../raw-log.ts';

const lookIntervalMs = 200;

interface Row {
  readonly topic: string;
  readonly partition: number;
  readonly record_offset: string;
  readonly key: string;
  readonly value: Buffer;
  readonly headers: string;
  readonly appended_at: string;
}

const columns = 'topic, partition, record_offset, key, value, headers, appended_at';

/** Opens it on a Postgres. */
export function postgresRawLog(url: string): RawLog {
  const withClient = async <T>(work: (client: pg.Client) => Promise<T>): Promise<T> => {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  return {
    readAll: () =>
      withClient(async (client) => {
        const { rows } = await client.query<Row>(`SELECT ${columns} FROM log.records ORDER BY 1, 2, 3`);
        return rows.map(recordOf);
      }),
    readAlong() {
      const readings = new Readings();
      const reading = new AbortController();
      const loop = readOn(withClient, readings, reading.signal);
      const close = async (): Promise<void> => {
        reading.abort();
        await loop;
      };
      return Promise.resolve({ readings: () => readings.all(), close });
    },
    append: (records) =>
      withClient(async (client) => {
        for (const { topic, partition, key, value } of records) {
          await client.query('BEGIN');
          await client.query(
            `WITH place AS (
               UPDATE log.partitions SET next_offset = next_offset + 1 WHERE topic = $1 AND partition = $2
               RETURNING next_offset - 1 AS record_offset, last_appended_at
             )
             INSERT INTO log.records (topic, partition, record_offset, key, value, headers, bytes, appended_at)
             SELECT $1, $2, record_offset, $3, $4, '{}', length($4::bytea), last_appended_at FROM place`,
            [topic, partition, key, value],
          );
          await client.query('COMMIT');
        }
      }),
  };
}

/** Looks for what is new after what was seen last, partition by partition, until it is told to stop. */
async function readOn(
  withClient: (work: (client: pg.Client) => Promise<void>) => Promise<void>,
  readings: Readings,
  signal: AbortSignal,
): Promise<void> {
  const places = new Map<string, number>();
  while (!signal.aborted) {
    await withClient(async (client) => {
      const ends = await client.query<{ topic: string; partition: number; next_offset: string }>(
        'SELECT topic, partition, next_offset FROM log.partitions',
      );
      for (const { topic, partition, next_offset } of ends.rows) {
        const from = places.get(`${topic}/${partition}`) ?? 0;
        if (Number(next_offset) <= from) continue;
        const { rows } = await client.query<Row>(
          `SELECT ${columns} FROM log.records
           WHERE topic = $1 AND partition = $2 AND record_offset >= $3 AND record_offset < $4 ORDER BY record_offset`,
          [topic, partition, from, next_offset],
        );
        for (const row of rows) readings.saw(recordOf(row));
        places.set(`${topic}/${partition}`, Number(next_offset));
      }
    }).catch(() => undefined);
    await sleep(lookIntervalMs, undefined, { signal }).catch(() => undefined);
  }
}

const recordOf = (row: Row): RawRecord => ({
  topic: row.topic,
  partition: row.partition,
  offset: Number(row.record_offset),
  key: row.key,
  value: row.value,
  headers: JSON.parse(row.headers) as Record<string, string>,
  timestamp: Number(row.appended_at),
});
