/** The network between processes and broker (or Postgres, where the log is) delays, drops, ends within an answer, falls silent, and delivers late. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Fault } from '../fault.ts';

/** Number of Kafka's request that ends a transaction. */
const endTxn = 26;
const schedules = 7;

export const network: Fault = {
  number: 5,
  name: 'network delayed, dropped, torn, half open, late EndTxn',
  unavailable: ({ installation: { broker } }) =>
    broker?.broker.kind === 'configured' || broker?.broker.kind === 'redpanda'
      ? 'this broker sends its clients past the proxy'
      : undefined,
  async stage({ installation: { broker, postgres }, random, say }) {
    const proxy = broker?.proxy ?? postgres.proxy;
    const troubles = {
      delay: async () => {
        proxy.delayMs = 50 + random.below(250);
        await sleep(3_000);
      },
      resets: async () => {
        for (let reset = 0; reset < 5; reset++) {
          proxy.reset();
          await sleep(random.below(700));
        }
      },
      'torn answers': async () => {
        for (let tear = 0; tear < 4; tear++) {
          proxy.tear();
          await sleep(300 + random.below(700));
        }
      },
      drop: async () => {
        proxy.refuse(true);
        await sleep(500 + random.below(2_500));
      },
      'half open': async () => {
        proxy.stall();
        await sleep(2_000 + random.below(5_000));
      },
      'late EndTxn': async () => {
        if (broker === undefined) return;
        proxy.holdBack(endTxn, 300 + random.below(5_000), 3);
        await sleep(6_000);
        if (proxy.heldLeft > 0) say(`${proxy.heldLeft} EndTxn were not met`);
      },
    };
    const names = Object.keys(troubles) as [keyof typeof troubles, ...(keyof typeof troubles)[]];
    // Each once, then some again.
    const schedule = [...names, ...Array.from({ length: schedules - names.length }, () => random.one(names))];
    for (const name of schedule) {
      await troubles[name]();
      proxy.heal();
      await sleep(1_000);
    }
    return {};
  },
};
