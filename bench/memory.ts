/** Memory of one conversation service after many conversations, of which it keeps some in memory. */
import { topics } from '#schemas/topics.ts';

import { watchDrain } from './drain.ts';
import { openInstallation } from './installation.ts';
import { populate } from './population.ts';
import { hasProcessTable, memoryOf, processEntry } from './process-table.ts';
import { type Outcome, measure } from './result.ts';
import type { Scope, Stage } from './stage.ts';

const aim = { below: 512 } as const;
const megabyte = 2 ** 20;

/** Runs it. */
export async function benchMemory(stage: Stage): Promise<Outcome> {
  if (!hasProcessTable) return { measures: [], notes: ['memory is measured on Linux only'] };
  const count = stage.size(100_000, 5_000);
  const log = (await stage.broker()) === undefined ? 'postgres' : 'kafka';
  return stage.scoped((scope) => run(stage, scope, log, count));
}

async function run(stage: Stage, scope: Scope, log: 'postgres' | 'kafka', count: number): Promise<Outcome> {
  const installation = await openInstallation(stage, scope, log);
  const platform = await installation.platform();
  stage.say(`memory: making ${count} conversations`);
  const population = await populate(installation, platform, count);
  const records = await population.say(['Oi']);
  stage.say('memory: one conversation service takes them all up');
  const service = await installation.start('conversation');
  const before = await memoryOf(service.pid);
  const began = await processEntry(service.pid);
  const drain = await watchDrain(records, async () => {
    const lags = await platform.log.lag('conversation', topics.events);
    return records - lags.reduce((sum, { lag }) => sum + lag, 0);
  });
  const after = await memoryOf(service.pid);
  const ended = await processEntry(service.pid);
  const cpuMs = ((ended?.cpuSeconds ?? NaN) - (began?.cpuSeconds ?? NaN)) * 1_000;
  const words = count.toLocaleString('en-US');
  return {
    measures: [
      measure(`resident after ${words} conversations`, after.now / megabyte, 'MB', aim),
      measure('highest so far', after.peak / megabyte, 'MB'),
      measure('resident at its start', before.now / megabyte, 'MB'),
      measure('conversations begun', drain.perSecond, 'per s'),
      measure('processor time of the service per 1,000 of them', (cpuMs / count) * 1_000, 'ms'),
    ],
    notes: [`one message each, one process, 24 partitions, ${log === 'kafka' ? 'on Kafka' : 'on the postgres log'}`],
  };
}
