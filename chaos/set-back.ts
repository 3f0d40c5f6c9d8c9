/** Postgres as it was some seconds ago, while the log is where it is. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { World } from './world.ts';

const lostMs = 4_000;

/**
 * Sets Postgres back; the hosts go on meanwhile, the others are stopped for the restore alone, and catch up by
 * themselves. Resolves with the deliveries that were open in the copy: what was sent of them since is not known there.
 */
export async function setBack({ crew, installation, random, recorder, runtime }: World): Promise<number> {
  const { postgres, tenant } = installation;
  await postgres.stop();
  await postgres.copy();
  await postgres.start();
  await sleep(lostMs + random.below(1_500));
  await crew.stop('sender');
  await crew.stop('rest');
  await postgres.stop();
  recorder.era += 1;
  await postgres.putBack();
  await postgres.start();
  recorder.era += 1;
  const { rows } = await runtime.database.query<{ readonly open: number }>(
    [tenant],
    `SELECT count(*)::int AS open FROM deliveries WHERE status IN ('queued', 'sending')`,
  );
  await crew.start('sender');
  await crew.start('rest');
  await sleep(1_500);
  return rows[0]?.open ?? 0;
}
