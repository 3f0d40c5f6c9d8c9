/**
 * Answers effects, as a worker in production would: at least once, some of them twice with another
 * event id, some of them late.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { consumeRecords } from '#runtime/log/consume-records.ts';
import { causedBy, derivedId, outgoing } from '#runtime/records.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';
import type { SealedEffectOutput } from '#schemas/content.ts';
import type { EffectCompleted, EffectRequested } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import { Random } from '../random.ts';

const lateMsMax = 400;
/** One in so many is answered twice. */
const twiceIn = 5;

/** Starts the worker. */
export async function startEffects(runtime: Runtime, seed: number): Promise<RunningService> {
  const random = new Random(seed);
  const answer = async (requested: EffectRequested, copy: number): Promise<void> => {
    const { tenant, actor, effectId } = requested;
    const header = {
      ...causedBy(requested, derivedId('e', effectId, copy), runtime.now()),
      type: 'effect.completed' as const,
    };
    const output: SealedEffectOutput = { output: `${copy}` };
    const sealed = await runtime.vault.seal(header, tenantSubject(tenant), runtime.now(), output);
    const completed: EffectCompleted = { ...header, effectId, outcome: 'done', reason: null, sealed };
    await runtime.log.append([outgoing({ ...completed, actor })]);
  };
  const consumer = await consumeRecords(runtime, {
    group: 'effects',
    topic: topics.effects,
    sliceRecordsMax: 100,
    sliceBytesMax: 1_048_576,
    handle: async (slices) => {
      const read = slices.flatMap(({ records }) => records);
      for (const { record } of read) {
        if (record.type !== 'effect.requested') continue;
        await sleep(random.below(lateMsMax) / read.length);
        await answer(record, 0);
        if (random.once(twiceIn)) await answer(record, 1);
      }
    },
  });
  return { name: 'effects', finished: consumer.finished, stop: () => consumer.stop() };
}
