/** Hosts with little memory, under more messages than usual. */
import { setTimeout as sleep } from 'node:timers/promises';

import { hosts } from '../crew.ts';
import type { Fault } from '../fault.ts';

const heapMb = 48;
const underLoadMs = 10_000;

export const memoryCap: Fault = {
  number: 15,
  name: `hosts with a heap of ${heapMb} MB`,
  async stage({ crew, people }) {
    for (const role of hosts) {
      await crew.stop(role);
      await crew.start(role, {}, { NODE_OPTIONS: `--max-old-space-size=${heapMb}` });
    }
    people.habits = { ...people.habits, perSecond: 60 };
    await sleep(underLoadMs);
    people.behave();
    for (const role of hosts) {
      await crew.stop(role);
      await crew.start(role);
    }
    return {};
  },
};
