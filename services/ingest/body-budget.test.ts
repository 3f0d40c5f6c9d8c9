import { expect, test } from 'vitest';

import { BodyBudget } from './body-budget.ts';

const kib = 1_024;

test('bodies are let in up to the bound, and again when others left', () => {
  const budget = new BodyBudget(100 * kib);
  const first = budget.enter(60 * kib);
  expect(budget.enter(60 * kib)).toBeUndefined();
  expect(budget.enter(40 * kib)).toBeDefined();
  first?.release();
  expect(budget.enter(60 * kib)).toBeDefined();
});

test('leaving twice frees once', () => {
  const budget = new BodyBudget(100 * kib);
  const first = budget.enter(60 * kib);
  budget.enter(40 * kib);
  first?.release();
  first?.release();
  expect(budget.bytes).toBe(40 * kib);
});

test('a caller who hung up does not free what is still worked on', async () => {
  const budget = new BodyBudget(100 * kib);
  const ticket = budget.enter(60 * kib);
  let go = (): void => undefined;
  const work = ticket?.during(() => new Promise<void>((resolve) => (go = resolve)));
  ticket?.release();
  expect(budget.bytes).toBe(60 * kib);
  go();
  await work;
  expect(budget.bytes).toBe(0);
});

test('work that fails frees too', async () => {
  const budget = new BodyBudget(100 * kib);
  const ticket = budget.enter(60 * kib);
  await expect(ticket?.during(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  ticket?.release();
  expect(budget.bytes).toBe(0);
});

test('small bodies cost something: their number is bounded too', () => {
  const budget = new BodyBudget(40 * kib);
  const entered = Array.from({ length: 100 }, () => budget.enter(0)).filter((ticket) => ticket !== undefined);
  expect(entered).toHaveLength(10);
});
