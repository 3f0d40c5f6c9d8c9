/** Promises about `consume`, slices, and what stops a consumer. */
import { setTimeout as sleep } from 'node:timers/promises';

import { expect } from 'vitest';

import { OperatingError } from '#runtime/errors.ts';
import { recordBytes } from '#runtime/log/record-size.ts';

import type { ContractCase } from './case.ts';
import {
  expectNoLag,
  expectRefused,
  follow,
  gate,
  keyOn,
  numbered,
  readAll,
  reading,
  record,
  startOf,
  valuesOf,
} from './case.ts';

/** Consuming cases. */
export const consumingCases: readonly ContractCase[] = [
  {
    name: 'a group on a topic that never held a record reads it from its beginning',
    async run({ open, topic, group, eventually }) {
      const [log, other] = [await open(), await open()];
      const name = await topic(log);
      const follower = await follow(log, { group: group(), topic: name });
      expect([...follower.consumer.owned()].sort()).toEqual([0, 1, 2, 3]);
      await other.append([...numbered(name, keyOn(log, 0), 3), ...numbered(name, keyOn(log, 3), 2)]);
      await eventually(() => {
        expect(follower.records()).toHaveLength(5);
      });
      expect(follower.records().filter(({ partition }) => partition === 0)).toEqual(await readAll(log, name, 0));
      expect(follower.records().filter(({ partition }) => partition === 3)).toEqual(await readAll(log, name, 3));
      const starts = (await log.ends(name)).map(({ start }) => start);
      expect(follower.assignments.map(({ startOffset }) => startOffset)).toEqual(starts);
    },
  },
  {
    name: 'a group without a committed offset is refused where records are, until it is created',
    async run({ open, topic, group, eventually }) {
      const log = await open();
      const name = await topic(log);
      const id = group();
      await log.append(numbered(name, keyOn(log, 2), 3));
      await expectRefused(log, reading({ group: id, topic: name }), 'log.offset-missing');
      await eventually(() => log.createGroup(id, name));
      const follower = await follow(log, { group: id, topic: name });
      await eventually(() => {
        expect(valuesOf(follower.records())).toEqual(['0', '1', '2']);
      });
    },
  },
  {
    name: 'creating a group again does not move what it committed',
    async run({ open, topic, group, eventually }) {
      const log = await open();
      const name = await topic(log);
      const id = group();
      await log.createGroup(id, name);
      const follower = await follow(log, { group: id, topic: name });
      await log.append(numbered(name, keyOn(log, 0), 3));
      await eventually(() => expectNoLag(log, id, name));
      await follower.consumer.stop();
      const before = await log.lag(id, name);
      await log.createGroup(id, name);
      expect(await log.lag(id, name)).toEqual(before);
      expect(before[0]?.committed).toBeGreaterThan(0);
    },
  },
  {
    name: 'a committed offset that the log does not hold stops the consumer',
    async run({ open, topic, group, harness }) {
      const log = await open();
      const name = await topic(log);
      const [ahead, behind] = [group(), group()];
      await log.append(numbered(name, keyOn(log, 0), 10));
      await log.createGroup(ahead, name);
      await log.createGroup(behind, name);
      const start = await startOf(log, name, 0);
      await harness.setCommitted(ahead, name, 0, start + 1_000);
      await expectRefused(log, reading({ group: ahead, topic: name }), 'log.offset-out-of-range');
      await harness.truncate(name, 0, start + 5);
      expect(await startOf(log, name, 0)).toBe(start + 5);
      await expectRefused(log, reading({ group: behind, topic: name }), 'log.offset-out-of-range');
    },
  },
  {
    name: 'slices are bounded by records, follow one another, and come one at a time',
    async run({ open, topic, group, eventually }) {
      const log = await open();
      const name = await topic(log);
      const id = group();
      await log.createGroup(id, name);
      await log.append(numbered(name, keyOn(log, 0), 25));
      let inProcess = 0;
      let inProcessMax = 0;
      const follower = await follow(log, { group: id, topic: name, sliceRecordsMax: 10 }, async (slice, assignment) => {
        inProcess += 1;
        inProcessMax = Math.max(inProcessMax, inProcess);
        await sleep(10);
        await assignment.commit([], slice.nextOffset);
        inProcess -= 1;
      });
      await eventually(() => {
        expect(follower.records()).toHaveLength(25);
      });
      expect(valuesOf(follower.records())).toEqual(Array.from({ length: 25 }, (_, index) => String(index)));
      expect(Math.max(...follower.slices.map(({ records }) => records.length))).toBeLessThanOrEqual(10);
      expect(inProcessMax).toBe(1);
      let position = follower.assignments.find(({ partition }) => partition === 0)?.startOffset ?? Number.NaN;
      for (const { records, nextOffset } of follower.slices) {
        expect(records[0]?.offset ?? position).toBeGreaterThanOrEqual(position);
        expect(nextOffset).toBeGreaterThan(records.at(-1)?.offset ?? position);
        position = nextOffset;
      }
    },
  },
  {
    name: 'slices are bounded by bytes; a larger record is a slice of its own',
    async run({ open, topic, group, eventually }) {
      const log = await open();
      const name = await topic(log);
      const id = group();
      await log.createGroup(id, name);
      const key = keyOn(log, 0);
      const sizes = [400, 400, 400, 5_000, 100, 100, 900];
      await log.append(sizes.map((size) => record(name, key, 'x'.repeat(size))));
      const follower = await follow(log, { group: id, topic: name, sliceBytesMax: 1_100 });
      await eventually(() => {
        expect(follower.records()).toHaveLength(sizes.length);
      });
      expect(follower.records().map(({ value }) => value.length)).toEqual(sizes);
      for (const { records } of follower.slices)
        if (records.length > 1)
          expect(records.reduce((bytes, each) => bytes + recordBytes(each), 0)).toBeLessThanOrEqual(1_100);
    },
  },
  {
    name: 'offsets alone: a restarted consumer goes on after what it committed; outputs are refused',
    async run({ open, topic, group, eventually }) {
      const [log, other] = [await open(), await open()];
      const name = await topic(log);
      const options = { group: group(), topic: name, transactional: false };
      const refusals: unknown[] = [];
      const first = await follow(log, options, async (slice, assignment) => {
        await assignment.commit([record(name, 'k', 'no')], slice.nextOffset).catch((caught: unknown) => {
          refusals.push(caught);
        });
        await assignment.commit([], slice.nextOffset);
      });
      await log.append(numbered(name, keyOn(log, 1), 4));
      await eventually(() => expectNoLag(log, options.group, name));
      await first.consumer.stop();
      expect(refusals.length).toBeGreaterThan(0);
      await log.append(numbered(name, keyOn(log, 1), 3, 4));
      const second = await follow(other, options);
      await eventually(() => {
        expect(valuesOf(second.records())).toEqual(['4', '5', '6']);
      });
      expect(valuesOf(first.records())).toEqual(['0', '1', '2', '3']);
    },
  },
  {
    name: 'a `retry` error gives the same records again in the same assignment',
    async run({ open, topic, group, eventually }) {
      const log = await open();
      const name = await topic(log);
      let failures = 0;
      const follower = await follow(log, { group: group(), topic: name }, async (slice, assignment) => {
        if (failures < 2) {
          failures += 1;
          throw new OperatingError('database.unavailable');
        }
        await assignment.commit([], slice.nextOffset);
      });
      await log.append([record(name, keyOn(log, 0), 'again')]);
      await eventually(() => {
        expect(valuesOf(follower.records())).toEqual(['again', 'again', 'again']);
      });
      expect(follower.assignments.filter(({ partition }) => partition === 0)).toHaveLength(1);
    },
  },
  {
    name: 'a `yield` error ends the assignment; the next one gives the records again',
    async run({ open, topic, group, eventually }) {
      const log = await open();
      const name = await topic(log);
      let yielded = false;
      const follower = await follow(log, { group: group(), topic: name }, async (slice, assignment) => {
        if (!yielded) {
          yielded = true;
          throw new OperatingError('record.unknown-type');
        }
        await assignment.commit([], slice.nextOffset);
      });
      await log.append([record(name, keyOn(log, 0), 'again')]);
      await eventually(() => {
        expect(valuesOf(follower.records())).toEqual(['again', 'again']);
      });
      const [first, second] = follower.assignments.filter(({ partition }) => partition === 0);
      expect(first?.lost.aborted).toBe(true);
      expect(second?.lost.aborted).toBe(false);
    },
  },
  {
    name: 'any other error stops the consumer with that error, and others can take its partitions',
    async run({ open, topic, group, eventually }) {
      const [log, other] = [await open(), await open()];
      const name = await topic(log);
      const id = group();
      const defect = new Error('a defect');
      const follower = await follow(log, { group: id, topic: name }, () => Promise.reject(defect));
      await log.append([record(name, keyOn(log, 0), 'kept')]);
      await expect(follower.consumer.finished).rejects.toBe(defect);
      expect(follower.consumer.owned()).toEqual([]);
      expect(follower.assignments.every(({ lost }) => lost.aborted)).toBe(true);
      const second = await follow(other, { group: id, topic: name });
      await eventually(() => {
        expect(valuesOf(second.records())).toEqual(['kept']);
      });
    },
  },
  {
    name: 'stop lets the slice in process finish, gives everything back, and may be called twice',
    async run({ open, topic, group, eventually }) {
      const log = await open();
      const name = await topic(log);
      const id = group();
      const hold = gate();
      const follower = await follow(log, { group: id, topic: name }, async (slice, assignment) => {
        await hold.passed;
        await assignment.commit([], slice.nextOffset);
      });
      await log.append(numbered(name, keyOn(log, 0), 3));
      await eventually(() => {
        expect(follower.slices.length).toBeGreaterThan(0);
      });
      const stopped = Promise.all([follower.consumer.stop(), follower.consumer.stop()]);
      await sleep(50);
      hold.open();
      await stopped;
      await follower.consumer.finished;
      expect(follower.consumer.owned()).toEqual([]);
      expect(follower.assignments.every(({ lost }) => lost.aborted)).toBe(true);
      const consumed = follower.records().length;
      expect((await log.lag(id, name))[0]?.committed).toBe(follower.slices.at(-1)?.nextOffset);
      await log.append(numbered(name, keyOn(log, 0), 2));
      await sleep(300);
      expect(follower.records()).toHaveLength(consumed);
    },
  },
  {
    name: 'closing the log stops its consumers',
    async run({ open, topic, group }) {
      const log = await open();
      const name = await topic(log);
      const follower = await follow(log, { group: group(), topic: name });
      await log.close();
      await follower.consumer.finished;
      expect(follower.assignments.every(({ lost }) => lost.aborted)).toBe(true);
    },
  },
];
