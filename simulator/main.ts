/**
 * `npm run simulator`: a WAHA, Evolution, Cloud API or Baileys gateway with people behind it. Prints where
 * it listens, the seed, and at its end a report; with `--json`, one line for each. See `--help`.
 *
 * Exit code: 0, 2 for wrong arguments.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { createLogger } from '#runtime/logger.ts';
import { drainOnSignal, runMain } from '#runtime/process.ts';

import { type CommandLine, UsageError, helpText, readCommandLine } from './command-line.ts';
import { startSimulator } from './simulator.ts';

const silenceMaxMs = 60_000;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  let wanted: CommandLine | undefined;
  try {
    wanted = readCommandLine(process.argv.slice(2));
  } catch (caught) {
    if (!(caught instanceof UsageError)) throw caught;
    process.stderr.write(`simulator: ${caught.message}\n`);
    process.exitCode = 2;
    return;
  }
  if (wanted === undefined) {
    print(helpText);
    return;
  }
  await run(wanted);
}

async function run({ options, forMs, json }: CommandLine): Promise<void> {
  const simulator = await startSimulator(options);
  const { as, seed } = options;
  const { url } = simulator;
  print(json ? JSON.stringify({ event: 'ready', url, as, seed }) : `${as} is simulated at ${url}, seed ${seed}`);
  let ended: Promise<void> | undefined;
  const end = (): Promise<void> => {
    ended ??= (async () => {
      const report = simulator.report();
      print(json ? JSON.stringify({ event: 'report', ...report }) : JSON.stringify(report, undefined, 2));
      await simulator.close();
    })();
    return ended;
  };
  drainOnSignal(createLogger('error', 'simulator'), end);
  simulator.begin();
  if (forMs === undefined) return;
  await sleep(forMs);
  simulator.fallSilent();
  // What is on its way arrives.
  const until = Date.now() + silenceMaxMs;
  while (Date.now() < until && simulator.report().webhooks.waiting > 0) await sleep(100);
  await sleep(1_000);
  await end();
  process.exit();
}

await runMain(main);
