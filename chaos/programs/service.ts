/**
 * Services of a chaos run in one process: the same code that production's `main.ts` files start, with
 * a machine that can be predicted, a clock that can be moved, and moments at which it kills itself.
 * Reads a `ProgramPlan` and then `ProgramOrder`s from its standard input; says a line when it serves.
 */
import { flushCompileCache } from 'node:module';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { findMachine } from '#machines/registry.ts';
import type { FindMachine } from '#runtime/actor/machines.ts';
import { type Config, readConfig } from '#runtime/config.ts';
import { createHttpServer, serve } from '#runtime/http.ts';
import type { KafkaSeam } from '#runtime/log/adapters/kafka/seam.ts';
import { createLogger } from '#runtime/logger.ts';
import { openPlatform } from '#runtime/platform.ts';
import { drainOnSignal, runMain, stopWhenOneEnds } from '#runtime/process.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';

import { startConversation } from '../../services/conversation/conversation.ts';
import { openDuplicateWindow } from '../../services/ingest/open-window.ts';
import { bodyBytesMax, ingestRoutes } from '../../services/ingest/routes.ts';
import { startMedia } from '../../services/media/media.ts';
import { startProjection } from '../../services/projection/projection.ts';
import { startSender } from '../../services/sender/sender.ts';
import { startTimers } from '../../services/timers/timers.ts';
import { startWebhooks } from '../../services/webhooks/webhooks.ts';
import { tellingLog } from './crash-log.ts';
import { startEffects } from './effects.ts';
import { findHistory } from './history-machine.ts';
import type { Crash, ProgramOrder, ProgramPlan, Reached, ServiceName } from './plan.ts';
import { startProductEffects } from './product-effects.ts';

/** The machines that a program has. */
const machinesOf = ({ product, versions }: ProgramPlan): FindMachine =>
  product === true ? findMachine : findHistory(versions);

/** Shorter than production's, so that a run need not wait minutes for what a fault left open. */
const senderTimes = {
  retryDelaysMs: [0, 300, 600, 1_200, 2_400, 5_000, 5_000, 10_000],
  lookupDelaysMs: [200, 500, 1_000, 2_000],
  callTimeoutMs: 2_000,
  leaseMs: 3_000,
};

/** What orders change. */
class Staging {
  clockOffsetMs: number;
  readonly kafkaSeam: KafkaSeam;
  #slowFenceMs = 0;
  #hold: ProgramOrder['hold'];
  #crash: { readonly at: Crash; left: number } | undefined;

  constructor({ clockOffsetMs, without }: ProgramPlan) {
    this.clockOffsetMs = clockOffsetMs;
    this.kafkaSeam = {
      ...without,
      reached: (point) => this.reached(point),
      beforeFence: () => sleep(this.#slowFenceMs),
    };
  }

  obey({ clockOffsetMs, crash, hold, heartbeatsStopped, slowFenceMs }: ProgramOrder): void {
    this.clockOffsetMs = clockOffsetMs ?? this.clockOffsetMs;
    this.#slowFenceMs = slowFenceMs ?? this.#slowFenceMs;
    this.#hold = hold ?? this.#hold;
    if (heartbeatsStopped !== undefined) this.kafkaSeam.heartbeatsStopped = heartbeatsStopped;
    if (crash !== undefined) this.#crash = { at: crash, left: crash.after };
  }

  /** Waits or dies here when that was ordered. */
  readonly reached: Reached = async (point, sources = []) => {
    await this.#holdUp(point);
    const crash = this.#crash;
    if (crash?.at.point !== point) return;
    if (crash.at.source !== undefined && !sources.includes(crash.at.source)) return;
    if (crash.left-- > 0) return;
    if (crash.at.delayMs > 0) await sleep(crash.at.delayMs);
    process.kill(process.pid, 'SIGKILL');
    await new Promise(() => undefined);
  };

  async #holdUp(point: Parameters<Reached>[0]): Promise<void> {
    const hold = this.#hold;
    if (hold?.point !== point) return;
    this.#hold = undefined;
    await sleep(hold.ms);
  }
}

const starters: Readonly<
  Record<
    ServiceName,
    (runtime: Runtime, config: Config, plan: ProgramPlan, reached: Reached) => Promise<RunningService>
  >
> = {
  ingest(runtime, config) {
    const window = openDuplicateWindow(runtime);
    const server = createHttpServer({ logger: runtime.logger, bodyBytesMax });
    ingestRoutes(server, runtime, window);
    return serve('ingest', server, config, runtime.logger, () => window.close());
  },
  conversation: (runtime, _config, plan) => startConversation(runtime, machinesOf(plan)),
  timers: (runtime) => startTimers(runtime),
  sender: (runtime) => startSender(runtime, senderTimes),
  projection: (runtime, _config, plan) => startProjection(runtime, machinesOf(plan)),
  effects: (runtime, _config, { product, seed }, reached) =>
    product === true ? startProductEffects(runtime, reached) : startEffects(runtime, seed),
  media: (runtime) => startMedia(runtime),
  webhooks: (runtime) => startWebhooks(runtime),
};

function configFor({ sessionTimeoutMs }: ProgramPlan): Config {
  const config = readConfig();
  if (config.kafka === undefined || sessionTimeoutMs === undefined) return config;
  return { ...config, kafka: { ...config.kafka, sessionTimeoutMs } };
}

await runMain(async () => {
  const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const plan = JSON.parse((await input.next()).value ?? '') as ProgramPlan;
  const staging = new Staging(plan);
  const config = configFor(plan);
  const logger = createLogger(config.logLevel, plan.services.join('+'));
  const platform = await openPlatform(config, logger, {
    setUp: false,
    now: () => Date.now() + staging.clockOffsetMs,
    kafkaSeam: staging.kafkaSeam,
  });
  const services: RunningService[] = [];
  for (const name of plan.services) {
    const runtime = platform.runtime(name === 'ingest' ? 'prosa_ingest' : 'prosa_worker', name);
    const telling = { ...runtime, log: tellingLog(runtime.log, staging.reached) };
    services.push(await starters[name](telling, config, plan, staging.reached));
  }
  drainOnSignal(logger, async () => {
    await Promise.all(services.map((service) => service.stop()));
    await platform.close();
  });
  stopWhenOneEnds(logger, services);
  const url = services.find((service) => service.url !== undefined)?.url;
  // One that is killed has no end at which its code would be kept for the next.
  flushCompileCache();
  process.stdout.write(`${JSON.stringify({ event: 'ready', ...(url === undefined ? {} : { url }) })}\n`);
  for await (const line of { [Symbol.asyncIterator]: () => input }) staging.obey(JSON.parse(line) as ProgramOrder);
});
