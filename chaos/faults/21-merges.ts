/** Two conversations turn out to be one while both are written to, hosts are killed, and the order to merge comes twice. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { MergeRequested } from '#schemas/records.ts';
import { isElder } from '#runtime/actor/merge.ts';
import { derivedId, outgoing, uncaused } from '#runtime/records.ts';

import { hosts } from '../crew.ts';
import type { Fault } from '../fault.ts';
import type { World } from '../world.ts';

const pairs = 4;
/** Chats of people of their own that no other fault has. */
const firstChat = 1_000;
const messages = 6;
const knownWithinMs = 15_000;

export const merges: Fault = {
  number: 21,
  name: 'conversations merged while hosts are killed',
  async stage(world) {
    const { crew, people, random } = world;
    // Each staging needs pairs that were never one.
    const first = firstChat + 2 * pairs * random.below(100_000);
    const chats = Array.from({ length: pairs }, (_, pair) => [first + 2 * pair, first + 2 * pair + 1] as const);
    const say = (chat: number, word: string): void => people.say(chat, `${word} from ${chat}`);
    for (const pair of chats) for (const chat of pair) say(chat, 'begun');
    const ids = await Promise.all(chats.map((pair) => Promise.all(pair.map((chat) => conversationOf(world, chat)))));
    for (let number = 0; number < messages; number++) {
      for (const pair of chats) for (const chat of pair) say(chat, `words ${number}`);
      const [one, other] = ids[number] ?? [];
      if (one !== undefined && other !== undefined) {
        const order = mergeOf(world, one, other);
        await world.runtime.log.append([order]);
        if (random.once(2)) await world.runtime.log.append([order]);
      }
      if (number % 2 === 1) {
        const host = random.one(hosts);
        await crew.ready(host);
        crew.kill(host);
      }
      await sleep(random.below(700));
    }
    return {};
  },
};

async function conversationOf({ installation, people, runtime }: World, chat: number): Promise<string> {
  const { tenant, instance } = installation;
  const { rows } = await runtime.database.transaction([tenant], (sql) =>
    sql.query<{ line: string }>('SELECT line FROM instances WHERE id = $1', [instance.id]),
  );
  const until = performance.now() + knownWithinMs;
  for (;;) {
    const entry = await runtime.directory.find(tenant, rows[0]?.line ?? '', people.ownAddress(chat));
    if (entry !== undefined) return entry.conversation;
    if (performance.now() > until) throw new Error('a conversation does not begin');
    await sleep(50);
  }
}

function mergeOf({ installation, crew }: World, one: string, other: string) {
  const [elder, younger] = isElder(one, other) ? [one, other] : [other, one];
  const { tenant } = installation;
  const eventId = derivedId('e', tenant, 'chaos', younger, elder);
  const asked: MergeRequested = {
    ...uncaused(tenant, younger, eventId, Date.now() + crew.clockOffsetMs),
    type: 'merge.requested',
    into: elder,
    requestedBy: 'chaos',
  };
  return outgoing(asked);
}
