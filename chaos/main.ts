/**
 * `npm run chaos`: real processes on a real broker and a real Postgres, every fault of the matrix, and a
 * checker that says what was lost, doubled or made up.
 *
 *   npm run chaos                            everything on Kafka, about ten minutes
 *   npm run chaos -- --log postgres          the same on the Postgres log
 *   npm run chaos -- --fault 4 --fault 5     the named ones
 *   npm run chaos -- --fault 4 --seed 77     one staging again
 *   npm run chaos -- --runs 5                each five times
 *   npm run --silent chaos -- --json         one JSON object on standard output, nothing else there
 *
 * Progress goes to standard error, with the seed of each staging. Exit code: 0 when nothing was found,
 * 1 when something was or could not be judged, 2 for wrong arguments.
 */
import { parseArgs } from 'node:util';

import { createLogger } from '#runtime/logger.ts';
import { drainOnSignal, runMain } from '#runtime/process.ts';

import type { LogKind } from '../bench/installation.ts';
import type { FaultReport } from './fault.ts';
import { faults } from './faults/all.ts';
import { isClean, tableOf } from './report.ts';
import { Rounds } from './rounds.ts';

const say = (line: string): void => void process.stderr.write(`chaos  ${line}\n`);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      log: { type: 'string', default: 'kafka' },
      fault: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      runs: { type: 'string', default: '1' },
    },
  });
  const wanted = values.fault.map(Number);
  const [seed, runs] = [Number(values.seed), Number(values.runs)];
  const unknown = wanted.some((number) => faults.every((fault) => fault.number !== number));
  if (unknown || !['kafka', 'postgres'].includes(values.log) || !Number.isInteger(seed) || !(runs >= 1)) {
    say(
      `faults are ${faults.map(({ number }) => number).join(', ')}; logs are kafka and postgres; --seed and --runs are whole numbers`,
    );
    process.exitCode = 2;
    return;
  }
  const rounds = new Rounds(values.log as LogKind, say);
  drainOnSignal(createLogger('error', 'chaos'), () => rounds.close());
  const reports: FaultReport[] = [];
  for (const fault of faults) {
    if (wanted.length > 0 && !wanted.includes(fault.number)) continue;
    reports.push(await rounds.run(fault, seed, runs));
  }
  await rounds.close();
  process.stdout.write(values.json ? `${JSON.stringify({ log: values.log, seed, reports })}\n` : tableOf(reports));
  process.exitCode = isClean(reports) ? 0 : 1;
}

await runMain(main);
