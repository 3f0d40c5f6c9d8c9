// Goal: what the peers are compared by is right. The XState machine and the plain function are the same
// conversation, and a peer that answers wrongly, or keeps a wrong state, is found out.
import { initialTransition, transition } from 'xstate';
import { describe, expect, test } from 'vitest';

import type { ConversationEvent } from '#machines/machine.ts';

import { fresh, messageText, replyTo, stateAfter, step } from './conversation.ts';
import { findPeersMachine } from './machine.ts';
import type { Peer } from './peer.ts';
import { People } from './people.ts';

const messages = 12;

test('the machine says and becomes what the function does', () => {
  const machine = findPeersMachine('conversation', 'peers')?.machine;
  if (machine === undefined) throw new Error('the machine is gone');
  let [snapshot] = initialTransition(machine);
  let state = fresh;
  for (let n = 0; n < messages; n++) {
    const content = { kind: 'text', text: messageText(n) } as const;
    const event: ConversationEvent = { type: 'message.received', content, at: n, eventId: String(n) };
    const [next, actions] = transition(machine, snapshot, event);
    const stepped = step(state, messageText(n));
    [snapshot, state] = [next, stepped.after];
    const replies = (actions as readonly { readonly type: string; readonly params: unknown }[])
      .filter(({ type }) => type === 'reply')
      .map(({ params }) => params);
    expect(replies).toEqual([{ content: { kind: 'text', text: stepped.reply } }]);
    expect({ state: snapshot.value as unknown, ...(snapshot.context as object) }).toEqual(state);
    expect(actions.some(({ type }) => type === 'xstate.raise')).toBe(stepped.setsTimer);
    expect(stepped.reply).toHaveLength(400);
  }
  expect(state).toEqual(stateAfter(messages));
});

/** A peer in memory. */
function peerOf(behaviour: Partial<Pick<Peer, 'say' | 'states'>>): Peer {
  const said = new Map<number, number>();
  return {
    startWorker: () => Promise.reject(new Error('there is none')),
    meet: () => Promise.resolve(),
    say: ({ conversation, n }) => {
      said.set(conversation, n + 1);
      return Promise.resolve(replyTo(n));
    },
    states: (count) => Promise.resolve(Array.from({ length: count }, (_, i) => stateAfter(said.get(i) ?? 0))),
    ...behaviour,
  };
}

async function converse(peer: Peer): Promise<number> {
  const people = new People(peer);
  await people.meet(3);
  const loop = await people.closed({ inFlight: 2, seconds: 10, messagesMax: 20 });
  await people.check();
  return loop.messages;
}

describe('people', () => {
  test('find nothing wrong with a peer that does its work', async () => {
    await expect(converse(peerOf({}))).resolves.toBe(20);
  });

  test('find out a reply that was given twice', async () => {
    const say: Peer['say'] = ({ n }) => Promise.resolve(replyTo(Math.max(0, n - 1)));
    await expect(converse(peerOf({ say }))).rejects.toThrow('had the reply');
  });

  test('find out a state that lost a message', async () => {
    const states: Peer['states'] = (count) => Promise.resolve(Array.from({ length: count }, () => stateAfter(1)));
    await expect(converse(peerOf({ states }))).rejects.toThrow('is {');
  });
});
