/**
 * What ought to be: every record that the hosts moved past, applied once, in order, from zero. It is
 * compared with what is committed and with what is stored, after every step.
 *
 * I1, I2, I5, I6: a commit's outputs are those of the records that it moves past, with their ids and
 *   bytes, each once. I3, I4, I7: where the store says that it is complete, it has of each actor the
 *   state at the committed offset. I3: nobody who was overtaken writes to it.
 */
import { isDeepStrictEqual } from 'node:util';

import { type Applied, type ToldRecord, applyNext } from '#runtime/actor/apply.ts';
import { type Envelope, plainOf } from '#runtime/actor/envelope.ts';
import { releases } from '#runtime/actor/fold.ts';
import type { Output } from '#runtime/actor/outputs.ts';
import type { FindMachine } from '#runtime/actor/machines.ts';
import { isActorEvent, sealedOf } from '#runtime/actor/told-records.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { SimulatedCommit } from '#runtime/log/adapters/simulated/simulated-cluster.ts';
import type { LoggedRecord, OutgoingRecord } from '#runtime/log/record-log.ts';
import { parkedOf } from '#runtime/parked.ts';
import { derivedId, outgoing, recordOf } from '#runtime/records.ts';
import type { Configuration } from '#runtime/tenants/tenants.ts';
import type { ProsaRecord } from '#schemas/records.ts';
import { parkedTopicOf, topics } from '#schemas/topics.ts';

import type { Anomaly, AnomalyName } from '../checker.ts';
import type { MemoryStore } from './store.ts';
import { openPlain, sealPlain } from './vault.ts';

interface Expected {
  readonly id: string;
  readonly topic: string;
  readonly value: Buffer;
}

/** Which of the parked records comes first is the host's affair. */
function inOneOrder(outputs: readonly Expected[]): readonly Expected[] {
  const isParked = ({ topic }: Expected): boolean => topic === parkedTopicOf(topics.events);
  const parked = outputs.filter(isParked).sort((a, b) => (a.id < b.id ? -1 : 1));
  return parked.length === 0 ? outputs : [...parked, ...outputs.filter((output) => !isParked(output))];
}

/** What one partition came to. */
interface Past {
  position: number;
  readonly told: Map<number, ToldRecord>;
  readonly actors: Map<string, Envelope>;
}

/** The one who knows. */
export class Oracle {
  readonly findings: Anomaly[] = [];
  /** Records moved past. */
  records = 0;
  readonly #find: FindMachine;
  readonly #configuration: Configuration;
  readonly #pasts = new Map<number, Past>();
  /** Every output ever committed. */
  readonly #outputs = new Set<string>();
  /** Outcomes of records by their event id; a repeated one has several. */
  readonly #outcomes = new Map<string, { readonly type: string; readonly outcomes: Applied['outcome'][] }>();
  /** Stored bodies that were compared already. */
  readonly #right = new WeakSet<Buffer>();

  constructor(find: FindMachine, configuration: Configuration) {
    this.#find = find;
    this.#configuration = configuration;
  }

  /** The state of an actor at what is committed. */
  stateOf(partition: number, actor: string): Envelope | undefined {
    return this.#pasts.get(partition)?.actors.get(actor);
  }

  /** Actors of a partition that were told something. */
  actorsOf(partition: number): ReadonlyMap<string, Envelope> {
    return this.#past(partition).actors;
  }

  /** Offset up to which a partition's records were applied. */
  position(partition: number): number {
    return this.#past(partition).position;
  }

  /** Reports what was found elsewhere. */
  find(name: AnomalyName, about: string): void {
    this.findings.push({ name, about });
  }

  /** Compares a commit with the records that it moved past: those of the partition from `position` to its `nextOffset`. */
  commit({ partition, nextOffset, outputs }: SimulatedCommit, records: readonly LoggedRecord[]): void {
    const past = this.#past(partition);
    const found = outputs.map(recordOf);
    for (const record of found) {
      if (this.#outputs.has(record.eventId)) this.find('duplicate', `${labelOf(record)} is on the log twice`);
    }
    if (nextOffset < past.position)
      this.find('non-monotonic', `partition ${partition} went back from ${past.position} to ${nextOffset}`);
    if (this.findings.length > 0) return;
    const ordered = new Set(
      found.flatMap((record) => (record.type === 'conversation.quarantined' ? [record.recordOffset] : [])),
    );
    const expected = inOneOrder(this.#apply(past, records, ordered));
    past.position = nextOffset;
    const written = inOneOrder(
      outputs.map(({ headers, topic, value }) => ({ id: headers['ce_id'] ?? '', topic, value })),
    );
    const same =
      expected.length === written.length &&
      expected.every(({ value, topic }, at) => written[at]?.topic === topic && written[at].value.equals(value));
    if (!same) this.#explain(expected, outputs);
    for (const { eventId } of found) this.#outputs.add(eventId);
  }

  /** Compares what is stored of a partition with what ought to be, where the store says it is complete. */
  compare(store: MemoryStore, partition: number): void {
    const past = this.#past(partition);
    const row = store.state.partitions.get(partition);
    if (row === undefined || (row.progress !== past.position && row.committed !== past.position)) return;
    for (const [actor, envelope] of past.actors) {
      const version = store.state.versions.get(actor)?.findLast(({ nextOffset }) => nextOffset <= past.position);
      if (version === undefined) {
        if (!store.wasWiped(actor))
          this.find('stale-snapshot', `${actor} has no snapshot at or below ${past.position}`);
        else if (!store.state.begun.has(actor))
          this.find('stale-snapshot', `${actor} has begun and is not known to have`);
        continue;
      }
      store.isThere(actor);
      if (this.#right.has(version.body) || store.wasDamaged(version.body)) continue;
      if (version.nextOffset < envelope.nextOffset) {
        this.find('stale-snapshot', `${actor} is stored as of ${version.nextOffset}, not ${envelope.nextOffset}`);
      } else if (!this.#isState(envelope, version.nextOffset, version.body)) {
        this.find('state-divergence', `${actor} is stored otherwise than it ought to be at ${version.nextOffset}`);
      } else this.#right.add(version.body);
    }
  }

  #isState(envelope: Envelope, nextOffset: number, body: Buffer): boolean {
    const { tenant, actor } = envelope;
    const stored = openPlain({ tenant, actor, type: 'actor.snapshot', eventId: String(nextOffset) }, body);
    return isDeepStrictEqual(stored, JSON.parse(JSON.stringify(plainOf(envelope, this.#find))));
  }

  #past(partition: number): Past {
    let past = this.#pasts.get(partition);
    if (past === undefined) this.#pasts.set(partition, (past = { position: 0, told: new Map(), actors: new Map() }));
    return past;
  }

  #apply(past: Past, records: readonly LoggedRecord[], ordered: ReadonlySet<number>): readonly Expected[] {
    const parked: OutgoingRecord[] = [];
    const outputs: Expected[] = [];
    for (const logged of records) {
      this.records += 1;
      const told = openedOr(logged, parked);
      if (told === undefined) continue;
      past.told.set(told.offset, told);
      const { actor, eventId, type } = told.record;
      const before = past.actors.get(actor);
      const held =
        before !== undefined && releases(told.record, before)
          ? before.held.flatMap(({ offset }) => past.told.get(offset) ?? [])
          : [];
      const applied = applyNext(before, told, {
        find: this.#find,
        configuration: () => this.#configuration,
        ordered: ordered.has(told.offset),
        held,
      });
      past.actors.set(actor, applied.envelope);
      const known = this.#outcomes.get(eventId);
      if (known === undefined) this.#outcomes.set(eventId, { type, outcomes: [applied.outcome] });
      else known.outcomes.push(applied.outcome);
      outputs.push(...applied.outputs.map(expectedOf));
      if (ordered.has(told.offset) && applied.outcome === 'quarantined') outputs.push(expectedOf(orderOf(told)));
    }
    return [
      ...parked.map(({ headers, topic, value }) => ({ id: headers['ce_id'] ?? '', topic, value: Buffer.from(value) })),
      ...outputs,
    ];
  }

  /** Names what differs. */
  #explain(expected: readonly Expected[], outputs: readonly LoggedRecord[]): void {
    const wanted = new Map(expected.map((each) => [each.id, each]));
    const seen = new Set<string>();
    for (const output of outputs) {
      const { eventId, causationId, type } = recordOf(output);
      const want = wanted.get(eventId);
      if (seen.has(eventId)) this.find('duplicate', `output ${eventId} is twice in one commit`);
      else if (want === undefined) this.find(this.#nameOf(causationId), `${type} ${eventId}, caused by ${causationId}`);
      else if (!output.value.equals(want.value))
        this.find('state-divergence', `${type} ${eventId} has another content`);
      seen.add(eventId);
    }
    for (const { id } of expected) {
      if (!seen.has(id)) this.find('lost', `output ${id} was not written`);
    }
    if (this.findings.length === 0) this.find('non-monotonic', 'outputs are in another order');
  }

  /** What it is that an output is there which ought not to be. */
  #nameOf(causationId: string | null): AnomalyName {
    const cause = causationId === null ? undefined : this.#outcomes.get(causationId);
    if (cause === undefined) return 'effect-without-cause';
    if (cause.outcomes.includes('duplicate')) return 'duplicate';
    if (cause.outcomes.includes('recorded') && cause.type === 'timer.fired') return 'timer-ghost';
    if (cause.outcomes.includes('recorded') && cause.type === 'effect.completed') return 'effect-without-cause';
    return 'state-divergence';
  }
}

const labelOf = (record: ProsaRecord): string =>
  `${record.type} ${record.type === 'audit.recorded' ? `${record.action} ` : ''}${record.eventId}, caused by ${record.causationId}`;

/** As the host opens a record; undefined when it parks it. */
function openedOr(logged: LoggedRecord, parked: OutgoingRecord[]): ToldRecord | undefined {
  const { offset, partition } = logged;
  try {
    const record = recordOf(logged);
    if (!isActorEvent(record)) throw new OperatingError('record.undecodable');
    const sealed = sealedOf(record);
    return {
      record,
      offset,
      partition,
      opened: sealed === null ? undefined : { state: 'open', value: openPlain(record, sealed) },
    };
  } catch (caught) {
    if (!(caught instanceof OperatingError) || caught.disposition !== 'park') throw caught;
    parked.push(parkedOf(logged, caught.code));
    return undefined;
  }
}

function expectedOf({ record, personal }: Output): Expected {
  if (record.type === 'record.parked') {
    const { topic, value } = outgoing(record, parkedTopicOf(record.topic));
    return { id: record.eventId, topic, value: Buffer.from(value) };
  }
  const whole = personal === undefined ? record : ({ ...record, sealed: sealPlain(record, personal) } as typeof record);
  const { topic, value } = outgoing(whole);
  return { id: record.eventId, topic, value: Buffer.from(value) };
}

/** A quarantine that the host ordered: the one output that no fold can find out. */
const orderOf = ({ record, offset }: ToldRecord): Output => ({
  record: {
    tenant: record.tenant,
    actor: record.actor,
    eventId: derivedId('q', record.tenant, record.actor, record.eventId),
    causationId: record.eventId,
    occurredAt: record.occurredAt,
    providerAt: null,
    revision: record.revision,
    type: 'conversation.quarantined',
    code: 'actor.killed-process',
    recordOffset: offset,
  },
});
