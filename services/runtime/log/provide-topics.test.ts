// Goal: set-up waits for a broker that cannot answer yet, and for no longer than it may; what waiting does
// not mend is said at once. Method: a log that refuses so often, on a clock of the test's own.
import { describe, expect, test } from 'vitest';

import { parkedTopicOf, topicTable, topics } from '#schemas/topics.ts';
import { expectCode } from '#runtime/testing/record-log-cases/case.ts';

import { OperatingError } from '../errors.ts';
import { consumerGroups } from './consumer-groups.ts';
import { provideTopics } from './provide-topics.ts';

const loading = (): OperatingError => new OperatingError('log.unavailable', 'GROUP_LOAD_IN_PROGRESS');

/** A log that throws what it is given, one after the other, before it does anything. */
function logThat(refusals: (() => Error)[]) {
  const [made, groups]: [string[], string[]] = [[], []];
  const refuse = (): void => {
    const refusal = refusals.shift();
    if (refusal !== undefined) throw refusal();
  };
  return {
    made,
    groups,
    async createTopics(names: readonly string[]) {
      refuse();
      made.push(...names);
    },
    async createGroup(group: string, topic: string) {
      refuse();
      groups.push(`${group} ${topic}`);
    },
  };
}

/** Time that goes on when it is waited for, and what is told meanwhile. */
function slowTime() {
  let now = 0;
  const warnings: unknown[] = [];
  return {
    warnings,
    logger: { warn: (...said: unknown[]) => void warnings.push(said) },
    waiting: { now: () => now, pause: async (ms: number) => void (now += ms) },
    passed: () => now,
  };
}

const allGroups = consumerGroups.map(({ group, topic }) => `${group} ${topic}`);

describe('providing topics and groups', () => {
  test('is done once for each', async () => {
    const [log, time] = [logThat([]), slowTime()];
    await provideTopics(log, time.logger, time.waiting);
    expect(log.made).toEqual(topicTable.map(({ name }) => name));
    expect(log.made).toContain(parkedTopicOf(topics.events));
    expect(log.groups).toEqual(allGroups);
    expect(time.passed()).toBe(0);
  });

  test('waits while the broker loads, and says so', async () => {
    const [log, time] = [logThat(Array.from({ length: 12 }, () => loading)), slowTime()];
    await provideTopics(log, time.logger, time.waiting);
    expect(log.groups).toEqual(allGroups);
    expect(time.warnings).toHaveLength(12);
    expect(time.passed()).toBeGreaterThan(0);
  });

  test('gives up after a while', async () => {
    const [log, time] = [logThat(Array.from({ length: 10_000 }, () => loading)), slowTime()];
    await expectCode(provideTopics(log, time.logger, time.waiting), 'log.unavailable');
    expect(log.made).toEqual([]);
    expect(time.passed()).toBeGreaterThan(30_000);
    expect(time.passed()).toBeLessThan(300_000);
  });

  test('does not wait for what waiting does not mend', async () => {
    const time = slowTime();
    const otherCount = (): OperatingError => new OperatingError('config.invalid', 'another count');
    await expectCode(provideTopics(logThat([otherCount]), time.logger, time.waiting), 'config.invalid');
    await expect(provideTopics(logThat([() => new Error('a defect')]), time.logger, time.waiting)).rejects.toThrow(
      'a defect',
    );
    expect(time.passed()).toBe(0);
  });
});
