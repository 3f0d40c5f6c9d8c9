// Goal: bytes of the pool are random, and none is given twice.
import { expect, test } from 'vitest';

import { fillRandom } from './randomness.ts';

test('no value comes twice, across many fillings of the pool', () => {
  const seen = new Set<string>();
  const bytes = Buffer.alloc(12);
  for (let i = 0; i < 20_000; i++) {
    fillRandom(bytes, 0, 12);
    seen.add(bytes.toString('hex'));
  }
  expect(seen.size).toBe(20_000);
});

test('every byte takes every value about as often', () => {
  const counts = new Uint32Array(256);
  const bytes = Buffer.alloc(1_000);
  for (let i = 0; i < 512; i++) {
    fillRandom(bytes, 0, bytes.length);
    for (const byte of bytes) counts[byte] = (counts[byte] ?? 0) + 1;
  }
  // 2 000 each are expected, with a deviation of 45; six of them happen once in millions of runs.
  for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(270);
});

test('only the bytes asked for are written', () => {
  const bytes = Buffer.alloc(40);
  fillRandom(bytes, 10, 20);
  expect(bytes.subarray(0, 10).every((byte) => byte === 0)).toBe(true);
  expect(bytes.subarray(30).every((byte) => byte === 0)).toBe(true);
  expect(bytes.subarray(10, 30).some((byte) => byte !== 0)).toBe(true);
});
