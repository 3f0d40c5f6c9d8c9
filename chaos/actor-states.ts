/** Every conversation as it is stored, beside the fold of its records from the first. */
import { type ToldRecord, orderedQuarantines } from '#runtime/actor/apply.ts';
import { type Envelope, openEnvelope, plainOf } from '#runtime/actor/envelope.ts';
import { fold } from '#runtime/actor/fold.ts';
import { openPastRecords } from '#runtime/actor/told-records.ts';
import { wasSetAside } from '#runtime/parked.ts';
import type { Runtime } from '#runtime/runtime.ts';
import type { ProsaRecord } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import type { ActorState } from './history.ts';
import { findHistory } from './programs/history-machine.ts';
import type { RawRecord } from './raw-log.ts';

/** A record with the bytes that it was. */
export type Decoded = readonly [record: ProsaRecord, raw: RawRecord];

/** The newest snapshot of an actor. */
export interface StoredSnapshot {
  readonly tenant: string;
  readonly actor: string;
  readonly nextOffset: number;
  readonly body: Buffer;
}

const find = findHistory();

/** One for each actor with a record that can be read; `stored` is "nothing" where there is no snapshot. */
export async function actorStates(
  runtime: Runtime,
  raw: readonly RawRecord[],
  decoded: readonly Decoded[],
  snapshots: ReadonlyMap<string, StoredSnapshot>,
): Promise<readonly ActorState[]> {
  const setAside = new Set(
    decoded.flatMap(([record]) =>
      wasSetAside(record) && record.topic === topics.events ? [`${record.partition}/${record.offset}`] : [],
    ),
  );
  const events = Map.groupBy(
    raw.filter(({ topic }) => topic === topics.events),
    ({ key }) => key,
  );
  const states: ActorState[] = [];
  for (const [actor, logged] of events) {
    const inOrder = [...logged].sort((a, b) => a.offset - b.offset);
    const parked = inOrder.filter(({ partition, offset }) => setAside.has(`${partition}/${offset}`));
    const told = await openPastRecords(runtime.vault, inOrder);
    if (told.length === 0) continue;
    const folded = await foldWhole(runtime, told, new Set(parked.map(({ offset }) => offset)));
    const row = snapshots.get(actor);
    const stored = row === undefined ? undefined : await openEnvelope(runtime.vault, row, find);
    states.push({ actor, stored: stored === undefined ? 'nothing' : canonical(plainOf(stored, find)), folded });
  }
  return states;
}

async function foldWhole(
  { tenants }: Runtime,
  told: readonly ToldRecord[],
  parked: ReadonlySet<number>,
): Promise<string> {
  const byOffset = new Map<number, ToldRecord>(told.map((one) => [one.offset, one]));
  const around = {
    find,
    configuration: (tenant: string, revision: string) => tenants.configuration(tenant, revision),
    quarantines: orderedQuarantines(told),
    parked,
    held: ({ held }: { readonly held: readonly { readonly offset: number }[] }) =>
      Promise.resolve(held.flatMap(({ offset }) => byOffset.get(offset) ?? [])),
  };
  let last: Envelope | undefined;
  for await (const { after } of fold(told, around)) last = after;
  return last === undefined ? 'nothing' : canonical(plainOf(last, find));
}

/** JSON with its keys in order: what was stored and what was folded differ in that. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
