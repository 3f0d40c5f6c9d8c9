/** Redis is slow, loses everything, and is away: the window of duplicates degrades, nothing else does. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Fault } from '../fault.ts';

export const redisTroubles: Fault = {
  number: 7,
  name: 'Redis slow, flushed, lost',
  unavailable: ({ installation: { redis } }) => (redis === undefined ? 'there is no Redis here' : undefined),
  async stage({ installation: { redis }, people, random }) {
    if (redis === undefined) return {};
    const { proxy } = redis;
    people.habits = { ...people.habits, twicePercent: 40 };
    proxy.delayMs = 100 + random.below(400);
    await sleep(2_000);
    proxy.heal();
    await flush(proxy.target);
    await sleep(1_000);
    proxy.stall();
    await sleep(2_000 + random.below(1_000));
    proxy.heal();
    proxy.refuse(true);
    await sleep(2_000);
    proxy.heal();
    await sleep(1_000);
    people.behave();
    return {};
  },
};

/** Everything in it is gone. */
async function flush(port: number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  const answered = Promise.withResolvers<undefined>();
  socket.once('data', () => answered.resolve(undefined));
  socket.once('error', answered.reject);
  socket.write('FLUSHALL\r\n');
  await answered.promise;
  socket.destroy();
}
