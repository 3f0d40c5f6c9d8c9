/**
 * Postgres is restarted; all snapshots are lost; everything in it is set back some seconds.
 *
 * Setting back takes truth away too (deliveries, timers as they were settled): what sends and fires is
 * stopped for it, as the manual of a restore says, and reads again what is missing.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Fault } from '../fault.ts';
import { setBack } from '../set-back.ts';

export const postgresTroubles: Fault = {
  number: 6,
  name: 'Postgres restarted, wiped, set back',
  short: true,
  async stage(world) {
    const { installation, random, recorder, runtime } = world;
    const { postgres, tenant, log } = installation;
    await sleep(random.below(1_000));
    await postgres.stop();
    await sleep(random.below(1_500));
    await postgres.start();
    await sleep(1_500);

    recorder.era += 1;
    await runtime.database.transaction([tenant], (sql) => sql.query('DELETE FROM actor_snapshots'));
    recorder.era += 1;
    await sleep(2_000);

    // On the Postgres log it would take acknowledged records away with everything else.
    return log === 'kafka' ? { repeatsAllowed: await setBack(world) } : {};
  },
};
