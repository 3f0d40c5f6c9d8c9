/**
 * The handler of `model.propose` over real Postgres and HTTP, against the scripted server of models. Waits between attempts
 * are not waited for.
 */
import type { AgentSettings, ModelSettings } from '#machines/conversation/agent-settings.ts';
import type { ModelAnswer, ModelQuestion } from '#machines/conversation/asks.ts';
import { type ModelCallOptions, chatCallDefaults } from '#runtime/models/model-calls.ts';
import type { CallBounds } from '#runtime/models/model-server.ts';
import { type Models, openModels } from '#runtime/models/models.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { echoConfiguration } from '#runtime/testing/echo-machine.ts';
import { openTestWorld, testTenant } from '#runtime/testing/runtime.ts';

import { type ModelServer, startModelServer } from '../../../simulator/model/model-server.ts';
import { reasonable } from '../../../simulator/model/scripts.ts';
import { EffectFailure } from '../handler.ts';
import { openKeptAnswers } from '../model/kept-answers.ts';
import { proposeHandler } from '../model/propose.ts';

/** A question with times to choose from. */
export const question: ModelQuestion = {
  step: 'scheduling.choosingTime',
  tools: ['choose_time', 'other_times', 'route', 'unclear'],
  locale: 'pt-BR',
  timeZone: 'America/Sao_Paulo',
  at: Date.UTC(2026, 10, 21, 12),
  said: 'pode ser na terça',
  means: 'text',
  turns: [],
  handles: [
    { handle: 's1', label: 'segunda-feira, 23/11 às 9h' },
    { handle: 's2', label: 'terça-feira, 24/11 às 9h' },
  ],
  facts: { business: 'Clínica Sorriso' },
  spentMicros: 0,
};
/** One about the event. */
export const aboutEvent: ModelQuestion = {
  ...question,
  step: 'information.asking',
  tools: ['answer', 'route', 'unclear'],
  said: 'onde fica o estacionamento do congresso',
  handles: [
    { handle: 'i1', label: 'Estacionamento. O estacionamento fica na Rua das Flores, 1200, com entrada pelos fundos.' },
    { handle: 'i2', label: 'Inscrições. As inscrições vão até o dia 20 de março.' },
  ],
};

/** How to ask. */
export interface Asking {
  /** In place of some of the settings; null for none at all. */
  readonly settings?: Partial<ModelSettings> | null;
  readonly options?: Partial<ModelCallOptions>;
  readonly bounds?: Partial<CallBounds>;
}

/** Where questions are asked. */
export class AskingWorld {
  /** Of the settings and the keys. */
  readonly api: Runtime;
  readonly worker: Runtime;
  readonly server: ModelServer;
  readonly #clock: { now: number };
  readonly #close: () => Promise<void>;
  /** Waits that were asked for. */
  readonly waits: number[] = [];
  models: Models;

  private constructor(
    of: Pick<AskingWorld, 'api' | 'worker' | 'server'>,
    clock: { now: number },
    close: () => Promise<void>,
  ) {
    this.api = of.api;
    this.worker = of.worker;
    this.server = of.server;
    this.#clock = clock;
    this.#close = close;
    this.models = this.#freshModels();
  }

  static async open(): Promise<AskingWorld> {
    const clock = { now: Date.UTC(2026, 10, 21, 12) };
    const world = await openTestWorld({ now: () => clock.now });
    const server = await startModelServer();
    const parts = {
      worker: world.runtime('prosa_worker', 'test-model'),
      api: world.runtime('prosa_api', 'test-settings'),
      server,
    };
    return new AskingWorld(parts, clock, async () => {
      await server.close();
      await world.close();
    });
  }

  /** As at the beginning, but on another day, which has a budget of its own. */
  begin(): void {
    this.passes(86_400_000);
    this.waits.length = 0;
    this.server.script = reasonable;
    this.server.fault = undefined;
    this.server.chats.length = 0;
    this.models = this.#freshModels();
  }

  passes(ms: number): void {
    this.#clock.now += ms;
  }

  async ask(asked: ModelQuestion, { settings = {}, options, bounds }: Asking = {}): Promise<ModelAnswer> {
    const handler = proposeHandler({
      runtime: this.worker,
      models: this.models,
      kept: openKeptAnswers(this.worker),
      options: { ...chatCallDefaults, ...options },
      bounds: { firstByteMs: 10_000, idleMs: 10_000, bytesMax: 256 * 1_024, ...bounds },
    });
    const { signal } = new AbortController();
    const call = { tenant: testTenant, actor: 'c_1', effectId: 'f_1', attempt: 1, signal };
    return (await handler.run({ ...call, revision: await this.#revisionOf(settings), input: asked })) as ModelAnswer;
  }

  /** How it ended: a proposal, none with so many calls refused, or a code. */
  async endOf(asked: ModelQuestion, asking?: Asking): Promise<string> {
    try {
      const { proposal, refused } = await this.ask(asked, asking);
      return `${proposal?.tool ?? 'none'}, ${refused.toString()} refused`;
    } catch (caught) {
      if (caught instanceof EffectFailure) return caught.code;
      throw caught;
    }
  }

  close(): Promise<void> {
    return this.#close();
  }

  #freshModels(): Models {
    return openModels(this.worker, {
      random: () => 0.5,
      breakers: { failuresMax: 100, pauseMs: 5_000, pauseMsMax: 60_000 },
      sleep: (ms) => (this.waits.push(ms), Promise.resolve()),
    });
  }

  /** Puts settings in force. */
  #revisionOf(model: Partial<ModelSettings> | null): Promise<string> {
    const settings: AgentSettings =
      model === null ? {} : { model: { baseUrl: this.server.url, model: 'small', ...model } };
    const conversation = { version: '1', settings: { ...settings } };
    return this.api.tenants.configure(testTenant, {
      ...echoConfiguration,
      machines: { ...echoConfiguration.machines, conversation },
    });
  }
}
