/** Promises about `readRange`, `offsetForTime`, `ends` and `lag`. */
import { setTimeout as sleep } from 'node:timers/promises';

import { expect } from 'vitest';

import type { LoggedRecord, Range, RecordLog } from '#runtime/log/record-log.ts';

import type { ContractCase } from './case.ts';
import { copyingTo, expectNoLag, follow, keyOn, numbered, readAll, record, valuesOf } from './case.ts';

async function rangeOf(log: RecordLog, range: Range): Promise<LoggedRecord[]> {
  const records: LoggedRecord[] = [];
  for await (const batch of log.readRange(range)) records.push(...batch);
  return records;
}

/** Reading cases. */
export const readingCases: readonly ContractCase[] = [
  {
    name: 'a range starts at `from`, stops before `to`, and holds one partition only',
    async run({ open, topic }) {
      const log = await open();
      const name = await topic(log);
      const positions = await log.append(numbered(name, keyOn(log, 1), 10));
      await log.append(numbered(name, keyOn(log, 2), 5));
      const offset = (index: number): number => positions[index]?.offset ?? Number.NaN;
      const partition = 1;
      const values = async (from: number, to?: number): Promise<string[]> =>
        valuesOf(
          await rangeOf(
            log,
            to === undefined ? { topic: name, partition, from } : { topic: name, partition, from, to },
          ),
        );
      expect(await values(offset(3), offset(6))).toEqual(['3', '4', '5']);
      expect(await values(offset(8))).toEqual(['8', '9']);
      expect(await values(offset(4), offset(4))).toEqual([]);
      expect(await values(offset(9) + 1)).toEqual([]);
      expect(await values(0, offset(0))).toEqual([]);
      // `to` beyond the end does not wait for what is not there yet.
      expect(await values(offset(9), offset(9) + 1_000)).toEqual(['9']);
    },
  },
  {
    name: 'a large range comes whole, in order, in several batches',
    async run({ open, topic }) {
      const log = await open();
      const name = await topic(log);
      const count = 3_000;
      const padding = 'x'.repeat(2_000);
      for (let from = 0; from < count; from += 500)
        await log.append(
          Array.from({ length: 500 }, (_, index) => record(name, keyOn(log, 0), `${from + index}:${padding}`)),
        );
      let batches = 0;
      const seen: number[] = [];
      for await (const batch of log.readRange({ topic: name, partition: 0, from: 0 })) {
        expect(batch.length).toBeGreaterThan(0);
        batches += 1;
        seen.push(...batch.map(({ value }) => Number.parseInt(value.toString())));
      }
      expect(seen).toEqual(Array.from({ length: count }, (_, index) => index));
      expect(batches).toBeGreaterThan(1);
    },
  },
  {
    name: 'a range may be left early and read twice',
    async run({ open, topic }) {
      const log = await open();
      const name = await topic(log);
      await log.append(numbered(name, keyOn(log, 0), 50));
      for await (const batch of log.readRange({ topic: name, partition: 0, from: 0 })) {
        expect(batch[0]?.value.toString()).toBe('0');
        break;
      }
      expect(await readAll(log, name, 0)).toHaveLength(50);
    },
  },
  {
    name: 'the offset for a time is that of the first record at or after it, else the stable end',
    async run({ open, topic }) {
      const log = await open();
      const name = await topic(log);
      const key = keyOn(log, 3);
      for (const value of ['a', 'b', 'c']) {
        await log.append([record(name, key, value)]);
        await sleep(15);
      }
      const records = await readAll(log, name, 3);
      const [first, , last] = records;
      for (const { timestamp, offset } of records) expect(await log.offsetForTime(name, 3, timestamp)).toBe(offset);
      expect(await log.offsetForTime(name, 3, 0)).toBe(first?.offset);
      expect(await log.offsetForTime(name, 3, (records[1]?.timestamp ?? 0) + 1)).toBe(last?.offset);
      const end = (await log.ends(name)).find(({ partition }) => partition === 3)?.stableEnd;
      expect(await log.offsetForTime(name, 3, Date.now() + 3_600_000)).toBe(end);
      // A partition without records.
      expect(await log.offsetForTime(name, 2, 0)).toBe(0);
    },
  },
  {
    name: 'ends grow with what is appended',
    async run({ open, topic }) {
      const log = await open();
      const name = await topic(log);
      const partitions = Array.from({ length: log.partitionCount }, (_, partition) => partition);
      expect(await log.ends(name)).toEqual(partitions.map((partition) => ({ partition, start: 0, stableEnd: 0 })));
      const positions = await log.append(numbered(name, keyOn(log, 2), 4));
      const ends = await log.ends(name);
      expect(ends.map(({ partition }) => partition)).toEqual(partitions);
      expect(ends[2]?.stableEnd).toBeGreaterThan(positions[3]?.offset ?? Number.NaN);
      expect(ends[1]?.stableEnd).toBe(0);
    },
  },
  {
    name: 'lag is told for a group that never committed and for one that fell behind',
    async run({ open, topic, group, eventually }) {
      const log = await open();
      const name = await topic(log);
      const id = group();
      const never = await log.lag(id, name);
      expect(never.map(({ committed }) => committed)).toEqual(never.map(() => null));
      const follower = await follow(log, { group: id, topic: name });
      await log.append(numbered(name, keyOn(log, 1), 5));
      await eventually(() => expectNoLag(log, id, name));
      await follower.consumer.stop();
      await log.append(numbered(name, keyOn(log, 1), 7));
      const behind = (await log.lag(id, name))[1];
      expect(behind?.lag).toBe(7);
      expect(behind?.lag).toBe((behind?.stableEnd ?? 0) - (behind?.committed ?? 0));
    },
  },
  {
    name: 'no lag remains when all is consumed, markers of transactions included',
    async run({ open, topic, group, eventually }) {
      const log = await open();
      const [source, target] = [await topic(log), await topic(log)];
      const [copier, reader] = [group(), group()];
      await follow(log, { group: copier, topic: source, sliceRecordsMax: 3 }, copyingTo(target));
      const follower = await follow(log, { group: reader, topic: target, transactional: false });
      await log.append(numbered(source, keyOn(log, 0), 10));
      await eventually(() => {
        expect(valuesOf(follower.records())).toHaveLength(10);
      });
      await eventually(() => expectNoLag(log, copier, source));
      await eventually(() => expectNoLag(log, reader, target));
      expect(valuesOf(await readAll(log, target))).toEqual(valuesOf(await readAll(log, source)));
    },
  },
];
