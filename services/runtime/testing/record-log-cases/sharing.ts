/** Promises about several consumers of one group: every partition has one owner, and nothing is lost or doubled as they change. */
import { setTimeout as sleep } from 'node:timers/promises';

import { expect } from 'vitest';

import type { RecordLog } from '#runtime/log/record-log.ts';

import type { ContractCase, Follower, OnSlice } from './case.ts';
import { copyingTo, expectNoLag, follow, numbered, readAll, record, valuesOf } from './case.ts';

/** Asserts that the followers own every partition once, and share them as evenly as they can. */
function expectShared(log: RecordLog, followers: readonly Follower[]): void {
  const owned = followers.map(({ consumer }) => consumer.owned());
  expect(owned.flat().sort()).toEqual(Array.from({ length: log.partitionCount }, (_, partition) => partition));
  for (const each of owned) {
    expect(each.length).toBeGreaterThanOrEqual(Math.floor(log.partitionCount / followers.length));
    expect(each.length).toBeLessThanOrEqual(Math.ceil(log.partitionCount / followers.length));
  }
}

/** Sharing cases. */
export const sharingCases: readonly ContractCase[] = [
  {
    name: 'consumers share the partitions evenly as they join, stop and crash',
    async run({ open, topic, group, eventually, sever }) {
      const [log, second, third] = [await open(), await open(), await open()];
      const name = await topic(log);
      const options = { group: group(), topic: name };
      const a = await follow(log, options);
      expectShared(log, [a]);
      const b = await follow(second, options);
      await eventually(() => {
        expectShared(log, [a, b]);
      });
      const c = await follow(third, options);
      await eventually(() => {
        expectShared(log, [a, b, c]);
      });
      await c.consumer.stop();
      await eventually(() => {
        expectShared(log, [a, b]);
      });
      await sever(second);
      await eventually(() => {
        expectShared(log, [a]);
      });
      await log.append(Array.from({ length: 20 }, (_, index) => record(name, `key-${index}`, String(index))));
      await eventually(() => expectNoLag(log, options.group, name));
      expect(new Set(valuesOf(a.records())).size).toBe(20);
    },
  },
  {
    name: 'groups read independently of one another',
    async run({ open, topic, group, eventually }) {
      const log = await open();
      const name = await topic(log);
      const followers = [
        await follow(log, { group: group(), topic: name }),
        await follow(log, { group: group(), topic: name, transactional: false }),
      ];
      await log.append(numbered(name, 'k', 5));
      await eventually(() => {
        for (const each of followers) expect(valuesOf(each.records())).toEqual(['0', '1', '2', '3', '4']);
      });
    },
  },
  {
    name: 'copied by consumers that join, stop and crash, every record is there once and in order',
    async run({ open, topic, group, eventually, sever }) {
      const main = await open();
      const [source, target] = [await topic(main), await topic(main)];
      const options = { group: group(), topic: source, sliceRecordsMax: 5 };
      const keys = Array.from({ length: 12 }, (_, index) => `key-${index}`);
      const perKey = 40;
      const copySlowly: OnSlice = async (slice, assignment) => {
        await sleep(5);
        await copyingTo(target)(slice, assignment);
      };
      await main.createGroup(options.group, source);
      const producing = (async () => {
        for (let index = 0; index < perKey; index += 1) {
          await main.append(keys.map((key) => record(source, key, `${key}:${index}`)));
          await sleep(10);
        }
      })();
      const copiedAtLeast = async (count: number): Promise<void> => {
        expect((await readAll(main, target)).length).toBeGreaterThanOrEqual(count);
      };

      const [first, second, third, fourth] = [await open(), await open(), await open(), await open()];
      await follow(first, options, copySlowly);
      await eventually(() => copiedAtLeast(20));
      const stopping = await follow(second, options, copySlowly);
      await follow(third, options, copySlowly);
      await eventually(() => copiedAtLeast(80));
      await sever(first);
      await follow(fourth, options, copySlowly);
      await stopping.consumer.stop();
      await producing;
      await eventually(() => expectNoLag(main, options.group, source));

      const copied = await readAll(main, target);
      for (const key of keys)
        expect(valuesOf(copied.filter((logged) => logged.key === key))).toEqual(
          Array.from({ length: perKey }, (_, index) => `${key}:${index}`),
        );
      expect(copied).toHaveLength(keys.length * perKey);
    },
  },
];
