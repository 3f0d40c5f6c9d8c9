/** Promises about `append`, `createTopics`, `partitionOf`, `ping` and `close`. */
import { expect } from 'vitest';

import { partitionOfKey } from '#runtime/log/partitioner.ts';
import type { RecordPosition } from '#runtime/log/record-log.ts';
import { recordBytesMax } from '#runtime/log/record-size.ts';

import type { ContractCase } from './case.ts';
import { expectCode, keyOn, numbered, readAll, record, valuesOf } from './case.ts';

const keysHundred = Array.from({ length: 100 }, (_, index) => `key-${index}`);

/** Appending cases. */
export const appendingCases: readonly ContractCase[] = [
  {
    name: 'a record goes to the partition that Kafka would choose for its key',
    async run({ open, topic }) {
      const log = await open();
      const name = await topic(log);
      const positions = await log.append(keysHundred.map((key) => record(name, key, 'v')));
      const expected = keysHundred.map((key) => partitionOfKey(key, log.partitionCount));
      expect(keysHundred.map((key) => log.partitionOf(key))).toEqual(expected);
      expect(positions.map(({ partition }) => partition)).toEqual(expected);
      for (const logged of await readAll(log, name))
        expect(logged.partition).toBe(partitionOfKey(logged.key, log.partitionCount));
    },
  },
  {
    name: 'what was appended is seen by another handle, in the order given, at the positions told',
    async run({ open, topic }) {
      const [log, other] = [await open(), await open()];
      const name = await topic(log);
      const sent = Array.from({ length: 60 }, (_, index) => record(name, `key-${index % 7}`, String(index)));
      const positions = [...(await log.append(sent.slice(0, 30))), ...(await log.append(sent.slice(30)))];
      for (let partition = 0; partition < log.partitionCount; partition += 1) {
        const expected = sent.flatMap(({ value }, index) => {
          const position = positions[index];
          return position?.partition === partition ? [{ offset: position.offset, value: value.toString() }] : [];
        });
        const seen = await readAll(other, name, partition);
        expect(seen.map(({ offset, value }) => ({ offset, value: value.toString() }))).toEqual(expected);
        expectGrowing(seen);
      }
    },
  },
  {
    name: 'one call may append to several topics; an empty call appends nothing',
    async run({ open, topic }) {
      const log = await open();
      const [first, second] = [await topic(log), await topic(log)];
      expect(await log.append([])).toEqual([]);
      const positions = await log.append([record(first, 'k', 'a'), record(second, 'k', 'b'), record(first, 'k', 'c')]);
      expect(positions.map((position) => position.topic)).toEqual([first, second, first]);
      expect(valuesOf(await readAll(log, first))).toEqual(['a', 'c']);
      expect(valuesOf(await readAll(log, second))).toEqual(['b']);
    },
  },
  {
    name: 'concurrent appends of several handles all arrive, each once, at positions of their own',
    async run({ open, topic }) {
      const logs = [await open(), await open()];
      const name = await topic(await open());
      const calls = Array.from({ length: 200 }, (_, index) => index);
      const positions = await Promise.all(
        calls.map((index) => {
          const log = logs[index % logs.length];
          if (log === undefined) throw new Error('no log');
          return log.append([
            record(name, `key-${index % 5}`, `${index}a`),
            record(name, `key-${index % 5}`, `${index}b`),
          ]);
        }),
      );
      const [log] = logs;
      if (log === undefined) throw new Error('no log');
      const records = await readAll(log, name);
      const at = (position: RecordPosition | undefined) =>
        records.find(({ partition, offset }) => partition === position?.partition && offset === position.offset);
      expect(records).toHaveLength(400);
      calls.forEach((index) => {
        const [first, second] = positions[index] ?? [];
        expect(at(first)?.value.toString()).toBe(`${index}a`);
        expect(at(second)?.value.toString()).toBe(`${index}b`);
        expect(first?.offset).toBeLessThan(second?.offset ?? -1);
      });
    },
  },
  {
    name: 'key, value and headers come back as they were, whatever bytes they hold',
    async run({ open, topic }) {
      const log = await open();
      const name = await topic(log);
      const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      const before = Date.now();
      await log.append([
        { topic: name, key: 'same', value: everyByte, headers: { 'ce-type': 'ação 😀 "quoted" \\ {}', empty: '' } },
        { topic: name, key: 'same', value: new Uint8Array(0), headers: {} },
        // A view into a larger buffer: only its own part counts.
        { topic: name, key: 'same', value: everyByte.subarray(10, 13), headers: { a: '1', b: '2' } },
      ]);
      const [first, second, third] = await readAll(log, name);
      expect(first?.key).toBe('same');
      expect(first?.value.equals(everyByte)).toBe(true);
      expect(Buffer.isBuffer(first?.value)).toBe(true);
      expect(first?.headers).toEqual({ 'ce-type': 'ação 😀 "quoted" \\ {}', empty: '' });
      expect(second?.value).toHaveLength(0);
      expect(second?.headers).toEqual({});
      expect([...(third?.value ?? [])]).toEqual([10, 11, 12]);
      expect(third?.headers).toEqual({ a: '1', b: '2' });
      expect(Math.abs((first?.timestamp ?? 0) - before)).toBeLessThan(60_000);
    },
  },
  {
    name: 'a record at the size limit is taken; one over it is refused with its whole call',
    async run({ open, topic }) {
      const log = await open();
      const name = await topic(log);
      const largest = { topic: name, key: 'k', value: Buffer.alloc(recordBytesMax - 1, 7), headers: {} };
      await log.append([largest]);
      await expectCode(
        log.append([record(name, 'k', 'small'), { ...largest, value: Buffer.alloc(recordBytesMax) }]),
        'log.record-too-large',
      );
      const records = await readAll(log, name);
      expect(records).toHaveLength(1);
      expect(records[0]?.value.equals(largest.value)).toBe(true);
    },
  },
  {
    name: 'topics are created once, by however many handles; another partition count is refused',
    async run({ open, topic }) {
      const [log, other] = [await open(), await open()];
      const name = await topic(log);
      await log.append([record(name, 'k', 'kept')]);
      await Promise.all([log.createTopics([name, `${name}.b`]), other.createTopics([`${name}.b`, name])]);
      expect(valuesOf(await readAll(other, name))).toEqual(['kept']);
      expect(await log.ends(`${name}.b`)).toHaveLength(log.partitionCount);
      const wider = await open({ partitionCount: log.partitionCount * 2 });
      await expectCode(wider.createTopics([name]), 'config.invalid');
    },
  },
  {
    name: 'ping tells whether the log can be reached',
    async run({ open, sever }) {
      const log = await open();
      await log.ping();
      await sever(log);
      await expectCode(log.ping(), 'log.unavailable');
    },
  },
  {
    name: 'close may be called twice, and nothing is appended after it',
    async run({ open, topic }) {
      const [log, other] = [await open(), await open()];
      const name = await topic(log);
      await log.append(numbered(name, keyOn(log, 0), 3));
      await Promise.all([log.close(), log.close()]);
      await log.close();
      await expect(log.append([record(name, 'k', 'late')])).rejects.toThrow();
      expect(await readAll(other, name)).toHaveLength(3);
    },
  },
];

function expectGrowing(records: readonly RecordPosition[]): void {
  const offsets = records.map(({ offset }) => offset);
  expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
}
