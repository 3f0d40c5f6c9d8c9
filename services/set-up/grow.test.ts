/**
 * Goal: a log with conversations under way gets more partitions, and nobody notices: states go on where
 * they were, timers fire, replies come once and in order, the past can be read and verified. Method: real
 * services of the echo machine on the Postgres log before and after, with a clock that is moved.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { topics } from '#schemas/topics.ts';
import { readIncarnations } from '#runtime/log/incarnation-table.ts';
import type { RecordLog } from '#runtime/log/record-log.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { findEcho } from '#runtime/testing/echo-machine.ts';
import { type Person, eventually } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { expectCode } from '#runtime/testing/record-log-cases/case.ts';
import { testTenant } from '#runtime/testing/runtime.ts';

import { startConversation } from '../conversation/conversation.ts';
import type { ReplayWorld } from '../replay/testing/replay-world.ts';
import { GrowthRefused } from './grow.ts';
import { type GrowingWorld, openGrowingWorld } from './testing/growing-world.ts';

const [before, after] = [6, 9];
const phones = Array.from({ length: 12 }, (_, index) => `55119000000${10 + index}`);
let clock = Date.UTC(2026, 2, 1);

let growing: GrowingWorld;
let replays: ReplayWorld;
let people: readonly Person[];

/** Deliveries of each person. */
const accepted = async (): Promise<readonly number[]> => {
  const { rows } = await growing.database.transaction([testTenant], (sql) =>
    sql.query<{ conversation: string; count: number }>(
      'SELECT conversation, count(*)::int AS count FROM deliveries GROUP BY 1',
    ),
  );
  const of = new Map(rows.map(({ conversation, count }) => [conversation, count]));
  return people.map(({ entry }) => of.get(entry.conversation) ?? 0);
};

beforeAll(async () => {
  growing = await openGrowingWorld(before, () => clock);
  ({ replays } = growing);
  people = await Promise.all(phones.map((phone) => replays.meet(phone)));
  for (const person of people) for (const text of ['one', 'two']) await person.says(text);
  for (const text of ['boom', 'held']) await people[0]?.says(text);
}, 120_000);

afterAll(() => growing.close());

describe('while it cannot be done', () => {
  test('what is not read yet is said, and nothing changes', async () => {
    await expect(growing.growTo(after)).rejects.toThrow(/has not read all of conversation.events/);
    expect(await readIncarnations(growing.database)).toEqual([]);
  });

  test('running services are said', { timeout: 60_000 }, async () => {
    await growing.start(replays.world.log);
    await growing.drained(replays.world.log);
    await expect(growing.growTo(after)).rejects.toThrow(GrowthRefused);
    await growing.stop();
  });

  test('another log than the one that the tables are of is refused', async () => {
    const { databaseUrl } = replays.world;
    const shift = (by: number): Promise<void> =>
      asOwner(databaseUrl, `UPDATE actor_partitions SET progress = progress + ${by}, committed = committed + ${by}`);
    await shift(1_000);
    await expectCode(growing.growTo(after), 'log.offset-out-of-range');
    await shift(-1_000);
    expect(await readIncarnations(growing.database)).toEqual([]);
  });

  test('a number that is not greater is refused', async () => {
    await expect(growing.growTo(before)).rejects.toThrow(/can only grow/);
    await expect(growing.growTo(10_001)).rejects.toThrow(/10000 at most/);
  });

  test('a dry run says what would be, and does nothing', async () => {
    expect((await growing.growTo(after, { dryRun: true })).to).toMatchObject({ number: 2, partitionCount: after });
    expect(await readIncarnations(growing.database)).toEqual([]);
    await (await growing.open(before)).close();
  });
});

describe('when it is done', () => {
  let grown: RecordLog;
  let worker: Runtime;
  let again: readonly Person[];
  let ends: number;

  beforeAll(async () => {
    ends = Math.max(...(await replays.world.log.ends(topics.events)).map(({ stableEnd }) => stableEnd));
    await growing.growTo(after);
    grown = await growing.open(before);
    worker = { ...replays.worker, log: grown };
    again = await Promise.all(phones.map((phone) => growing.meet(grown, phone)));
  }, 60_000);
  afterAll(async () => {
    await growing.stop();
    await grown.close();
  });

  test('the log has the partitions, and offsets above all before', async () => {
    expect(grown.partitionCount).toBe(after);
    const starts = (await grown.ends(topics.events)).map(({ start }) => start);
    expect(starts).toHaveLength(after);
    expect(Math.min(...starts)).toBeGreaterThan(ends);
  });

  test('a process that still runs is refused for now and loses nothing', async () => {
    const person = people[1];
    await expectCode(person?.says('too late') ?? Promise.resolve(), 'log.unavailable');
    expect(Math.max(...(await replays.world.log.ends(topics.events)).map(({ stableEnd }) => stableEnd))).toBe(ends);
  });

  test('a setting that was never true is refused with the command to use', async () => {
    await expect(growing.open(7)).rejects.toThrow(/config|PROSA_PARTITIONS is 7.*topics grow/s);
    await (await growing.open(after)).close();
  });

  test('pending timers fire, conversations go on, replies come once and in order', { timeout: 90_000 }, async () => {
    clock += 61_000;
    await growing.start(grown);
    const others = again.slice(1);
    const all = (): Promise<readonly (readonly string[])[]> => Promise.all(others.map((person) => person.replies()));
    // The timers were set before the growth.
    await eventually(all, (texts) => texts.every((one) => one.length > 0), 10_000);
    for (const person of others) await person.says('three', `${person.entry.conversation}-3`);
    await eventually(all, (texts) => texts.every((one) => one.length > 1), 10_000);
    await growing.drained(grown);
    // The machine counts: it knows what was said before.
    expect(await people[1]?.replies()).toEqual(['1:one', '2:two']);
    expect(await all()).toEqual(others.map(() => ['still there?', '3:three']));
    // Two before and two after; the quarantined one has those before alone.
    expect(await accepted()).toEqual(people.map((_, index) => (index === 0 ? 2 : 4)));
  });

  test(
    'the past verifies, that of a conversation with records held over the growth too',
    { timeout: 90_000 },
    async () => {
      await again[0]?.tell({ type: 'conversation.released', requestedBy: 'k_test' });
      await growing.drained(grown);
      const request = { kind: 'verify', source: 'journal', recordsPerSecond: 100_000 } as const;
      const seen = await replays.run(request, findEcho, worker);
      expect(seen).toMatchObject({ status: 'done', findings: [] });
      expect(seen.progress).toMatchObject({ differs: false, verdicts: { same: phones.length } });
    },
  );

  test('Postgres from before is refused rather than folded', { timeout: 60_000 }, async () => {
    await growing.stop();
    await asOwner(replays.world.databaseUrl, 'UPDATE actor_partitions SET progress = 1, committed = 1');
    await expectCode(
      startConversation(worker, findEcho).then((service) => {
        growing.adopt(service);
        return service.finished;
      }),
      'log.offset-out-of-range',
    );
  });

  test('nor is the log grown on such a Postgres', async () => {
    await expect(growing.growTo(12)).rejects.toThrow(/Postgres is behind the log: actor_partitions/);
    expect((await readIncarnations(growing.database)).map(({ partitionCount }) => partitionCount)).toEqual([
      before,
      after,
    ]);
  });
});
