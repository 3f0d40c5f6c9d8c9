/** A host is stopped for longer than its session, and goes on as if nothing had happened. */
import { setTimeout as sleep } from 'node:timers/promises';

import { hosts } from '../crew.ts';
import type { Fault } from '../fault.ts';

const zombies = 2;

export const stoppedHosts: Fault = {
  number: 2,
  name: 'host stopped longer than its session, then on',
  short: true,
  async stage({ crew, installation: { sessionTimeoutMs }, random }) {
    for (let zombie = 0; zombie < zombies; zombie++) {
      const role = random.one(hosts);
      await sleep(random.below(800));
      crew.signal(role, 'SIGSTOP');
      await sleep(sessionTimeoutMs + 500 + random.below(2_000));
      crew.signal(role, 'SIGCONT');
      await sleep(1_000);
    }
    return {};
  },
};
