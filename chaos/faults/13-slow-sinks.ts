/** The provider answers late or too late, and Postgres is slow. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Fault } from '../fault.ts';

/** More than the sender waits for an answer. */
const tooLateMs = 3_500;
const tooLate = 6;

export const slowSinks: Fault = {
  number: 13,
  name: 'slow provider and slow Postgres',
  async stage({ installation: { postgres, waha }, random }) {
    waha.fault({ kind: 'slow', ms: tooLateMs, times: tooLate });
    waha.fault({ kind: 'delay', ms: 400 + random.below(400), times: 40 });
    await sleep(4_000);
    postgres.proxy.delayMs = 20 + random.below(60);
    await sleep(4_000);
    postgres.proxy.heal();
    await sleep(1_000);
    waha.clearFaults();
    // Whoever got no answer in time calls again, under the same message id.
    return { repeatsAllowed: tooLate };
  },
};
