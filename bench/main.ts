/**
 * `npm run bench`: measures what the system costs on this machine.
 *
 *   npm run bench                      everything, about twenty-five minutes
 *   npm run bench -- ingest host       the named ones
 *   npm run bench -- peers             named ones that are not in a whole run: they download what they need
 *   npm run bench -- --short           small sizes: shows that the benches work
 *   npm run bench -- peers --peer dbos Prosa's peers: only those named
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
import { benchFairShare } from './fair-share.ts';
import { benchHandOver } from './hand-over.ts';
import { benchHost } from './host.ts';
import { benchIdle } from './idle.ts';
import { benchIngest } from './ingest.ts';
import { describeMachine, loadAverage } from './machine.ts';
import { benchMemory } from './memory.ts';
import { benchModel } from './model.ts';
import { benchPeersGrowth } from './peers/growth.ts';
import { benchPeers } from './peers/peers.ts';
import { type BenchReport, type RunReport, tableOf } from './report.ts';
import type { Outcome } from './result.ts';
import { benchSending } from './sending.ts';
import { Stage } from './stage.ts';
import { benchStartMillion } from './start-million.ts';

/** The benches of a whole run, in its order. */
const benches: Readonly<Record<string, (stage: Stage) => Promise<Outcome>>> = {
  codec: benchCodec,
  ingest: benchIngest,
  host: benchHost,
  'end-to-end': benchEndToEnd,
  sending: benchSending,
  model: benchModel,
  idle: benchIdle,
  memory: benchMemory,
  'hand-over': benchHandOver,
  'fair-share': benchFairShare,
  'start-million': benchStartMillion,
};

/** Run only when they are named: they download what they compare with. */
const benchesByName: typeof benches = {
  ...benches,
  peers: benchPeers,
  'peers-growth': benchPeersGrowth,
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      short: { type: 'boolean', default: false },
      peer: { type: 'string', multiple: true, default: [] },
    },
    allowPositionals: true,
  });
  const unknown = positionals.filter((name) => !Object.hasOwn(benchesByName, name));
  if (unknown.length > 0) {
    process.stderr.write(
      `bench: there is no ${unknown.join(', ')}; there are ${Object.keys(benchesByName).join(', ')}\n`,
    );
    process.exitCode = 2;
    return;
  }
  const stage = new Stage(values.short, values.peer);
  drainOnSignal(createLogger('error', 'bench'), () => stage.close());
  const names = positionals.length > 0 ? positionals : Object.keys(benches);
  const reports: BenchReport[] = [];
  for (const name of names) reports.push(await runBench(stage, name));
  await stage.close();
  const run: RunReport = { machine: describeMachine(stage.brokerUsed), short: values.short, benches: reports };
  process.stdout.write(values.json ? `${JSON.stringify(run)}\n` : tableOf(run));
  const isWhole = ({ failed, outcome }: BenchReport): boolean =>
    failed === undefined && (outcome?.failures ?? []).length === 0;
  process.exitCode = reports.every(isWhole) ? 0 : 1;
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
    return report({ outcome: (await benchesByName[name]?.(stage)) ?? { measures: [], notes: [] } });
  } catch (caught) {
    return report({ failed: caught instanceof Error ? caught.message : 'unknown failure' });
  }
}

await runMain(main);
