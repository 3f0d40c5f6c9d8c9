// Goal: a tenant's backlog is bounded by what the hosts have truly done, and is nobody else's matter.
import { setTimeout as sleep } from 'node:timers/promises';

import { beforeEach, describe, expect, test } from 'vitest';

import { OperatingError } from '#runtime/errors.ts';
import { topics } from '#schemas/topics.ts';

import { Admission } from './admission.ts';

const recordsMax = 10;
let committed: number[];
let failure: Error | undefined;
let asked: number;
let admission: Admission;

beforeEach(() => {
  committed = [0, 0];
  failure = undefined;
  asked = 0;
  admission = new Admission(
    {
      lag: () => {
        asked += 1;
        if (failure !== undefined) return Promise.reject(failure);
        return Promise.resolve(
          committed.map((offset, partition) => ({ partition, committed: offset, stableEnd: 100, lag: 100 - offset })),
        );
      },
    },
    recordsMax,
  );
});

const append = (tenant: string, partition: number, ...offsets: number[]): void => {
  for (const offset of offsets) {
    expect(admission.enter(tenant)).toBe(true);
    admission.appended(tenant, [{ topic: topics.events, partition, offset }]);
    admission.leave(tenant);
  }
};

const eventually = async (probe: () => boolean): Promise<void> => {
  for (let i = 0; i < 200 && !probe(); i++) await sleep(20);
  expect(probe()).toBe(true);
};

describe('admission', () => {
  test('a tenant at its bound waits, another does not', () => {
    append('a', 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    expect(admission.enter('a')).toBe(false);
    append('b', 0, 10);
  });

  test('it is let in again when the hosts have done its records, on the partitions where they are', async () => {
    append('a', 0, 0, 1, 2, 3, 4);
    append('a', 1, 7, 5, 9, 8, 6);
    committed = [0, 5];
    await eventually(() => asked > 1);
    expect(admission.enter('a')).toBe(false);
    committed = [3, 8];
    await eventually(() => admission.waiting('a') === 4);
    expect(admission.enter('a')).toBe(true);
  });

  test('bodies on their way count, so that many at once do not pass the bound', () => {
    const entered = Array.from({ length: 25 }, () => admission.enter('a'));
    expect(entered.filter(Boolean)).toHaveLength(recordsMax);
    admission.leave('a');
    expect(admission.enter('a')).toBe(true);
  });

  test('while the log cannot be asked the last answer stands', async () => {
    failure = new OperatingError('log.unavailable');
    append('a', 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    await eventually(() => asked > 1);
    expect(admission.enter('a')).toBe(false);
    failure = undefined;
    committed = [10, 0];
    await eventually(() => admission.enter('a'));
  });

  test('a tenant that is far from its bound costs no question', async () => {
    append('a', 0, 0, 1, 2);
    await sleep(50);
    expect(asked).toBe(0);
  });
});
