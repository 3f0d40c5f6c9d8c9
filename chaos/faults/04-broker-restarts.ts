/** The broker is killed and started again, and restarted cleanly. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Fault } from '../fault.ts';

export const brokerRestarts: Fault = {
  number: 4,
  name: 'broker killed and restarted',
  unavailable: ({ installation: { broker } }) => {
    if (broker === undefined) return 'the Postgres log has no broker';
    return broker.broker.kill === undefined ? 'the broker that was configured is not ours to kill' : undefined;
  },
  async stage({ crew, installation, random }) {
    const broker = installation.broker?.broker;
    await sleep(500 + random.below(1_000));
    await broker?.kill?.();
    crew.kills += 1;
    await sleep(random.below(2_000));
    await broker?.restart?.();
    await sleep(3_000);
    await broker?.restart?.();
    await sleep(2_000);
    return {};
  },
};
