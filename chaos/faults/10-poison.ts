/**
 * What nobody can process: bytes that are no record on every topic, records that were changed, moved or
 * cut, messages at which the machine throws, loops or is flooded.
 *
 * A record of a schema that no process knows is not among them: it makes its partition wait for a
 * process that does, for ever if there is none (`record.unknown-type`), and so it recovers from nothing.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { topics } from '#schemas/topics.ts';

import type { Fault } from '../fault.ts';
import { prompts } from '../model.ts';
import type { RawLog, RawRecord } from '../raw-log.ts';

const poisonChats = 6;
const longText = 60_000;
const largeBytes = 700_000;
const looksMax = 300;
const lookIntervalMs = 100;

export const poison: Fault = {
  number: 10,
  name: 'poison on every topic and in chats',
  short: true,
  async stage({ crew, installation, people, random, rawLog }) {
    const { partitionCount } = installation.config;
    const known = await firstEvent(rawLog);
    const corpus = [
      Buffer.alloc(0),
      Buffer.from([0]),
      Buffer.from('no record at all'),
      Buffer.from([0, 0, 0, 0, 1]),
      Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), randomBytes(40)]),
      Buffer.concat([Buffer.from([7, 0, 0, 0, 1]), randomBytes(40)]),
      Buffer.alloc(largeBytes, 255),
    ];
    for (const topic of [topics.events, topics.replies, topics.timers, topics.effects]) {
      const records = corpus.map((value) => ({
        topic,
        partition: random.below(partitionCount),
        key: `c_poison${random.below(3)}`,
        value,
      }));
      await rawLog.append(records);
    }
    // Where the one that they are made of is: a client that forges other places is none of the broker's.
    if (known !== undefined) await rawLog.append(damaged(known).map((value) => ({ ...known, value })));
    for (let chat = 0; chat < poisonChats; chat++) {
      people.say(chat, 'hello');
      people.say(chat, random.one([`${prompts.boom} 1`, `${prompts.loop} 1`, 'x'.repeat(longText)]));
      people.say(chat, 'and on');
    }
    await sleep(2_000);
    crew.kill('host-1');
    await sleep(1_500);
    return {};
  },
};

/** Some record of a conversation. Not by reading all: people write on meanwhile, and the end runs ahead. */
async function firstEvent(rawLog: RawLog): Promise<RawRecord | undefined> {
  const along = await rawLog.readAlong();
  try {
    for (let look = 0; look < looksMax; look++) {
      const seen = along.readings().flatMap(({ records }) => records);
      const known = seen.find(({ topic }) => topic === topics.events);
      if (known !== undefined) return known;
      await sleep(lookIntervalMs);
    }
    return undefined;
  } finally {
    await along.close();
  }
}

/** A record of the log cut and changed. */
function damaged({ value }: RawRecord): readonly Buffer[] {
  const changed = Buffer.from(value);
  const last = changed.length - 3;
  changed.writeUInt8((changed.readUInt8(last) + 1) % 256, last);
  return [value.subarray(0, Math.floor(value.length / 2)), changed, Buffer.concat([value, Buffer.from('more')])];
}
