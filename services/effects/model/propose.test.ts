/**
 * Goal: every step of a model ends in a proposal, in none, or in a stable code, within its limits. Method: the handler over
 * real Postgres and HTTP against the scripted server, which fails in each of its ways.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { ModelQuestion } from '#machines/conversation/asks.ts';
import { testTenant } from '#runtime/testing/runtime.ts';

import { type FaultMode, faultModes } from '../../../simulator/model/faults.ts';
import { type Asking, AskingWorld, aboutEvent, question } from '../testing/asking.ts';

let world: AskingWorld;
beforeAll(async () => {
  world = await AskingWorld.open();
});
beforeEach(() => {
  world.begin();
});
afterAll(() => world.close());

test('a proposal comes with what it took', async () => {
  const answer = await world.ask(question, { settings: { price: { input: 0.5, output: 2 } } });
  expect(answer).toMatchObject({
    proposal: { tool: 'choose_time', args: { time: 's2' } },
    refused: 0,
    model: 'small',
    parameters: {
      temperature: 0,
      max_completion_tokens: 1_000,
      tool_choice: 'required',
      parallel_tool_calls: false,
      stream: true,
    },
    latencyMs: expect.any(Number) as number,
    requestHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
  });
  const { inputTokens, outputTokens } = answer.usage;
  expect(answer.costMicros).toBe(Math.ceil(inputTokens * 0.5 + outputTokens * 2));
  expect(Math.min(inputTokens, outputTokens)).toBeGreaterThan(0);
});

describe('a server that', () => {
  const short = { options: { totalMs: 500 }, bounds: { firstByteMs: 100, idleMs: 100 } };
  const ends: Readonly<Record<FaultMode, readonly [end: string, calls: number | 'some', asking?: Asking]>> = {
    'rate-limited': ['model.unavailable', 3],
    'no-credit': ['model.unavailable', 1],
    'wrong-key': ['model.unavailable', 1],
    'server-error': ['model.unavailable', 3],
    'hangs-up': ['model.unavailable', 3],
    'never-answers': ['model.unavailable', 'some', short],
    'late-first-byte': ['model.unavailable', 'some', short],
    'dies-mid-stream': ['model.unavailable', 3],
    'stalls-mid-stream': ['model.unavailable', 'some', short],
    garbage: ['model.unavailable', 1],
    'refuses-parameter': ['choose_time, 0 refused', 2],
    'invalid-json': ['none, 1 refused', 1],
    'unknown-tool': ['none, 1 refused', 1],
    'wrong-arguments': ['none, 1 refused', 1],
    'extra-properties': ['none, 1 refused', 1],
    'two-calls': ['choose_time, 1 refused', 1],
    'cut-by-length': ['none, 1 refused', 1],
    'no-choices': ['none, 0 refused', 1],
    huge: ['none, 1 refused', 1],
    'wrong-language': ['choose_time, 0 refused', 1],
    'only-words': ['none, 0 refused', 1],
    'no-usage': ['choose_time, 0 refused', 1],
  };

  test.each(faultModes)('has the fault %s', async (fault) => {
    const [end, calls, asking] = ends[fault];
    world.server.fault = fault;
    const began = performance.now();
    expect(await world.endOf(question, asking)).toBe(end);
    if (calls === 'some') expect(world.server.chats.length).toBeGreaterThan(0);
    else expect(world.server.chats).toHaveLength(calls);
    // Far more than any of these limits, for machines that are busy.
    expect(performance.now() - began).toBeLessThan(8_000);
  });

  test('is not there at all', async () => {
    expect(await world.endOf(question, { settings: { baseUrl: 'http://127.0.0.1:9/v1' } })).toBe('model.unavailable');
    // Anywhere up to 400 and 800 ms: half of it, by the chance of this test.
    expect(world.waits).toEqual([200, 400]);
  });

  test('answers in another language is not quoted', async () => {
    world.server.fault = 'wrong-language';
    expect(await world.endOf(aboutEvent)).toBe('none, 1 refused');
    expect(await world.endOf({ ...aboutEvent, locale: 'en' })).toBe('answer, 0 refused');
  });

  test('does not count is counted by what it was sent', async () => {
    world.server.fault = 'no-usage';
    const { usage } = await world.ask(question);
    expect(Math.min(usage.inputTokens, usage.outputTokens)).toBeGreaterThan(0);
  });

  test('does not take a parameter is not sent it again', async () => {
    world.server.fault = 'refuses-parameter';
    expect((await world.ask(question)).parameters).not.toHaveProperty('temperature');
    await world.ask(question);
    expect(world.server.chats.map(({ body }) => 'temperature' in body)).toEqual([true, false, false]);
  });

  test('asks to be left alone is, and given up where there is no time for that', async () => {
    world.server.fault = 'rate-limited';
    await world.endOf(question);
    expect(world.waits).toEqual([1_000, 1_000]);
    await world.endOf(question, { options: { totalMs: 900 } });
    expect(world.waits).toHaveLength(2);
  });
});

describe('a second model', () => {
  const settings = { second: { model: 'spare' } };
  const broken = (fault: FaultMode) => (model: string) => (model === 'small' ? fault : undefined);

  test.each(['server-error', 'no-credit', 'wrong-key', 'rate-limited', 'garbage'] as const)(
    'answers when the first has the fault %s',
    async (fault) => {
      world.server.fault = broken(fault);
      expect(await world.ask(question, { settings })).toMatchObject({
        model: 'spare',
        proposal: { tool: 'choose_time' },
      });
    },
  );

  test('costs what it costs, and the dearer of the two is set aside', async () => {
    world.server.fault = broken('server-error');
    const dear = { second: { model: 'spare', price: { input: 2, output: 8 } }, price: { input: 1, output: 4 } };
    const { usage, costMicros } = await world.ask(question, { settings: dear });
    expect(costMicros).toBe(usage.inputTokens * 2 + usage.outputTokens * 8);
    const enoughForTheFirst = { ...dear, budget: { perConversation: 0.006 } };
    expect(await world.endOf(question, { settings: enoughForTheFirst })).toBe('model.budget-spent');
    world.server.fault = undefined;
    expect(await world.endOf(question, { settings: { ...enoughForTheFirst, second: { model: 'spare' } } })).toBe(
      'choose_time, 0 refused',
    );
  });

  test('is asked at once when the first is slow', async () => {
    world.server.fault = broken('never-answers');
    const answer = await world.ask(question, { settings, bounds: { firstByteMs: 1_000 } });
    expect(answer.model).toBe('spare');
    expect(world.server.chats).toHaveLength(2);
  });
});

describe('what may be spent', () => {
  const price = { input: 1, output: 1 };
  const spent = async () => {
    const { rows } = await world.worker.database.query<{ spent: string; reserved: string }>(
      [testTenant],
      'SELECT spent, reserved FROM model_spending WHERE tenant = $1 ORDER BY day DESC LIMIT 1',
      [testTenant],
    );
    return { spent: Number(rows[0]?.spent), reserved: Number(rows[0]?.reserved) };
  };

  test('in a day is counted, and then no model is asked until the next', async () => {
    const settings = { price, budget: { perDay: 0.004 } };
    const { costMicros } = await world.ask(question, { settings });
    expect(await spent()).toEqual({ spent: costMicros, reserved: 0 });
    let asked = 1;
    while ((await world.endOf(question, { settings })) !== 'model.budget-spent') asked += 1;
    expect((await spent()).spent).toBe(asked * costMicros);
    expect((await spent()).spent).toBeLessThanOrEqual(4_000);
    expect(world.server.chats).toHaveLength(asked);
    world.passes(86_400_000);
    expect(await world.endOf(question, { settings })).toBe('choose_time, 0 refused');
  });

  test('by calls at the same time is no more than that', async () => {
    const settings = { price, budget: { perDay: 0.008 } };
    const ends = await Promise.all(Array.from({ length: 12 }, () => world.endOf(question, { settings })));
    expect(ends).toContain('model.budget-spent');
    expect(ends).toContain('choose_time, 0 refused');
    expect((await spent()).spent).toBeLessThanOrEqual(8_000);
  });

  test('by a conversation is what it said that it has spent', async () => {
    const settings = { price, budget: { perConversation: 0.01 } };
    expect(await world.endOf({ ...question, spentMicros: 1_000 }, { settings })).toBe('choose_time, 0 refused');
    expect(await world.endOf({ ...question, spentMicros: 9_900 }, { settings })).toBe('model.budget-spent');
  });

  test('is given back when nothing was answered', async () => {
    world.server.fault = 'server-error';
    await world.endOf(question, { settings: { price } });
    expect(await spent()).toEqual({ spent: 0, reserved: 0 });
  });
});

describe('without', () => {
  test('settings, or a key where one is needed, nobody is asked', async () => {
    expect(await world.endOf(question, { settings: null })).toBe('model.not-configured');
    const noKey = { baseUrl: 'https://api.openai.com/v1' };
    expect(await world.endOf(question, { settings: noKey })).toBe('model.not-configured');
  });

  test('anything shown, what needs a handle is not offered', async () => {
    expect(await world.endOf({ ...question, tools: ['choose_time'], handles: [] })).toBe('model.refused');
    expect(world.server.chats).toHaveLength(0);
  });
});

test('the hash is that of the question, whenever and by whomever it is asked', async () => {
  const hashOf = async (more: Partial<ModelQuestion>) => (await world.ask({ ...question, ...more })).requestHash;
  const hash = await hashOf({});
  expect(await hashOf({ at: question.at + 7_200_000 })).toBe(hash);
  expect(await hashOf({ spentMicros: 5 })).toBe(hash);
  expect(await hashOf({ said: 'pode ser na quarta' })).not.toBe(hash);
  expect(await hashOf({ tools: ['choose_time'] })).not.toBe(hash);
  const mailed = await hashOf({ said: 'meu e-mail é ana@exemplo.com' });
  expect(await hashOf({ said: 'meu e-mail é rui@exemplo.com' })).toBe(mailed);
});
