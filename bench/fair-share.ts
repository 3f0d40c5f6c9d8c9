/**
 * What a burst of one tenant does to the others: webhooks of one tenant, as fast as they are answered, to a
 * few chats, while another tenant writes at a steady rate on all partitions. Latency is from the append of
 * a record to the commit of the host that did it.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { conversationVersion } from '#machines/conversation/machine.ts';
import { instanceVersion } from '#machines/instance/machine.ts';
import type { RecordPosition } from '#runtime/log/record-log.ts';
import type { Platform } from '#runtime/platform.ts';
import { provisionKeyFile } from '#runtime/vault/key-file.ts';
import { topics } from '#schemas/topics.ts';

import { type Installation, openInstallation } from './installation.ts';
import { type Population, populate } from './population.ts';
import { type Measure, type Outcome, measure, percentilesOf } from './result.ts';
import type { Scope, Stage } from './stage.ts';
import { startLoad } from './webhook-load.ts';
import { chatAddress } from './webhook-plan.ts';

const burstTenant = 'burst';
/** So that most partitions are not theirs. */
const burstChats = 4;

const steadyChats = 96;
const steadyPerSecond = 50;
const lookMs = 20;
/** What the burst left is worked off within this. */
const drainMs = 60_000;

/** Runs it. */
export async function benchFairShare(stage: Stage): Promise<Outcome> {
  const backlogMax = stage.size(2_000, 200);
  const log = (await stage.broker()) === undefined ? 'postgres' : 'kafka';
  return stage.scoped(async (scope) => {
    const environment = { PROSA_TENANT_BACKLOG_MAX: String(backlogMax) };
    return run(stage, scope, await openInstallation(stage, scope, log, environment), backlogMax);
  });
}

async function run(stage: Stage, scope: Scope, installation: Installation, backlogMax: number): Promise<Outcome> {
  provisionKeyFile(installation.environment['PROSA_KEY_FILE'] ?? '', [burstTenant]);
  const platform = await installation.platform();
  const burst = await makeTenant(platform);
  await installation.start('conversation');
  const { url } = (await installation.start('ingest')).ready as { readonly url: string };
  const sent = stage.size(100_000, 5_000);
  const seconds = stage.size(90, 15);
  const loop = { kind: 'closed', inFlight: 32, seconds, requestsMax: sent } as const;
  const load = await startLoad(scope, installation.environment, {
    origin: url,
    path: burst.path,
    secret: burst.secret,
    chats: burstChats,
    phases: [
      { name: 'first messages', loop: { ...loop, requestsMax: burstChats }, texts: ['Oi'] },
      { name: 'burst', loop, texts: ['Oi'] },
    ],
  });
  const steady = startSteady(platform, await populate(installation, platform, steadyChats));
  scope.defer(() => steady.stop());
  await load.nextPhase();
  const partitions = await burst.partitions();
  // Until everything is compiled and in memory.
  await sleep(stage.size(10_000, 4_000));
  steady.take();
  stage.say('fair-share: undisturbed');
  await sleep(stage.size(15_000, 5_000));
  const quiet = steady.take();
  stage.say(`fair-share: a burst on ${partitions.size} partitions`);
  const report = await load.nextPhase({ mayRefuse: true });
  const busy = steady.take();
  await drained(platform);
  const elsewhere = (all: readonly Done[]) => percentilesOf(msOf(all.filter((one) => !partitions.has(one.partition))));
  const beside = (all: readonly Done[]) => percentilesOf(msOf(all.filter((one) => partitions.has(one.partition))));
  const appended = (all: readonly Done[]) => percentilesOf(all.map(({ appendMs }) => appendMs));
  const perSecond = report.accepted / report.seconds;
  const boundMs = (backlogMax / perSecond) * 1_000 + elsewhere(busy).p99;
  const measures: readonly Measure[] = [
    measure('other partitions: p99 undisturbed', elsewhere(quiet).p99, 'ms'),
    measure('other partitions: p99 in the burst', elsewhere(busy).p99, 'ms', {
      below: Math.round(2 * elsewhere(quiet).p99),
    }),
    measure('all partitions: p99 of the append alone in the burst', appended(busy).p99, 'ms'),
    measure('same partitions: p99 undisturbed', beside(quiet).p99, 'ms'),
    measure('same partitions: p99 in the burst', beside(busy).p99, 'ms', { below: Math.round(boundMs) }),
    measure('burst: accepted', perSecond, 'per s'),
    measure('burst: put off with 429', (report.refused['429'] ?? 0) / report.seconds, 'per s'),
  ];
  return {
    measures,
    notes: [
      `${report.sent} webhooks of one tenant to ${burstChats} chats; ${backlogMax} records of a tenant may wait`,
      'the bound on the same partitions: what may wait, at the rate at which the burst was worked off',
    ],
  };
}

interface Burst {
  readonly path: string;
  readonly secret: string;
  /** Partitions of its chats, once they have written. */
  partitions(): Promise<ReadonlySet<number>>;
}

async function makeTenant(platform: Platform): Promise<Burst> {
  const { tenants, instances, directory, now } = platform.runtime('prosa_api', 'bench-burst');
  await tenants.create(burstTenant, 'Burst');
  await tenants.configure(burstTenant, {
    machines: {
      conversation: { version: conversationVersion, settings: {} },
      instance: { version: instanceVersion, settings: {} },
    },
    answerGroups: false,
  });
  const instance = await instances.create(
    {
      tenant: burstTenant,
      provider: 'waha',
      name: 'waha',
      settings: { session: 'default', engine: 'NOWEB', limits: { perChatPerMinute: null } },
    },
    now(),
  );
  const { webhookToken, webhookSecret = '' } = instance.credentials;
  return {
    path: `/webhooks/waha/${webhookToken}`,
    secret: webhookSecret,
    async partitions() {
      const found = await Promise.all(
        Array.from({ length: burstChats }, (_, i) => directory.find(burstTenant, instance.line, chatAddress(i))),
      );
      return new Set(found.map((entry) => platform.log.partitionOf(entry?.conversation ?? '')));
    },
  };
}

/** A record that was done. */
interface Done {
  readonly partition: number;
  readonly ms: number;
  /** Of which until it was durable on the log. */
  readonly appendMs: number;
}

const msOf = (all: readonly Done[]): readonly number[] => all.map(({ ms }) => ms);

interface Steady {
  /** What was done since the last call. */
  take(): readonly Done[];
  stop(): Promise<void>;
}

/** Chats in turn say something at a steady rate; what is committed tells when each was done. */
function startSteady({ log }: Platform, population: Population): Steady {
  const waiting = new Set<RecordPosition & { readonly since: number; readonly appendMs: number }>();
  let done: Done[] = [];
  let stopping = false;
  const write = async (): Promise<void> => {
    const begun = performance.now();
    for (let i = 0; !stopping; i++) {
      const due = begun + (i * 1_000) / steadyPerSecond;
      await sleep(Math.max(0, due - performance.now()));
      void population.sayOne(i, 'Oi').then((position) => {
        if (position !== undefined) waiting.add({ ...position, since: due, appendMs: performance.now() - due });
      });
    }
  };
  const look = async (): Promise<void> => {
    while (!stopping) {
      const committed = new Map(
        (await log.lag('conversation', topics.events)).map((lag) => [lag.partition, lag.committed]),
      );
      const at = performance.now();
      for (const record of waiting) {
        if (record.offset >= (committed.get(record.partition) ?? 0)) continue;
        waiting.delete(record);
        done.push({ partition: record.partition, ms: at - record.since, appendMs: record.appendMs });
      }
      await sleep(lookMs);
    }
  };
  const running = Promise.allSettled([write(), look()]);
  return {
    take() {
      const taken = done;
      done = [];
      return taken;
    },
    async stop() {
      stopping = true;
      await running;
    },
  };
}

/** Waits until the burst is worked off, within a bound. */
async function drained({ log }: Platform): Promise<void> {
  const deadline = performance.now() + drainMs;
  while (performance.now() < deadline) {
    const lags = await log.lag('conversation', topics.events);
    if (lags.reduce((sum, { lag }) => sum + lag, 0) < steadyPerSecond) return;
    await sleep(100);
  }
}
