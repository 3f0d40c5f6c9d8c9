/** Promises about `readRange`, `offsetForTime`, `ends` and `lag`. */
import { setTimeout as sleep } from 'node:timers/promises';

import { expect } from 'vitest';

import { openLagMeter } from '#runtime/log/lag-meter.ts';
import type { LoggedRecord, Range, RecordLog } from '#runtime/log/record-log.ts';

import type { ContractCase } from './case.ts';
import { copyingTo, expectNoLag, follow, gate, keyOn, numbered, readAll, record, startOf, valuesOf } from './case.ts';

async function rangeOf(log: RecordLog, range: Range): Promise<LoggedRecord[]> {
  const records: LoggedRecord[] = [];
  for await (const batch of log.readRange(range)) records.push(...batch);
  return records;
}

/** Reading cases. */
export const readingCases: readonly ContractCase[] = [
  {
    name: 'lag in records and in the age of the oldest one, of each partition and group',
    async run({ open, topic, group, eventually }) {
      const log = await open();
      const name = await topic(log);
      const [reads, waits] = [group(), group()];
      for (const id of [reads, waits]) await log.createGroup(id, name);
      await log.append(numbered(name, keyOn(log, 0), 3));
      await sleep(20);
      await log.append([...numbered(name, keyOn(log, 0), 2), ...numbered(name, keyOn(log, 1), 1)]);
      const [oldest] = await rangeOf(log, { topic: name, partition: 0, from: await startOf(log, name, 0) });
      const now = (oldest?.timestamp ?? 0) + 5_000;
      const groups = [reads, waits].map((id) => ({ group: id, topic: name }));
      const meter = openLagMeter(log, groups, () => now);
      const lagOf = async (id: string) => (await meter.measure()).filter((lag) => lag.group === id);
      const waiting = await lagOf(waits);
      expect(waiting.map(({ lag }) => lag)).toEqual([5, 1, 0, 0]);
      expect(waiting[0]?.seconds).toBe(5);
      expect(waiting[1]?.seconds).toBeGreaterThan(4);
      expect(waiting[1]?.seconds).toBeLessThan(5);
      expect(waiting.slice(2).map(({ seconds }) => seconds)).toEqual([0, 0]);
      await follow(log, { group: reads, topic: name });
      await eventually(() => expectNoLag(log, reads, name));
      expect((await lagOf(reads)).map(({ lag, seconds }) => [lag, seconds])).toEqual(waiting.map(() => [0, 0]));
      expect(await lagOf(waits)).toEqual(waiting);
    },
  },
  {
    name: 'what an open transaction wrote, and what was written after it, is no lag before it is decided',
    needs: 'holdNextCommit',
    async run({ harness, open, topic, group, eventually }) {
      const [log, other] = [await open(), await open()];
      const [source, target] = [await topic(log), await topic(log)];
      const [copies, waits] = [group(), group()];
      await other.createGroup(waits, target);
      const meter = openLagMeter(other, [{ group: waits, topic: target }], () => Date.now() + 60_000);
      const waiting = async () => (await meter.measure()).map(({ lag, seconds }) => [lag > 0, seconds > 0]);
      const none = [false, false];
      await follow(log, { group: copies, topic: source }, (slice, assignment) =>
        assignment.commit(numbered(target, keyOn(log, 1), 3), slice.nextOffset),
      );
      // Not sooner: taking a partition over may commit, too.
      const hold = gate();
      const held = harness.holdNextCommit?.(log, hold.passed);
      await log.append([record(source, keyOn(log, 0), 'in')]);
      await held;
      // It may have to wait for the transaction.
      const later = other.append([record(target, keyOn(log, 1), 'later')]);
      await sleep(100);
      expect(await waiting()).toEqual([none, none, none, none]);
      hold.open();
      await later;
      await eventually(async () => {
        expect(await waiting()).toEqual([none, [true, true], none, none]);
      });
      expect(valuesOf(await readAll(other, target))).toEqual(['0', '1', '2', 'later']);
    },
  },
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
      for await (const batch of log.readRange({ topic: name, partition: 0, from: await startOf(log, name, 0) })) {
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
      for await (const batch of log.readRange({ topic: name, partition: 0, from: await startOf(log, name, 0) })) {
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
      expect(await log.offsetForTime(name, 2, 0)).toBe(await startOf(log, name, 2));
    },
  },
  {
    name: 'ends grow with what is appended',
    async run({ open, topic }) {
      const log = await open();
      const name = await topic(log);
      const partitions = Array.from({ length: log.partitionCount }, (_, partition) => partition);
      const start = await startOf(log, name, 0);
      expect(await log.ends(name)).toEqual(partitions.map((partition) => ({ partition, start, stableEnd: start })));
      const positions = await log.append(numbered(name, keyOn(log, 2), 4));
      const ends = await log.ends(name);
      expect(ends.map(({ partition }) => partition)).toEqual(partitions);
      expect(ends[2]?.stableEnd).toBeGreaterThan(positions[3]?.offset ?? Number.NaN);
      expect(ends[1]?.stableEnd).toBe(start);
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
