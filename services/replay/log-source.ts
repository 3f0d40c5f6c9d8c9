/**
 * What is on record of actors as the log has it, and nothing else: a partition in passes, each over a
 * share of its actors, so that what a pass has in memory is bounded by records and not by actors. A single
 * actor is whole in one pass, however long it is.
 */
import { createHash } from 'node:crypto';

import type { ProsaRecord } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';
import { type ToldRecord, orderedQuarantines } from '#runtime/actor/apply.ts';
import { openPastRecords } from '#runtime/actor/told-records.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { LoggedRecord } from '#runtime/log/record-log.ts';
import { readSetAside } from '#runtime/parked.ts';
import { recordOf } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { personOf } from './journal-source.ts';
import { type RecordedActor, type RecordedOutput, recordedOutput } from './recorded.ts';

type Ports = Pick<Runtime, 'database' | 'vault' | 'log'>;

/** Records of a pass, about. */
const passRecords = 50_000;

/** Topics of outputs that are kept for ever; effects are kept for a month, so that nothing follows from one that is gone. */
const outputTopics = [topics.replies, topics.timers, topics.audit];
const outputTypes: ReadonlySet<string> = new Set([
  'reply.requested',
  'reply.declined',
  'timer.set',
  'timer.cancelled',
  'audit.recorded',
]);

/** A share of a partition's actors. */
export interface Pass {
  readonly partition: number;
  readonly share: number;
  readonly shares: number;
}

/** How many passes a partition takes. Throws `log.unavailable`. */
export async function sharesOf({ log }: Pick<Ports, 'log'>, partition: number): Promise<number> {
  const end = (await log.ends(topics.events)).find((one) => one.partition === partition);
  return Math.max(1, Math.ceil(((end?.stableEnd ?? 0) - (end?.start ?? 0)) / passRecords));
}

/** Whether a pass looks at an actor. */
const isIn = ({ share, shares }: Pass, actor: string): boolean =>
  shares === 1 || createHash('sha256').update(actor).digest().readUInt32BE(0) % shares === share;

/**
 * The tenant's actors of a pass, in the order of their ids, up to an offset. `only` leaves out all
 * others; `read` is awaited for every batch read. Throws `log.unavailable`, `record.unknown-type`,
 * `vault.unavailable`.
 */
export async function* recordedOnLog(
  ports: Ports,
  wanted: Pass & { readonly tenant: string; readonly end: number; readonly only: string | undefined },
  read: (records: number) => Promise<void>,
): AsyncGenerator<RecordedActor> {
  const { tenant, partition, end, only } = wanted;
  const wants = (logged: LoggedRecord): boolean =>
    logged.headers['ce_tenant'] === tenant && (only === undefined ? isIn(wanted, logged.key) : logged.key === only);
  const logged = await gather(ports, topics.events, partition, wants, read);
  const parked = await readSetAside(ports.log, { topic: topics.events, partition });
  const outputs = await gatherOutputs(ports, partition, wants, read);
  for (const actor of [...logged.keys()].sort()) {
    const told = await openPastRecords(ports.vault, logged.get(actor) ?? []);
    const records = told.filter(({ offset }) => offset < end);
    if (records.length === 0) continue;
    const byOffset = new Map(told.map((one) => [one.offset, one]));
    yield {
      tenant,
      actor,
      partition,
      person: await personOf(ports, { tenant, actor }),
      records: inTurn(records),
      // An order stands behind the record it begins at, maybe past the end.
      quarantines: orderedQuarantines(told),
      parked,
      held: ({ held }) => Promise.resolve(held.flatMap(({ offset }) => byOffset.get(offset) ?? [])),
      outputs: outputs.get(actor) ?? new Map<string, RecordedOutput>(),
      outputTypes,
    };
  }
}

async function* inTurn(records: readonly ToldRecord[]): AsyncGenerator<ToldRecord> {
  yield* records;
}

async function gather(
  { log }: Pick<Ports, 'log'>,
  topic: string,
  partition: number,
  wants: (logged: LoggedRecord) => boolean,
  read: (records: number) => Promise<void>,
): Promise<ReadonlyMap<string, readonly LoggedRecord[]>> {
  const found = new Map<string, LoggedRecord[]>();
  for await (const batch of batches(log, topic, partition)) {
    for (const logged of batch) {
      if (!wants(logged)) continue;
      const own = found.get(logged.key);
      if (own === undefined) found.set(logged.key, [logged]);
      else own.push(logged);
    }
    await read(batch.length);
  }
  return found;
}

/** Outputs of the actors of a pass, their contents as digests. */
async function gatherOutputs(
  { log, vault }: Pick<Ports, 'log' | 'vault'>,
  partition: number,
  wants: (logged: LoggedRecord) => boolean,
  read: (records: number) => Promise<void>,
): Promise<ReadonlyMap<string, Map<string, RecordedOutput>>> {
  const found = new Map<string, Map<string, RecordedOutput>>();
  for (const topic of outputTopics)
    for await (const batch of batches(log, topic, partition)) {
      const records = batch.filter(wants).flatMap((logged) => decoded(logged) ?? []);
      await vault.prefetch(
        records.flatMap((record) =>
          'sealed' in record && record.sealed !== null ? [{ tenant: record.tenant, sealed: record.sealed }] : [],
        ),
      );
      for (const record of records) {
        const own = found.get(record.actor) ?? new Map<string, RecordedOutput>();
        own.set(record.eventId, await recordedOutput(vault, record, record.causationId));
        found.set(record.actor, own);
      }
      await read(batch.length);
    }
  return found;
}

async function* batches(log: Ports['log'], topic: string, partition: number): AsyncGenerator<readonly LoggedRecord[]> {
  const end = (await log.ends(topic)).find((one) => one.partition === partition);
  if (end !== undefined && end.start < end.stableEnd)
    yield* log.readRange({ topic, partition, from: end.start, to: end.stableEnd });
}

function decoded(logged: LoggedRecord): ProsaRecord | undefined {
  try {
    return recordOf(logged);
  } catch (caught) {
    if (!(caught instanceof OperatingError) || caught.disposition !== 'park') throw caught;
    return undefined;
  }
}
