/** Somebody else initialises the transactional id of a partition, begins a transaction under it, and leaves it open. */
import { setTimeout as sleep } from 'node:timers/promises';

import { hijackTransactionalId } from '../adapters/hijack.ts';
import type { Fault } from '../fault.ts';

const hijacks = 5;

export const hijackedId: Fault = {
  number: 3,
  name: 'transactional id hijacked',
  unavailable: ({ installation }) =>
    installation.config.kafka === undefined ? 'the Postgres log has no transactional ids' : undefined,
  async stage({ crew, installation, random, say }) {
    const { kafka, partitionCount } = installation.config;
    if (kafka === undefined) return {};
    for (let hijack = 0; hijack < hijacks; hijack++) {
      await hijackTransactionalId(kafka, random.below(partitionCount), random.once(2));
      await sleep(random.below(1_500));
    }
    if (!crew.notes.some((note) => note.includes('a partition was given up'))) say('no host noticed a hijack');
    return {};
  },
};
