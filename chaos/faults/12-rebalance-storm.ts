/** Hosts join and leave all the time: stopped in order, killed, and started again. */
import { setTimeout as sleep } from 'node:timers/promises';

import { hosts } from '../crew.ts';
import type { Fault } from '../fault.ts';

const turns = 6;

export const rebalanceStorm: Fault = {
  number: 12,
  name: 'rebalance storm',
  short: true,
  async stage({ crew, random }) {
    for (let turn = 0; turn < turns; turn++) {
      const role = random.one(hosts);
      if (random.once(3)) crew.kill(role);
      else {
        await crew.stop(role);
        await crew.start(role);
      }
      await sleep(200 + random.below(600));
    }
    return {};
  },
};
