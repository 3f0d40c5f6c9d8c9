// Goal: on a real broker, whose partitions have gaps and undecided ends, replays see what was committed and
// no more, a repair reaches an owner that has the wrong state in memory, and records are written out to a
// topic that did not exist. Method: one world on the broker, the same services as elsewhere.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { analystTopicOf, topics } from '#schemas/topics.ts';
import { sealEnvelope } from '#runtime/actor/envelope.ts';
import { openKafkaLog } from '#runtime/log/adapters/kafka/kafka-log.ts';
import type { LoggedRecord } from '#runtime/log/record-log.ts';
import { findEcho } from '#runtime/testing/echo-machine.ts';
import { type Person, eventually } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { testTenant } from '#runtime/testing/runtime.ts';
import { sharedBroker, uniquePrefix } from '#runtime/testing/shared-broker.ts';
import { foldWhole } from '#runtime/testing/whole-fold.ts';

import { type ReplayWorld, openReplayWorld } from './testing/replay-world.ts';

const broker = await sharedBroker();
const fast = { recordsPerSecond: 100_000 };

let replays: ReplayWorld;
const people: Person[] = [];

beforeAll(async () => {
  if (broker === undefined) return;
  const log = await openKafkaLog({
    brokers: broker.brokers,
    clientId: 'test',
    partitionCount: 2,
    topicPrefix: uniquePrefix(),
    replicationFactor: 1,
  });
  replays = await openReplayWorld({ log });
  await replays.startServices();
  for (let i = 0; i < 4; i++) people.push(await replays.meet(`551190000002${i}`));
  for (const text of ['a', 'ask', 'never mind', 'b', 'bye', 'c']) for (const person of people) await person.says(text);
  await replays.caughtUp();
}, 120_000);
afterAll(async () => {
  if (broker !== undefined) await replays.close();
});

const everyRecord = async (topic: string): Promise<readonly LoggedRecord[]> => {
  const { log } = replays.world;
  const records: LoggedRecord[] = [];
  for (const { partition, start, stableEnd } of await log.ends(topic))
    for await (const batch of log.readRange({ topic, partition, from: start, to: stableEnd })) records.push(...batch);
  return records;
};

describe.skipIf(broker === undefined)('on a broker', () => {
  test.each(['journal', 'log'] as const)('a verification from the %s finds all the same', async (source) => {
    const seen = await replays.run({ kind: 'verify', source, ...fast });
    expect(seen).toMatchObject({ status: 'done', findings: [], progress: { verdicts: { same: 4 }, records: 24 } });
  });

  test('records of a time range are on a topic that was made for them', async () => {
    const to = Date.now() + 60_000;
    const seen = await replays.run({ kind: 're-emit', records: 'audit', from: 0, to, topic: 'march', ...fast });
    const idsIn = (records: readonly LoggedRecord[]) => records.map(({ headers }) => headers['ce_id']).sort();
    const own = idsIn(await everyRecord(topics.audit));
    expect(idsIn(await everyRecord(analystTopicOf(testTenant, 'march')))).toEqual(own);
    expect(seen.progress.done).toBe(own.length);
  });

  test('a repair reaches an owner that has the wrong state in memory', async () => {
    const [person] = people;
    if (person === undefined) throw new Error('nobody');
    const { conversation: actor, person: owner } = person.entry;
    await replays.stopServices();
    const whole = await foldWhole(replays.worker, actor);
    const [first, last] = [whole[0]?.after, whole.at(-1)?.after];
    if (first === undefined || last === undefined) throw new Error('nothing was told');
    const body = await sealEnvelope(replays.worker.vault, owner, { ...last, episode: first.episode }, findEcho);
    await asOwner(
      replays.world.databaseUrl,
      `UPDATE actor_snapshots SET body = '\\x${body.toString('hex')}' WHERE actor = '${actor}' AND next_offset = ${last.nextOffset}`,
    );
    await replays.startServices();
    // A repetition makes the host read the wrong state, and say nothing.
    await person.says('c', '5511900000020-5');
    await replays.caughtUp();
    const rebuilt = await replays.run({ kind: 'rebuild', source: 'journal', repair: true, ...fast });
    expect(rebuilt.progress.verdicts).toMatchObject({ repaired: 1 });
    await person.says('d');
    const texts = await eventually(
      () => person.replies(),
      (replies) => replies.at(-1)?.endsWith(':d') === true,
      60_000,
    );
    expect(texts.at(-1)).toBe('2:d');
  });
});
