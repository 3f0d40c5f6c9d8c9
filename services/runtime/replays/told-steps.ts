/**
 * Steps of a replay as the API answers them, as records that can be folded again elsewhere: what-if
 * with a machine that the program does not have.
 */
import type { ActorEvent, ProsaRecord } from '#schemas/records.ts';

import { type ToldRecord, orderedQuarantines } from '../actor/apply.ts';
import type { FoldPorts } from '../actor/fold.ts';
import type { FindMachine } from '../actor/machines.ts';
import type { Output } from '../actor/outputs.ts';
import type { Configuration } from '../tenants/tenants.ts';
import type { RecordedEpisode, RecordedStep } from './what-if.ts';

/** What of a step is needed, as `GET /v1/conversations/{id}/replay` answers it. */
export interface AnsweredStep {
  readonly offset: number;
  readonly partition: number;
  readonly eventId: string;
  readonly type: string;
  readonly record: Readonly<Record<string, unknown>>;
  readonly content?: unknown;
  readonly erased?: true;
  readonly outcome: string;
  readonly to: string;
  readonly outputs: readonly {
    readonly type: string;
    readonly id: string;
    readonly record: Readonly<Record<string, unknown>>;
    readonly content?: unknown;
  }[];
}

/** The record of a step, as its actor was told it. */
export const toldOf = ({ offset, partition, eventId, type, record, content, erased }: AnsweredStep): ToldRecord => ({
  offset,
  partition,
  record: { ...record, type, eventId } as unknown as ActorEvent,
  opened: erased === true ? { state: 'erased' } : content === undefined ? undefined : { state: 'open', value: content },
});

/** What a fold of all records of one conversation asks for, when nothing but them is at hand. */
export function portsOfRecords(
  records: readonly ToldRecord[],
  find: FindMachine,
  configurations: Readonly<Record<string, unknown>>,
): FoldPorts {
  const byOffset = new Map(records.map((one) => [one.offset, one]));
  return {
    find,
    configuration: (_tenant, revision) => Promise.resolve(configurations[revision] as Configuration | undefined),
    quarantines: orderedQuarantines(records),
    // A record that was set aside is no step.
    parked: new Set(),
    held: ({ held }) => Promise.resolve(held.flatMap(({ offset }) => byOffset.get(offset) ?? [])),
  };
}

/**
 * What the steps of a conversation, from its first, say is on record, for `whatIf`: nothing is folded, so
 * that it holds too where this program has other machines than those that ran. `end` is the episode
 * after the last step.
 */
export function* recordedIn(steps: readonly AnsweredStep[], end: RecordedEpisode | null): Generator<RecordedStep> {
  const timers = new Map<string, RecordedTimer>();
  const effects = new Map<string, RecordedEffect>();
  for (const [i, step] of steps.entries()) {
    const told = toldOf(step);
    const before = { timers: [...timers.values()] };
    if (told.record.type === 'timer.fired') timers.delete(told.record.generation);
    if (told.record.type === 'effect.completed') effects.delete(told.record.effectId);
    const outputs = step.outputs.map(outputOf);
    for (const { record } of outputs) {
      if (record.type === 'timer.set') timers.set(record.eventId, { ...record, generation: record.eventId });
      if (record.type === 'timer.cancelled') timers.delete(record.generation);
      if (record.type === 'effect.requested') effects.set(record.effectId, record);
      if (record.type === 'effect.cancelled') effects.delete(record.effectId);
    }
    const quarantine = step.outcome === 'quarantined' || step.outcome === 'held' ? {} : null;
    const episode = i === steps.length - 1 ? end : null;
    const after = { pendingEffects: [...effects.values()], quarantine, episode };
    yield { told, to: step.to, before, after, outputs };
  }
}

type RecordedTimer = NonNullable<RecordedStep['before']>['timers'][number];
type RecordedEffect = RecordedStep['after']['pendingEffects'][number];

const outputOf = ({ type, id, record, content }: AnsweredStep['outputs'][number]): Output => ({
  record: { ...record, type, eventId: id } as unknown as ProsaRecord,
  ...(content === undefined ? {} : { personal: content }),
});
