// Goal: nothing is lost, doubled or made up when processes, broker and Postgres fail. Method: the short form of
// `npm run chaos`: its main faults, one after the other in one world of real processes on a broker of its own.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { sharedBroker } from '#runtime/testing/shared-broker.ts';

import { faults } from './faults/all.ts';
import { type Excused, stageFault } from './stage-fault.ts';
import { type World, openWorld } from './world.ts';

/** Whether a broker can be had here; the one of the run is others' too, and not ours to kill. */
const broker = await sharedBroker();
const seed = Number(process.env['PROSA_SEED'] ?? Date.now() % 1_000_000);

describe.skipIf(broker === undefined)(`a world under fire, seed ${seed}`, () => {
  let world: World | undefined;
  const excused: Excused = { repeats: 0 };

  beforeAll(async () => {
    world = await openWorld({ log: 'kafka', seed, say: (line) => void process.stderr.write(`${line}\n`) });
  }, 240_000);
  afterAll(() => world?.close(), 60_000);

  test.each(faults.filter(({ short }) => short))('fault $number: $name', { timeout: 300_000 }, async (fault) => {
    if (world === undefined) throw new Error('there is no world');
    world.random.reseed(seed);
    const { anomalies, records } = await stageFault(world, fault, seed, excused);
    expect(anomalies).toEqual([]);
    expect(records).toBeGreaterThan(0);
  });
});
