/**
 * `npm run chaos`: real processes on a real broker and a real Postgres, every fault of the matrix, and a
 * checker that says what was lost, doubled or made up. `--help` says how.
 *
 * Progress goes to standard error, with the seed of each staging. Exit code: 0 when nothing was found,
 * 1 when something was or could not be judged, 2 for wrong arguments.
 */
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { createLogger } from '#runtime/logger.ts';
import { drainOnSignal, runMain } from '#runtime/process.ts';

import type { LogKind } from '../bench/installation.ts';
import type { Fault, FaultReport } from './fault.ts';
import { faults } from './faults/all.ts';
import { isClean, tableOf } from './report.ts';
import { Rounds } from './rounds.ts';

/** With the time, by which lines of the processes' logs are found. */
const say = (line: string): void =>
  void process.stderr.write(`chaos  ${new Date().toISOString().slice(11, 19)}  ${line}\n`);

const help = `npm run chaos                            every fault once, on Kafka
npm run chaos -- --log postgres          the same on the Postgres log
npm run chaos -- --fault 4 --fault 5     the named ones
npm run chaos -- --fault 4 --seed 77     one staging again
npm run chaos -- --runs 5                each five times, with seeds from --seed on
npm run chaos -- --logs /tmp/logs        what the processes say, at level debug, a file for each in this folder
npm run --silent chaos -- --json         one JSON object on standard output

Ends with 0 when nothing was found, 1 when something was or could not be judged, 2 for wrong arguments.
${faults.map(({ number, name }) => `  ${String(number).padStart(2)}  ${name}`).join('\n')}
`;

interface Request {
  readonly json: boolean;
  readonly help: boolean;
  readonly log: LogKind;
  readonly wanted: readonly Fault[];
  readonly seed: number;
  readonly runs: number;
  readonly logFolder: string | undefined;
}

/** What was asked for; undefined when it was not understood. */
function read(): Request | undefined {
  try {
    const { values } = parseArgs({
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        json: { type: 'boolean', default: false },
        log: { type: 'string', default: 'kafka' },
        fault: { type: 'string', multiple: true, default: [] },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        runs: { type: 'string', default: '1' },
        logs: { type: 'string' },
      },
    });
    const numbers = values.fault.map(Number);
    const wanted = faults.filter(({ number }) => numbers.length === 0 || numbers.includes(number));
    const { help: asksHelp, json, log } = values;
    const [seed, runs] = [Number(values.seed), Number(values.runs)];
    if (log !== 'kafka' && log !== 'postgres') return undefined;
    if (numbers.some((number) => wanted.every((fault) => fault.number !== number))) return undefined;
    if (!Number.isInteger(seed) || !Number.isInteger(runs) || runs < 1) return undefined;
    return { help: asksHelp, json, log, wanted, seed, runs, logFolder: values.logs };
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
  const { json, log, wanted, seed, runs, logFolder } = request;
  if (logFolder !== undefined) mkdirSync(logFolder, { recursive: true });
  const rounds = new Rounds(log, say, logFolder);
  drainOnSignal(createLogger('error', 'chaos'), () => rounds.close());
  const reports: FaultReport[] = [];
  for (const fault of wanted) reports.push(await rounds.run(fault, seed, runs));
  await rounds.close();
  process.stdout.write(json ? `${JSON.stringify({ log, seed, reports })}\n` : tableOf(reports));
  process.exitCode = isClean(reports) ? 0 : 1;
}

await runMain(main);
