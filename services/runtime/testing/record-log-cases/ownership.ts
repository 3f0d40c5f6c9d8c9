/** Promises about take-over: a later owner excludes the earlier one, and starts where that one truly ended. */
import { expect } from 'vitest';

import type { ContractCase } from './case.ts';
import {
  copyingTo,
  expectCode,
  expectNoLag,
  follow,
  gate,
  keyOn,
  numbered,
  readAll,
  record,
  valuesOf,
} from './case.ts';

/** Names of the cases that must fail when the named protection is taken out of an adapter. */
export const protectionCases = {
  fence: 'after a take-over the earlier owner can commit nothing',
  rereadAfterFence: 'a take-over during a commit starts where that commit truly ended',
} as const;

/** Ownership cases. */
export const ownershipCases: readonly ContractCase[] = [
  {
    name: 'after a crash the records since the last commit are given to another owner',
    async run({ open, topic, group, eventually, sever }) {
      const [log, other] = [await open(), await open()];
      const [source, target] = [await topic(log), await topic(log)];
      const id = group();
      const hold = gate();
      const first = await follow(log, { group: id, topic: source, sliceRecordsMax: 2 }, async (slice, assignment) => {
        if (slice.records.some(({ value }) => value.toString() === '2')) await hold.passed;
        await copyingTo(target)(slice, assignment);
      });
      await other.append(numbered(source, keyOn(other, 0), 2));
      await eventually(() => expectNoLag(other, id, source));
      await other.append(numbered(source, keyOn(other, 0), 4, 2));
      await eventually(() => {
        expect(valuesOf(first.records())).toContain('2');
      });
      await sever(log);
      const second = await follow(other, { group: id, topic: source }, copyingTo(target));
      await eventually(() => expectNoLag(other, id, source));
      hold.open();
      expect(valuesOf(second.records())).toEqual(['2', '3', '4', '5']);
      expect(valuesOf(await readAll(other, target))).toEqual(['0', '1', '2', '3', '4', '5']);
    },
  },
  {
    name: protectionCases.fence,
    async run({ harness, open, topic, group, eventually }) {
      const [log, other] = [await open(), await open()];
      const [source, target] = [await topic(log), await topic(log)];
      const id = group();
      const hold = gate();
      const outcomes: Promise<unknown>[] = [];
      const first = await follow(log, { group: id, topic: source }, async (slice, assignment) => {
        await hold.passed;
        const commit = assignment.commit([record(target, keyOn(log, 0), 'of the zombie')], slice.nextOffset);
        outcomes.push(commit.catch((caught: unknown) => caught));
        await commit;
      });
      await other.append([record(source, keyOn(other, 0), 'in')]);
      await eventually(() => {
        expect(first.records()).toHaveLength(1);
      });
      await harness.stall(log);
      const second = await follow(other, { group: id, topic: source }, (slice, assignment) =>
        assignment.commit([record(target, keyOn(log, 0), 'of the owner')], slice.nextOffset),
      );
      await eventually(() => {
        expect(second.records()).toHaveLength(1);
      });
      await eventually(() => expectNoLag(other, id, source));
      hold.open();
      await eventually(() => {
        expect(outcomes.length).toBeGreaterThan(0);
      });
      expect(await outcomes[0]).toMatchObject({ code: 'log.fenced' });
      const [lost] = first.assignments.filter(({ partition }) => partition === 0);
      expect(lost?.lost.aborted).toBe(true);
      if (lost !== undefined) await expectCode(lost.commit([], 1), 'log.fenced');
      expect(valuesOf(await readAll(other, target))).toEqual(['of the owner']);
      await other.append([record(source, keyOn(other, 0), 'more')]);
      await eventually(() => expectNoLag(other, id, source));
      expect(valuesOf(await readAll(other, target))).toEqual(['of the owner', 'of the owner']);
    },
  },
  {
    name: protectionCases.rereadAfterFence,
    async run({ harness, open, topic, group, eventually }) {
      const [log, other] = [await open(), await open()];
      const [source, target] = [await topic(log), await topic(log)];
      const id = group();
      const hold = gate();
      const outcomes: Promise<string>[] = [];
      let preparing = false;
      await follow(log, { group: id, topic: source, sliceRecordsMax: 3 }, async (slice, assignment) => {
        const outputs = slice.records.map(({ key, value, headers }) => ({ topic: target, key, value, headers }));
        const commit = assignment.commit(outputs, slice.nextOffset, async () => {
          preparing = true;
          await hold.passed;
        });
        outcomes.push(
          commit.then(
            () => 'committed',
            () => 'refused',
          ),
        );
        await commit;
      });
      await other.append(numbered(source, keyOn(other, 0), 3));
      await eventually(() => {
        expect(preparing).toBe(true);
      });
      await harness.stall(log);
      // The new owner begins to take over while the commit is under way, and either waits for it or refuses it.
      const joining = follow(other, { group: id, topic: source }, copyingTo(target));
      const released = new Promise((resolve) => setTimeout(resolve, Math.min(harness.patienceMs / 5, 3_000)));
      await released;
      hold.open();
      const second = await joining;
      await eventually(() => {
        expect(second.consumer.owned()).toContain(0);
      });
      // One record more, so that the end of the case is the end of the new owner's work.
      await other.append(numbered(source, keyOn(other, 0), 1, 3));
      await eventually(() => {
        expect(valuesOf(second.records())).toContain('3');
      });
      await eventually(() => expectNoLag(other, id, source));
      expect(valuesOf(await readAll(other, target))).toEqual(['0', '1', '2', '3']);
      const outcome = await outcomes[0];
      expect(valuesOf(second.records())).toEqual(outcome === 'committed' ? ['3'] : ['0', '1', '2', '3']);
    },
  },
  {
    name: 'after a stop the partitions go to the others at once, from the committed offset',
    async run({ open, topic, group, eventually }) {
      const [log, other] = [await open(), await open()];
      const [source, target] = [await topic(log), await topic(log)];
      const id = group();
      const first = await follow(log, { group: id, topic: source }, copyingTo(target));
      await other.append(numbered(source, keyOn(log, 0), 3));
      await eventually(() => expectNoLag(other, id, source));
      await first.consumer.stop();
      const [ended] = first.assignments;
      if (ended !== undefined) await expectCode(ended.commit([], 3), 'log.fenced');
      const second = await follow(other, { group: id, topic: source }, copyingTo(target));
      await other.append(numbered(source, keyOn(log, 0), 2, 3));
      await eventually(() => {
        expect(valuesOf(second.records())).toEqual(['3', '4']);
      });
      await eventually(() => expectNoLag(other, id, source));
      expect(valuesOf(await readAll(other, target))).toEqual(['0', '1', '2', '3', '4']);
    },
  },
];
