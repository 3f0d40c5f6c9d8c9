/**
 * A service that was away: how fast it works through what was written meanwhile, as one process that shares the cores with
 * broker and Postgres. And the projection made anew from the first record, its tables emptied.
 */
import { consumerGroups } from '#runtime/log/consumer-groups.ts';
import type { RecordLog } from '#runtime/log/record-log.ts';
import type { Platform } from '#runtime/platform.ts';
import { asOwner } from '#runtime/testing/owner-sql.ts';

import { rebuiltTables } from '../services/projection/tables.ts';
import { type Drain, watchDrain } from './drain.ts';
import { type Installation, type LogKind, openInstallation } from './installation.ts';
import { contentOf, populate } from './population.ts';
import { type Measure, type Outcome, measure } from './result.ts';
import type { Stage } from './stage.ts';

const conversationCount = 500;
/** Those that follow the log and have something to write for nearly every record. */
const services = ['projection', 'timers', 'compliance'] as const;

/** How far it is, over all its topics. */
const projected = `SELECT sum(next_offset)::int AS projected FROM (
  SELECT next_offset FROM journal_progress UNION ALL SELECT next_offset FROM history_progress
  UNION ALL SELECT next_offset FROM parked_progress) AS progress`;

/** Runs it. */
export async function benchCatchUp(stage: Stage): Promise<Outcome> {
  const rounds = stage.size(40, 4);
  const logs: readonly LogKind[] = (await stage.broker()) === undefined ? ['postgres'] : ['kafka', 'postgres'];
  const measures: Measure[] = [];
  for (const log of logs) measures.push(...(await onLog(stage, log, rounds)));
  return {
    measures,
    notes: [
      `what ${conversationCount * rounds} messages of ${conversationCount} conversations left in the topics of each service, ${logs.length === 1 ? 'there is no broker here' : 'on each log'}`,
      'from the first commit seen to the last: starting and joining do not count, but for the rebuild, which is timed from its start',
    ],
  };
}

function onLog(stage: Stage, kind: LogKind, rounds: number): Promise<readonly Measure[]> {
  return stage.scoped(async (scope) => {
    const installation = await openInstallation(stage, scope, kind);
    const platform = await installation.platform();
    const { log } = platform;
    const population = await populate(installation, platform, conversationCount);
    await population.say(Array.from({ length: rounds }, (_, i) => ['Oi', 'sim', 'Maria da Silva'][i] ?? 'menu'));
    stage.say(`catch-up: ${kind}, conversation`);
    await catchUp(installation, log, 'conversation');
    const measures: Measure[] = [];
    for (const service of services) {
      stage.say(`catch-up: ${kind}, ${service}`);
      const { perSecond } = await catchUp(installation, log, service);
      measures.push(measure(`${service}, ${kind} log`, perSecond, 'per s'));
    }
    stage.say(`catch-up: ${kind}, projection made anew`);
    measures.push(measure(`projection made anew, ${kind} log`, await rebuild(installation, platform), 'per s'));
    return measures;
  });
}

const topicsOf = (service: string): readonly string[] =>
  consumerGroups.flatMap(({ group, topic }) => (group === service ? [topic] : []));

async function recordsFor(log: RecordLog, service: string): Promise<number> {
  let records = 0;
  for (const topic of topicsOf(service)) records += (await contentOf(log, topic)).records;
  return records;
}

/** Offsets, those of markers among them, that a service is behind. */
async function behind(log: RecordLog, service: string): Promise<number> {
  const lags = await Promise.all(topicsOf(service).map((topic) => log.lag(service, topic)));
  return lags.flat().reduce((sum, { lag }) => sum + lag, 0);
}

/** Has a service read all that there is for it. */
async function catchUp(installation: Installation, log: RecordLog, service: string): Promise<Drain> {
  const records = await recordsFor(log, service);
  const offsets = await behind(log, service);
  const started = await installation.start(service);
  const done = async (): Promise<number> => (1 - (await behind(log, service)) / offsets) * records;
  const drain = await watchDrain(records, done);
  await started.stop();
  return drain;
}

/** Records of the projection's topics per second, from the start of the process until all are projected. */
async function rebuild(installation: Installation, platform: Platform): Promise<number> {
  const { log } = platform;
  const { database } = platform.runtime('prosa_worker', 'bench');
  const records = await recordsFor(log, 'projection');
  const ends = (await Promise.all(topicsOf('projection').map((topic) => log.ends(topic)))).flat();
  const offsets = ends.reduce((sum, { stableEnd }) => sum + stableEnd, 0);
  await asOwner(installation.environment['DATABASE_URL'] ?? '', `TRUNCATE ${rebuiltTables}`);
  const begun = performance.now();
  const started = await installation.start('projection');
  await watchDrain(records, async () => {
    const { rows } = await database.query<{ readonly projected: number | null }>([], projected);
    return ((rows[0]?.projected ?? 0) / offsets) * records;
  });
  const seconds = (performance.now() - begun) / 1_000;
  await started.stop();
  return records / seconds;
}
