/**
 * How long a partition stands still when its owner goes: conversation services as processes of their own
 * under a steady load of every partition, restarted one after the other, and then one killed.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Database } from '#runtime/database/database.ts';
import type { Platform } from '#runtime/platform.ts';
import { topics } from '#schemas/topics.ts';

import { type Installation, openInstallation } from './installation.ts';
import { type Population, populate } from './population.ts';
import type { StartedProcess } from './processes.ts';
import { type Measure, type Outcome, measure, percentilesOf } from './result.ts';
import type { Scope, Stage } from './stage.ts';

const hostsCount = 2;
/** Enough for every partition to have some. */
const conversations = 144;
const roundMs = 500;
const lookMs = 50;
/** What a change leaves behind has settled after this. */
const settleMs = 3_000;
const sessionTimeoutMs = 10_000;

const aims = { restart: { below: 3_000 }, killed: { below: sessionTimeoutMs + 5_000 } } as const;

/** Runs it on every log that can be had here. */
export async function benchHandOver(stage: Stage): Promise<Outcome> {
  const measures: Measure[] = [];
  const notes = [
    `${hostsCount} services, ${(conversations * 1_000) / roundMs} records per s on 24 partitions`,
    'a pause is the time without a commit while records wait, as seen every 50 ms; one per partition and change',
  ];
  const kinds = (await stage.broker()) === undefined ? (['postgres'] as const) : (['kafka', 'postgres'] as const);
  for (const log of kinds) {
    stage.say(`hand-over: ${log}`);
    const environment = { KAFKA_SESSION_TIMEOUT_MS: String(sessionTimeoutMs) };
    measures.push(
      ...(await stage.scoped(async (scope) =>
        run(stage, scope, await openInstallation(stage, scope, log, environment)),
      )),
    );
  }
  return { measures, notes };
}

async function run(stage: Stage, scope: Scope, installation: Installation): Promise<readonly Measure[]> {
  const platform = await installation.platform();
  const { database } = platform.runtime('prosa_api', 'bench');
  const load = startLoad(await populate(installation, platform, conversations));
  scope.defer(() => load.stop());
  const start = (): Promise<StartedProcess> => installation.start('conversation');
  const hosts: StartedProcess[] = [];
  for (let i = 0; i < hostsCount; i++) hosts.push(await start());
  const watch = startWatch(platform);
  scope.defer(() => watch.stop());
  await sleep(settleMs);

  const title = installation.log === 'kafka' ? 'Kafka' : 'postgres log';
  const undisturbed = await pausesOf(watch, () => sleep(settleMs));
  const restarts: number[] = [];
  let moved = 0;
  for (let round = 0; round < stage.size(3, 1); round++) {
    for (const [i, host] of hosts.entries()) {
      const before = await epochsOf(database);
      restarts.push(
        ...(await pausesOf(watch, async () => {
          await host.stop();
          await sleep(settleMs);
        })),
      );
      moved = Math.max(moved, movedSince(before, await epochsOf(database)));
      restarts.push(
        ...(await pausesOf(watch, async () => {
          hosts[i] = await start();
          await sleep(settleMs);
        })),
      );
    }
  }
  const killed = await pausesOf(watch, async () => {
    process.kill(hosts[0]?.pid ?? 0, 'SIGKILL');
    await sleep(sessionTimeoutMs + 2 * settleMs);
  });
  const [whole, rolling, kill] = [undisturbed, restarts, killed].map(percentilesOf);
  return [
    measure(`${title}: pause per partition in a rolling restart, p95`, rolling?.p95 ?? NaN, 'ms', aims.restart),
    measure(`${title}: p50`, rolling?.p50 ?? NaN, 'ms'),
    measure(`${title}: longest`, rolling?.max ?? NaN, 'ms'),
    measure(`${title}: after kill -9, longest`, kill?.max ?? NaN, 'ms', aims.killed),
    measure(`${title}: after kill -9, p50`, kill?.p50 ?? NaN, 'ms'),
    measure(`${title}: undisturbed, longest`, whole?.max ?? NaN, 'ms'),
    measure(`${title}: partitions that began anew when one of ${hostsCount} left, at most`, moved, 'partitions'),
  ];
}

interface Load {
  stop(): Promise<void>;
}

/** Everyone says something in every round. */
function startLoad(population: Population): Load {
  const stopping = new AbortController();
  const running = (async () => {
    for (let next = performance.now(); !stopping.signal.aborted; next += roundMs) {
      await population.say(['Oi']);
      await sleep(Math.max(0, next + roundMs - performance.now()));
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

interface Watch {
  /** Forgets the longest pauses; from now on they are measured anew. */
  reset(): void;
  /** The longest pause of each partition since. */
  longest(): readonly number[];
  stop(): Promise<void>;
}

/** Looks at what is committed and what waits. */
function startWatch({ log }: Platform): Watch {
  const moved = new Map<number, { readonly committed: number; readonly at: number }>();
  let longest = new Map<number, number>();
  let since = performance.now();
  const stopping = new AbortController();
  const look = async (): Promise<void> => {
    const lags = await log.lag('conversation', topics.events);
    const at = performance.now();
    for (const { partition, committed, lag } of lags) {
      const last = moved.get(partition);
      if (last === undefined || lag === 0 || last.committed !== committed) {
        moved.set(partition, { committed: committed ?? 0, at });
      }
      const pause = at - Math.max(last?.at ?? at, since);
      longest.set(partition, Math.max(longest.get(partition) ?? 0, pause));
    }
  };
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await look().catch(() => undefined);
      await sleep(lookMs);
    }
  })();
  return {
    reset() {
      longest = new Map();
      since = performance.now();
    },
    longest: () => [...longest.values()],
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function pausesOf(watch: Watch, change: () => Promise<unknown>): Promise<readonly number[]> {
  watch.reset();
  await change();
  return watch.longest();
}

/** Every take-over of a partition raises its epoch. */
async function epochsOf(database: Database): Promise<ReadonlyMap<number, string>> {
  const { rows } = await database.transaction([], (sql) =>
    sql.query<{ partition: number; epoch: string }>('SELECT partition, epoch FROM actor_partitions'),
  );
  return new Map(rows.map(({ partition, epoch }) => [partition, epoch]));
}

const movedSince = (before: ReadonlyMap<number, string>, after: ReadonlyMap<number, string>): number =>
  [...after].filter(([partition, epoch]) => before.get(partition) !== epoch).length;
