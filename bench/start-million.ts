/** Starting with many conversations in Postgres: how long until it serves, what it keeps in memory, and how fast it answers then. */
import { setTimeout as sleep } from 'node:timers/promises';

import { startEmbeddedPostgres } from '#runtime/database/embedded-postgres.ts';
import { demoTenant } from '#runtime/tenants/demo-tenant.ts';

import { fillConversations } from './adapters/fill.ts';
import { quietEnvironment } from './installation.ts';
import { hasProcessTable, memoryOf, processTree } from './process-table.ts';
import { type StartedProcess, startProcess } from './processes.ts';
import { type Measure, type Outcome, measure, percentilesOf } from './result.ts';
import type { Scope, Stage } from './stage.ts';

const aims = { ready: { below: 30_000 }, memory: { below: 512 } } as const;
const megabyte = 2 ** 20;
const settleMs = 10_000;
const requests = 40;

/** Runs it. */
export async function benchStartMillion(stage: Stage): Promise<Outcome> {
  const count = stage.size(1_000_000, 20_000);
  return stage.scoped((scope) => run(stage, scope, count));
}

async function run(stage: Stage, scope: Scope, count: number): Promise<Outcome> {
  const folder = await scope.temporaryFolder();
  const environment = { ...quietEnvironment(), PROSA_DATA_DIR: folder };
  const start = async (): Promise<StartedProcess> => {
    const program = await startProcess('services/main.ts', { arguments: ['--json'], environment });
    scope.defer(() => program.stop());
    return program;
  };
  stage.say('start-million: an empty installation');
  // The first start makes the database; the second is one like any other.
  await (await start()).stop();
  const empty = await observe(start);
  stage.say(`start-million: making ${count} conversations`);
  const postgres = await startEmbeddedPostgres({ dataDir: folder });
  try {
    await fillConversations(postgres.url, demoTenant, count);
  } finally {
    await postgres.stop();
  }
  stage.say('start-million: starting with them');
  const full = await observe(start);
  const words = count.toLocaleString('en-US');
  return {
    measures: [
      measure(`ready with ${words} conversations`, full.readyMs, 'ms', aims.ready),
      measure('ready with none', empty.readyMs, 'ms'),
      ...(hasProcessTable
        ? [
            measure(`processor time until ready with ${words}`, full.cpuMs, 'ms'),
            measure('processor time until ready with none', empty.cpuMs, 'ms'),
          ]
        : []),
      ...memoryMeasures(full, empty),
      measure('list of conversations, p50', full.listMs, 'ms'),
      measure('list of conversations of an empty installation, p50', empty.listMs, 'ms'),
    ],
    notes: [`everything in one process on the embedded Postgres; memory ${settleMs / 1_000} s after it served`],
  };
}

interface Observed {
  readonly readyMs: number;
  /** Processor time of the process and its Postgres until then. */
  readonly cpuMs: number;
  /** Resident, bytes; undefined where it cannot be told. */
  readonly memory: number | undefined;
  readonly listMs: number;
}

/** Starts it, looks at it, ends it. */
async function observe(start: () => Promise<StartedProcess>): Promise<Observed> {
  const since = performance.now();
  const program = await start();
  const readyMs = performance.now() - since;
  const cpuMs = hasProcessTable ? await cpuSince(program.pid) : NaN;
  const { url, apiKey } = program.ready as { readonly url: string; readonly apiKey: string };
  const latencies: number[] = [];
  for (let i = 0; i < requests; i++) {
    const begun = performance.now();
    const answer = await fetch(`${url}/v1/conversations?limit=50`, { headers: { authorization: `Bearer ${apiKey}` } });
    await answer.text();
    if (!answer.ok) throw new Error(`the list of conversations was answered ${answer.status}`);
    latencies.push(performance.now() - begun);
  }
  await sleep(settleMs);
  const memory = hasProcessTable ? (await memoryOf(program.pid)).now : undefined;
  await program.stop();
  return { readyMs, cpuMs, memory, listMs: percentilesOf(latencies).p50 };
}

const cpuSince = async (pid: number): Promise<number> =>
  (await processTree(pid)).reduce((sum, { cpuSeconds }) => sum + cpuSeconds * 1_000, 0);

const memoryMeasures = (full: Observed, empty: Observed): readonly Measure[] =>
  full.memory === undefined || empty.memory === undefined
    ? []
    : [
        measure('resident with them', full.memory / megabyte, 'MB', aims.memory),
        measure('resident with none', empty.memory / megabyte, 'MB'),
      ];
