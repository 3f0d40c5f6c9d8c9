/** What is on record of an actor: the records it was told and what the log says that it did. */
import { createHash } from 'node:crypto';

import type { ProsaRecord } from '#schemas/records.ts';
import type { ToldRecord } from '#runtime/actor/apply.ts';
import type { Envelope } from '#runtime/actor/envelope.ts';
import type { FoldPorts } from '#runtime/actor/fold.ts';
import type { Database } from '#runtime/database/database.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { Vault } from '#runtime/vault/vault.ts';

/** An output on record. */
export interface RecordedOutput {
  readonly type: ProsaRecord['type'];
  /** Event id of what caused it; undefined where that is not on record. */
  readonly cause: string | null | undefined;
  /** Epoch milliseconds inside the actor. */
  readonly at: number;
  /** What is compared of it (`likenessOf`); undefined when nothing is. */
  readonly likeness: string | undefined;
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
  /** Offset before which everything is looked at. */
  readonly end: number;
  /** Under whose keys it is sealed. */
  readonly person: string;
  /** From its first record, or the first that is still there, up to what the host had committed. May be read once. */
  readonly records: AsyncIterable<ToldRecord>;
  held(envelope: Envelope): Promise<readonly ToldRecord[]>;
  /** By id; those too that it told others, where what it told can be had by who told it. */
  readonly outputs: ReadonlyMap<string, RecordedOutput>;
  /** Types of outputs that `outputs` has all of. */
  readonly outputTypes: ReadonlySet<string>;
  /** Those of them of which the first may be there no longer. */
  readonly cutTypes?: ReadonlySet<string>;
  /** Looks for what it told another, which is with that one; undefined when it is missing. */
  readonly findTold: (record: ProsaRecord) => Promise<RecordedOutput | 'unretained' | undefined>;
  /** Looks for an output of another type; undefined when it is not on record any more. */
  readonly findOutput?: (record: ProsaRecord) => Promise<RecordedOutput | undefined>;
}

/** What is compared of each type of output, besides its id. What is not named here is not compared. */
const comparedFields: Readonly<Partial<Record<ProsaRecord['type'], readonly string[]>>> = {
  'reply.requested': ['instance', 'origin', 'priority', 'messageId', 'kind', 'content'],
  'reply.declined': ['instance', 'messageId', 'reason'],
  'timer.set': ['timerId', 'dueAt'],
  'timer.cancelled': ['timerId', 'generation'],
  'effect.requested': ['effectId', 'source', 'input'],
  'effect.cancelled': ['effectId'],
  'actor.told': ['actor', 'from', 'name', 'details'],
  'conversation.merged': ['actor', 'from', 'state'],
  'audit.recorded': [
    ...['action', 'machine', 'machineVersion', 'trigger', 'from', 'to'],
    ...['subject', 'outcome', 'episode', 'instance'],
  ],
};

/** Longer texts are kept as digests. */
const plainCharactersMax = 40;

/**
 * What is compared of an output, as one text; undefined for what is not compared. `personal` is its
 * sealed part, opened: undefined for what cannot be known any more. `unsaid` are fields that the place it
 * was read from does not have. What is not known is like anything.
 */
export function likenessOf(record: ProsaRecord, personal: unknown, unsaid: readonly string[] = []): string | undefined {
  const all = { ...record, ...(personal as object | undefined) } as Readonly<Record<string, unknown>>;
  const isKnown = (name: string): boolean => name in all && !unsaid.includes(name);
  return comparedFields[record.type]?.map((name) => (isKnown(name) ? shortOf(all[name]) : '')).join('\n');
}

/** The first field in which two outputs of a type differ; undefined when they are alike. */
export function differenceOf(type: ProsaRecord['type'], one: string, other: string): string | undefined {
  const [ours, theirs] = [one.split('\n'), other.split('\n')];
  return comparedFields[type]?.find((_, at) => ours[at] !== theirs[at] && ours[at] !== '' && theirs[at] !== '');
}

function shortOf(value: unknown): string {
  // JSON has no line ends of its own.
  const text = JSON.stringify(sorted(value ?? null));
  return text.length <= plainCharactersMax ? text : createHash('sha256').update(text).digest('base64url');
}

/** The order of fields says nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, inner]) => [name, sorted(inner)]));
}

/**
 * An output as it is on the log or in a table, its sealed part in `sealed`; `unsaid` as for `likenessOf`.
 * Throws `vault.unavailable`.
 */
export async function recordedOutput(
  vault: Vault,
  record: ProsaRecord,
  cause: string | null | undefined,
  unsaid: readonly string[] = [],
): Promise<RecordedOutput> {
  const common = {
    type: record.type,
    cause,
    at: record.occurredAt,
    ...(record.type === 'audit.recorded' && record.action === 'actor.transitioned' ? { to: record.to } : {}),
  };
  const likeness = (personal: unknown): string | undefined => likenessOf(record, personal, unsaid);
  const sealed = 'sealed' in record ? record.sealed : null;
  if (sealed === null) return { ...common, likeness: likeness(undefined) };
  try {
    const opened = await vault.open<unknown>(record, sealed);
    return { ...common, likeness: likeness(opened.state === 'erased' ? undefined : opened.value) };
  } catch (caught) {
    if (!(caught instanceof OperatingError) || caught.disposition !== 'park') throw caught;
    return { ...common, likeness: undefined, unreadable: caught.code };
  }
}

/** Offset of the first record that an actor was ever told; infinite while it has not begun. Throws `database.unavailable`. */
export async function begunOffset(
  database: Database,
  { tenant, actor }: Pick<RecordedActor, 'tenant' | 'actor'>,
): Promise<number> {
  const { rows } = await database.transaction([tenant], (sql) =>
    sql.query<{ begun_offset: string }>('SELECT begun_offset FROM actors_begun WHERE actor = $1', [actor]),
  );
  return Number(rows[0]?.begun_offset ?? Infinity);
}
