/**
 * Goal: a verification finds nothing where nothing is wrong, and the first thing that is, by record and
 * kind, where something is; from the journal and from the log. Method: conversations of the echo machine
 * that have all that is hard; one thing is damaged, or folded by a machine that was changed in place.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { ReplyRequested } from '#schemas/records.ts';
import { sealEnvelope } from '#runtime/actor/envelope.ts';
import type { FoldStep } from '#runtime/actor/fold.ts';
import type { FindMachine } from '#runtime/actor/machines.ts';
import { derivedId, outgoing } from '#runtime/records.ts';
import { findEcho } from '#runtime/testing/echo-machine.ts';
import type { Person } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { testTenant } from '#runtime/testing/runtime.ts';
import { foldWhole } from '#runtime/testing/whole-fold.ts';

import { forgetting } from './testing/odd-machines.ts';
import { type ReplayWorld, type Replayed, openReplayWorld } from './testing/replay-world.ts';

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
  other = await replays.meet('5511900000002');
  actor = person.entry.conversation;
  for (let i = 1; i <= 205; i++) await person.says(`m${i}`);
  await person.says('again', 'repeated');
  await person.says('again', 'repeated');
  await person.says('bye');
  await person.says('back');
  for (const text of ['a', 'boom', 'held']) await other.says(text);
  await other.tell({ type: 'conversation.released', requestedBy: 'k_test' });
  await replays.startServices();
  await replays.caughtUp();
  await replays.stopServices();
  whole = await foldWhole(replays.worker, actor);
}, 120_000);
afterAll(() => replays.close());

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
    const both = replays.world.log.partitionOf(other.entry.conversation) === partition;
    const seen = await replays.run({ kind: 'verify', source, partition, ...fast });
    expect(seen.progress.done).toBe(both ? 2 : 1);
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
  });
});

const sealed = (envelope: FoldStep['after']): Promise<Buffer> =>
  sealEnvelope(replays.worker.vault, person.entry.person, envelope, findEcho);

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
