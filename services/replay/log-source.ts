/**
 * What is on record of actors as the log has it, and nothing else: a partition in passes, each over a
 * share of its actors, so that what a pass has in memory is bounded by records and not by actors. A single
 * actor is whole in one pass, however long it is. Where the partitions were made more, the pass begins with
 * what the log has from before, in the partitions of then.
 */
import { createHash } from 'node:crypto';

import { topicOf } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';
import { type ToldRecord, orderedQuarantines } from '#runtime/actor/apply.ts';
import { openPastRecords } from '#runtime/actor/told-records.ts';
import { type Stretch, stretchesOf } from '#runtime/log/incarnation.ts';
import type { LoggedRecord } from '#runtime/log/record-log.ts';
import { readSetAside } from '#runtime/parked.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { personOf } from './journal-source.ts';
import { batches, decoded, endsOf, isCut } from './log-batches.ts';
import { type RecordedActor, type RecordedOutput, recordedOutput } from './recorded.ts';
import { ToldOnLog } from './told-on-log.ts';

type Ports = Pick<Runtime, 'database' | 'vault' | 'log'>;

/** Records of a pass, about. */
const passRecords = 50_000;

const outputTypes: ReadonlySet<string> = new Set([
  'reply.requested',
  'reply.declined',
  'timer.set',
  'timer.cancelled',
  'effect.requested',
  'effect.cancelled',
  'audit.recorded',
]);

const outputTopics = [topics.replies, topics.timers, topics.effects, topics.audit];

/** A share of a partition's actors. */
export interface Pass {
  readonly partition: number;
  readonly share: number;
  readonly shares: number;
}

/** How many passes a partition takes. Throws `log.unavailable`. */
export async function sharesOf({ log }: Pick<Ports, 'log'>, partition: number): Promise<number> {
  let records = 0;
  for (const stretch of stretchesOf(log, partition)) {
    const { start, stableEnd } = await endsOf(stretch, topics.events);
    // Of an earlier partition it has a part, about.
    records += ((stableEnd - start) * stretch.log.partitionCount) / log.partitionCount;
  }
  return Math.max(1, Math.ceil(records / passRecords));
}

/** Whether a pass looks at an actor. */
const isIn = ({ share, shares }: Pass, actor: string): boolean =>
  shares === 1 || createHash('sha256').update(actor).digest().readUInt32BE(0) % shares === share;

/**
 * The tenant's actors of a pass, in the order of their ids, up to an offset; those whose records are gone
 * have none. `only` leaves out all others; `read` is awaited for every batch read. Throws
 * `log.unavailable`, `record.unknown-type`, `vault.unavailable`, `database.unavailable`. `toldOnLog` may be the same for
 * all passes of a tenant.
 */
export async function* recordedOnLog(
  ports: Ports,
  wanted: Pass & { readonly tenant: string; readonly end: number; readonly only: string | undefined },
  read: (records: number) => Promise<void>,
  toldOnLog = new ToldOnLog(ports, wanted),
): AsyncGenerator<RecordedActor> {
  const { tenant, partition, end, only } = wanted;
  const isOf = (actor: string): boolean =>
    only === undefined ? isIn(wanted, actor) && ports.log.partitionOf(actor) === partition : actor === only;
  const wants = (logged: LoggedRecord): boolean => logged.headers['ce_tenant'] === tenant && isOf(logged.key);
  const stretches = stretchesOf(ports.log, partition).filter(
    (one) => only === undefined || one.log.partitionOf(only) === one.partition,
  );
  const logged = await gather(stretches, topics.events, wants, read);
  const parked = await readSetAside(ports.log, { topic: topics.events, partition });
  const outputs = await gatherOutputs(ports, stretches, wants, read);
  await toldOnLog.cover(partition, read);
  const cutTopics = await cutOf(stretches);
  const gone = cutTopics.has(topics.events) ? (await begunActors(ports, tenant)).filter(isOf) : [];
  for (const actor of [...new Set([...logged.keys(), ...gone])].sort()) {
    const told = await openPastRecords(ports.vault, logged.get(actor) ?? []);
    const records = told.filter(({ offset }) => offset < end);
    if (records.length === 0 && !gone.includes(actor)) continue;
    const byOffset = new Map(told.map((one) => [one.offset, one]));
    yield {
      tenant,
      actor,
      partition,
      end,
      person: await personOf(ports, { tenant, actor }),
      records: inTurn(records),
      // An order stands behind the record it begins at, maybe past the end.
      quarantines: orderedQuarantines(told),
      parked: parked.get(actor) ?? new Set(),
      held: ({ held }) => Promise.resolve(held.flatMap(({ offset }) => byOffset.get(offset) ?? [])),
      outputs: new Map([...(outputs.get(actor) ?? []), ...toldOnLog.by(actor)]),
      outputTypes,
      findTold: toldOnLog.finder(),
      cutTypes: new Set([...outputTypes].filter((type) => cutTopics.has(topicOf[type as keyof typeof topicOf]))),
    };
  }
}

/** Every actor that ever began. */
async function begunActors({ database }: Ports, tenant: string): Promise<readonly string[]> {
  const { rows } = await database.transaction([tenant], (sql) =>
    sql.query<{ actor: string }>('SELECT actor FROM actors_begun WHERE tenant = $1', [tenant]),
  );
  return rows.map(({ actor }) => actor);
}

/** Topics of which the log does not have the beginning any more. */
async function cutOf(stretches: readonly Stretch[]): Promise<ReadonlySet<string>> {
  const cut = new Set<string>();
  for (const topic of [topics.events, ...outputTopics]) if (await isCut(stretches, topic)) cut.add(topic);
  return cut;
}

async function* inTurn(records: readonly ToldRecord[]): AsyncGenerator<ToldRecord> {
  yield* records;
}

async function gather(
  stretches: readonly Stretch[],
  topic: string,
  wants: (logged: LoggedRecord) => boolean,
  read: (records: number) => Promise<void>,
): Promise<ReadonlyMap<string, readonly LoggedRecord[]>> {
  const found = new Map<string, LoggedRecord[]>();
  for await (const batch of batches(stretches, topic)) {
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

/** Outputs of the actors of a pass. */
async function gatherOutputs(
  { vault }: Pick<Ports, 'vault'>,
  stretches: readonly Stretch[],
  wants: (logged: LoggedRecord) => boolean,
  read: (records: number) => Promise<void>,
): Promise<ReadonlyMap<string, Map<string, RecordedOutput>>> {
  const found = new Map<string, Map<string, RecordedOutput>>();
  for (const topic of outputTopics)
    for await (const batch of batches(stretches, topic)) {
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
