/**
 * Steps of a replay as the API answers them, as records that can be folded again elsewhere: what-if
 * with a machine that the program does not have.
 */
import type { ActorEvent } from '#schemas/records.ts';

import { type ToldRecord, orderedQuarantines } from '../actor/apply.ts';
import type { FoldPorts } from '../actor/fold.ts';
import type { FindMachine } from '../actor/machines.ts';
import type { Configuration } from '../tenants/tenants.ts';

/** What of a step is needed, as `GET /v1/conversations/{id}/replay` answers it. */
export interface AnsweredStep {
  readonly offset: number;
  readonly partition: number;
  readonly eventId: string;
  readonly type: string;
  readonly record: Readonly<Record<string, unknown>>;
  readonly content?: unknown;
  readonly erased?: true;
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
