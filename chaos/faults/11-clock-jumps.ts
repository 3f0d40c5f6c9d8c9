/** Clocks of processes go ahead, back, apart and stand still; the broker's and Postgres' stay right. */
import { setTimeout as sleep } from 'node:timers/promises';

import { type Role, roles } from '../crew.ts';
import type { Fault } from '../fault.ts';

const hourMs = 3_600_000;
const apartMs = 30_000;

export const clockJumps: Fault = {
  number: 11,
  name: 'clocks jump ahead, back and apart',
  async stage({ crew, random }) {
    const before = crew.clockOffsetMs;
    for (const jump of [hourMs, 0, 2 * hourMs, -hourMs]) {
      crew.setClocks(before + jump);
      await sleep(1_500);
    }
    for (const role of Object.keys(roles) as Role[])
      crew.order(role, { clockOffsetMs: before + random.below(apartMs) - apartMs / 2 });
    await sleep(2_000);
    // Time inside a conversation never goes back: a timer set two hours ahead waits for the clock to come there.
    crew.setClocks(before + 2 * hourMs + apartMs);
    await sleep(1_000);
    return {};
  },
};
