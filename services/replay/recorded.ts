/** What is on record of an actor: the records it was told and what the log says that it did. */
import { createHash } from 'node:crypto';

import type { ProsaRecord } from '#schemas/records.ts';
import type { ToldRecord } from '#runtime/actor/apply.ts';
import type { Envelope } from '#runtime/actor/envelope.ts';
import type { FoldPorts } from '#runtime/actor/fold.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { Vault } from '#runtime/vault/vault.ts';

/** An output on record. */
export interface RecordedOutput {
  readonly type: ProsaRecord['type'];
  /** Event id of what caused it; undefined where that is not on record. */
  readonly cause: string | null | undefined;
  /** Epoch milliseconds inside the actor. */
  readonly at: number;
  /** Of its plain content; undefined when that was erased. */
  readonly digest: string | undefined;
  /** Code of why its content cannot be read. */
  readonly unreadable?: string;
  /** State that a transition on record led to. */
  readonly to?: string | null;
}

/** What is on record of one actor. */
export interface RecordedActor extends Pick<FoldPorts, 'quarantines' | 'parked'> {
  readonly tenant: string;
  readonly actor: string;
  readonly partition: number;
  /** Under whose keys it is sealed. */
  readonly person: string;
  /** From its first record up to what the host had committed. May be read once. */
  readonly records: AsyncIterable<ToldRecord>;
  held(envelope: Envelope): Promise<readonly ToldRecord[]>;
  /** By id. */
  readonly outputs: ReadonlyMap<string, RecordedOutput>;
  /** Types of outputs that `outputs` has all of. */
  readonly outputTypes: ReadonlySet<string>;
}

/** Digest of all that matters of an output but its ids; undefined for what is not compared. `personal` is its sealed part, opened. */
export function digestOf(record: ProsaRecord, personal: unknown): string | undefined {
  const said = comparedOf(record, personal);
  return said === undefined
    ? undefined
    : createHash('sha256')
        .update(JSON.stringify(sorted(said)))
        .digest('base64url');
}

function comparedOf(record: ProsaRecord, personal: unknown): readonly unknown[] | undefined {
  switch (record.type) {
    case 'reply.requested': {
      const { content } = personal as { readonly content: unknown };
      return [record.kind, record.instance, record.origin, record.messageId, content];
    }
    case 'reply.declined':
      return [record.instance, record.messageId, record.reason];
    case 'timer.set':
      return [record.timerId, record.dueAt];
    case 'timer.cancelled':
      return [record.timerId, record.generation];
    case 'audit.recorded': {
      const { action, machine, machineVersion, trigger, from, to, subject, outcome, episode, instance } = record;
      return [action, machine, machineVersion, trigger, from, to, subject, outcome, episode, instance];
    }
    default:
      return undefined;
  }
}

/** The order of fields says nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, inner]) => [name, sorted(inner)]));
}

/** An output as it is on the log or in a table, its sealed part in `sealed`. Throws `vault.unavailable`. */
export async function recordedOutput(
  vault: Vault,
  record: ProsaRecord,
  cause: string | null | undefined,
): Promise<RecordedOutput> {
  const common = {
    type: record.type,
    cause,
    at: record.occurredAt,
    ...(record.type === 'audit.recorded' && record.action === 'actor.transitioned' ? { to: record.to } : {}),
  };
  const sealed = 'sealed' in record ? record.sealed : null;
  if (sealed === null) return { ...common, digest: digestOf(record, undefined) };
  try {
    const opened = await vault.open<unknown>(record, sealed);
    return { ...common, digest: opened.state === 'erased' ? undefined : digestOf(record, opened.value) };
  } catch (caught) {
    if (!(caught instanceof OperatingError) || caught.disposition !== 'park') throw caught;
    return { ...common, digest: undefined, unreadable: caught.code };
  }
}
