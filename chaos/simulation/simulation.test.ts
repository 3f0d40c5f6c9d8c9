// Goal: the hosts' invariants under whatever a seed brings, and that the simulation would notice if
// they did not hold. Method: seeds, each a whole run; then each protection switched off in turn.
import { describe, expect, test } from 'vitest';

import type { AnomalyName } from '../checker.ts';
import { type AnyProtection, allProtections, simulate } from './simulation.ts';

/** Generous: the machine may be busy with other suites. */
const timeoutMs = 240_000;

async function failures(first: number, seeds: number): Promise<readonly string[]> {
  const failed: string[] = [];
  for (let seed = first; seed < first + seeds; seed += 1) {
    const { findings } = await simulate({ seed });
    if (findings.length > 0) failed.push(`npm run simulate -- --seed ${seed} --trace: ${JSON.stringify(findings[0])}`);
  }
  return failed;
}

describe('whatever happens', () => {
  test(
    'no seed of a fixed range finds anything',
    async () => {
      expect(await failures(1, 200)).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'nor does any of a range that is new each time',
    async () => {
      const first = 1_000_000 + Math.floor(Math.random() * 1e9);
      process.stdout.write(`simulated seeds from ${first}\n`);
      expect(await failures(first, 100)).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'the seeds do bring crashes, zombies, lost answers, late requests, and a store that forgets',
    async () => {
      const totals = new Map<string, number>();
      for (let seed = 1; seed <= 40; seed += 1) {
        const { tally, records, commits } = await simulate({ seed });
        for (const [name, count] of Object.entries({ ...tally, records, commits }))
          totals.set(name, (totals.get(name) ?? 0) + count);
      }
      const never = [...totals].filter(([name, count]) => count === 0 && name !== 'quarantines').map(([name]) => name);
      expect(never).toEqual([]);
    },
    timeoutMs,
  );
});

describe('a seed', () => {
  test(
    'does the same things in the same order each time',
    async () => {
      for (const seed of [2, 7, 11]) {
        const [first, second] = [await simulate({ seed, trace: true }), await simulate({ seed, trace: true })];
        expect(second.trace).toEqual(first.trace);
        expect(second.hash).toBe(first.hash);
        expect(second.steps).toBe(first.steps);
      }
    },
    timeoutMs,
  );

  test(
    'does other things than its neighbour',
    async () => {
      expect((await simulate({ seed: 3 })).hash).not.toBe((await simulate({ seed: 4 })).hash);
    },
    timeoutMs,
  );
});

describe('without a protection', () => {
  /** What its absence is called, and within how many seeds it shows; the rare ones, from near one that showed it. */
  const shows: Readonly<
    Record<AnyProtection, { readonly names: readonly AnomalyName[]; readonly within: number; readonly first?: number }>
  > = {
    fence: { names: ['duplicate', 'non-monotonic'], within: 400 },
    're-read': { names: ['duplicate'], within: 600, first: 55 },
    epoch: { names: ['stale-snapshot'], within: 400, first: 110 },
    seen: { names: ['duplicate'], within: 20 },
    'effect-id': { names: ['effect-without-cause'], within: 400, first: 215 },
    'timer-generation': { names: ['timer-ghost'], within: 20 },
    'two-versions': { names: ['stale-snapshot', 'lost'], within: 20 },
    unbroken: { names: ['stale-snapshot', 'lost', 'state-divergence'], within: 200 },
    'epochs-once': { names: ['stale-snapshot'], within: 6_000, first: 5_930 },
  };

  test.each(allProtections)(
    '%s, a seed shows it by its name',
    async (without) => {
      const { names, within, first = 1 } = shows[without];
      let found: AnomalyName | undefined;
      for (let seed = first; seed < first + within && found === undefined; seed += 1) {
        const { findings } = await simulate({ seed, without });
        found = names.find((name) => findings.some((finding) => finding.name === name));
      }
      expect(names).toContain(found);
    },
    timeoutMs,
  );
});
