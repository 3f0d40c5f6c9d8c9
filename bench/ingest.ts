/**
 * Ingest of signed webhooks, durable: the ingest service as a process of its own, under load from
 * another process. The table of 500 chats is warm, as it is in a service that has run for a while.
 */
import { findRedis } from '#runtime/components/redis.ts';
import { inheritedEnvironment } from '#runtime/config.ts';

import { type LogKind, openInstallation } from './installation.ts';
import { watchCpu } from './process-table.ts';
import type { Environment } from './processes.ts';
import { type Measure, type Outcome, measure, percentilesOf } from './result.ts';
import type { Scope, Stage } from './stage.ts';
import { startLoad } from './webhook-load.ts';
import type { PhaseReport } from './webhook-plan.ts';

const chats = 500;
const inFlight = 64;
const openPerSecond = 500;
const closedPerSecondMax = 6_000;

const aims = { perSecond: { atLeast: 2_000 }, p99: { below: 50 } } as const;

/** One way of running the service. */
interface Variant {
  readonly title: string;
  readonly log: LogKind;
  readonly environment: Environment;
}

/** Runs it on every log that can be had here. */
export async function benchIngest(stage: Stage): Promise<Outcome> {
  const measures: Measure[] = [];
  const notes = [`${chats} chats, one text message per webhook, HMAC checked; ${inFlight} connections at most`];
  await stage.scoped(async (outer) => {
    for (const variant of await variants(stage, outer, notes)) {
      stage.say(`ingest: ${variant.title}`);
      measures.push(...(await stage.scoped((scope) => run(stage, scope, variant))));
    }
  });
  return { measures, notes };
}

async function variants(stage: Stage, scope: Scope, notes: string[]): Promise<readonly Variant[]> {
  const postgres: Variant = { title: 'postgres log', log: 'postgres', environment: {} };
  if ((await stage.broker()) === undefined) {
    notes.push('no broker here: the Kafka log was not measured');
    return [postgres];
  }
  const kafka: Variant = { title: 'Kafka', log: 'kafka', environment: {} };
  const redis = await findRedis({ ...inheritedEnvironment(), CI: undefined });
  if (redis === undefined) {
    notes.push('no Redis here: the window of duplicates was in the process');
    return [postgres, kafka];
  }
  scope.defer(() => redis.stop());
  return [postgres, kafka, { ...kafka, title: 'Kafka, window in Redis', environment: { REDIS_URL: redis.url } }];
}

async function run(stage: Stage, scope: Scope, { title, log, environment }: Variant): Promise<readonly Measure[]> {
  const installation = await openInstallation(stage, scope, log, environment);
  const ingest = await installation.start('ingest');
  const { url } = ingest.ready as { readonly url: string };
  const { webhook, secret = '' } = installation.instance('waha');
  const seconds = stage.size(10, 2);
  const texts = ['Oi'];
  const closed = (of: number) => ({
    kind: 'closed' as const,
    inFlight,
    seconds: of,
    requestsMax: of * closedPerSecondMax,
  });
  const open = (of: number) => ({ kind: 'open' as const, perSecond: openPerSecond, requests: of * openPerSecond });
  const load = await startLoad(scope, installation.environment, {
    origin: url,
    path: webhook,
    secret,
    chats,
    phases: [
      { name: 'first messages', loop: { kind: 'closed', inFlight, seconds: 30, requestsMax: chats }, texts },
      // Until the code of both processes is compiled.
      { name: 'warm-up', loop: closed(stage.size(3, 1)), texts },
      { name: 'closed loop', loop: closed(seconds), texts },
      { name: 'open loop', loop: open(seconds), texts },
    ],
  });
  const first = await load.nextPhase();
  await load.nextPhase();
  const cpu = [await watchCpu(ingest.pid), await watchCpu(load.pid)] as const;
  const throughput = await load.nextPhase();
  const [serviceCpu, loadCpu] = [await cpu[0](), await cpu[1]()];
  const latency = percentilesOf((await load.nextPhase()).latencies);
  const closedLatency = percentilesOf(throughput.latencies);
  return [
    measure(`${title}: accepted, closed loop`, rateOf(throughput), 'per s', aims.perSecond),
    measure(`${title}: p99 at ${openPerSecond}/s`, latency.p99, 'ms', aims.p99),
    measure(`${title}: p95 at ${openPerSecond}/s`, latency.p95, 'ms'),
    measure(`${title}: p50 at ${openPerSecond}/s`, latency.p50, 'ms'),
    measure(`${title}: p99, closed loop`, closedLatency.p99, 'ms'),
    measure(`${title}: first messages of ${chats} new chats`, rateOf(first), 'per s'),
    ...(serviceCpu === undefined ? [] : [measure(`${title}: ingest process, closed loop`, serviceCpu, '% of a core')]),
    ...(loadCpu === undefined ? [] : [measure(`${title}: load process, closed loop`, loadCpu, '% of a core')]),
  ];
}

const rateOf = ({ accepted, seconds }: PhaseReport): number => accepted / seconds;
