/** The disks of Postgres and of the broker are full to the last byte, one after the other, until somebody makes room. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Fault } from '../fault.ts';
import { canMount, fill } from '../small-disk.ts';

const fullMs = 4_000;

export const diskFull: Fault = {
  number: 14,
  name: 'disk full: Postgres, broker',
  smallDisks: true,
  async stage({ installation: { broker, disks, postgres }, say }) {
    if (disks.postgres !== undefined) {
      const free = await fill(disks.postgres);
      await sleep(fullMs);
      await free();
      // Postgres may have ended itself.
      await postgres.stop();
      await postgres.start();
      await sleep(2_000);
    }
    if (disks.broker !== undefined && broker?.broker.kind === 'kafka') {
      const free = await fill(disks.broker);
      await sleep(fullMs);
      await free();
      // Kafka ends itself when its only disk fails.
      await broker.broker.restart?.();
      await sleep(2_000);
    } else say('the broker is not on a disk of ours: only Postgres ran out of space');
    return {};
  },
  canStage: () => (canMount() ? undefined : 'disks cannot be mounted here: needs root on Linux'),
};
