// Goal: of two host processes on a real broker one is killed, or asked to leave, under load, and every
// conversation's replies are complete and in order; when one leaves nothing moves but what it had: what the
// other has does not begin anew. Method: hosts are processes of their own; the test appends messages and
// reads replies.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { conversationVersion } from '#machines/conversation/machine.ts';
import { openKafkaLog } from '#runtime/log/adapters/kafka/kafka-log.ts';
import { Person, eventually } from '#runtime/testing/person.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';
import { sharedBroker, uniquePrefix } from '#runtime/testing/shared-broker.ts';
import { openKeyFile, provisionKeyFile } from '#runtime/vault/key-file.ts';

const broker = await sharedBroker();

const script = ['Oi', 'sim', 'Maria', '1', '2', '1', '2', 'menu', '1', '2'];
const conversations = 24;
const partitionCount = 6;
const topicPrefix = uniquePrefix();
const mainFile = new URL('./main.ts', import.meta.url).pathname;

let folder: string;
let world: TestWorld;
const hosts: ChildProcess[] = [];

beforeAll(async () => {
  if (broker === undefined) return;
  folder = await mkdtemp(join(tmpdir(), 'prosa-hosts-'));
  const keyFile = join(folder, 'keys.json');
  provisionKeyFile(keyFile, [testTenant]);
  const log = await openKafkaLog({
    brokers: broker.brokers,
    clientId: 'test',
    partitionCount,
    topicPrefix,
    replicationFactor: 1,
  });
  world = await openTestWorld({
    log,
    keys: openKeyFile(keyFile),
    configuration: { machines: { conversation: { version: conversationVersion, settings: {} } }, answerGroups: false },
  });
});

afterAll(async () => {
  for (const host of hosts) host.kill('SIGKILL');
  if (broker === undefined) return;
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

async function startHost(): Promise<ChildProcess> {
  const host = spawn(process.execPath, [mainFile], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: world.databaseUrl,
      KAFKA_BROKERS: broker?.brokers.join(','),
      KAFKA_TOPIC_PREFIX: topicPrefix,
      KAFKA_SESSION_TIMEOUT_MS: '6000',
      PROSA_PARTITIONS: String(partitionCount),
      PROSA_KEY_FILE: join(folder, 'keys.json'),
      PROSA_LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  hosts.push(host);
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: host.stdout }).once('line', () => resolve());
    host.once('exit', (code) => reject(new Error(`the host ended with ${code}`)));
  });
  return host;
}

const speak = async (person: Person): Promise<void> => {
  for (const text of script) await person.says(text);
};

/** Everyone speaks at once, `meanwhile` happens after the first replies; resolves when all have all of theirs. */
async function speakWhile(prefix: string, meanwhile: () => Promise<void> | void): Promise<void> {
  const ingest = world.runtime('prosa_ingest');
  const reference = await Person.meet(world, ingest, `${prefix}000`);
  await speak(reference);
  const expected = await eventually(
    () => reference.replies(),
    (replies) => replies.length >= script.length,
    30_000,
  );
  const people = await Promise.all(
    Array.from({ length: conversations }, (_, i) =>
      Person.meet(world, ingest, `${prefix}1${String(i).padStart(2, '0')}`),
    ),
  );
  const speaking = Promise.all(people.map(speak));
  await eventually(
    () => people[0]?.replies() ?? Promise.resolve([]),
    (replies) => replies.length >= 1,
    30_000,
  );
  await meanwhile();
  await speaking;
  for (const person of people) {
    expect(
      await eventually(
        () => person.replies(),
        (replies) => replies.length >= expected.length,
        60_000,
      ),
    ).toEqual(expected);
  }
}

/** Every take-over of a partition raises its epoch. */
async function epochs(): Promise<ReadonlyMap<number, string>> {
  const { rows } = await world
    .runtime('prosa_worker')
    .database.transaction([], (sql) =>
      sql.query<{ partition: number; epoch: string }>('SELECT partition, epoch FROM actor_partitions'),
    );
  return new Map(rows.map(({ partition, epoch }) => [partition, epoch]));
}

describe.skipIf(broker === undefined)('two hosts', () => {
  test('one killed under load: all replies are there, each once, in order', { timeout: 180_000 }, async () => {
    const [first] = await Promise.all([startHost(), startHost()]);
    await speakWhile('5511900000', () => void first.kill('SIGKILL'));
  });

  test('one asked to leave under load: the same, and only its partitions move', { timeout: 180_000 }, async () => {
    for (const host of hosts.splice(0)) host.kill('SIGKILL');
    const [leaving] = await Promise.all([startHost(), startHost()]);
    let before: ReadonlyMap<number, string> = new Map();
    await speakWhile('5511800000', async () => {
      before = await epochs();
      const gone = once(leaving, 'exit');
      leaving.kill('SIGTERM');
      expect(await gone).toEqual([0, null]);
    });
    const movedNow = async (): Promise<number> =>
      [...(await epochs())].filter(([partition, epoch]) => before.get(partition) !== epoch).length;
    // What was said may all have been done before they were taken over.
    await eventually(movedNow, (moved) => moved >= partitionCount / 2, 30_000);
    await speakWhile('5511700000', () => undefined);
    expect(before.size).toBe(partitionCount);
    expect(await movedNow()).toBe(partitionCount / 2);
  });
});
