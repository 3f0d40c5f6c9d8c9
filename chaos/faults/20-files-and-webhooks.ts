/** The process that fetches files and tells the tenant is killed and stopped while the server and the endpoint are away now and then. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Fault } from '../fault.ts';

const kills = 3;

export const filesAndWebhooks: Fault = {
  number: 20,
  name: 'files and webhooks, their process killed',
  unavailable: ({ installation }) => (installation.outskirts === undefined ? 'there are no outskirts' : undefined),
  async stage({ crew, installation, people, random }) {
    const { outskirts } = installation;
    if (outskirts === undefined) return {};
    const usual = outskirts.awayPercent;
    outskirts.awayPercent = 25;
    people.habits = { ...people.habits, photoPercent: 50 };
    for (let kill = 0; kill < kills; kill++) {
      await sleep(1_000 + random.below(2_000));
      await crew.ready('rest');
      if (kill === 1) await crew.stop('rest');
      else crew.kill('rest');
      await crew.start('rest');
    }
    await sleep(1_000);
    outskirts.awayPercent = usual;
    people.behave();
    return {};
  },
};
