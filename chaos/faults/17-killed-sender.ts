/** The sender is killed between a call to the provider and the record of its answer. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Fault } from '../fault.ts';

const kills = 4;
const slowMs = 1_200;

export const killedSender: Fault = {
  number: 17,
  name: 'sender killed between call and record',
  short: true,
  async stage({ crew, installation: { waha }, random }) {
    const callsInFlight = (): number => waha.sends().filter(({ status }) => status === undefined).length;
    let excused = 0;
    for (let kill = 0; kill < kills; kill++) {
      await crew.ready('sender');
      // The provider has the message and is slow to say so.
      waha.fault({ kind: 'slow', ms: slowMs, times: 3 });
      const until = performance.now() + 10_000;
      while (callsInFlight() === 0 && performance.now() < until) await sleep(10);
      await sleep(random.below(slowMs / 2));
      // Every call that is in flight may be made once more.
      excused += callsInFlight();
      crew.kill('sender');
      await sleep(500 + random.below(1_000));
    }
    waha.clearFaults();
    return { repeatsAllowed: excused };
  },
};
