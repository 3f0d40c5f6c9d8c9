/**
 * Goal: a turn survives the death of the process that carries its effects out, at any point between any two steps: one
 * booking, one answer. Method: the real host and machine; the effects' process "dies" at each point of each effect of a
 * booking in turn (all that it does afterwards fails, as after a kill -9), and another one takes over.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { conversationVersion } from '#machines/conversation/machine.ts';
import { recordOf } from '#runtime/records.ts';
import type { Runtime, RunningService } from '#runtime/runtime.ts';
import { Person, eventually } from '#runtime/testing/person.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';

import { startConversation } from '../services/conversation/conversation.ts';
import { demoSettings } from '../services/demo-settings.ts';
import { startEffects } from '../services/effects/effects.ts';
import type { EffectHandler } from '../services/effects/handler.ts';
import { openHandlers } from '../services/effects/handlers.ts';
import { type ModelServers, startModels } from './models.ts';

/** Effects of a booking, in their order. */
const sources = ['model.propose', 'calendar.find', 'calendar.hold', 'calendar.book'] as const;
/** Where a process dies with an effect: claimed, carried out, its answer kept, its answer told. */
const points = ['claimed', 'carried-out', 'answered', 'told'] as const;
type Source = (typeof sources)[number];
type Point = (typeof points)[number];

/** Dies at a point of the next effect of a source. */
class Death {
  dead = false;
  readonly #source: Source;
  readonly #point: Point;
  /** The effect that is carried out. */
  #effectId: string | undefined;

  constructor(source: Source, point: Point) {
    this.#source = source;
    this.#point = point;
  }

  #die(): never {
    this.dead = true;
    throw new Error('it was killed');
  }

  /** A part of the process: fails from its death on. */
  mortal<Part extends object>(part: Part): Part {
    return new Proxy(part, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (this.dead) throw new Error('it was killed');
          return Reflect.apply(value, target, args) as unknown;
        };
      },
    });
  }

  handlers(of: ReadonlyMap<string, EffectHandler>): ReadonlyMap<string, EffectHandler> {
    const watched = (handler: EffectHandler): EffectHandler => ({
      ...handler,
      run: async (call) => {
        if (this.#effectId === undefined) this.#effectId = call.effectId;
        if (this.#point === 'claimed') this.#die();
        const output = await handler.run(call);
        if (this.#point === 'carried-out') this.#die();
        return output;
      },
    });
    return new Map([...of].map(([source, one]) => [source, source === this.#source ? watched(one) : one]));
  }

  log(log: Runtime['log']): Runtime['log'] {
    const append: Runtime['log']['append'] = async (records) => {
      const isIts = records.some((record) => {
        const told = recordOf(record as Parameters<typeof recordOf>[0]);
        return told.type === 'effect.completed' && told.effectId === this.#effectId;
      });
      if (isIts && this.#point === 'answered') this.#die();
      const positions = await log.append(records);
      if (isIts) this.#die();
      return positions;
    };
    const whole = this.mortal({ append });
    return new Proxy(log, {
      get: (target, name) => {
        if (name === 'append') return whole.append;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }
}

/** A Wednesday morning; before the clock of any Postgres, by which what was not told is looked for. */
const beginning = Date.UTC(2025, 9, 15, 12);

let world: TestWorld;
let models: ModelServers;
let host: RunningService;
let ingest: Runtime;
let look: Runtime;
let serial = 0;

beforeAll(async () => {
  models = await startModels();
  const settings = {
    ...demoSettings({ locale: 'pt-BR', model: undefined }),
    model: { model: 'stub', baseUrl: models.reasonable.url },
  };
  world = await openTestWorld({
    configuration: { machines: { conversation: { version: conversationVersion, settings } }, answerGroups: false },
    now: () => beginning,
    partitionCount: 1,
  });
  ingest = world.runtime('prosa_ingest', 'ingest');
  look = world.runtime('prosa_worker', 'look');
  host = await startConversation(world.runtime('prosa_worker', 'host'));
}, 120_000);
afterAll(async () => {
  await host.stop();
  await world.close();
  await models.close();
});

async function startCarrying(death?: Death): Promise<RunningService> {
  const runtime = world.runtime('prosa_worker', `effects-${(serial += 1).toString()}`);
  const { handlers, close } = openHandlers(runtime, () => '');
  if (death === undefined) return startEffects(runtime, { handlers, close, soleOwner: true, pollMs: 20 });
  const mortal = { ...runtime, log: death.log(runtime.log), database: death.mortal(runtime.database) };
  return startEffects(mortal, {
    handlers: death.handlers(handlers),
    close,
    soleOwner: true,
    pollMs: 20,
    stopGraceMs: 0,
  });
}

/** The times of a day, so that each conversation books one of its own. */
const times = ['8h', '9h', '10h', '11h', '13h', '14h', '15h', '16h'] as const;
const days = ['quinta', 'sexta', 'segunda', 'terça'] as const;

async function bookedBy(conversation: string): Promise<number> {
  const { rows } = await look.database.query<{ count: string }>(
    [testTenant],
    `SELECT count(*) FROM appointments WHERE tenant = $1 AND conversation = $2 AND status = 'booked'`,
    [testTenant, conversation],
  );
  return Number(rows[0]?.count ?? 0);
}

describe('a process that dies', () => {
  // Where something is written at every point, else at one for each; with `EVALS=all` at every one.
  const whole = process.env['EVALS'] === 'all';
  const cases = sources.flatMap((source, at) =>
    points
      .filter((_, point) => whole || source === 'calendar.book' || point === at + 1)
      .map((point) => [source, point] as const),
  );
  test.each(cases.map(([source, point], index) => [source, point, index] as const))(
    'with %s %s: one booking, one answer',
    async (source, point, index) => {
      const death = new Death(source, point);
      let carrying = await startCarrying(death);
      try {
        const ana = await Person.meet(world, ingest, `55119900200${index.toString().padStart(2, '0')}`);
        const saw = (pattern: RegExp) =>
          eventually(
            () => ana.replies(),
            (texts) => texts.some((text) => pattern.test(text)),
            60_000,
          );
        const time = `${days[Math.floor(index / times.length)] ?? ''} às ${times[index % times.length] ?? ''}`;
        for (const text of ['Oi', 'sim', 'Ana Souza']) await ana.says(text);
        await ana.says(`meu dente tá horrível, dá pra limpar na ${time}?`);
        const dies = async (): Promise<void> => {
          await eventually(() => Promise.resolve(death.dead), Boolean, 60_000);
          await carrying.stop().catch(() => undefined);
          carrying.finished.catch(() => undefined);
          carrying = await startCarrying();
        };
        if (source === 'model.propose') await dies();
        await saw(/O que você quer marcar/);
        await ana.says('limpeza');
        if (source === 'calendar.find' || source === 'calendar.hold') await dies();
        await saw(/Posso marcar/);
        await ana.says('sim');
        if (source === 'calendar.book') await dies();
        const texts = await saw(/Marcado/);
        expect(texts.filter((text) => text.includes('Posso marcar'))).toHaveLength(1);
        expect(texts.filter((text) => text.includes('Marcado'))).toHaveLength(1);
        // Consent, name, menu, service, summary, booked.
        expect(texts).toHaveLength(6);
        expect(await bookedBy(ana.entry.conversation)).toBe(1);
      } finally {
        await carrying.stop();
      }
    },
    120_000,
  );
});
