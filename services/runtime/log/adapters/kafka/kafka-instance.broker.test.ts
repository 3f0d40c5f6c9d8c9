// Goal: a process with a name that stays takes its place back at once after a crash, and who was
// replaced does not fight for it. Method: sessions far longer than the test waits.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  type CaseContext,
  copyingTo,
  follow,
  gate,
  keyOn,
  numbered,
  openContext,
  readAll,
  valuesOf,
} from '#runtime/testing/record-log-cases/case.ts';
import { sharedBroker } from '#runtime/testing/shared-broker.ts';

import type { RecordLog } from '../../record-log.ts';
import { type KafkaHarness, kafkaHarness } from './harness.ts';
import type { KafkaTimings } from './timings.ts';

const broker = await sharedBroker();

describe.skipIf(broker === undefined)('a process with a name that stays', () => {
  const sessionTimeoutMs = 60_000;
  let harness: KafkaHarness;
  let context: CaseContext;

  beforeAll(async () => {
    if (broker === undefined) return;
    harness = await kafkaHarness(broker, { partitionCount: 4 });
    context = openContext(harness);
  });
  afterAll(async () => {
    await context.closeAll();
    await harness.close();
  });

  const named = (instanceId: string, timings: Partial<KafkaTimings> = {}): Promise<RecordLog> =>
    harness.open({}, { instanceId, sessionTimeoutMs, timings });

  test('goes on at once after a crash, without loss or repetition', async () => {
    const first = await named('one');
    const [source, target, group] = [await context.topic(first), await context.topic(first), context.group()];
    await follow(first, { group, topic: source, sliceRecordsMax: 5 }, copyingTo(target));
    await first.append(numbered(source, keyOn(first, 0), 10));
    await context.eventually(async () => expect(valuesOf(await readAll(first, target))).toHaveLength(10));
    await harness.sever(first);

    const second = await named('one');
    const since = Date.now();
    await follow(second, { group, topic: source, sliceRecordsMax: 5 }, copyingTo(target));
    expect(Date.now() - since).toBeLessThan(sessionTimeoutMs / 2);
    await second.append(numbered(source, keyOn(second, 0), 10));
    await context.eventually(async () => expect(valuesOf(await readAll(second, target))).toHaveLength(20));
    await second.close();
  });

  test('that was replaced by another of its name ends, and leaves it the place', async () => {
    const first = await named('two');
    const [source, target, group] = [await context.topic(first), await context.topic(first), context.group()];
    const replaced = await follow(first, { group, topic: source, sliceRecordsMax: 5 }, copyingTo(target));
    const ended = replaced.consumer.finished.then(
      () => 'resolved',
      (caught: unknown) => caught,
    );
    const second = await named('two');
    const follower = await follow(second, { group, topic: source, sliceRecordsMax: 5 }, copyingTo(target));
    expect(await ended).toMatchObject({ code: 'config.invalid' });
    expect(follower.consumer.owned()).toHaveLength(4);
    await Promise.all([first.close(), second.close()]);
  });

  test('that learns of it by a commit ends as well', async () => {
    const first = await named('three', { heartbeatIntervalMs: 30_000 });
    const [source, target, group] = [await context.topic(first), await context.topic(first), context.group()];
    const [taken, goOn] = [gate(), gate()];
    const replaced = await follow(first, { group, topic: source }, async (slice, assignment) => {
      if (slice.records.length > 0) {
        taken.open();
        await goOn.passed;
      }
      await assignment.commit([], slice.nextOffset);
    });
    const ended = replaced.consumer.finished.catch((caught: unknown) => caught);
    await first.append(numbered(source, keyOn(first, 0), 1));
    await taken.passed;
    const second = await named('three');
    const follower = await follow(second, { group, topic: source }, copyingTo(target));
    goOn.open();
    expect(await ended).toMatchObject({ code: 'config.invalid' });
    await context.eventually(async () => expect(valuesOf(await readAll(second, target))).toEqual(['0']));
    // It was never without its place.
    expect(follower.assignments).toHaveLength(4);
    expect(follower.consumer.owned()).toHaveLength(4);
    await Promise.all([first.close(), second.close()]);
  });
});
