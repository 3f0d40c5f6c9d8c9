// Goal: a process with a name that stays takes its place back at once after a crash, and who was
// replaced does not fight for it. Method: sessions far longer than the test waits.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  type CaseContext,
  copyingTo,
  follow,
  keyOn,
  numbered,
  openContext,
  readAll,
  valuesOf,
} from '#runtime/testing/record-log-cases/case.ts';
import { sharedBroker } from '#runtime/testing/shared-broker.ts';

import type { RecordLog } from '../../record-log.ts';
import { type KafkaHarness, kafkaHarness } from './harness.ts';

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

  const named = (instanceId: string): Promise<RecordLog> =>
    harness.open({}, { instanceId, sessionTimeoutMs, timings: {} });

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
});
