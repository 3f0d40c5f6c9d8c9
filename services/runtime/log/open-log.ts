/** Opens the log: chooses its adapter, and the incarnation that is written to. */
import { hostname } from 'node:os';
import { resolve } from 'node:path';

import { incarnationTopicOf, topicTable } from '#schemas/topics.ts';

import type { Config } from '../config.ts';
import type { Database } from '../database/database.ts';
import { OperatingError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { derivedId } from '../records.ts';
import { openKafkaAdministration } from './adapters/kafka/administration.ts';
import { openKafkaLog } from './adapters/kafka/kafka-log.ts';
import type { KafkaSeam } from './adapters/kafka/seam.ts';
import { openPostgresAdministration } from './adapters/postgres/administration.ts';
import { openPostgresLog } from './adapters/postgres/postgres-log.ts';
import type { LogAdministration } from './administration.ts';
import { earlierLog, incarnationLog } from './incarnation.ts';
import { type Incarnation, incarnationsFor, readIncarnations } from './incarnation-table.ts';
import { partitionOfKey } from './partitioner.ts';
import type { EarlierLog, RecordLog } from './record-log.ts';

/** What it is opened with. */
export interface LogGround {
  readonly config: Config;
  readonly logger: Logger;
  /** As `prosa_worker`; stays the caller's to close, after the log. */
  readonly database: Database;
  readonly kafkaSeam?: KafkaSeam | undefined;
}

/**
 * Opens the log in its newest incarnation. Throws `config.invalid` when another partition count is
 * configured than that of any incarnation, or when a growth was begun and not finished; `log.unavailable`.
 */
export async function openLog(ground: LogGround): Promise<RecordLog> {
  const incarnations = incarnationsFor(await readIncarnations(ground.database), ground.config.partitionCount);
  const log = await openIncarnation(ground, incarnations, incarnations.length);
  try {
    await refuseHeld(ground, incarnations.length);
    return log;
  } catch (caught) {
    await log.close();
    throw caught;
  }
}

/** The newest of `incarnations`, whether it takes records or not. Those before it are opened when they are read. */
export async function openIncarnation(
  ground: LogGround,
  incarnations: readonly [Incarnation, ...Incarnation[]],
  number: number,
): Promise<RecordLog> {
  const [first, ...later] = incarnations.slice(0, number) as [Incarnation, ...Incarnation[]];
  const newest = later.at(-1) ?? first;
  const inner = await openAdapter(ground, newest.partitionCount, 'owner');
  if (later.length === 0) return inner;
  const opened: Promise<RecordLog>[] = [];
  const lazily = ({ partitionCount }: Incarnation): (() => Promise<RecordLog>) => {
    let opening: Promise<RecordLog> | undefined;
    return () => {
      if (opening === undefined) {
        opening = openAdapter(ground, partitionCount, 'reader');
        opened.push(opening);
        // Asked again it is tried again.
        opening.catch(() => (opening = undefined));
      }
      return opening;
    };
  };
  const earlier = [first, ...later.slice(0, -1)];
  let before: { readonly log: EarlierLog; readonly end: number } | undefined;
  for (const [index, one] of earlier.entries()) {
    const partitionOf = (key: string): number => partitionOfKey(key, one.partitionCount);
    const end = later[index]?.base ?? newest.base;
    before = { log: earlierLog(lazily(one), one, partitionOf, before), end };
  }
  if (before === undefined) return inner;
  return incarnationLog(inner, newest, before, async () => {
    for (const opening of opened) await opening.then((log) => log.close()).catch(() => undefined);
  });
}

/** What a growth does to topics. */
export function openLogAdministration({ config, database }: Pick<LogGround, 'config' | 'database'>): LogAdministration {
  const { kafka } = config;
  if (kafka === undefined) return openPostgresAdministration(database);
  return openKafkaAdministration({ ...kafka, clientId: `prosa-${process.pid}` });
}

async function openAdapter(
  { config, logger, database, kafkaSeam }: LogGround,
  partitionCount: number,
  use: 'owner' | 'reader',
): Promise<RecordLog> {
  const clientId = `prosa-${process.pid}`;
  if (config.kafka !== undefined) {
    // On embedded Postgres the data folder's lock makes this process the only one of its name.
    const instanceId =
      config.databaseUrl === undefined ? derivedId('n', hostname(), resolve(config.dataDir)) : undefined;
    return openKafkaLog({
      ...(instanceId === undefined ? {} : { instanceId }),
      ...config.kafka,
      clientId,
      partitionCount,
      logger: logger.child('log'),
      ...(kafkaSeam === undefined ? {} : { seam: kafkaSeam }),
    });
  }
  // On the embedded Postgres there is no other process, so members of the groups that are still listed are dead.
  const onlyProcess = config.databaseUrl === undefined && use === 'owner';
  return openPostgresLog({ database, partitionCount, clientId, onlyProcess, logger: logger.child('log') });
}

async function refuseHeld(ground: LogGround, number: number): Promise<void> {
  const administration = openLogAdministration(ground);
  try {
    if (await administration.areHeld(topicTable.map(({ name }) => incarnationTopicOf(name, number))))
      throw new OperatingError(
        'config.invalid',
        'The topics take no more records: a growth of the partitions was begun and is not on record in Postgres. ' +
          'Run `npm run prosa -- topics grow` again; if Postgres was set back, bring back a later state of it.',
      );
  } finally {
    await administration.close();
  }
}
