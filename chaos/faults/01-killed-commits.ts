/** A host kills itself at every named moment of a commit. */
import { hosts } from '../crew.ts';
import type { Fault } from '../fault.ts';
import { crashPoints } from '../programs/plan.ts';

const crashWithinMs = 15_000;

export const killedCommits: Fault = {
  number: 1,
  name: 'host killed at each moment of a commit',
  short: true,
  async stage({ crew, random, installation, say }) {
    // The moments within a transaction of the Postgres log are Postgres' own.
    const points =
      installation.log === 'kafka' ? crashPoints : (['transition', 'snapshot-written', 'commit-acknowledged'] as const);
    for (const point of points) {
      const role = random.one(hosts);
      await crew.ready(role);
      crew.order(role, {
        crash: { point, after: random.below(4), delayMs: point === 'commit-sent' ? random.below(4) : 0 },
      });
      if (await crew.ended(role, crashWithinMs)) crew.kills += 1;
      else say(`${role} did not come to ${point}`);
    }
    return {};
  },
};
