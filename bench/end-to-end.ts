/**
 * From a webhook to the call at the provider: everything in one process, on embedded parts and on
 * Kafka; a WAHA of our own in another process tells when `POST /api/sendText` arrived. Then once more, while
 * one replay after the other verifies everything that was said.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { type BenchInstance, logEnvironment, quietEnvironment } from './installation.ts';
import { watchCpu } from './process-table.ts';
import { type Environment, startProcess } from './processes.ts';
import { type Measure, type Outcome, measure, percentilesOf } from './result.ts';
import type { Scope, Stage } from './stage.ts';
import { startLoad } from './webhook-load.ts';
import { type PhaseReport, chatAddress } from './webhook-plan.ts';

const chats = 200;
const perSecond = 50;
/** The chats come to the menu first, where every message has one answer. */
const warmUpTexts = ['Oi', 'sim', 'Maria da Silva', 'menu'] as const;
const warmUpPerSecond = 100;
/** For the last answers after the last webhook. */
const patienceMs = 60_000;
const lookIntervalMs = 250;
const replaysOver: ReadonlySet<string> = new Set(['done', 'failed', 'cancelled']);

/** What is wanted of each log. Milliseconds. */
const variants = [
  { title: 'embedded', log: 'postgres', p50: 25, p99: 100 },
  { title: 'Kafka', log: 'kafka', p50: 40, p99: 150 },
] as const;

/** Runs it. */
export async function benchEndToEnd(stage: Stage): Promise<Outcome> {
  const measures: Measure[] = [];
  const notes = [
    `${perSecond} webhooks/s over ${chats} chats, from the time each was due to the arrival of its reply's POST /api/sendText`,
    'beside a replay: the same again, while one verification of the whole tenant follows the other',
  ];
  for (const variant of variants) {
    if (variant.log === 'kafka' && (await stage.broker()) === undefined) {
      notes.push('no broker here: Kafka was not measured');
      continue;
    }
    stage.say(`end-to-end: ${variant.title}`);
    measures.push(...(await stage.scoped((scope) => run(stage, scope, variant))));
  }
  return { measures, notes };
}

async function run(stage: Stage, scope: Scope, variant: (typeof variants)[number]): Promise<readonly Measure[]> {
  const { title } = variant;
  const waha = await startProcess('services/runtime/testing/fake-waha.ts', {
    arguments: ['--port', '0'],
    environment: quietEnvironment(),
  });
  scope.defer(() => waha.stop());
  const { url: wahaUrl } = waha.ready as { readonly url: string };
  const environment: Environment = {
    ...quietEnvironment(),
    ...(await logEnvironment(stage, scope, variant.log)),
    PROSA_DATA_DIR: await scope.temporaryFolder(),
    WAHA_BASE_URL: wahaUrl,
  };
  const program = await startProcess('services/main.ts', { arguments: ['--json'], environment });
  scope.defer(() => program.stop());
  const { url, apiKey, instances } = program.ready as {
    readonly url: string;
    readonly apiKey: string;
    readonly instances: readonly BenchInstance[];
  };
  const instance = instances.find(({ provider }) => provider === 'waha');
  const load = await startLoad(scope, environment, {
    origin: url,
    path: instance?.webhook ?? '',
    secret: instance?.secret ?? '',
    chats,
    phases: [
      {
        name: 'warm-up',
        loop: { kind: 'open', perSecond: warmUpPerSecond, requests: chats * warmUpTexts.length },
        texts: warmUpTexts,
      },
      { name: 'measured', loop: { kind: 'open', perSecond, requests: perSecond * stage.size(20, 4) }, texts: ['menu'] },
      { name: 'beside', loop: { kind: 'open', perSecond, requests: perSecond * stage.size(20, 4) }, texts: ['menu'] },
    ],
  });
  const warmUp = await load.nextPhase();
  await arrivals(wahaUrl, warmUp.sent);
  const cpu = await watchCpu(program.pid);
  const cpuAll = await watchCpu(program.pid, { tree: true });
  const measured = await load.nextPhase();
  const [busy, busyAll] = [await cpu(), await cpuAll()];
  const { p50, p95, p99, max } = percentilesOf(await latenciesOf(wahaUrl, [warmUp], measured));
  const replays = verifyOverAndOver(url, apiKey);
  const beside = await load.nextPhase();
  const verified = await replays.stop();
  const besideReplay = percentilesOf(await latenciesOf(wahaUrl, [warmUp, measured], beside));
  return [
    measure(`${title}: p50`, p50, 'ms', { below: variant.p50 }),
    measure(`${title}: p99`, p99, 'ms', { below: variant.p99 }),
    measure(`${title}: p95`, p95, 'ms'),
    measure(`${title}: slowest`, max, 'ms'),
    measure(`${title}: p99 of the webhook's own answer`, percentilesOf(measured.latencies).p99, 'ms'),
    measure(`${title}, beside a replay: p50`, besideReplay.p50, 'ms'),
    measure(`${title}, beside a replay: p99`, besideReplay.p99, 'ms'),
    measure(`${title}, beside a replay: records verified`, verified, 'records'),
    ...(busy === undefined ? [] : [measure(`${title}: the one process`, busy, '% of a core')]),
    ...(busyAll === undefined ? [] : [measure(`${title}: with its Postgres`, busyAll, '% of a core')]),
  ];
}

/** Verifies the whole tenant again and again until it is stopped; then says how many records were folded. */
function verifyOverAndOver(url: string, apiKey: string): { stop(): Promise<number> } {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const stopping = new AbortController();
  const isStopping = (): boolean => stopping.signal.aborted;
  let verified = 0;
  const run = async (): Promise<void> => {
    while (!isStopping()) {
      const asked = await fetch(`${url}/v1/replays`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ kind: 'verify' }),
      });
      const { id } = (await asked.json()) as { readonly id: string };
      for (;;) {
        const answer = await fetch(`${url}/v1/replays/${id}`, { headers });
        const { status, records } = (await answer.json()) as { readonly status: string; readonly records: number };
        if (replaysOver.has(status) || isStopping()) {
          verified += records;
          break;
        }
        await sleep(lookIntervalMs);
      }
    }
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
      return verified;
    },
  };
}

/** The n-th webhook of a chat is answered by its n-th send. Throws when some are not answered, or twice. */
async function latenciesOf(
  wahaUrl: string,
  before: readonly PhaseReport[],
  measured: PhaseReport,
): Promise<readonly number[]> {
  const arrived = await arrivals(
    wahaUrl,
    [...before, measured].reduce((sum, { sent }) => sum + sent, 0),
  );
  const sends = Map.groupBy(arrived, ({ chat }) => chat);
  const next = new Map<number, number>();
  const take = ([chat]: readonly [number, number]): number => {
    const index = next.get(chat) ?? 0;
    next.set(chat, index + 1);
    return sends.get(chatAddress(chat))?.[index]?.at ?? NaN;
  };
  for (const due of before.flatMap((phase) => phase.due)) take(due);
  return measured.due.map((due) => take(due) - due[1]);
}

interface Arrival {
  readonly chat: string;
  /** Epoch milliseconds, whole ones. */
  readonly at: number;
}

async function arrivals(wahaUrl: string, count: number): Promise<readonly Arrival[]> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const answer = await fetch(`${wahaUrl}/__received`);
    const { requests } = (await answer.json()) as {
      readonly requests: readonly {
        readonly at: number;
        readonly path: string;
        readonly body?: { readonly chatId: string };
      }[];
    };
    const sends = requests.filter(({ path }) => path === '/api/sendText');
    if (sends.length === count) return sends.map(({ at, body }) => ({ at, chat: body?.chatId ?? '' }));
    if (sends.length > count || performance.now() > until)
      throw new Error(`of ${count} webhooks ${sends.length} were answered within a minute after the last`);
    await sleep(lookIntervalMs);
  }
}
