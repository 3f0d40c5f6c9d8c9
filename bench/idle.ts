/** Processor time of every process while nothing happens: of `npm run cluster` and of `npm start`. */
import { setTimeout as sleep } from 'node:timers/promises';

import { quietEnvironment } from './installation.ts';
import { type ProcessEntry, hasProcessTable, processTree } from './process-table.ts';
import { startProcess } from './processes.ts';
import { type Measure, type Outcome, measure } from './result.ts';
import type { Stage } from './stage.ts';

const aim = { below: 2 } as const;

/** A process and its processor time, in percent of a core. */
interface Usage {
  readonly name: string;
  readonly percent: number;
}

/** Runs it. */
export async function benchIdle(stage: Stage): Promise<Outcome> {
  if (!hasProcessTable) return { measures: [], notes: ['processor time is measured on Linux only'] };
  const measures: Measure[] = [];
  for (const [title, file] of [
    ['npm start', 'services/main.ts'],
    ['npm run cluster', 'services/cluster.ts'],
  ] as const) {
    stage.say(`idle: ${title}`);
    for (const { name, percent } of await idleUsage(stage, file))
      measures.push(measure(`${title}: ${name}`, percent, '% of a core', aim));
  }
  return {
    measures,
    notes: ['a broker or Redis in Docker is not among the processes; Postgres is one line: all its processes together'],
  };
}

async function idleUsage(stage: Stage, file: string): Promise<readonly Usage[]> {
  return stage.scoped(async (scope) => {
    const environment = { ...quietEnvironment(), PROSA_DATA_DIR: await scope.temporaryFolder() };
    const program = await startProcess(file, { arguments: ['--json'], environment });
    scope.defer(() => program.stop());
    // What starting leaves behind: compiling, first elections, collecting garbage.
    await sleep(stage.size(15_000, 3_000));
    const [before, since] = [await processTree(program.pid), performance.now()];
    await sleep(stage.size(20_000, 5_000));
    const after = await processTree(program.pid);
    return usage(before, after, (performance.now() - since) / 1_000);
  });
}

/** By name; what has several processes under one name is their sum, but for services, which are counted apart. */
function usage(before: readonly ProcessEntry[], after: readonly ProcessEntry[], seconds: number): readonly Usage[] {
  const earlier = new Map(before.map(({ pid, cpuSeconds }) => [pid, cpuSeconds]));
  const percents = new Map<string, number>();
  const seen = new Map<string, number>();
  for (const { pid, cpuSeconds, command } of after) {
    const begun = earlier.get(pid);
    const kind = nameOf(command);
    if (begun === undefined || kind === undefined) continue;
    const number = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, number);
    const name = kind === postgres || number === 1 ? kind : `${kind} ${number}`;
    percents.set(name, (percents.get(name) ?? 0) + ((cpuSeconds - begun) / seconds) * 100);
  }
  return [...percents].map(([name, percent]) => ({ name, percent }));
}

const postgres = 'Postgres';

/** What a process is called; undefined for shells that only wait. */
function nameOf(command: string): string | undefined {
  if (command.startsWith('postgres') || /\/postgres( |$)/.test(command)) return postgres;
  if (command.includes('kafka.Kafka')) return 'Kafka broker';
  if (command.includes('redis-server')) return 'Redis';
  const file = /services\/(?:([\w-]+)\/main|main|cluster)\.ts/.exec(command);
  if (file === null) return undefined;
  return file[1] ?? (command.includes('cluster.ts') ? 'supervisor and edge' : 'the one process');
}
