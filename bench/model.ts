/**
 * What the layer around a model costs by itself: from the record that asks for a step to the record with its answer on the
 * log, less what the model took by its own clock. The effects service is where it is in production: a process of its own
 * on Kafka, with everything else in one process on the postgres log. The model is a scripted server in this one, over HTTP.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { ModelQuestion } from '#machines/conversation/asks.ts';
import { conversationVersion } from '#machines/conversation/machine.ts';
import { derivedId, newUlid, outgoing, recordOf } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';
import type { SealedEffectOutput } from '#schemas/content.ts';
import type { EffectCompleted, EffectRequested } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import { startEffects } from '../services/effects/effects.ts';
import { openHandlers } from '../services/effects/handlers.ts';
import { type ModelServer, startModelServer } from '../simulator/model/model-server.ts';
import { type LogKind, openInstallation } from './installation.ts';
import { type Measure, type Outcome, measure, percentilesOf } from './result.ts';
import type { Scope, Stage } from './stage.ts';

const perSecond = 20;
const modelMs = 100;
const actors = 50;
const lookIntervalMs = 200;
const patienceMs = 60_000;
/** Not measured: connections are made, the client is loaded. */
const warmUp = 40;

const aims = { p50: { below: 20 } } as const;

/** Runs it on every log that can be had here. */
export async function benchModel(stage: Stage): Promise<Outcome> {
  const steps = stage.size(1_000, 100);
  const measures: Measure[] = [];
  const notes = [
    `${steps} steps at ${perSecond}/s, each with 12 earlier messages, 5 things shown, a price and budgets; the model takes ${modelMs} ms`,
  ];
  for (const log of ['postgres', 'kafka'] as const) {
    if (log === 'kafka' && (await stage.broker()) === undefined) {
      notes.push('no broker here: Kafka was not measured');
      continue;
    }
    stage.say(`model: ${log}`);
    measures.push(...(await stage.scoped((scope) => run(stage, scope, log, steps))));
  }
  return { measures, notes };
}

async function run(stage: Stage, scope: Scope, log: LogKind, steps: number): Promise<readonly Measure[]> {
  const server = await startModelServer({ latencyMs: modelMs });
  scope.defer(() => server.close());
  const installation = await openInstallation(stage, scope, log);
  const platform = await installation.platform();
  const runtime = platform.runtime('prosa_api', 'bench');
  const revision = await configure(runtime, installation.tenant, server);
  const nowhere = 'http://127.0.0.1:9';
  if (log === 'kafka') await installation.start('effects', { PROSA_INGEST_URL: nowhere });
  else {
    const worker = platform.runtime('prosa_worker', 'effects');
    const effects = await startEffects(worker, { ...openHandlers(worker, () => nowhere), soleOwner: true });
    scope.defer(() => effects.stop());
  }

  const asked = new Map<string, number>();
  const began = performance.now();
  for (let step = 0; step < warmUp + steps; step += 1) {
    const dueIn = began + (step * 1_000) / perSecond - performance.now();
    if (dueIn > 0) await sleep(dueIn);
    const at = clock();
    const effectId = await ask(runtime, installation.tenant, revision, step);
    if (step >= warmUp) asked.set(effectId, at);
  }
  const answers = await answersOf(runtime, asked);
  const title = log === 'postgres' ? 'postgres log' : 'Kafka';
  const overheads = answers.map(({ at, effectId, modelTook }) => at - (asked.get(effectId) ?? NaN) - modelTook);
  const { p50, p95, p99 } = percentilesOf(overheads);
  return [
    measure(`${title}: overhead of a step, p50`, p50, 'ms', aims.p50),
    measure(`${title}: overhead of a step, p95`, p95, 'ms'),
    measure(`${title}: overhead of a step, p99`, p99, 'ms'),
    measure(`${title}: the model by its own clock, p50`, percentilesOf(answers.map((one) => one.modelTook)).p50, 'ms'),
  ];

  /** When each answer came onto the log. Waits for the last one. */
  async function answersOf(from: Runtime, wanted: ReadonlyMap<string, number>) {
    const until = performance.now() + patienceMs;
    for (;;) {
      const found = await completions(from, wanted);
      if (found.length >= wanted.size) return found;
      if (performance.now() > until) throw new Error(`${wanted.size - found.length} steps were not answered`);
      await sleep(lookIntervalMs);
    }
  }

  async function completions(from: Runtime, wanted: ReadonlyMap<string, number>) {
    const found: { readonly effectId: string; readonly at: number; readonly modelTook: number }[] = [];
    for (let partition = 0; partition < from.log.partitionCount; partition += 1)
      for await (const batch of from.log.readRange({ topic: topics.events, partition, from: 0 }))
        for (const logged of batch) {
          const record = recordOf(logged);
          if (record.type !== 'effect.completed' || !wanted.has(record.effectId)) continue;
          await requireProposal(from, record);
          const step = server.chats.find(({ asked: one }) => one?.known['step'] === record.actor + record.effectId);
          found.push({ effectId: record.effectId, at: logged.timestamp, modelTook: step?.tookMs ?? NaN });
        }
    return found;
  }
}

/** Wall clock, with fractions of a millisecond. */
const clock = (): number => performance.timeOrigin + performance.now();

async function configure(runtime: Runtime, tenant: string, { url }: ModelServer): Promise<string> {
  const model = { baseUrl: url, model: 'scripted', price: { input: 1, output: 1 }, budget: { perDay: 1_000_000 } };
  return runtime.tenants.configure(tenant, {
    machines: { conversation: { version: conversationVersion, settings: { model } } },
    answerGroups: false,
  });
}

/** Asks as a conversation does. Resolves with the effect's id when it is on the log. */
async function ask(runtime: Runtime, tenant: string, revision: string, step: number): Promise<string> {
  const at = runtime.now();
  const actor = `c_bench${(step % actors).toString()}`;
  const effectId = derivedId('f', newUlid(at));
  const header = { tenant, actor, eventId: effectId, type: 'effect.requested' as const };
  const record: EffectRequested = {
    ...header,
    causationId: null,
    occurredAt: at,
    providerAt: null,
    revision,
    effectId,
    source: 'model.propose',
    sealed: await runtime.vault.seal(header, tenantSubject(tenant), at, { input: questionOf(actor + effectId, at) }),
  };
  await runtime.log.append([outgoing(record)]);
  return effectId;
}

/** The step is known by a fact: that is how the server's clock is found again. */
const questionOf = (step: string, at: number): ModelQuestion => ({
  step: 'scheduling.choosingTime',
  tools: ['choose_time', 'other_times', 'route', 'unclear'],
  locale: 'pt-BR',
  timeZone: 'America/Sao_Paulo',
  at,
  said: 'acho que na terça de manhã fica melhor para mim, pode ser?',
  means: 'text',
  turns: Array.from({ length: 12 }, (_, i) => ({
    by: i % 2 === 0 ? ('person' as const) : ('us' as const),
    text: `mensagem anterior ${i.toString()}, com algumas palavras a mais para ter um tamanho comum`,
    at: at - (12 - i) * 1_000,
  })),
  handles: ['segunda', 'terça', 'quarta', 'quinta', 'sexta'].map((day, i) => ({
    handle: `s${(i + 1).toString()}`,
    label: `${day}-feira, às ${(9 + i).toString()}h`,
  })),
  facts: { business: 'Clínica', step },
  spentMicros: 0,
});

/** A step that failed would look fast. */
async function requireProposal(runtime: Runtime, record: EffectCompleted): Promise<void> {
  const opened =
    record.sealed === null ? undefined : await runtime.vault.open<SealedEffectOutput>(record, record.sealed);
  const told = opened?.state === 'open' ? JSON.stringify(opened.value) : '';
  if (!told.includes('"tool":"choose_time"')) throw new Error(`a step ended as ${record.reason ?? 'no proposal'}`);
}
