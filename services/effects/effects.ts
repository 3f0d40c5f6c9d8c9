/**
 * The effects service: what actors ask of the outside world (`invoke`) is carried out here, and what
 * became of it goes back as `effect.completed`.
 *
 * E1 A request is kept before its offset is committed: none is lost, and its id makes it one effect
 *    however often it is read. `queue_progress` moves with it: where Postgres was set back, what is missing is read again
 *    first, and taken for begun by somebody who is gone. (Its answer, if it was told, has the same id as the next one.)
 * E2 An answer is kept before it is told, and told at least once, always with the same id.
 * E3 What is cancelled is not begun; what runs is told so, and what comes of it nevertheless is written down.
 * E4 Everything is bounded: effects at a time in all and of each source, an attempt's time, attempts.
 */
import { createFollower } from '#runtime/log/queue-progress.ts';
import { startQueueService } from '#runtime/queue-service.ts';
import { newUlid } from '#runtime/records.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { topics } from '#schemas/topics.ts';

import { openEffectRows } from './effect-rows.ts';
import type { EffectHandler } from './handler.ts';
import { EffectRunner } from './runner.ts';

/** How to run. Times in milliseconds. */
export interface EffectsOptions {
  /** By source. */
  readonly handlers: ReadonlyMap<string, EffectHandler>;
  /** True when no other such service works on these data. */
  readonly soleOwner?: boolean;
  readonly pollMs?: number;
  /** Most effects at a time in this process. */
  readonly concurrency?: number;
  readonly random?: () => number;
  /** Time that `stop` gives to what runs; the process has 10 s for everything. */
  readonly stopGraceMs?: number;
  /** What handlers hold open; called once, at the end. */
  readonly close?: () => Promise<void>;
}

const group = 'effects';
const slice = { sliceRecordsMax: 500, sliceBytesMax: 4 * 1024 * 1024 } as const;
/** Half as often where no other process puts anything off or leaves anything behind. */
const pollMsOf = ({ soleOwner }: EffectsOptions): number => (soleOwner === true ? 1_000 : 500);
const defaults = { soleOwner: false, concurrency: 64, random: Math.random, stopGraceMs: 5_000 } as const;

/** Starts the service. Resolves when it consumes. */
export function startEffects(runtime: Runtime, options: EffectsOptions): Promise<RunningService> {
  const rows = openEffectRows(runtime.database);
  const owner = `effects-${newUlid(runtime.now())}`;
  const runner = new EffectRunner({ ...defaults, pollMs: pollMsOf(options), ...options, runtime, rows, owner });
  const topic = topics.effects;
  return startQueueService(runtime, {
    group,
    topic,
    ...slice,
    follower: createFollower(runtime, {
      group,
      topic,
      write: async (slices, again) => {
        const hasWork = await rows.accept(group, slices, again);
        const records = slices.flatMap((slice) => slice.records);
        runner.cancel(records.flatMap(({ record }) => (record.type === 'effect.cancelled' ? [record.effectId] : [])));
        return hasWork;
      },
    }),
    worker: runner,
    stopGraceMs: options.stopGraceMs ?? defaults.stopGraceMs,
    ...(options.close === undefined ? {} : { close: options.close }),
  });
}
