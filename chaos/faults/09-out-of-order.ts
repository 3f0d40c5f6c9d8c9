/** Messages overtake each other by seconds, and a status comes before what it is the status of. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Fault } from '../fault.ts';

const rounds = 20;

export const outOfOrder: Fault = {
  number: 9,
  name: 'webhooks late, overtaking, status first',
  async stage({ installation: { waha }, people }) {
    people.habits = { ...people.habits, windowMs: 5_000 };
    const told = new Set(waha.messages.map(({ id }) => id));
    // A provider that is slow to answer: what it reports meanwhile is earlier than its answer.
    waha.fault({ kind: 'slow', ms: 800, times: rounds });
    for (let round = 0; round < rounds; round++) {
      await sleep(300);
      for (const { id, chatId } of waha.messages.filter((message) => !told.has(message.id))) {
        told.add(id);
        people.report(acknowledgement(chatId, id, 3));
        people.report(acknowledgement(chatId, id, 2));
      }
    }
    waha.clearFaults();
    people.behave();
    return {};
  },
};

/** WAHA's event for how far a message of ours got; 2 is the device, 3 is read. */
const acknowledgement = (chat: string, stanza: string, ack: number): Buffer =>
  Buffer.from(
    JSON.stringify({
      id: `evt_ack_${stanza}_${ack}`,
      timestamp: Date.now(),
      event: 'message.ack',
      session: 'default',
      payload: {
        id: `true_${chat}_${stanza}`,
        from: chat,
        to: chat,
        participant: null,
        fromMe: true,
        ack,
        ackName: ack === 3 ? 'READ' : 'DEVICE',
        _data: {},
      },
      engine: 'NOWEB',
    }),
  );
