// Goal: what is known to be down is not called, and comes back by one call. Method: calls that the test decides about, a
// clock that it moves.
import { beforeEach, describe, expect, test } from 'vitest';

import { createMetrics } from '../metrics.ts';
import { type ModelCalls, openModelCalls } from './model-calls.ts';
import { type ModelEndpoint, ModelError, type ModelFailure } from './model-server.ts';

const endpoint = (model: string): ModelEndpoint => ({ baseUrl: 'http://models.example/v1', model, apiKey: undefined });
const options = { totalMs: 60_000, attemptsMax: 1, backoffMs: 1 };

let clock: number;
let calls: ModelCalls;
let metrics: ReturnType<typeof createMetrics>;
/** What the next calls meet; then they are answered. */
let failures: (ModelFailure | 'defect')[];
let asked: string[];

beforeEach(() => {
  clock = 0;
  failures = [];
  asked = [];
  metrics = createMetrics();
  calls = openModelCalls(metrics, () => clock, {
    breakers: { failuresMax: 2, pauseMs: 1_000, pauseMsMax: 3_000 },
    random: () => 0,
    sleep: () => Promise.resolve(),
  });
});

const call = async (names: readonly string[] = ['m'], signal = new AbortController().signal): Promise<string> => {
  try {
    const { answer } = await calls.call(names.map(endpoint), options, signal, ({ model }) => {
      asked.push(model);
      const failure = failures.shift();
      if (failure === 'defect') return Promise.reject(new Error('a defect'));
      return failure === undefined ? Promise.resolve(`by ${model}`) : Promise.reject(new ModelError(failure));
    });
    return answer;
  } catch (caught) {
    return caught instanceof ModelError ? caught.failure : 'thrown';
  }
};
const stateOf = async (model: string) =>
  (await metrics.modelBreaker.get()).values.find(({ labels }) => labels.model === model)?.value;

describe('a breaker', () => {
  test('opens after failures in a row, and one call finds out whether it works', async () => {
    failures = ['server', 'timeout'];
    expect([await call(), await call()]).toEqual(['server', 'timeout']);
    expect([await call(), await stateOf('m')]).toEqual(['breaker-open', 1]);
    expect(asked).toHaveLength(2);
    clock = 1_000;
    expect([await call(), await stateOf('m')]).toEqual(['by m', 0]);
  });

  test('waits twice as long each time, up to its most', async () => {
    failures = Array.from({ length: 20 }, () => 'connection' as const);
    await call();
    await call();
    for (const pause of [1_000, 2_000, 3_000, 3_000]) {
      clock += pause - 1;
      expect(await call()).toBe('breaker-open');
      clock += 1;
      expect(await call()).toBe('connection');
    }
  });

  test('lets one call go while it finds out', async () => {
    failures = ['server', 'server'];
    await call();
    await call();
    clock = 1_000;
    let answer: (text: string) => void = () => undefined;
    const probe = calls.call(
      [endpoint('m')],
      options,
      new AbortController().signal,
      () => new Promise<string>((resolve) => (answer = resolve)),
    );
    expect([await call(), await stateOf('m')]).toEqual(['breaker-open', 0.5]);
    answer('yes');
    expect((await probe).answer).toBe('yes');
    expect(await call()).toBe('by m');
  });

  test('is not opened by what says nothing of the server', async () => {
    failures = ['rate-limited', 'refused', 'denied', 'spent', 'defect', 'rate-limited'];
    for (let i = 0; i < 6; i += 1) await call();
    expect(await call()).toBe('by m');
  });

  test('is not opened by who goes away', async () => {
    const gone = AbortSignal.abort();
    failures = ['timeout', 'timeout', 'timeout'];
    for (let i = 0; i < 3; i += 1) await call(['m'], gone);
    expect(await call()).toBe('by m');
  });

  test('is of one model at one address', async () => {
    failures = ['server', 'server'];
    await call();
    await call();
    expect(await call(['other'])).toBe('by other');
    expect(await call(['m', 'other'])).toBe('by other');
  });
});

test('all of it takes no longer than it may', async () => {
  const began = performance.now();
  const call = calls.call(
    [endpoint('a'), endpoint('b')],
    { ...options, totalMs: 50 },
    new AbortController().signal,
    (_, signal) =>
      new Promise<never>((_resolve, reject) => {
        if (signal.aborted) reject(new ModelError('timeout'));
        signal.addEventListener('abort', () => {
          reject(new ModelError('timeout'));
        });
      }),
  );
  await expect(call).rejects.toMatchObject({ failure: 'timeout' });
  expect(performance.now() - began).toBeLessThan(5_000);
});

test('names of models in metrics are a bounded number', () => {
  const labels = new Set(Array.from({ length: 200 }, (_, i) => calls.labelOf(`model-${i.toString()}`)));
  expect(labels.size).toBe(51);
  expect(calls.labelOf('model-0')).toBe('model-0');
});
