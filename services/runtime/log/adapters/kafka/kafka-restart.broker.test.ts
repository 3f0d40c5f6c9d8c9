import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RecordLog } from '../../record-log.ts';
import { findBroker, type Broker } from '#runtime/components/broker.ts';
import {
  copyingTo,
  expectCode,
  expectNoLag,
  follow,
  openContext,
  readAll,
  record,
  type CaseContext,
} from '#runtime/testing/record-log-cases/case.ts';
import { sharedBroker } from '#runtime/testing/shared-broker.ts';
import { kafkaHarness, type KafkaHarness } from './harness.ts';

// A broker that others use is not to be killed: this suite has its own, of the kind that can be.
const shared = await sharedBroker();

describe.skipIf(shared?.kind !== 'kafka')('the Kafka log while its broker dies', () => {
  let broker: Broker | undefined;
  let harness: KafkaHarness;
  let context: CaseContext;
  let log: RecordLog;

  beforeAll(async () => {
    broker = await findBroker({ environment: process.env });
    if (broker === undefined) throw new Error('There was a broker a moment ago.');
    harness = await kafkaHarness({ kind: 'kafka', brokers: broker.brokers }, { partitionCount: 4 });
    context = openContext(harness);
    log = await harness.open();
  });
  afterAll(async () => {
    await harness.close();
    await broker?.stop();
  });

  test('kill -9: appends are refused soon; after the restart nothing acknowledged is lost and nothing is doubled', async () => {
    const [source, target, group] = [await context.topic(log), await context.topic(log), context.group()];
    await log.createGroup(group, source);
    await follow(log, { group, topic: source, sliceRecordsMax: 10 }, copyingTo(target));
    const acknowledged: string[] = [];
    let sent = 0;
    const appendSome = async (): Promise<void> => {
      const values = Array.from({ length: 10 }, () => String((sent += 1)));
      await log.append(values.map((value) => record(source, `key-${Number(value) % 7}`, value)));
      acknowledged.push(...values);
    };
    for (let round = 0; round < 20; round += 1) await appendSome();

    await broker?.kill?.();
    const before = Date.now();
    await expectCode(appendSome(), 'log.unavailable');
    expect(Date.now() - before).toBeLessThan(6_000);
    await expectCode(log.ping(), 'log.unavailable');

    await broker?.restart?.();
    await context.eventually(() => log.ping());
    for (let round = 0; round < 20; round += 1) {
      await context.eventually(appendSome);
      await sleep(5);
    }
    await context.eventually(() => expectNoLag(log, group, source));
    const [sources, copies] = [await readAll(log, source), await readAll(log, target)];
    const counts = new Map<string, number>();
    for (const { value } of copies) counts.set(value.toString(), (counts.get(value.toString()) ?? 0) + 1);
    expect(acknowledged.filter((value) => !counts.has(value))).toEqual([]);
    // Each record of the source, also those whose append was refused but took effect, has one copy.
    expect(copies).toHaveLength(sources.length);
    for (let partition = 0; partition < 4; partition += 1) {
      const valuesAt = (records: typeof copies) =>
        records.filter((each) => each.partition === partition).map(({ value }) => value.toString());
      expect(valuesAt(copies)).toEqual(valuesAt(sources));
    }
  }, 120_000);
});
