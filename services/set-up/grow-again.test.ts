/**
 * Goal: a growth may end at any point and be done again, and what it came to may grow again: nothing is lost,
 * doubled or out of turn, and replays read all that was. Method: as grow.test.ts; the tool is ended at each
 * of its steps, or finds what one that was ended half way left behind.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { analystTopicOf, incarnationTopicOf, parkedTopicOf, topics } from '#schemas/topics.ts';
import { incarnationsOf } from '#runtime/log/incarnation.ts';
import { readIncarnations } from '#runtime/log/incarnation-table.ts';
import type { EarlierLog, LoggedRecord, RecordLog, RecordPosition } from '#runtime/log/record-log.ts';
import { heldTooMany, parkedOf, redrive } from '#runtime/parked.ts';
import { findEcho } from '#runtime/testing/echo-machine.ts';
import { type Person, eventually, readRecords } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { expectCode } from '#runtime/testing/record-log-cases/case.ts';
import { testTenant } from '#runtime/testing/runtime.ts';

import { type Parked, type ParkedPlace, findParked, listParked } from '../api/parked-list.ts';
import { startReplay } from '../replay/replay.ts';
import { GrowthRefused } from './grow.ts';
import { type GrowingWorld, openGrowingWorld } from './testing/growing-world.ts';

const [first, second, third] = [2, 3, 4];
const phones = ['5511900000010', '5511900000011', '5511900000012', '5511900000013'];
const fast = { recordsPerSecond: 100_000 };

let growing: GrowingWorld;
/** The newest. */
let log: RecordLog;
let people: readonly Person[];
let clock = Date.UTC(2026, 2, 1);
/** A record that was set aside before all growths. */
let aside: RecordPosition;
const words: string[] = [];

const sql = (text: string): Promise<void> => asOwner(growing.replays.world.databaseUrl, text);

/** Goes on with the log as it is now on record. */
async function reopen(): Promise<void> {
  log = await growing.open();
  people = await Promise.all(phones.map((phone) => growing.meet(log, phone)));
}

/** Services run; everybody says a word and is answered. */
async function everybodySays(word: string, sends = true): Promise<void> {
  clock += 1_000;
  words.push(word);
  await growing.start(log, sends);
  for (const [at, person] of people.entries()) await person.says(word, `${phones[at]}-${word}`);
  await growing.drained(log);
}

interface Delivery {
  readonly text: string;
  readonly attempts: number;
}

/** What a person's phone received, in order. */
async function receivedBy({ entry }: Person): Promise<readonly Delivery[]> {
  const { database, vault } = growing.replays.worker;
  const { rows } = await database.transaction([testTenant], (query) =>
    query.query<{ delivery: string; content: Buffer; attempts: number }>(
      `SELECT m.delivery, m.content, d.attempts FROM simulator_messages m JOIN deliveries d ON d.id = m.delivery
       WHERE m.conversation = $1 ORDER BY m.sequence`,
      [entry.conversation],
    ),
  );
  return Promise.all(
    rows.map(async ({ delivery, content, attempts }) => {
      const sealedIn = { tenant: testTenant, actor: entry.conversation, type: 'simulator.message', eventId: delivery };
      const opened = await vault.open<{ readonly text?: string }>(sealedIn, content);
      return { text: opened.state === 'erased' ? 'erased' : (opened.value.text ?? ''), attempts };
    }),
  );
}

/** The machine counts: it knows what was said before. */
const answered = (): readonly Delivery[] => words.map((word, index) => ({ text: `${index + 1}:${word}`, attempts: 1 }));

/** Ends a growth as a kill would, when it is about to do something. */
const killedAt = (about: RegExp) => (text: string) => {
  if (about.test(text)) throw new Error(`killed while ${text}`);
};

beforeAll(async () => {
  growing = await openGrowingWorld(first, () => clock);
  await reopen();
  await everybodySays('one');
  await growing.stop();
}, 60_000);
afterAll(async () => {
  await growing.close();
});

test('before it, a record was set aside', { timeout: 60_000 }, async () => {
  const keys = `vault_keys WHERE person = '${people[0]?.entry.person}'`;
  const position = await people[0]?.says('never heard');
  if (position === undefined) throw new Error('nobody');
  aside = position;
  await sql(`CREATE TABLE kept AS SELECT * FROM ${keys}; DELETE FROM ${keys}`);
  await growing.start(log);
  await growing.drained(log);
  await growing.stop();
  await sql('INSERT INTO vault_keys SELECT * FROM kept; DROP TABLE kept');
  const parked = await readRecords(
    { ...growing.replays.world, log },
    parkedTopicOf(topics.events),
    people[0]?.entry.conversation ?? '',
  );
  expect(parked).toContainEqual(expect.objectContaining({ type: 'record.parked', offset: position.offset }));
});

test('before it, messages wait in the schedule', { timeout: 60_000 }, async () => {
  await everybodySays('two', false);
  await growing.stop();
  for (const person of people) expect(await receivedBy(person)).toEqual(answered().slice(0, 1));
});

describe('a growth that ends', () => {
  test('before the topics are there leaves all as it was', async () => {
    await expect(growing.growTo(second, { step: killedAt(/making/) })).rejects.toThrow('killed');
    await (await growing.open()).close();
  });

  test('when they are there is gone on with, to the same number', { timeout: 60_000 }, async () => {
    await expect(growing.growTo(second, { step: killedAt(/holding/) })).rejects.toThrow('killed');
    await (await growing.open()).close();
    await expect(growing.growTo(third)).rejects.toThrow(GrowthRefused);
    await expect(growing.growTo(third)).rejects.toThrow(/begun before, to another number/);
  });

  test('when some of them are there is gone on with', async () => {
    const made = incarnationTopicOf(topics.replies, 2);
    for (const table of ['cursors', 'partitions', 'topics'])
      await sql(`DELETE FROM log.${table} WHERE topic = '${made}'`);
    await expect(growing.growTo(second, { step: killedAt(/holding/) })).rejects.toThrow('killed');
    expect(await log.ends(topics.replies)).toHaveLength(first);
  });

  test.each([topics.events, topics.replies])(
    'when %s alone takes no more is not taken for one that is done',
    async (topic) => {
      await sql(`UPDATE log.partitions SET held_at = next_offset WHERE topic = '${topic}'`);
      await expectCode(growing.open(), 'config.invalid');
      await sql('UPDATE log.partitions SET held_at = NULL');
    },
  );

  test('when they take no more is gone on with, and nobody is let in before', async () => {
    await expect(growing.growTo(second, { step: killedAt(/going on/) })).rejects.toThrow('killed');
    await expectCode(growing.open(), 'config.invalid');
    await expectCode(people[0]?.says('too early') ?? Promise.resolve(), 'log.unavailable');
    expect(await readIncarnations(growing.database)).toEqual([]);
  });

  test('and finds what came in before it was held goes back', { timeout: 60_000 }, async () => {
    await sql('UPDATE log.partitions SET held_at = NULL');
    words.push('three');
    clock += 1_000;
    const late = async (text: string): Promise<void> => {
      if (!text.startsWith('holding')) return;
      for (const [at, person] of people.entries()) await person.says('three', `${phones[at]}-three`);
    };
    await expect(growing.growTo(second, { step: late })).rejects.toThrow(/has not read all/);
    // The old ones take records again, and services that start read on.
    await reopen();
    await growing.start(log, false);
    await growing.drained(log);
    await growing.stop();
  });

  test('after it was put on record is done', async () => {
    const { to } = await growing.growTo(second);
    expect(to).toMatchObject({ number: 2, partitionCount: second });
    await expect(growing.growTo(second)).rejects.toThrow(/There are 3 partitions now/);
    await reopen();
    expect(log.partitionCount).toBe(second);
  });
});

describe('a second growth', () => {
  test('is done as the first was, also when that ended half way', { timeout: 60_000 }, async () => {
    await everybodySays('four', false);
    await growing.stop();
    const furthest = Math.max(...(await log.ends(topics.events)).map(({ stableEnd }) => stableEnd));
    await expect(growing.growTo(third, { step: killedAt(/going on/) })).rejects.toThrow('killed');
    await growing.growTo(third);
    await reopen();
    const starts = (await log.ends(topics.events)).map(({ start }) => start);
    expect(starts).toHaveLength(third);
    expect(Math.min(...starts)).toBeGreaterThan(furthest);
    expect((await readIncarnations(growing.database)).map(({ partitionCount }) => partitionCount)).toEqual([
      first,
      second,
      third,
    ]);
  });

  test('what waited over both goes out once, before what came later', { timeout: 60_000 }, async () => {
    await everybodySays('five');
    for (const person of people) expect(await receivedBy(person)).toEqual(answered());
    await growing.stop();
  });

  test('an actor whose snapshot is lost is folded from all incarnations, without what was set aside', async () => {
    await sql('DELETE FROM actor_snapshots; DELETE FROM journal_snapshots');
    await everybodySays('six');
    for (const person of people) expect(await receivedBy(person)).toEqual(answered());
    await growing.stop();
  }, 60_000);
});

/** Every record that is there of a topic, the oldest incarnation first. */
async function everyRecord(topic: string, of: readonly EarlierLog[] = incarnationsOf(log)): Promise<LoggedRecord[]> {
  const records: LoggedRecord[] = [];
  for (const one of of)
    for (const { partition, start, stableEnd } of await one.ends(topic))
      if (start < stableEnd)
        for await (const batch of one.readRange({ topic, partition, from: start, to: stableEnd }))
          records.push(...batch);
  return records;
}

describe('what was set aside before two growths', () => {
  /** The list by pages that end after so many items or offsets. */
  async function listAll(itemsMax: number, offsetsMax: number): Promise<readonly Parked[]> {
    const items: Parked[] = [];
    let after: ParkedPlace | undefined;
    do {
      const wanted = { tenant: testTenant, topic: topics.events, after, itemsMax, offsetsMax };
      const page = await listParked(log, wanted);
      items.push(...page.items);
      after = page.next;
    } while (after !== undefined);
    return items;
  }

  test('is listed after what was set aside since, by pages of any size', async () => {
    const [now] = await everyRecord(topics.events, [log]);
    if (now === undefined) throw new Error('nothing was said since');
    await log.append([parkedOf(now, heldTooMany)]);
    const whole = await listAll(200, 10_000);
    expect(whole.map(({ record: { partition, offset } }) => ({ partition, offset }))).toEqual([
      { partition: now.partition, offset: now.offset },
      { partition: aside.partition, offset: aside.offset },
    ]);
    for (const [itemsMax, offsetsMax] of [
      [1, 10_000],
      [200, 1],
      [1, 2],
    ] as const)
      expect(await listAll(itemsMax, offsetsMax)).toEqual(whole);
  });

  test('is found, put back and answered', { timeout: 60_000 }, async () => {
    expect(await findParked(log, 'other', aside)).toBeUndefined();
    expect((await findParked(log, testTenant, aside))?.record).toMatchObject({ offset: aside.offset });
    expect(await findParked(log, testTenant, { ...aside, partition: third - 1 })).toBeUndefined();
    await growing.start(log);
    const back = await redrive(log, aside);
    expect(back.offset).toBeGreaterThan(log.before?.end ?? Infinity);
    await growing.drained(log);
    await growing.stop();
    const [person] = people;
    const received = person === undefined ? [] : await receivedBy(person);
    expect(received.at(-1)?.text).toBe(`${words.length + 1}:never heard`);
  });
});

const emit = (topic: string, records: 'events' | 'audit', from = 0) =>
  growing.replays.run({ kind: 're-emit', records, from, to: Date.now() + 60_000, topic, ...fast }, findEcho, {
    ...growing.replays.worker,
    log,
  });

describe('records written out again behind two growths', () => {
  const idsIn = (records: readonly LoggedRecord[]) => records.map(({ headers }) => headers['ce_id']).sort();

  test.each(['events', 'audit'] as const)('%s of all incarnations, those of each actor in order', async (records) => {
    const own = await everyRecord(topics[records]);
    expect(new Set(own.map(({ partition, offset }) => `${partition}/${offset}`)).size).toBe(own.length);
    const { status, progress } = await emit(records, records);
    expect([status, progress]).toMatchObject(['done', { done: own.length, records: own.length, verdicts: {} }]);
    const written = await everyRecord(analystTopicOf(testTenant, records), [log]);
    expect(idsIn(written)).toEqual(idsIn(own));
    for (const copies of Map.groupBy(written, ({ key }) => key).values()) {
      const offsets = copies.map(({ headers }) => Number(headers['prosa_source']?.split('/').at(-1)));
      expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    }
  });

  test('from a time on, which is in the second', async () => {
    const [, middle] = incarnationsOf(log);
    const since = (await everyRecord(topics.events, middle === undefined ? [] : [middle])).at(-1)?.timestamp ?? 0;
    const own = (await everyRecord(topics.events)).filter(({ timestamp }) => timestamp >= since);
    expect((await emit('since', 'events', since)).progress).toMatchObject({ done: own.length, verdicts: {} });
  });

  test('that was begun before the last of them goes on where it was', async () => {
    const [oldest, middle] = incarnationsOf(log);
    if (oldest === undefined || middle === undefined) throw new Error('there was no growth');
    const [before, later] = [
      await everyRecord(topics.events, [oldest]),
      await everyRecord(topics.events, [middle, log]),
    ];
    const request = {
      kind: 're-emit',
      records: 'events',
      from: 0,
      to: Date.now() + 60_000,
      topic: 'on',
      ...fast,
    } as const;
    const id = await growing.replays.ask(request);
    // The last of the first incarnation was being written out.
    const place = { stretch: before.at(-1)?.partition, offset: before.at(-1)?.offset };
    const checkpoint = { place, counts: { done: 3, records: 3, differs: false, verdicts: {} }, findings: 0 };
    await sql(`UPDATE replays SET checkpoint = '${JSON.stringify(checkpoint)}' WHERE id = '${id}'`);
    const service = startReplay({ ...growing.replays.worker, log }, { find: findEcho });
    const over = await eventually(
      () => growing.replays.read(id),
      ({ status }) => status !== 'queued' && status !== 'running',
      20_000,
    );
    await service.stop();
    expect(over).toMatchObject({ status: 'done', progress: { done: 3 + 1 + later.length } });
  });
});

describe('replays behind two growths', () => {
  const verify = (source: 'journal' | 'log', scope: object) =>
    growing.replays.run({ kind: 'verify', source, ...scope, ...fast }, findEcho, { ...growing.replays.worker, log });

  test.each(['journal', 'log'] as const)(
    'read all incarnations in order from the %s',
    { timeout: 60_000 },
    async (source) => {
      const whole = await verify(source, {});
      expect(whole).toMatchObject({ status: 'done', findings: [], progress: { verdicts: { same: phones.length } } });
      expect(whole.progress.records).toBeGreaterThanOrEqual(phones.length * words.length);
      const ids = people.map(({ entry }) => entry.conversation);
      const partition = log.partitionOf(ids[0] ?? '');
      const part = await verify(source, { partition });
      expect(part.progress.done).toBe(ids.filter((id) => log.partitionOf(id) === partition).length);
      const conversation = ids[0];
      const one = await verify(source, { conversation });
      expect(one.findings).toMatchObject([{ actor: conversation, verdict: 'same' }]);
    },
  );

  test(
    'say from where on there is something, when what was before is kept no longer',
    { timeout: 60_000 },
    async () => {
      const base = log.before?.log.before?.end ?? 0;
      await sql(
        `DELETE FROM log.records WHERE topic = '${topics.events}';
       UPDATE log.partitions SET start_offset = next_offset WHERE topic = '${topics.events}'`,
      );
      const seen = await verify('log', {});
      expect(seen.progress).toMatchObject({ records: 0, differs: false, verdicts: { unretained: phones.length } });
      for (const { body } of seen.findings) expect(Number(body['offset'])).toBeGreaterThanOrEqual(base);
      expect((await verify('journal', {})).progress.verdicts).toEqual({ same: phones.length });
    },
  );

  test('and so does writing out again, unless the time asked for is a later one', async () => {
    const [oldest, middle] = incarnationsOf(log);
    if (oldest === undefined || middle === undefined) throw new Error('there was no growth');
    const left = await everyRecord(topics.events);
    const whole = await emit('what-is-left', 'events');
    const gone = (await oldest.ends(topics.events)).flatMap(({ partition, start }) =>
      start === 0 ? [] : [{ partition, offset: start }],
    );
    expect(whole.progress).toMatchObject({ done: left.length, verdicts: { unretained: gone.length } });
    expect(whole.findings.map(({ verdict, body }) => ({ verdict, body }))).toEqual(
      gone.map((body) => ({ verdict: 'unretained', body })),
    );
    const since = Math.min(...(await everyRecord(topics.events, [middle])).map(({ timestamp }) => timestamp)) + 1;
    expect(await emit('later', 'events', since)).toMatchObject({ findings: [], progress: { verdicts: {} } });
  });
});
