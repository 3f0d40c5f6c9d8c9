/**
 * Runs tasks, several people at a time, and judges each by four things: the rows that there are afterwards, what was said,
 * what was not, and the rules of writing. Then folds every conversation from its records alone, the models stopped.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { findMachine } from '#machines/registry.ts';

import { recordedOnLog } from '../services/replay/log-source.ts';
import { ToldOnLog } from '../services/replay/told-on-log.ts';
import { Throttle } from '../services/replay/throttle.ts';
import { verify } from '../services/replay/verify.ts';
import { type Installation, type RealModel, openInstallation } from './installation.ts';
import { type ModelServers, startModels } from './models.ts';
import { breachesIn, writesIn } from './policy.ts';
import { type OnRecord, keptLog, readOnRecord } from './records.ts';
import { hashOf, openEffects, putRows, readRows } from './rows.ts';
import { settingsOf } from './settings.ts';
import { type Left, type Line, converse } from './simulated-person.ts';
import type { Rows, Task, Who } from './task.ts';

/** How to run. */
export interface RunOptions {
  readonly tasks: readonly Task[];
  /** How often each task is tried. */
  readonly trials?: number;
  /** Tasks at a time. */
  readonly parallel?: number;
  readonly real?: RealModel | undefined;
  /** Told after each trial. */
  readonly progress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
  /** Silence of ours after which a person gives up. Milliseconds. */
  readonly patienceMs?: number;
}

/** What became of one trial. */
export interface Trial {
  readonly task: Task;
  readonly tenant: string;
  /** Why it did not pass; none when it did. */
  readonly problems: readonly string[];
  readonly dialogues: readonly { readonly who: Who; readonly lines: readonly Line[] }[];
  /** Effects of its conversations that write. */
  readonly writes: number;
  readonly model: {
    readonly steps: number;
    readonly costMicros: number;
    readonly latencyMs: readonly number[];
  };
}

/** What became of all. */
export interface RunOutcome {
  readonly trials: readonly Trial[];
  /** Conversations that were folded from their records, and those that came out otherwise. */
  readonly replayed: number;
  readonly diverged: readonly string[];
  readonly elapsedMs: number;
}

const parallelDefault = 10;
const patienceMsDefault = 15_000;
/** After the last word: what is still being written. */
const settleMsMax = 15_000;
const verifiedPerSecond = 1_000_000;

/** Facts that no tenant's person may be told, whatever the task: a whole CPF, a link, what only a program says. */
const neverSaid: readonly RegExp[] = [
  /(?<![\d+])\d{3}\.?\d{3}\.?\d{3}-?\d{2}(?!\d)/,
  /https?:\/\//i,
  /\b(?:undefined|null|NaN|\[object)\b|\[(?:cpf|number|e-mail) \d/,
];

/** Runs them. */
export async function runTasks(options: RunOptions): Promise<RunOutcome> {
  const { tasks, trials = 1, real } = options;
  const begun = performance.now();
  const models = await startModels();
  const planned = Array.from({ length: trials }, (_, trial) =>
    tasks.map((task, index) => ({ task, tenant: `t${index.toString()}-${trial.toString()}` })),
  ).flat();
  const tenants = planned.map(({ task, tenant }) => ({ id: tenant, settings: settingsOf(task, models, real) }));
  const installation = await openInstallation({ models, tenants, real }).catch(async (caught: unknown) => {
    await models.close();
    throw caught;
  });
  try {
    const held = await inParallel(planned, options, (one) => hold(installation, models, one, options));
    await installation.stop();
    await models.close();
    const log = keptLog(installation.runtime.log);
    const onRecord = await readOnRecord({ log, vault: installation.runtime.vault });
    const byTenant = Map.groupBy(onRecord.values(), ({ tenant }) => tenant);
    const { folded, diverged } = await foldAll(
      installation,
      log,
      held.map(({ tenant }) => tenant),
    );
    const left = [...onRecord.keys()].filter((conversation) => !folded.has(conversation));
    return {
      trials: held.map((trial) => judged(trial, byTenant.get(trial.tenant) ?? [])),
      replayed: onRecord.size - left.length,
      diverged: [...diverged, ...left.map((conversation) => `${conversation}: was not folded`)],
      elapsedMs: performance.now() - begun,
    };
  } finally {
    await installation.close();
    await models.close();
  }
}

/** At most so many at a time, in their order. */
async function inParallel<Item, Result>(
  items: readonly Item[],
  { parallel = parallelDefault, progress, signal }: RunOptions,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length && signal?.aborted !== true) {
      const index = next++;
      results[index] = await work(items[index] as Item);
      progress?.((done += 1), items.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker));
  return results.filter((result) => result !== undefined);
}

interface Held {
  readonly task: Task;
  readonly tenant: string;
  readonly left: readonly Left[];
  readonly rows: Required<Rows>;
}

/** Has the conversations of a task. */
async function hold(
  installation: Installation,
  models: ModelServers,
  { task, tenant }: { readonly task: Task; readonly tenant: string },
  { patienceMs = patienceMsDefault }: RunOptions,
): Promise<Held> {
  const { scheduling } = settingsOf(task, models) as { readonly scheduling?: Parameters<typeof putRows>[3] };
  await putRows(installation, tenant, task.before ?? {}, scheduling);
  const stage = { installation, models, tenant, patienceMs, read: new Map<Who, string[]>() };
  const left = await Promise.all(task.people.map((someone) => converse(stage, someone)));
  const until = performance.now() + settleMsMax;
  while ((await openEffects(installation.runtime, tenant)) > 0 && performance.now() < until) await sleep(25);
  return { task, tenant, left, rows: await readRows(installation, tenant) };
}

function judged({ task, tenant, left, rows }: Held, conversations: readonly OnRecord[]): Trial {
  const said = left.flatMap(({ lines }) => lines.filter(({ by }) => by === 'us').map(({ text }) => text));
  const unsaid = (task.says ?? []).filter((fact) => !said.some((text) => fact.test(text)));
  const forbidden = [...neverSaid, ...(task.neverSays ?? [])].filter((fact) => said.some((text) => fact.test(text)));
  const answers = conversations.flatMap(({ model }) => model);
  return {
    task,
    tenant,
    problems: [
      ...left.filter(({ content }) => !content).map(({ who }) => `${who} did not get to the end`),
      ...otherRows(task, rows),
      ...unsaid.map((fact) => `not said: ${String(fact)}`),
      ...forbidden.map((fact) => `said: ${String(fact)}`),
      ...conversations.flatMap(breachesIn),
    ],
    dialogues: left.map(({ who, lines }) => ({ who, lines })),
    writes: conversations.reduce((sum, one) => sum + writesIn(one), 0),
    model: {
      steps: answers.length,
      costMicros: conversations.reduce((sum, one) => sum + one.costMicros, 0),
      latencyMs: answers.map(({ latencyMs }) => latencyMs),
    },
  };
}

/** What is wrong with the rows. */
function otherRows({ rows: wanted, before }: Task, rows: Required<Rows>): readonly string[] {
  const are = `the rows are ${JSON.stringify(rows)}`;
  if (typeof wanted === 'function') return wanted(rows) ? [] : [are];
  const all = { ...before, ...wanted };
  return hashOf(rows) === hashOf(all) ? [] : [`${are} and not ${JSON.stringify(all)}`];
}

/** Folds every actor from its records alone; which were, and which do not come to what happened. */
async function foldAll(
  { runtime }: Installation,
  log: Installation['runtime']['log'],
  tenants: readonly string[],
): Promise<{ readonly folded: ReadonlySet<string>; readonly diverged: readonly string[] }> {
  const ports = { ...runtime, log, find: findMachine };
  const throttle = new Throttle(verifiedPerSecond, new AbortController().signal);
  const folded = new Set<string>();
  const diverged: string[] = [];
  for (const tenant of tenants) {
    const whole = { tenant, share: 0, shares: 1, end: Number.MAX_SAFE_INTEGER, only: undefined };
    const toldOnLog = new ToldOnLog(ports, whole);
    for (let partition = 0; partition < log.partitionCount; partition += 1) {
      const pass = { ...whole, partition };
      for await (const recorded of recordedOnLog(ports, pass, () => Promise.resolve(), toldOnLog)) {
        const { verdict, divergence, records } = await verify(ports, recorded, throttle);
        if (records > 0) folded.add(recorded.actor);
        if (verdict !== 'same')
          diverged.push(`${tenant} ${recorded.actor}: ${verdict} ${JSON.stringify(divergence ?? {})}`);
      }
    }
  }
  return { folded, diverged };
}
