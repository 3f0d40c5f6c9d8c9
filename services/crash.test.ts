// Goal: a program killed at twenty random points of a conversation loses nothing and repeats nothing.
// Method: kill -9 and restart, on the Postgres log. The seed is printed by a failure.
import { test } from 'vitest';

import { surviveKills } from './crash.cases.ts';

const seed = Number(process.env['PROSA_SEED'] ?? Date.now() % 1_000_000);

test(`twenty kills on the Postgres log, seed ${seed}`, { timeout: 300_000 }, async () => {
  await surviveKills({}, seed);
});
