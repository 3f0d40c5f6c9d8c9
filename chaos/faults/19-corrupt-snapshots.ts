/** Snapshot rows are torn, changed and exchanged, and the hosts that had them in memory are gone. */
import { setTimeout as sleep } from 'node:timers/promises';

import { hosts } from '../crew.ts';
import type { Fault } from '../fault.ts';

const damages = [
  `body = substring(body FROM 1 FOR 40)`,
  `body = ''`,
  `body = set_byte(body, length(body) / 2, (get_byte(body, length(body) / 2) + 1) % 256)`,
  `body = (SELECT other.body FROM actor_snapshots other WHERE other.actor <> s.actor LIMIT 1)`,
] as const;

export const corruptSnapshots: Fault = {
  number: 19,
  name: 'snapshot rows corrupt',
  short: true,
  async stage({ crew, installation: { tenant }, people, random, runtime }) {
    for (const damage of damages) {
      await sleep(500 + random.below(500));
      await runtime.database.transaction([tenant], (sql) =>
        sql.query(`UPDATE actor_snapshots s SET ${damage} WHERE length(body) > 100 AND abs(hashtext(actor)) % 3 = $1`, [
          random.below(3),
        ]),
      );
      crew.kill(random.one(hosts));
    }
    // Everybody is loaded anew.
    for (const role of hosts) await crew.ready(role);
    for (const role of hosts) crew.kill(role);
    people.everybody();
    await sleep(2_000);
    return {};
  },
};
