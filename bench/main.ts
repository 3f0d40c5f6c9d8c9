/**
 * `npm run bench`: measures what the system costs on this machine. `--help` says how.
 *
 * Progress goes to standard error. Load goes to the loopback only; everything started is stopped. A
 * missed aim is a result, not a failure: the exit code is 1 only when a bench could not be run, and 2
 * for wrong arguments.
 */
import { parseArgs } from 'node:util';

import { createLogger } from '#runtime/logger.ts';
import { drainOnSignal, runMain } from '#runtime/process.ts';

import { benchCatchUp } from './catch-up.ts';
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
  'catch-up': benchCatchUp,
  'start-million': benchStartMillion,
};

/** Run only when they are named: they download what they compare with. */
const benchesByName: typeof benches = {
  ...benches,
  peers: benchPeers,
  'peers-growth': benchPeersGrowth,
};

const help = `npm run bench                       all of them, about twenty-six minutes
npm run bench -- ingest host        the named ones
npm run bench -- peers              named ones that are not among all: they download what they compare with
npm run bench -- peers --peer dbos  of the peers, those named
npm run bench -- --short            small sizes: shows that they work
npm run --silent bench -- --json    one JSON object on standard output

They are ${Object.keys(benchesByName).join(', ')}.
Ends with 0, with 1 when one could not be run, with 2 for wrong arguments. A missed aim is a result.
`;

interface Request {
  readonly help: boolean;
  readonly json: boolean;
  readonly short: boolean;
  readonly peers: readonly string[];
  readonly names: readonly string[];
}

/** What was asked for; undefined when it was not understood. */
function read(): Request | undefined {
  try {
    const { values, positionals } = parseArgs({
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        json: { type: 'boolean', default: false },
        short: { type: 'boolean', default: false },
        peer: { type: 'string', multiple: true, default: [] },
      },
      allowPositionals: true,
    });
    if (positionals.some((name) => !Object.hasOwn(benchesByName, name))) return undefined;
    return { ...values, peers: values.peer, names: positionals.length > 0 ? positionals : Object.keys(benches) };
  } catch {
    return undefined;
  }
}

async function main(): Promise<void> {
  const request = read();
  if (request === undefined) {
    process.stderr.write(help);
    process.exitCode = 2;
    return;
  }
  if (request.help) {
    process.stdout.write(help);
    return;
  }
  const { json, short, peers, names } = request;
  const stage = new Stage(short, peers);
  drainOnSignal(createLogger('error', 'bench'), () => stage.close());
  const reports: BenchReport[] = [];
  for (const name of names) reports.push(await runBench(stage, name));
  await stage.close();
  const run: RunReport = { machine: describeMachine(stage.brokerUsed), short, benches: reports };
  process.stdout.write(json ? `${JSON.stringify(run)}\n` : tableOf(run));
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
