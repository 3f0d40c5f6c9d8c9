// Goal: the harness can fail. Method: a protection of the Kafka adapter is taken out, the one situation that it
// is there for is staged, and the checker names what comes of it; with the protection in place nothing does.
// Every protection is taken out in simulation/, those of the host and its store too.
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, describe, expect, test } from 'vitest';

import { sharedBroker } from '#runtime/testing/shared-broker.ts';

import { type AnomalyName, check } from './checker.ts';
import { sessionTimeoutMs } from './installation.ts';
import { expectedReplies } from './model.ts';
import type { WithoutProtection } from './programs/plan.ts';
import { type World, openWorld } from './world.ts';

const broker = await sharedBroker();
const seed = 1;
/** Until the successor of a host that fell silent has asked where it is to begin. */
const successionMs = sessionTimeoutMs + 3_000;
const settleWithinMs = 90_000;

let world: World | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
}, 60_000);

/**
 * A host hangs with a slice whose snapshots are written and whose transaction is not begun; it goes on
 * when its successor has asked for the committed offset and, with a slow fence, not fenced it yet.
 */
async function anomaliesOfOvertaking(
  without: WithoutProtection,
  slowFenceMs: number,
): Promise<ReadonlySet<AnomalyName>> {
  world = await openWorld({ log: 'kafka', seed, say: () => undefined, plan: { without } });
  const { crew, people } = world;
  crew.order('host-2', { slowFenceMs });
  crew.order('host-1', { heartbeatsStopped: true, hold: { point: 'snapshot-written', ms: successionMs } });
  people.begin();
  await sleep(successionMs + slowFenceMs + 2_000);
  await people.fallSilent();
  crew.order('host-1', { heartbeatsStopped: false });
  await world.settle(settleWithinMs);
  return new Set(check(await world.history(0), expectedReplies).map(({ name }) => name));
}

const timeout = 240_000;

describe.skipIf(broker === undefined)('a host overtaken by its successor', () => {
  test('without fence and generation check: the checker names duplicates', { timeout }, async () => {
    const without = { withoutFence: true, withoutGenerationCheck: true };
    expect(await anomaliesOfOvertaking(without, 0)).toContain('duplicate');
  });

  test(
    'without reading the offset again after the fence: the store holds the successor back',
    { timeout },
    async () => {
      const without = { withoutRereadAfterFence: true, withoutGenerationCheck: true };
      expect(await anomaliesOfOvertaking(without, 5_000)).toEqual(new Set());
      // It began where the other had been on; its snapshots were refused, and it took over once more.
      expect(
        world?.crew.notes.filter((note) => note.startsWith('host-2') && note.includes('writeSnapshots')),
      ).not.toEqual([]);
    },
  );

  test('with them: nothing', { timeout }, async () => {
    expect(await anomaliesOfOvertaking({ withoutGenerationCheck: true }, 5_000)).toEqual(new Set());
  });
});
