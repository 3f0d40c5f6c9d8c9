import { describe, expect, test } from 'vitest';

import { murmur2, partitionOfKey } from './partitioner.ts';

describe('murmur2', () => {
  // Vectors of org.apache.kafka.common.utils.UtilsTest.testMurmur2.
  test.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('hashes %s as Kafka does', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash);
  });

  test('reads only its own part of a shared buffer', () => {
    const whole = Buffer.from('--foobar--');
    expect(murmur2(whole.subarray(2, 8))).toBe(-790332482);
  });
});

describe('partitionOfKey', () => {
  test('is a partition for every key and uses all of them evenly', () => {
    const counts = Array.from({ length: 24 }, () => 0);
    for (let index = 0; index < 24_000; index += 1) {
      const partition = partitionOfKey(`conversation-${index}`, 24);
      counts[partition] = (counts[partition] ?? Number.NaN) + 1;
    }
    expect(counts).toHaveLength(24);
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1_150);
  });

  test('treats a negative hash as Kafka does: sign bit dropped, not negated', () => {
    // murmur2('foobar') = -790332482; & 0x7fffffff = 1357151166.
    expect(partitionOfKey('foobar', 1_000)).toBe(166);
  });

  test('takes keys beyond ASCII as UTF-8', () => {
    expect(partitionOfKey('ação', 1_000_000)).toBe(
      (murmur2(new TextEncoder().encode('ação')) & 0x7fffffff) % 1_000_000,
    );
  });
});
