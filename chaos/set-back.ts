/** Postgres as it was some seconds ago, while the log is where it is. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { World } from './world.ts';

const lostMs = 4_000;

/** Sets Postgres back; the hosts go on meanwhile. */
export async function setBack({ crew, installation, random, recorder }: World): Promise<void> {
  const { postgres } = installation;
  await crew.stop('sender');
  await crew.stop('rest');
  await postgres.stop();
  await postgres.copy();
  await postgres.start();
  await sleep(lostMs + random.below(1_500));
  await postgres.stop();
  recorder.era += 1;
  await postgres.putBack();
  await postgres.start();
  recorder.era += 1;
  await crew.start('sender');
  await crew.start('rest');
  await sleep(1_500);
}
