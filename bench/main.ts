/**
 * `npm run bench`: measures what the system costs on this machine.
 *
 *   npm run bench                      everything, nine to ten minutes
 *   npm run bench -- ingest host       the named ones
 *   npm run bench -- --short           small sizes: shows that the benches work
 *   npm run bench -- --json            one JSON object on standard output, nothing else there
 *
 * Progress goes to standard error. Load goes to the loopback only; everything started is stopped. A
 * missed aim is a result, not a failure: the exit code is 1 only when a bench could not be run, and 2
 * for a bench that does not exist.
 */
import { parseArgs } from 'node:util';

import { createLogger } from '#runtime/logger.ts';
import { drainOnSignal, runMain } from '#runtime/process.ts';

import { benchCodec } from './codec.ts';
import { benchEndToEnd } from './end-to-end.ts';
import { benchHost } from './host.ts';
import { benchIdle } from './idle.ts';
import { benchIngest } from './ingest.ts';
import { describeMachine, loadAverage } from './machine.ts';
import { benchMemory } from './memory.ts';
import { type BenchReport, type RunReport, tableOf } from './report.ts';
import type { Outcome } from './result.ts';
import { Stage } from './stage.ts';

/** Every bench, in the order of a whole run. */
const benches: Readonly<Record<string, (stage: Stage) => Promise<Outcome>>> = {
  codec: benchCodec,
  ingest: benchIngest,
  host: benchHost,
  'end-to-end': benchEndToEnd,
  idle: benchIdle,
  memory: benchMemory,
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean', default: false }, short: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const unknown = positionals.filter((name) => !Object.hasOwn(benches, name));
  if (unknown.length > 0) {
    process.stderr.write(`bench: there is no ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}\n`);
    process.exitCode = 2;
    return;
  }
  const stage = new Stage(values.short);
  drainOnSignal(createLogger('error', 'bench'), () => stage.close());
  const names = positionals.length > 0 ? positionals : Object.keys(benches);
  const reports: BenchReport[] = [];
  for (const name of names) reports.push(await runBench(stage, name));
  await stage.close();
  const run: RunReport = { machine: describeMachine(stage.brokerUsed), short: values.short, benches: reports };
  process.stdout.write(values.json ? `${JSON.stringify(run)}\n` : tableOf(run));
  process.exitCode = reports.some(({ failed }) => failed !== undefined) ? 1 : 0;
}

/** Runs one; what it throws is its report. */
async function runBench(stage: Stage, name: string): Promise<BenchReport> {
  stage.say(name);
  const [since, began] = [performance.now(), loadAverage()];
  const report = (rest: Pick<BenchReport, 'outcome' | 'failed'>): BenchReport => ({
    bench: name,
    seconds: Math.round((performance.now() - since) / 100) / 10,
    loadAverage: [began, loadAverage()],
    ...rest,
  });
  try {
    return report({ outcome: (await benches[name]?.(stage)) ?? { measures: [], notes: [] } });
  } catch (caught) {
    return report({ failed: caught instanceof Error ? caught.message : 'unknown failure' });
  }
}

await runMain(main);
