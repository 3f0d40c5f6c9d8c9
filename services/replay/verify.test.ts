/**
 * Goal: a verification finds nothing where nothing is wrong, and the first thing that is, by record and
 * kind, where something is; from the journal and from the log. Method: conversations of the echo machine
 * that have all that is hard; one thing is damaged, or folded by a machine that was changed in place.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { ProsaRecord, ReplyRequested, TimerSet } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';
import { sealEnvelope } from '#runtime/actor/envelope.ts';
import type { FoldStep } from '#runtime/actor/fold.ts';
import type { FindMachine } from '#runtime/actor/machines.ts';
import { derivedId, outgoing } from '#runtime/records.ts';
import { findEcho } from '#runtime/testing/echo-machine.ts';
import { type Person, readRecords } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { testTenant } from '#runtime/testing/runtime.ts';
import { foldWhole } from '#runtime/testing/whole-fold.ts';

import { recordedInJournal } from './journal-source.ts';
import { recordedOnLog } from './log-source.ts';
import { forgetting } from './testing/odd-machines.ts';
import { type ReplayWorld, type Replayed, openReplayWorld } from './testing/replay-world.ts';
import { Throttle } from './throttle.ts';
import { type Verified, verify as verifyActor } from './verify.ts';

let replays: ReplayWorld;
let person: Person;
let other: Person;
let actor: string;
let whole: readonly FoldStep[];
let clock = Date.UTC(2026, 2, 1);

const fast = { recordsPerSecond: 100_000 };
type Source = 'journal' | 'log';
const verify = (source: Source, find: FindMachine = findEcho): Promise<Replayed> =>
  replays.run({ kind: 'verify', source, ...fast }, find);

beforeAll(async () => {
  replays = await openReplayWorld({ now: () => (clock += 1_000) });
  person = await replays.meet('5511900000001');
  actor = person.entry.conversation;
  other = await strangerElsewhere(actor);
  for (let i = 1; i <= 205; i++) await person.says(`m${i}`);
  await person.says('again', 'repeated');
  await person.says('again', 'repeated');
  await person.says('bye');
  await person.says('back');
  for (const text of ['ask', 'never mind']) await person.says(text);
  for (const text of ['a', 'boom', 'held']) await other.says(text);
  await other.tell({ type: 'conversation.released', requestedBy: 'k_test' });
  await replays.startServices();
  await replays.caughtUp();
  await replays.stopServices();
  whole = await foldWhole(replays.worker, actor);
}, 120_000);
afterAll(() => replays.close());

/** Somebody whose conversation is on another partition. */
async function strangerElsewhere(actor: string): Promise<Person> {
  const { partitionOf } = replays.world.log;
  for (let number = 2; ; number++) {
    const stranger = await replays.meet(`551190000000${number}`);
    if (partitionOf(stranger.entry.conversation) !== partitionOf(actor)) return stranger;
  }
}

const stepOf = (number: number): FoldStep => {
  const step = whole[number - 1];
  if (step === undefined) throw new Error('there is no such record');
  return step;
};
/** Number of the record that ended the first episode. */
const bye = 208;

describe.each(['journal', 'log'] as const)('from the %s', (source) => {
  test('conversations with a quarantine, a release, a repetition and two episodes come out the same', async () => {
    const seen = await verify(source);
    expect(seen).toMatchObject({ status: 'done', code: null, findings: [] });
    expect(seen.progress).toMatchObject({ done: 2, total: 2, differs: false, verdicts: { same: 2 } });
    expect(seen.progress.records).toBe(whole.length + 4);
  });

  test('a machine that was changed in place is found at the first record that it treats otherwise', async () => {
    const seen = await verify(source, forgetting('bye'));
    expect(seen.progress).toMatchObject({ differs: true, verdicts: { same: 1, diverged: 1 } });
    expect(seen.findings).toMatchObject([
      {
        actor,
        verdict: 'diverged',
        body: { what: 'state', offset: stepOf(bye).told.offset, recorded: 'gone', folded: 'listening' },
      },
    ]);
  });

  test('a version that is no longer there is said, not guessed', async () => {
    const seen = await verify(source, () => undefined);
    expect(seen.progress).toMatchObject({ differs: false, verdicts: { 'unknown-version': 2 } });
    expect(seen.findings[0]).toMatchObject({ verdict: 'unknown-version', body: { machine: 'conversation@echo' } });
  });

  test('a snapshot that opens and is wrong is found', async () => {
    const place = stepOf(whole.length).after.nextOffset;
    const wrong = { ...stepOf(100).after, nextOffset: place };
    await exchanged('actor_snapshots', place, await sealed(wrong), async () => {
      const seen = await verify(source);
      expect(seen.findings).toMatchObject([
        { actor, body: { what: 'snapshot', code: 'host snapshot', offset: place - 1 } },
      ]);
    });
  });

  test('a snapshot of the journal that was cut is found before all that follows it', async () => {
    const place = stepOf(200).after.nextOffset;
    await exchanged('journal_snapshots', place, Buffer.from('short'), async () => {
      const seen = await verify(source);
      expect(seen.findings).toMatchObject([
        { actor, body: { what: 'snapshot', code: 'actor.snapshot-corrupt', offset: stepOf(200).told.offset } },
      ]);
    });
  });

  test('one conversation alone is looked at, and always said of', async () => {
    const seen = await replays.run({ kind: 'verify', source, conversation: other.entry.conversation, ...fast });
    expect(seen.progress).toMatchObject({ done: 1, records: 4, verdicts: { same: 1 } });
    expect(seen.findings).toMatchObject([{ actor: other.entry.conversation, verdict: 'same' }]);
  });

  test('the conversations of a partition alone are looked at', async () => {
    const partition = replays.world.log.partitionOf(actor);
    const seen = await replays.run({ kind: 'verify', source, partition, ...fast });
    expect(seen.progress.done).toBe(1);
  });
});

describe('an output on record that is otherwise', () => {
  /** The first output of a type, and the record that made it. */
  const made = (type: ProsaRecord['type']) => {
    for (const { told, outputs } of whole)
      for (const { record } of outputs) if (record.type === type) return { record, offset: told.offset };
    throw new Error(`nothing made a ${type}`);
  };
  const found = (type: ProsaRecord['type'], field: string) => {
    const { record, offset } = made(type);
    const output = { what: 'output', outputId: record.eventId, outputType: type };
    return { verdict: 'diverged', divergence: { ...output, offset, code: field } };
  };
  const seal = (record: ProsaRecord, personal: unknown): Promise<Buffer> =>
    replays.worker.vault.seal(record, person.entry.person, record.occurredAt, personal);

  test.each<[ProsaRecord['type'], string, (record: ProsaRecord) => object | Promise<object>]>([
    ['reply.requested', 'priority', () => ({ priority: 'high' })],
    ['reply.requested', 'origin', () => ({ origin: 'api' })],
    ['reply.requested', 'content', async (r) => ({ sealed: await seal(r, { content: { kind: 'text', text: 'no' } }) })],
    ['timer.set', 'dueAt', (r) => ({ dueAt: (r as TimerSet).dueAt + 1 })],
    ['timer.cancelled', 'generation', () => ({ generation: 't_another' })],
    ['effect.requested', 'source', () => ({ source: 'another' })],
    ['effect.requested', 'input', async (r) => ({ sealed: await seal(r, { input: { question: 'why?' } }) })],
    ['effect.cancelled', 'effectId', () => ({ effectId: 'f_another' })],
  ])('%s: its %s is named, from the log', async (type, field, change) => {
    const { record } = made(type);
    const sealed = await sealedOnLog(record.eventId);
    const other = { ...record, ...(sealed === undefined ? {} : { sealed }), ...(await change(record)) } as ProsaRecord;
    const at = `headers LIKE '%"${record.eventId}"%'`;
    await swapped(
      `SELECT value AS body FROM log.records WHERE ${at}`,
      (hex) => `UPDATE log.records SET value = '${hex}' WHERE ${at}`,
      Buffer.from(outgoing(other).value),
      async () => {
        expect(await verified('log')).toMatchObject(found(type, field));
      },
    );
  });

  /** Of the bytes on the log: a fold has none. */
  async function sealedOnLog(eventId: string): Promise<Uint8Array | undefined> {
    for (const topic of [topics.replies, topics.effects])
      for (const record of await readRecords(replays.world, topic, actor))
        if (record.eventId === eventId && 'sealed' in record && record.sealed !== null) return record.sealed;
    return undefined;
  }

  test('its priority is named, from the tables, where the delivery has another', async () => {
    const { record } = made('reply.requested');
    await asOwner(
      replays.world.databaseUrl,
      `INSERT INTO deliveries (tenant, id, conversation, log_partition, log_offset, instance, origin, priority, kind, status, client_message_id)
       VALUES ('${testTenant}', '${record.eventId}', '${actor}', 0, 0, 'i', 'machine', 'high', 'text', 'sent', 'x')`,
    );
    try {
      expect(await verified('journal')).toMatchObject(found('reply.requested', 'priority'));
    } finally {
      await asOwner(replays.world.databaseUrl, 'DELETE FROM deliveries');
    }
  });

  test('its source and input are named, from the tables, as long as they have the effect', async () => {
    const { record } = made('effect.requested');
    const [right, wrong] = await Promise.all([
      seal(record, { input: { question: 'what?' } }),
      seal(record, { input: { question: 'why?' } }),
    ]);
    const row = (source: string, input: Buffer) =>
      `DELETE FROM effects; INSERT INTO effects (tenant, id, actor, source, input, status)
       VALUES ('${testTenant}', '${record.eventId}', '${actor}', '${source}', '\\x${input.toString('hex')}', 'done')`;
    try {
      for (const [source, input, outcome] of [
        ['lookUp', right, { verdict: 'same' }],
        ['another', right, found('effect.requested', 'source')],
        ['lookUp', wrong, found('effect.requested', 'input')],
      ] as const) {
        await asOwner(replays.world.databaseUrl, row(source, input));
        expect(await verified('journal')).toMatchObject(outcome);
      }
    } finally {
      await asOwner(replays.world.databaseUrl, 'DELETE FROM effects');
    }
  });
});

describe('replies on record', () => {
  const replyTo = (number: number) => {
    const output = stepOf(number).outputs.find(({ record }) => record.type === 'reply.requested');
    if (output?.record.type !== 'reply.requested') throw new Error('it was not answered');
    return output.record;
  };
  const place = () => ({ offset: stepOf(50).told.offset, what: 'output', outputId: replyTo(50).eventId });

  test('one that is missing is found', async () => {
    const row = `messages WHERE id = '${replyTo(50).eventId}'`;
    await asOwner(replays.world.databaseUrl, `CREATE TABLE kept AS SELECT * FROM ${row}; DELETE FROM ${row}`);
    try {
      expect((await verify('journal')).findings).toMatchObject([{ body: { ...place(), code: 'missing' } }]);
    } finally {
      await asOwner(replays.world.databaseUrl, 'INSERT INTO messages SELECT * FROM kept; DROP TABLE kept');
    }
  });

  test('one with other words is found, though it was sealed with the right key', async () => {
    const reply = replyTo(50);
    const body = await replays.worker.vault.seal(reply, person.entry.person, reply.occurredAt, {
      content: { kind: 'text', text: 'other words' },
    });
    await swapped(
      `SELECT sealed AS body FROM messages WHERE id = '${reply.eventId}'`,
      (hex) => `UPDATE messages SET sealed = '${hex}' WHERE id = '${reply.eventId}'`,
      body,
      async () => {
        expect((await verify('journal')).findings).toMatchObject([{ body: { ...place(), code: 'content' } }]);
      },
    );
  });

  test('one that nothing made is found on the log', async () => {
    const reply = replyTo(50);
    const header = { ...reply, eventId: derivedId('d', 'a ghost') };
    const body = await replays.worker.vault.seal(header, person.entry.person, reply.occurredAt, {
      content: { kind: 'text', text: 'boo' },
    });
    const ghost: ReplyRequested = { ...header, sealed: body };
    await replays.world.log.append([outgoing(ghost)]);
    expect((await verify('log')).findings).toMatchObject([
      { actor, body: { what: 'output', code: 'unexpected', outputId: ghost.eventId, outputType: 'reply.requested' } },
    ]);
    await asOwner(replays.world.databaseUrl, `DELETE FROM log.records WHERE headers LIKE '%"${ghost.eventId}"%'`);
  });
});

// The last of this file: what it takes away does not come back.
describe('what the log has no longer', () => {
  const cut = (topic: string, offset: number): Promise<void> =>
    asOwner(
      replays.world.databaseUrl,
      `DELETE FROM log.records WHERE topic = '${topic}' AND record_offset < ${offset};
       UPDATE log.partitions SET start_offset = least(next_offset, ${offset}) WHERE topic = '${topic}'`,
    );
  const half = 100;

  test('of outputs is counted, and what is later is compared all the same', async () => {
    await cut(topics.timers, half);
    const seen = await verify('log');
    expect(seen.progress).toMatchObject({ differs: false, verdicts: { same: 2 } });
    expect(seen.progress.verdicts['outputs-unretained']).toBeGreaterThan(0);
    const one = await replays.run({ kind: 'verify', source: 'log', conversation: actor, ...fast });
    expect(one.findings).toMatchObject([
      { verdict: 'same', body: { outputsUnretained: expect.any(Number) as number } },
    ]);
    // One behind those that are gone is missed.
    const last = whole.findLast(({ outputs }) => outputs.some(({ record }) => record.type === 'timer.set'));
    const timer = last?.outputs.find(({ record }) => record.type === 'timer.set')?.record.eventId ?? '';
    await asOwner(replays.world.databaseUrl, `DELETE FROM log.records WHERE headers LIKE '%"${timer}"%'`);
    expect((await verify('log')).findings).toMatchObject([{ body: { outputId: timer, code: 'missing' } }]);
  });

  test('of records is said, with the first that is still there, and nothing is guessed', async () => {
    const { offset } = stepOf(half).told;
    await cut(topics.events, offset);
    const seen = await verify('log');
    expect(seen.progress).toMatchObject({ done: 2, records: 0, differs: false, verdicts: { unretained: 2 } });
    const own = seen.findings.find((finding) => finding.actor === actor);
    expect(own).toMatchObject({ verdict: 'unretained', body: { offset } });
    // All that the other one was ever told is gone.
    expect(seen.findings.find((finding) => finding.actor !== actor)?.body).toEqual({});
    expect(await verified('journal')).toMatchObject({ verdict: 'same' });
  });
});

const sealed = (envelope: FoldStep['after']): Promise<Buffer> =>
  sealEnvelope(replays.worker.vault, person.entry.person, envelope, findEcho);

/** What comes of the one conversation, without a service. */
async function verified(source: Source): Promise<Verified | undefined> {
  const ports = { ...replays.worker, find: findEcho };
  const of = { tenant: testTenant, actor, end: Number.MAX_SAFE_INTEGER };
  const pass = { partition: ports.log.partitionOf(actor), share: 0, shares: 1, only: actor };
  const throttle = new Throttle(fast.recordsPerSecond, new AbortController().signal);
  if (source === 'journal') return verifyActor(ports, await recordedInJournal(ports, of), throttle);
  for await (const recorded of recordedOnLog(ports, { ...of, ...pass }, () => Promise.resolve()))
    return verifyActor(ports, recorded, throttle);
  return undefined;
}

/** Runs something while a snapshot has another body. */
async function exchanged(table: string, nextOffset: number, body: Buffer, work: () => Promise<void>): Promise<void> {
  const where = `actor = '${actor}' AND next_offset = ${nextOffset}`;
  const update = (hex: string) => `UPDATE ${table} SET body = '${hex}' WHERE ${where}`;
  await swapped(`SELECT body FROM ${table} WHERE ${where}`, update, body, work);
}

async function swapped(
  read: string,
  update: (hex: string) => string,
  body: Buffer,
  work: () => Promise<void>,
): Promise<void> {
  const { rows } = await replays.worker.database.transaction([testTenant], (sql) => sql.query<{ body: Buffer }>(read));
  const [row] = rows;
  if (row === undefined) throw new Error('there is nothing to exchange');
  const hex = (bytes: Buffer) => `\\x${bytes.toString('hex')}`;
  await asOwner(replays.world.databaseUrl, update(hex(body)));
  try {
    await work();
  } finally {
    await asOwner(replays.world.databaseUrl, update(hex(row.body)));
  }
}
