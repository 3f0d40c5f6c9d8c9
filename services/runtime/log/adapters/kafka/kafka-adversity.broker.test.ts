import { Kafka, logLevel } from 'kafkajs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  copyingTo,
  expectCode,
  expectNoLag,
  follow,
  gate,
  keyOn,
  numbered,
  openContext,
  readAll,
  record,
  valuesOf,
  type CaseContext,
} from '#runtime/testing/record-log-cases/case.ts';
import { protectionCases } from '#runtime/testing/record-log-cases/ownership.ts';
import { runContractCase } from '#runtime/testing/record-log.contract.ts';
import { sharedBroker } from '#runtime/testing/shared-broker.ts';
import { kafkaHarness, type KafkaHarness } from './harness.ts';
import { openKafkaLog } from './kafka-log.ts';
import type { KafkaSeam } from './seam.ts';

const broker = await sharedBroker();
const partitionCount = 4;

/** A client of another kind, for what our own would refuse to do. */
const stranger = () =>
  new Kafka({ brokers: [...(broker?.brokers ?? [])], clientId: 'stranger', logLevel: logLevel.NOTHING });

describe.skipIf(broker === undefined)('the Kafka log under adversity', () => {
  let harness: KafkaHarness;
  let context: CaseContext;

  beforeAll(async () => {
    if (broker === undefined) return;
    harness = await kafkaHarness(broker, { partitionCount });
    context = openContext(harness);
  });
  afterAll(async () => {
    await context.closeAll();
    await harness.close();
  });

  test('a hijacked transactional id costs an assignment, but no record and no order', async () => {
    const log = await context.open();
    const [source, target, group] = [await context.topic(log), await context.topic(log), context.group()];
    // A new one each time: after our fence it is the hijacker who is fenced.
    const hijack = async (): Promise<void> => {
      const transactionalId = `${harness.prefix}${group}-${source}-0`;
      const hijacker = stranger().producer({ idempotent: true, transactionalId, maxInFlightRequests: 1 });
      await hijacker.connect();
      const transaction = await hijacker.transaction();
      await transaction.send({ topic: harness.prefix + target, messages: [{ key: 'k', value: 'hijacked' }] });
      await transaction.abort();
      await hijacker.disconnect();
    };
    let hijacks = 0;
    const follower = await follow(log, { group, topic: source, sliceRecordsMax: 5 }, async (slice, assignment) => {
      if (hijacks < 3 && slice.records.length > 0) {
        hijacks += 1;
        await hijack();
      }
      await copyingTo(target)(slice, assignment);
    });
    await log.append(numbered(source, keyOn(log, 0), 30));
    await context.eventually(() => expectNoLag(log, group, source));
    expect(valuesOf(await readAll(log, target))).toEqual(Array.from({ length: 30 }, (_, index) => String(index)));
    expect(follower.assignments.filter(({ partition }) => partition === 0).length).toBeGreaterThan(1);
  });

  test('aborted transactions that overlap are not seen by any reader', async () => {
    const log = await context.open();
    const [target, group] = [await context.topic(log), context.group()];
    const topic = harness.prefix + target;
    await log.createGroup(group, target);
    const producers = ['a', 'b'].map((name) =>
      stranger().producer({ idempotent: true, transactionalId: harness.prefix + name, maxInFlightRequests: 1 }),
    );
    await Promise.all(producers.map((producer) => producer.connect()));
    const [a, b] = await Promise.all(producers.map((producer) => producer.transaction()));
    const send = (transaction: typeof a, value: string) =>
      transaction?.send({ topic, messages: [{ key: 'k', value, partition: 0 }] });
    await send(a, 'aborted a1');
    await send(b, 'aborted b1');
    await log.append([record(target, keyOn(log, 0), 'between')]);
    await b?.abort();
    await send(a, 'aborted a2');
    await a?.abort();
    await log.append([record(target, keyOn(log, 0), 'after')]);
    // The broker ends transactions by itself, a little later.
    await context.eventually(async () => {
      expect(valuesOf(await readAll(log, target))).toEqual(['between', 'after']);
    });
    // From within both.
    const late: string[] = [];
    for await (const batch of log.readRange({ topic: target, partition: 0, from: 1 })) late.push(...valuesOf(batch));
    expect(late).toEqual(['between', 'after']);
    const follower = await follow(log, { group, topic: target });
    await context.eventually(() => expectNoLag(log, group, target));
    expect(valuesOf(follower.records())).toEqual(['between', 'after']);
    await Promise.all(producers.map((producer) => producer.disconnect()));
  });

  test('what a dead owner left open is aborted by the next one, and delays readers no longer than that', async () => {
    const log = await context.open();
    const [source, target, group] = [await context.topic(log), await context.topic(log), context.group()];
    const dead = await harness.open({}, { timings: { heartbeatIntervalMs: 200, transactionTimeoutMs: 60_000 } });
    const written = gate();
    harness.seamOf(dead).beforeEndOfTransaction = async (partition) => {
      if (partition !== 0) return;
      written.open();
      await new Promise(() => undefined);
    };
    await dead.createGroup(group, source);
    await follow(dead, { group, topic: source }, copyingTo(target));
    await log.append(numbered(source, keyOn(log, 0), 3));
    await written.passed;
    await harness.sever(dead);
    expect(await readAll(log, target)).toEqual([]);
    await follow(log, { group, topic: source }, copyingTo(target));
    await context.eventually(() => expectNoLag(log, group, source));
    expect(valuesOf(await readAll(log, target))).toEqual(['0', '1', '2']);
  });

  test('a member that joins takes its share only; what stays is not interrupted', async () => {
    const [first, second] = [await context.open(), await context.open()];
    const [source, group] = [await context.topic(first), context.group()];
    const a = await follow(first, { group, topic: source });
    await follow(second, { group, topic: source });
    await context.eventually(() => {
      expect(a.consumer.owned()).toHaveLength(2);
    });
    expect(a.assignments).toHaveLength(4);
    const kept = a.assignments.filter(({ lost }) => !lost.aborted).map(({ partition }) => partition);
    expect(kept.toSorted()).toEqual(a.consumer.owned().toSorted());
  });

  test('an address where nobody answers is `log.unavailable` within seconds, for whoever opens or appends', async () => {
    const silent = createServer(() => undefined);
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const before = Date.now();
    const options = { clientId: 'test', partitionCount };
    await expectCode(openKafkaLog({ ...options, brokers: [`127.0.0.1:${address.port}`] }), 'log.unavailable');
    silent.close();
    await expectCode(openKafkaLog({ ...options, brokers: [`127.0.0.1:${address.port}`] }), 'log.unavailable');
    expect(Date.now() - before).toBeLessThan(10_000);
  });
});

describe.skipIf(broker === undefined)('the protections of the Kafka log', () => {
  const runWith = (seam: KafkaSeam, caseName: string): Promise<void> =>
    runContractCase(caseName, (options) => {
      if (broker === undefined) throw new Error('no broker');
      return kafkaHarness(broker, options, seam);
    });

  test('without fence and generation check an evicted owner commits, and the contract notices', async () => {
    const seam = { withoutFence: true, withoutGenerationCheck: true };
    await expect(runWith(seam, protectionCases.fence)).rejects.toThrow('log.fenced');
  }, 120_000);

  test('the fence alone is enough', async () => {
    await runWith({ withoutGenerationCheck: true }, protectionCases.fence);
  }, 120_000);

  test.each([
    { name: 'read after the fence: the records are given once', seam: {}, copies: ['in', 'more'] },
    {
      name: 'read before it: they are given twice',
      seam: { withoutRereadAfterFence: true },
      copies: ['in', 'in', 'more'],
    },
  ])(
    'the committed offset, $name',
    async ({ seam, copies }) => {
      if (broker === undefined) return;
      const harness = await kafkaHarness(broker, { partitionCount }, seam);
      const context = openContext(harness);
      const timings = { heartbeatIntervalMs: 200, rebalanceTimeoutMs: 6_000, transactionTimeoutMs: 60_000 };
      const [old, next] = [await harness.open({}, { timings }), await harness.open({}, { timings })];
      const [source, target, group] = [await context.topic(old), await context.topic(old), context.group()];
      const [written, end, ended] = [gate(), gate(), gate()];
      // The old owner has written everything and is about to end its transaction when it is evicted ...
      harness.seamOf(old).beforeEndOfTransaction = async () => {
        written.open();
        await end.passed;
      };
      await old.createGroup(group, source);
      await follow(old, { group, topic: source }, async (slice, assignment) => {
        await copyingTo(target)(slice, assignment);
        ended.open();
      });
      await next.append([record(source, keyOn(next, 0), 'in')]);
      await written.passed;
      await harness.stall(old);
      // ... and does so between the new owner's first look and its fence.
      harness.seamOf(next).beforeFence = async (partition) => {
        if (partition !== 0) return;
        end.open();
        await ended.passed;
      };
      await follow(next, { group, topic: source }, copyingTo(target));
      await next.append([record(source, keyOn(next, 0), 'more')]);
      await context.eventually(async () => {
        expect(valuesOf(await readAll(next, target))).toContain('more');
      });
      expect(valuesOf(await readAll(next, target))).toEqual(copies);
      await harness.close();
    },
    60_000,
  );
});
