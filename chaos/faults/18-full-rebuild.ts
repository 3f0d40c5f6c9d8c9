/** Everything that can be rebuilt is emptied while people write: snapshots, journal, history. */
import { setTimeout as sleep } from 'node:timers/promises';

import { asOwner } from '#runtime/testing/owner-sql.ts';

import { rebuiltTables } from '../../services/projection/tables.ts';
import type { Fault } from '../fault.ts';

/** The projection's, and the hosts' own. */
const emptied = `TRUNCATE actor_snapshots, ${rebuiltTables}`;

export const fullRebuild: Fault = {
  number: 18,
  name: 'full rebuild from the log, compared with live',
  short: true,
  async stage({ crew, installation: { postgres }, people, recorder }) {
    await sleep(1_500);
    await crew.stop('host-2');
    recorder.era += 1;
    await asOwner(postgres.url, emptied);
    recorder.era += 1;
    // The other host must rebuild what it takes over; this one what it has forgotten.
    crew.kill('host-1');
    crew.kill('rest');
    await crew.start('host-2');
    // Those who had fallen silent are rebuilt as well.
    people.everybody();
    await sleep(2_000);
    return {};
  },
};
