/** Webhooks come twice and more often: at once, with another body under the same id, a day later, after a restart of ingest. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Fault } from '../fault.ts';

const dayMs = 24 * 3_600_000;

export const duplicateWebhooks: Fault = {
  number: 8,
  name: 'webhooks repeated, changed, a day later',
  short: true,
  async stage({ crew, people }) {
    people.habits = { ...people.habits, twicePercent: 60, repeatWithinMs: 3_000 };
    await sleep(2_500);
    people.repeatSome(30, false);
    people.repeatSome(15, true);
    await sleep(1_500);
    crew.kill('ingest');
    people.repeatSome(30, false);
    await sleep(1_500);
    crew.setClocks(crew.clockOffsetMs + dayMs);
    people.repeatSome(60, false);
    await sleep(1_500);
    people.behave();
    return {};
  },
};
