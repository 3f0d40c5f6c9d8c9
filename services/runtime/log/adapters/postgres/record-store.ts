/**
 * Records in tables: writing under the partitions' locks, reading in bounded pieces.
 *
 * Owns no state. Invariants, for both kinds of writer (appends and transactions):
 * W1 Offsets are taken from the partition's row, which stays locked until the commit: a reader that
 *    sees an offset sees all before it, or they were never used.
 * W2 Rows are locked in the order of (topic, partition): writers cannot wait for each other in a ring.
 * W3 A transaction takes one offset more on every partition it wrote to, as Kafka's markers do.
 */
import type { Sql } from '../../../database/database.ts';
import { OperatingError } from '../../../errors.ts';
import type { LoggedRecord, OutgoingRecord, RecordPosition } from '../../record-log.ts';
import { recordBytes } from '../../record-size.ts';
import { noSuchTopic } from './log-errors.ts';

/** New end of a partition after a write. */
export type Head = Pick<WrittenStretch, 'topic' | 'partition' | 'nextOffset'>;

/** What a write did. */
export interface Written {
  /** As many as records, in their order. */
  readonly positions: readonly RecordPosition[];
  /** One per partition. */
  readonly stretches: readonly WrittenStretch[];
}

/** One after another on one partition, as one write made them. */
export interface WrittenStretch {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  /** The partition's end after the write; past the last record's offset + 1 where W3 took one more. */
  readonly nextOffset: number;
  readonly records: readonly LoggedRecord[];
}

// One statement, so that the partitions are locked for as short as may be. `home` locks in the order of W2
// and has the ends as the lock found them; a record whose partition is not there gets no offset, which
// its column refuses, and nothing is written.
const writeText = `
  WITH home AS MATERIALIZED (
    SELECT p.topic, p.partition, p.next_offset,
           greatest(p.last_appended_at, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) AS at
    FROM log.partitions p
    WHERE (p.topic, p.partition) IN (SELECT * FROM unnest($1::text[], $2::integer[]))
    ORDER BY p.topic, p.partition
    FOR UPDATE
  ), moved AS (
    UPDATE log.partitions p SET next_offset = home.next_offset + m.taken, last_appended_at = home.at
    FROM home JOIN unnest($1::text[], $2::integer[], $3::integer[]) AS m (topic, partition, taken) USING (topic, partition)
    WHERE p.topic = home.topic AND p.partition = home.partition
  ), written AS (
    INSERT INTO log.records (topic, partition, record_offset, key, value, headers, bytes, appended_at)
    SELECT r.topic, r.partition, home.next_offset + r.place, r.key, r.value, r.headers, r.bytes, home.at
    FROM unnest($4::text[], $5::integer[], $6::integer[], $7::text[], $8::bytea[], $9::text[], $10::integer[])
      AS r (topic, partition, place, key, value, headers, bytes)
    LEFT JOIN home USING (topic, partition)
  )
  SELECT topic, partition, next_offset, at FROM home`;

interface HomeRow {
  readonly topic: string;
  readonly partition: number;
  readonly next_offset: string;
  readonly at: string;
}

/** Records of one partition among those to be written. */
interface Share {
  readonly topic: string;
  readonly partition: number;
  readonly records: OutgoingRecord[];
}

/** Writes the records at the ends of their partitions, in one statement. Throws when a topic is not there; then nothing was written. */
export async function writeRecords(
  sql: Sql,
  records: readonly OutgoingRecord[],
  partitionOf: (key: string) => number,
  kind: 'append' | 'transaction',
): Promise<Written> {
  if (records.length === 0) return { positions: [], stretches: [] };
  const shares = new Map<string, Share>();
  const placed = records.map((record) => {
    const { topic } = record;
    const partition = partitionOf(record.key);
    const name = nameOf(topic, partition);
    const share = shares.get(name) ?? { topic, partition, records: [] };
    shares.set(name, share);
    return { record, partition, name, place: share.records.push(record) - 1 };
  });
  const homes = [...shares.values()];
  const taken = ({ records: { length } }: Share): number => (kind === 'transaction' ? length + 1 : length);
  const { rows } = await sql
    .query<HomeRow>(writeText, [
      homes.map(({ topic }) => topic),
      homes.map(({ partition }) => partition),
      homes.map(taken),
      placed.map(({ record }) => record.topic),
      placed.map(({ partition }) => partition),
      placed.map(({ place }) => place),
      placed.map(({ record }) => record.key),
      placed.map(({ record }) => asBuffer(record.value)),
      placed.map(({ record }) => JSON.stringify(record.headers)),
      placed.map(({ record }) => recordBytes(record)),
    ])
    .catch((caught: unknown) => {
      if (isHeld(caught)) throw new OperatingError('log.unavailable', 'The topic takes no more records.', caught);
      if (isMissing(caught)) throw noSuchTopic([...new Set(homes.map(({ topic }) => topic))].join(' or '));
      throw caught;
    });
  const froms = new Map(rows.map((row) => [nameOf(row.topic, row.partition), Number(row.next_offset)]));
  return {
    positions: placed.map(({ record: { topic }, partition, name, place }) => ({
      topic,
      partition,
      offset: (froms.get(name) ?? NaN) + place,
    })),
    stretches: rows.flatMap(({ topic, partition, next_offset, at }) => {
      const share = shares.get(nameOf(topic, partition));
      const from = Number(next_offset);
      if (share === undefined) return [];
      return [{ topic, partition, from, nextOffset: from + taken(share), records: loggedOf(share, from, Number(at)) }];
    }),
  };
}

const nameOf = (topic: string, partition: number): string => `${topic}/${partition}`;

const asBuffer = (value: Uint8Array): Buffer => Buffer.from(value.buffer, value.byteOffset, value.byteLength);

/** Postgres' not_null_violation. */
const isMissing = (caught: unknown): boolean => caught instanceof Error && 'code' in caught && caught.code === '23502';

/** Postgres' check_violation, of the constraint that a held partition has (migration 012). */
const isHeld = (caught: unknown): boolean => caught instanceof Error && 'code' in caught && caught.code === '23514';

const loggedOf = ({ topic, partition, records }: Share, from: number, timestamp: number): readonly LoggedRecord[] =>
  records.map(({ key, value, headers }, place) => ({
    topic,
    partition,
    offset: from + place,
    key,
    value: asBuffer(value),
    headers,
    timestamp,
  }));

/** Which records to read: at or after `from`, before `to` (null: no bound), within both limits. */
export interface ReadOptions {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number | null;
  readonly recordsMax: number;
  /** A first record that is larger is read alone. */
  readonly bytesMax: number;
}

/** What was read, in one snapshot of the partition. */
export interface Piece {
  readonly records: readonly LoggedRecord[];
  /** Where to go on: past all gaps when nothing more was there. */
  readonly nextOffset: number;
  readonly startOffset: number;
  readonly stableEnd: number;
}

// One statement, so that the end and the records are of one snapshot. The innermost limit is one more
// than wanted: whether there is more decides if the end can be told. Values of rows left out are never fetched.
const readText = `
  SELECT p.start_offset, p.next_offset, r.*
  FROM log.partitions p
  LEFT JOIN LATERAL (
    SELECT record_offset, key, value, headers, appended_at, found
    FROM (
      SELECT candidate.*, row_number() OVER w AS place, sum(bytes) OVER w AS running, count(*) OVER () AS found
      FROM (
        SELECT record_offset, key, value, headers, bytes, appended_at FROM log.records
        WHERE topic = $1 AND partition = $2 AND record_offset >= $3 AND record_offset < coalesce($4, 9223372036854775807)
        ORDER BY record_offset LIMIT $5::integer + 1
      ) candidate
      WINDOW w AS (ORDER BY record_offset)
    ) measured
    WHERE place = 1 OR (running <= $6 AND place <= $5::integer)
  ) r ON true
  WHERE p.topic = $1 AND p.partition = $2
  ORDER BY r.record_offset`;

interface ReadRow {
  readonly start_offset: string;
  readonly next_offset: string;
  readonly record_offset: string | null;
  readonly key: string;
  readonly value: Buffer;
  readonly headers: string;
  readonly appended_at: string;
  readonly found: string;
}

/** Reads the next records of a partition. */
export async function readPiece(sql: Sql, options: ReadOptions): Promise<Piece> {
  const { topic, partition, from, to, recordsMax, bytesMax } = options;
  const { rows } = await sql.query<ReadRow>(readText, [topic, partition, from, to, recordsMax, bytesMax]);
  const [first] = rows;
  if (first === undefined) throw noSuchTopic(topic);
  const present = rows.filter(({ record_offset }) => record_offset !== null);
  const records = present.map((row): LoggedRecord => {
    const headers = JSON.parse(row.headers) as Record<string, string>;
    const { key, value } = row;
    return {
      topic,
      partition,
      offset: Number(row.record_offset),
      key,
      value,
      headers,
      timestamp: Number(row.appended_at),
    };
  });
  const stableEnd = Number(first.next_offset);
  const end = to === null ? stableEnd : Math.min(to, stableEnd);
  const more = present.length > 0 && Number(first.found) > present.length;
  const nextOffset = more ? (records.at(-1)?.offset ?? from) + 1 : Math.max(from, end);
  return { records, nextOffset, startOffset: Number(first.start_offset), stableEnd };
}

/** Offset of the first record at or after a time, by bisection: timestamps of a partition never go back. */
export async function bisectTime(sql: Sql, topic: string, partition: number, at: number): Promise<number> {
  const ends = await sql.query<{ start_offset: string; next_offset: string }>(
    'SELECT start_offset, next_offset FROM log.partitions WHERE topic = $1 AND partition = $2',
    [topic, partition],
  );
  const [end] = ends.rows;
  if (end === undefined) throw noSuchTopic(topic);
  const stableEnd = Number(end.next_offset);
  let [low, high] = [Number(end.start_offset), stableEnd];
  let found = stableEnd;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const { rows } = await sql.query<{ record_offset: string; appended_at: string }>(
      `SELECT record_offset, appended_at FROM log.records
       WHERE topic = $1 AND partition = $2 AND record_offset >= $3 AND record_offset < $4 ORDER BY record_offset LIMIT 1`,
      [topic, partition, middle, stableEnd],
    );
    const [row] = rows;
    if (row !== undefined && Number(row.appended_at) < at) {
      low = Number(row.record_offset) + 1;
    } else {
      if (row !== undefined) found = Number(row.record_offset);
      high = middle;
    }
  }
  return found;
}

/** Throws when records that a reader was to have next are gone. */
export function refuseOutOfRange(
  offset: number,
  ends: { startOffset: number; stableEnd: number },
  where: string,
): void {
  if (offset >= ends.startOffset && offset <= ends.stableEnd) return;
  throw new OperatingError(
    'log.offset-out-of-range',
    `${where} is to go on from ${offset}; the log holds ${ends.startOffset} to ${ends.stableEnd}.`,
  );
}
