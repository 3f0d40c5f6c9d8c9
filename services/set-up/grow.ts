/**
 * Growth of the partition count: the log goes on with other topics (`runtime/log/incarnation.ts`).
 *
 * G1 Until the row in `log_incarnations` is committed nothing has changed for the services but that the
 *    topics may take no more; every step before it can be done again.
 * G2 Nothing is appended to the old topics once they are held, and by then the groups had read them to
 *    the end: no record and no delivery is left behind.
 * G3 In Postgres the progress of every new partition is the base, in one transaction with the row: no
 *    actor is folded from elsewhere than where its own records go on.
 */
import { incarnationTopicOf, parkedTopicOf, topicTable, topics } from '#schemas/topics.ts';
import type { Config } from '#runtime/config.ts';
import { type Database, type Sql, openDatabase } from '#runtime/database/database.ts';
import { requireMigrated } from '#runtime/database/migrate.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { LogAdministration } from '#runtime/log/administration.ts';
import { consumerGroups } from '#runtime/log/consumer-groups.ts';
import {
  type Incarnation,
  incarnationsFor,
  readIncarnations,
  recordIncarnation,
} from '#runtime/log/incarnation-table.ts';
import { type LogGround, openIncarnation, openLogAdministration } from '#runtime/log/open-log.ts';
import { refuseOtherLog } from '#runtime/log/other-log.ts';
import { provideTopics } from '#runtime/log/provide-topics.ts';
import type { RecordLog } from '#runtime/log/record-log.ts';
import type { Logger } from '#runtime/logger.ts';
import { openPostgres } from '#runtime/platform.ts';

/** Most partitions of a topic. */
const partitionsMax = 10_000;

/** Bases are multiples of this, at least this far above the end: easy to tell apart when one looks at offsets. */
const baseStep = 1_000_000;

/** What was done, or would be. */
export interface Growth {
  readonly from: Incarnation;
  readonly to: Incarnation;
}

/** Why the log cannot be grown now; nothing was changed by it. */
export class GrowthRefused extends Error {
  override readonly name = 'GrowthRefused';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** What is to be done. */
export interface GrowthRequest {
  readonly partitionCount: number;
  /** Looks whether it can be done, and does nothing. */
  readonly dryRun: boolean;
  /** Told what is done, step by step. */
  readonly step: (text: string) => void | Promise<void>;
}

/**
 * Grows the log. May be repeated after a crash at any point. Throws `GrowthRefused` while services run or
 * have not read everything, `config.invalid`, `data-directory.in-use`, `database.unavailable`, `log.unavailable`,
 * and `log.offset-out-of-range` where the settings name another log than the services have.
 */
export async function grow(config: Config, logger: Logger, request: GrowthRequest): Promise<Growth> {
  const closers: (() => Promise<void>)[] = [];
  try {
    const url = await openPostgres(config, logger, closers);
    await requireMigrated(url);
    const database = openDatabase({ url, role: 'prosa_worker', connectionsMax: 4, applicationName: 'prosa-grow' });
    closers.push(() => database.close());
    const ground = { config, logger, database };
    const administration = openLogAdministration(ground);
    closers.push(() => administration.close());
    const incarnations = incarnationsFor(await readIncarnations(database), config.partitionCount);
    const log = await openIncarnation(ground, incarnations, incarnations.length);
    closers.push(() => log.close());
    await refuseOtherLog(log, database);
    return await growFrom({ ...ground, administration, log, incarnations }, request);
  } finally {
    for (const closer of closers.reverse()) await closer();
  }
}

interface Grown extends LogGround {
  readonly administration: LogAdministration;
  /** As it is now. */
  readonly log: RecordLog;
  readonly incarnations: readonly [Incarnation, ...Incarnation[]];
}

async function growFrom(on: Grown, { partitionCount, dryRun, step }: GrowthRequest): Promise<Growth> {
  const { administration, database, incarnations, log } = on;
  const from = incarnations.at(-1) ?? incarnations[0];
  if (partitionCount <= from.partitionCount || partitionCount > partitionsMax)
    throw new GrowthRefused(
      `There are ${from.partitionCount} partitions now; the number can only grow, to ${partitionsMax} at most.`,
      'Name a greater number with --partitions.',
    );
  const old = topicTable.map(({ name }) => incarnationTopicOf(name, from.number));
  await refuseUnready(on, () => administration.release(old));
  const next = async (): Promise<Incarnation> => ({
    number: from.number + 1,
    partitionCount,
    base: baseAbove(await furthest(log)),
  });
  if (dryRun) return { from, to: await next() };

  await step(`making topics with ${partitionCount} partitions`);
  const made = await openIncarnation(on, [...incarnations, await next()], from.number + 1);
  try {
    await provideTopics(made, on.logger);
  } catch (caught) {
    if (!(caught instanceof OperatingError) || caught.code !== 'config.invalid') throw caught;
    throw new GrowthRefused(
      `A growth was begun before, to another number of partitions. ${caught.message}`,
      'Name the number that those topics have.',
    );
  } finally {
    await made.close();
  }
  await step(`holding the topics with ${from.partitionCount} partitions`);
  await administration.hold(old);
  await refuseUnready(on, () => administration.release(old));
  const to = await next();
  await step(`going on at offset ${to.base}`);
  await database.transaction([], (sql) => record(sql, from, to));
  return { from, to };
}

/** Throws while anybody reads, or anything is not read; then `reopen` lets the topics take records again. */
async function refuseUnready({ administration, database, log }: Grown, reopen: () => Promise<void>): Promise<void> {
  const groups = [...new Set(consumerGroups.map(({ group }) => group))];
  if ((await administration.members(groups)) > 0)
    throw new GrowthRefused(
      'Services are running: their consumer groups have members.',
      'Stop all services first, ingest before the others. One that was killed is a member until its session ends.',
    );
  for (const { group, topic } of consumerGroups) {
    const behind = (await log.lag(group, topic)).filter(({ lag }) => lag > 0);
    if (behind.length === 0) continue;
    await reopen();
    throw new GrowthRefused(
      `The group ${group} has not read all of ${topic}: ${behind.length} partitions are behind.`,
      'Drain first: start the services without ingest, wait until `prosa topics` shows no lag, stop them.',
    );
  }
  const behind = await tablesBehind(database, log);
  if (behind.length === 0) return;
  await reopen();
  throw new GrowthRefused(
    `Postgres is behind the log: ${behind.join(', ')}.`,
    'Start the services, which catch up, wait until `prosa topics` shows no lag, stop them.',
  );
}

const progressTables = [
  { table: 'actor_partitions', column: 'progress', topic: topics.events },
  { table: 'journal_progress', column: 'next_offset', topic: topics.events },
  { table: 'history_progress', column: 'next_offset', topic: topics.replies },
  { table: 'parked_progress', column: 'next_offset', topic: parkedTopicOf(topics.events) },
] as const;

/** Groups that keep their progress in `queue_progress`, not in tables of their own. */
const followers = consumerGroups.filter(({ group }) => group !== 'conversation' && group !== 'projection');

/** Tables that do not have all that the log has, by their names or by the groups that keep them. */
async function tablesBehind(database: Database, log: RecordLog): Promise<readonly string[]> {
  const behind: string[] = [];
  for (const { table, column, topic } of progressTables) {
    const { rows } = await database.transaction([], (sql) =>
      sql.query<{ partition: number; reached: string }>(`SELECT partition, ${column} AS reached FROM ${table}`),
    );
    const reached = new Map(rows.map((row) => [row.partition, Number(row.reached)]));
    const ends = await log.ends(topic);
    if (ends.some(({ partition, start, stableEnd }) => (reached.get(partition) ?? start) < stableEnd))
      behind.push(table);
  }
  for (const { group, topic } of followers) {
    const { rows } = await database.query<{ partition: number; reached: string }>(
      [],
      'SELECT partition, next_offset AS reached FROM queue_progress WHERE consumer_group = $1',
      [group],
    );
    const reached = new Map(rows.map((row) => [row.partition, Number(row.reached)]));
    // Of a partition without a row nothing was read since there are such rows.
    if ((await log.ends(topic)).some(({ partition, stableEnd }) => (reached.get(partition) ?? stableEnd) < stableEnd))
      behind.push(group);
  }
  return behind;
}

/** The greatest end of any partition of any topic. */
async function furthest(log: RecordLog): Promise<number> {
  let end = 0;
  for (const { name } of topicTable) for (const { stableEnd } of await log.ends(name)) end = Math.max(end, stableEnd);
  return end;
}

const baseAbove = (end: number): number => (Math.floor(end / baseStep) + 2) * baseStep;

/** G3. Epochs are raised: whoever was an owner before may write nothing more. */
async function record(sql: Sql, from: Incarnation, to: Incarnation): Promise<void> {
  const all = [to.partitionCount, to.base];
  await sql.query(
    `INSERT INTO actor_partitions AS p (partition, progress, committed)
     SELECT partition, $2::bigint, $2::bigint FROM generate_series(0, $1::int - 1) AS partition
     ON CONFLICT (partition) DO UPDATE SET progress = excluded.progress, committed = excluded.committed,
       epoch = p.epoch + 1, suspect_start = NULL, suspect_count = 0, attempt_offset = NULL, attempt_count = 0`,
    all,
  );
  for (const table of ['journal_progress', 'history_progress', 'parked_progress'])
    await sql.query(
      `INSERT INTO ${table} (partition, next_offset)
       SELECT partition, $2::bigint FROM generate_series(0, $1::int - 1) AS partition
       ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset`,
      all,
    );
  await sql.query(
    `INSERT INTO queue_progress (consumer_group, partition, next_offset)
     SELECT g, partition, $2::bigint FROM unnest($3::text[]) AS g, generate_series(0, $1::int - 1) AS partition
     ON CONFLICT (consumer_group, partition) DO UPDATE SET next_offset = excluded.next_offset`,
    [...all, followers.map(({ group }) => group)],
  );
  if (from.number === 1) await recordIncarnation(sql, from);
  const { rowCount } = await sql.query(
    'INSERT INTO log_incarnations (number, partition_count, base_offset) VALUES ($1, $2, $3)',
    [to.number, to.partitionCount, to.base],
  );
  if (rowCount !== 1) throw new OperatingError('database.unavailable');
}
