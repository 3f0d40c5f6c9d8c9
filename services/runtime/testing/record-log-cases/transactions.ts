/** Promises about `Assignment.commit`: outputs and offset together or not at all. */
import { expect } from 'vitest';

import { OperatingError } from '#runtime/errors.ts';
import { recordBytesMax } from '#runtime/log/record-size.ts';

import type { ContractCase } from './case.ts';
import { expectCode, expectNoLag, follow, gate, keyOn, numbered, readAll, record, startOf, valuesOf } from './case.ts';

/** Transaction cases. */
export const transactionCases: readonly ContractCase[] = [
  {
    name: 'outputs are not seen before the commit, and then together with the offset',
    async run({ open, topic, group, eventually }) {
      const [log, other] = [await open(), await open()];
      const [source, target] = [await topic(log), await topic(log)];
      const id = group();
      const hold = gate();
      let prepared = false;
      await follow(log, { group: id, topic: source }, (slice, assignment) =>
        assignment.commit(numbered(target, keyOn(log, 1), 3), slice.nextOffset, async () => {
          prepared = true;
          await hold.passed;
        }),
      );
      await log.append([record(source, keyOn(log, 0), 'in')]);
      await eventually(() => {
        expect(prepared).toBe(true);
      });
      expect(await readAll(other, target)).toEqual([]);
      expect((await other.ends(target))[1]?.stableEnd).toBe(await startOf(other, target, 1));
      expect((await other.lag(id, source))[0]?.lag).toBeGreaterThan(0);
      hold.open();
      await eventually(() => expectNoLag(other, id, source));
      expect(valuesOf(await readAll(other, target))).toEqual(['0', '1', '2']);
    },
  },
  {
    name: 'when `prepare` throws nothing is committed and the assignment can go on',
    async run({ open, topic, group, eventually }) {
      const log = await open();
      const [source, target] = [await topic(log), await topic(log)];
      const id = group();
      const refusal = new Error('not now');
      const seen: unknown[] = [];
      const follower = await follow(log, { group: id, topic: source }, async (slice, assignment) => {
        const refused = assignment.commit([record(target, 'k', 'aborted')], slice.nextOffset, () =>
          Promise.reject(refusal),
        );
        seen.push(await refused.catch((caught: unknown) => caught));
        seen.push((await log.lag(id, source))[0]?.lag);
        await assignment.commit([record(target, 'k', 'committed')], slice.nextOffset);
      });
      await log.append([record(source, keyOn(log, 0), 'in')]);
      await eventually(() => expectNoLag(log, id, source));
      expect(seen[0]).toBe(refusal);
      expect(seen[1]).toBe(1);
      expect(valuesOf(await readAll(log, target))).toEqual(['committed']);
      expect(follower.assignments.every(({ lost }) => !lost.aborted)).toBe(true);
    },
  },
  {
    name: 'an output over the size limit fails the commit alone',
    async run({ open, topic, group, eventually }) {
      const log = await open();
      const [source, target] = [await topic(log), await topic(log)];
      const id = group();
      let refused: unknown;
      await follow(log, { group: id, topic: source }, async (slice, assignment) => {
        const large = { topic: target, key: 'k', value: Buffer.alloc(recordBytesMax + 1), headers: {} };
        refused = await assignment
          .commit([record(target, 'k', 'beside'), large], slice.nextOffset)
          .catch((caught: unknown) => caught);
        await assignment.commit([record(target, 'k', 'small')], slice.nextOffset);
      });
      await log.append([record(source, keyOn(log, 0), 'in')]);
      await eventually(() => expectNoLag(log, id, source));
      expect(refused).toMatchObject({ code: 'log.record-too-large' });
      expect(valuesOf(await readAll(log, target))).toEqual(['small']);
    },
  },
  {
    name: 'records of transactions that were given up are never consumed, and are passed over',
    async run({ open, topic, group, eventually }) {
      const log = await open();
      const [source, target] = [await topic(log), await topic(log)];
      const [copier, reader] = [group(), group()];
      let attempt = 0;
      await follow(log, { group: copier, topic: source, sliceRecordsMax: 1 }, async (slice, assignment) => {
        attempt += 1;
        const outputs = slice.records.map(({ key, value, headers }) => ({ topic: target, key, value, headers }));
        const prepare =
          attempt % 2 === 1 ? () => Promise.reject(new OperatingError('database.unavailable')) : undefined;
        await assignment.commit(outputs, slice.nextOffset, prepare);
      });
      const follower = await follow(log, { group: reader, topic: target });
      await log.append(numbered(source, keyOn(log, 0), 5));
      await eventually(() => expectNoLag(log, copier, source));
      await eventually(() => expectNoLag(log, reader, target));
      expect(valuesOf(follower.records())).toEqual(['0', '1', '2', '3', '4']);
      expect(valuesOf(await readAll(log, target))).toEqual(['0', '1', '2', '3', '4']);
    },
  },
  {
    name: 'outputs go to the partitions of their keys, of several topics, in the order given',
    async run({ open, topic, group, eventually }) {
      const log = await open();
      const [source, left, right] = [await topic(log), await topic(log), await topic(log)];
      const id = group();
      const outputs = Array.from({ length: 40 }, (_, index) =>
        record(index % 3 === 0 ? left : right, `key-${index % 6}`, String(index)),
      );
      await follow(log, { group: id, topic: source }, (slice, assignment) =>
        assignment.commit(outputs, slice.nextOffset),
      );
      await log.append([record(source, keyOn(log, 0), 'in')]);
      await eventually(() => expectNoLag(log, id, source));
      for (const name of [left, right]) {
        const seen = await readAll(log, name);
        expect(seen).toHaveLength(outputs.filter((output) => output.topic === name).length);
        for (let partition = 0; partition < log.partitionCount; partition += 1)
          expect(valuesOf(seen.filter((logged) => logged.partition === partition))).toEqual(
            outputs
              .filter((output) => output.topic === name && log.partitionOf(output.key) === partition)
              .map(({ value }) => value.toString()),
          );
      }
    },
  },
  {
    name: 'a commit that lost its answer but took effect is over; the next assignment starts after it',
    needs: 'loseNextAnswer',
    run: (context) => lostAnswer(context, 'applied'),
  },
  {
    name: 'a commit that lost its answer and its effect is over; the next assignment gives the records again',
    needs: 'loseNextAnswer',
    run: (context) => lostAnswer(context, 'lost'),
  },
];

const lostAnswer = async (
  { harness, open, topic, group, eventually }: Parameters<ContractCase['run']>[0],
  outcome: 'applied' | 'lost',
): Promise<void> => {
  const log = await open();
  const [source, target] = [await topic(log), await topic(log)];
  const id = group();
  const caughtInCommit: unknown[] = [];
  let staged = false;
  const follower = await follow(log, { group: id, topic: source }, async (slice, assignment) => {
    if (!staged) {
      staged = true;
      harness.loseNextAnswer?.(log, outcome);
    }
    const outputs = slice.records.map(({ key, value, headers }) => ({ topic: target, key, value, headers }));
    try {
      await assignment.commit(outputs, slice.nextOffset);
    } catch (caught) {
      caughtInCommit.push(caught);
      expect(assignment.lost.aborted).toBe(true);
      await expectCode(assignment.commit(outputs, slice.nextOffset), 'log.fenced');
      throw caught;
    }
  });
  await log.append([record(source, keyOn(log, 0), 'first')]);
  await eventually(() => {
    expect(caughtInCommit).toHaveLength(1);
  });
  expect(caughtInCommit[0]).toMatchObject({ code: 'log.outcome-unknown' });
  await log.append([record(source, keyOn(log, 0), 'second')]);
  await eventually(() => expectNoLag(log, id, source));
  expect(valuesOf(await readAll(log, target))).toEqual(['first', 'second']);
  const [first, second] = follower.assignments.filter(({ partition }) => partition === 0);
  expect(second?.startOffset).toBe(outcome === 'applied' ? (first?.startOffset ?? Number.NaN) + 1 : first?.startOffset);
};
