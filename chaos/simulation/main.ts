/**
 * `npm run simulate -- [--seeds N] [--seed S] [--without PROTECTION] [--trace] [--json]`
 *
 * Runs N seeds from S on and says what was found. Ends with 1 when something was, with 2 when it was
 * not understood. A seed is a whole run: the same seed does the same things in the same order.
 */
import { setImmediate as immediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { type AnomalyName, anomalyNames, countAnomalies } from '../checker.ts';
import { type AnyProtection, type SimulationResult, allProtections, simulate } from './simulation.ts';

const failuresShownMax = 20;

const help = `npm run simulate -- --seeds 10000 --seed 1      so many seeds from one on (1000 from 1)
npm run simulate -- --seed 558 --trace          one seed alone, line by line
npm run simulate -- --seeds 400 --without fence  how it would be without a protection: ${allProtections.join(', ')}
npm run --silent simulate -- --json             one JSON object on standard output

Ends with 0 when nothing was found, 1 when something was, 2 for wrong arguments.
`;

interface Request {
  readonly help: boolean;
  readonly first: number;
  readonly seeds: number;
  readonly without: AnyProtection | undefined;
  readonly trace: boolean;
  readonly json: boolean;
}

/** What some seeds came to. */
interface Report {
  readonly first: number;
  readonly seeds: number;
  /** CPU seconds of this process, and seeds per minute of them. */
  readonly cpuSeconds: number;
  readonly seedsPerMinute: number;
  /** Sums over all seeds: steps, records, commits, what befell processes and the store. */
  readonly totals: Readonly<Record<string, number>>;
  readonly anomalies: Readonly<Record<AnomalyName, number>>;
  readonly failed: readonly { readonly seed: number; readonly hash: string; readonly anomalies: readonly string[] }[];
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

// Whoever reads may stop reading.
process.stdout.on('error', () => undefined);
await main();

async function main(): Promise<void> {
  const request = read(process.argv.slice(2));
  if (request === undefined) {
    process.stderr.write(help);
    process.exitCode = 2;
    return;
  }
  if (request.help) {
    process.stdout.write(help);
    return;
  }
  const report = await run(request);
  if (request.json) say(JSON.stringify(report));
  else print(report, request);
  if (report.failed.length > 0) process.exitCode = 1;
}

function read(programArguments: readonly string[]): Request | undefined {
  try {
    const { values } = parseArgs({
      args: [...programArguments],
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        seeds: { type: 'string' },
        seed: { type: 'string', default: '1' },
        without: { type: 'string' },
        trace: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    const [first, seeds] = [Number(values.seed), Number(values.seeds ?? (values.trace ? 1 : 1_000))];
    const without = allProtections.find((name) => name === values.without);
    const understood = Number.isInteger(first) && first >= 0 && Number.isInteger(seeds) && seeds > 0;
    if (!understood || (values.without !== undefined && without === undefined)) return undefined;
    return { help: values.help, first, seeds, without, trace: values.trace, json: values.json };
  } catch {
    return undefined;
  }
}

async function run({ first, seeds, without, trace, json }: Request): Promise<Report> {
  const begun = process.cpuUsage();
  const totals: Record<string, number> = {};
  const add = (name: string, count: number): void => void (totals[name] = (totals[name] ?? 0) + count);
  const failed: SimulationResult[] = [];
  for (let seed = first; seed < first + seeds; seed += 1) {
    const result = await simulate({ seed, without, trace });
    if (trace && !json) for (const line of result.trace) say(line);
    const { steps, records, commits, tally } = result;
    for (const [name, count] of Object.entries({ steps, records, commits, ...tally })) add(name, count);
    add('virtual seconds', result.virtualMs / 1_000);
    if (result.findings.length > 0) failed.push(result);
    // Lets signals through.
    await immediate();
  }
  const { user, system } = process.cpuUsage(begun);
  const cpuSeconds = (user + system) / 1e6;
  return {
    first,
    seeds,
    cpuSeconds,
    seedsPerMinute: Math.round((seeds * 60) / cpuSeconds),
    totals,
    anomalies: countAnomalies(failed.flatMap(({ findings }) => findings)),
    failed: failed.map(({ seed, hash, findings }) => ({
      seed,
      hash,
      anomalies: findings.map(({ name, about }) => `${name}: ${about}`),
    })),
  };
}

function print(report: Report, { without }: Request): void {
  const { first, seeds, cpuSeconds, seedsPerMinute, totals, anomalies, failed } = report;
  say(
    `${seeds} seeds from ${first}, ${cpuSeconds.toFixed(1)} s of CPU, ${seedsPerMinute} seeds per minute of one core`,
  );
  for (const [name, count] of Object.entries(totals)) say(`  ${name.padEnd(16)} ${Math.round(count)}`);
  say('anomalies');
  for (const [name, meaning] of Object.entries(anomalyNames)) {
    const count = anomalies[name as AnomalyName];
    say(`  ${name.padEnd(20)} ${String(count).padStart(6)}  ${meaning}`);
  }
  const protection = without === undefined ? '' : ` --without ${without}`;
  for (const { seed, hash, anomalies: found } of failed.slice(0, failuresShownMax)) {
    say(`seed ${seed} (${hash}): ${found[0]}`);
    say(`  again alone: npm run simulate -- --seed ${seed} --trace${protection}`);
  }
  if (failed.length > failuresShownMax) say(`… and ${failed.length - failuresShownMax} more seeds`);
}
