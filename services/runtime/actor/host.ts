/**
 * The actor host: one per assignment of one partition. It feeds records to actors and commits what
 * came out.
 *
 * Owns: the cache of envelopes of its assignment, the order of loading, applying, sealing and
 * committing. Does not own: fencing and offsets (the log's adapter), what a record does (`apply.ts`),
 * rows (`actor-store.ts`).
 *
 * I1 State after record n is a function of the state before it, record n, and the machine version and
 *    configuration revision named in the snapshot. A conversation takes up new ones at the start of an
 *    episode only, and the record that starts it names the revision.
 * I2 Outputs of a slice and the move past it commit together or not at all.
 * I3 A slice's snapshots are written before its log transaction commits, beside the last committed
 *    version, under the assignment's epoch; recovery takes the version at or below the committed
 *    offset. So recovery needs no fold.
 * I4 Take-over: the log has fenced the predecessor and re-read the committed offset; a new epoch
 *    begins; where Postgres lost writes (S4 of snapshot-store.ts), the host folds silently from there.
 *    Everything cached belongs to one epoch.
 * I5 A record is applied, held or parked, never dropped. After loss of ownership nothing is written.
 * I6 Every output id is a hash of tenant, actor, causing event id and index (`apply.ts`).
 * I7 An actor that has begun is never treated as new: a missing or corrupt snapshot is rebuilt from
 *    the journal before its next record.
 * I8 Of an actor whose person was erased nothing is kept and nothing is done: each of its records is answered with an
 *    audit event alone. Any fold of what is left comes to the same.
 */
import type { ActorEvent, AuditRecorded } from '#schemas/records.ts';
import { parkedTopicOf } from '#schemas/topics.ts';

import type { Sql } from '../database/database.ts';
import { OperatingError, dispositionOf } from '../errors.ts';
import type { Assignment, LoggedRecord, OutgoingRecord, RecordLog, Slice, SliceWorker } from '../log/record-log.ts';
import type { Logger } from '../logger.ts';
import { Lru } from '../lru.ts';
import type { Metrics } from '../metrics.ts';
import { auditRecord, causedBy, derivedId, outgoing, recordOf } from '../records.ts';
import type { Configuration, Tenants } from '../tenants/tenants.ts';
import { parkedOf, readSetAside } from '../parked.ts';
import { type Vault, tenantSubject } from '../vault/vault.ts';
import type { ActorStore } from './actor-store.ts';
import {
  type Applied,
  type Protection,
  type Surroundings,
  type ToldRecord,
  applyNext,
  orderedQuarantines,
} from './apply.ts';
import { type Envelope, openEnvelope, sealEnvelope, stateText, statusOf } from './envelope.ts';
import { fold, releases } from './fold.ts';
import type { FindMachine } from './machines.ts';
import type { Output } from './outputs.ts';
import type { SnapshotRow, StoredActor } from './snapshot-store.ts';
import { isActorEvent, openPastRecords, sealedOf } from './told-records.ts';
import type { Turns } from './turns.ts';

/** What a host needs. */
export interface HostPorts {
  readonly log: RecordLog;
  readonly store: ActorStore;
  readonly vault: Vault;
  readonly tenants: Tenants;
  readonly find: FindMachine;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Actors kept in memory per partition. */
  readonly actorsCachedMax: number;
  /** Shared by the hosts of a process; absent where no other is to be waited for. */
  readonly turns?: Turns;
  /** Test seam, see `Surroundings`. */
  readonly without?: Protection | undefined;
}

/** An actor in memory. */
interface Resident {
  readonly envelope: Envelope | undefined;
  /** Under whose keys its records are sealed. */
  readonly person: string;
  /** Offset of its first record; undefined until it has begun. */
  readonly begunOffset: number | undefined;
  /** Whether the table of begun actors has it. */
  readonly begunStored: boolean;
}

/** What an actor wants written, and under whose keys. */
interface OwnedOutput {
  readonly output: Output;
  readonly actor: string;
  readonly person: string;
}

/** Take-overs without progress after which records are applied one by one under a mark. */
const startsBeforeSuspicion = 2;
/** Deaths at a record after which its actor is put in quarantine. */
const deathsMax = 3;
/** A record takes a fraction of a millisecond, its transaction some. */
const heldUpMs = 1_000;
/** Records applied under suspicion before the host trusts the partition again. */
const suspectRecords = 500;
/** Records per transaction of a silent fold. */
const foldBatchRecords = 1_000;

/** Takes over a partition (I4) and makes its host. */
export async function openHost(ports: HostPorts, assignment: Assignment): Promise<SliceWorker> {
  const { partition, startOffset } = assignment;
  const taken = await ports.store.takeOver(partition, startOffset);
  const host = new ActorHost(ports, assignment, taken.epoch, taken.startsWithoutProgress);
  if (taken.progress < startOffset) await host.foldSilently(taken.progress, startOffset);
  ports.metrics.assignments.inc({ group: 'conversation' });
  ports.logger.debug('partition taken over', { partition, offset: startOffset });
  return host;
}

class ActorHost implements SliceWorker {
  readonly #ports: HostPorts;
  readonly #assignment: Assignment;
  readonly #epoch: number;
  readonly #residents: Lru<string, Resident>;
  /** Offset up to which everything is committed. */
  #position: number;
  /** While below this, records are applied one by one under a mark. */
  #suspectUntil: number;
  /** Awaited between two pieces of the work on a slice. */
  #between: () => Promise<void> | undefined;

  constructor(ports: HostPorts, assignment: Assignment, epoch: number, startsWithoutProgress: number) {
    this.#ports = ports;
    this.#assignment = assignment;
    this.#epoch = epoch;
    this.#residents = new Lru(ports.actorsCachedMax);
    this.#position = assignment.startOffset;
    this.#between = ports.turns?.begin() ?? (() => undefined);
    this.#suspectUntil =
      startsWithoutProgress > startsBeforeSuspicion ? assignment.startOffset + suspectRecords : assignment.startOffset;
  }

  async process({ records, nextOffset }: Slice): Promise<void> {
    // A slice that is given again may begin with records that were committed one by one before.
    const left = records.filter(({ offset }) => offset >= this.#position);
    if (this.#position < this.#suspectUntil && left.length > 0) {
      for (const record of left) await this.#processSuspect(record);
      if (nextOffset > this.#position) await this.#processSlice({ records: [], nextOffset });
      return;
    }
    await this.#processSlice({ records: left, nextOffset });
  }

  async #processSuspect(record: LoggedRecord): Promise<void> {
    const { store } = this.#ports;
    const { partition } = this.#assignment;
    const { offset } = record;
    const deaths = await store.markAttempt(partition, this.#epoch, offset);
    const began = performance.now();
    try {
      await this.#processSlice({ records: [record], nextOffset: offset + 1 }, deaths >= deathsMax ? offset : undefined);
    } catch (caught) {
      // What held the process up until it lost the partition would do so for ever: that is as good as a death.
      const isHarmless = dispositionOf(caught) === 'retry' || performance.now() - began < heldUpMs;
      if (isHarmless) await store.unmarkAttempt(partition, offset).catch(() => undefined);
      throw caught;
    }
  }

  /** Folds committed records whose snapshots Postgres lost; their outputs are on the log already. */
  async foldSilently(from: number, to: number): Promise<void> {
    const { log, logger } = this.#ports;
    const { topic, partition } = this.#assignment;
    logger.warn('snapshots are behind the log, folding', { partition, offset: from, count: to - from });
    const ordered = orderedQuarantines(await this.#ordersFrom(from));
    const parked = await readSetAside(log, { topic, partition });
    let position = from;
    let pending: LoggedRecord[] = [];
    const fold = async (nextOffset: number): Promise<void> => {
      const work = await this.#apply({ records: pending, nextOffset }, position, ordered);
      const { rows } = await this.#seal(work.changed);
      await this.#write(work.tenants, position, nextOffset, rows);
      this.#publish(work.changed);
      position = nextOffset;
      pending = [];
    };
    for await (const batch of log.readRange({ topic, partition, from, to })) {
      for (const record of batch) {
        if (parked.get(record.key)?.has(record.offset) !== true) pending.push(record);
        if (pending.length >= foldBatchRecords) await fold(record.offset + 1);
      }
    }
    await fold(to);
  }

  /** Quarantines that were ordered at or after an offset. An order stands behind the record it begins at, maybe past what is folded. */
  async #ordersFrom(from: number): Promise<readonly ToldRecord[]> {
    const { topic, partition } = this.#assignment;
    const orders: LoggedRecord[] = [];
    for await (const batch of this.#ports.log.readRange({ topic, partition, from })) {
      orders.push(...batch.filter(({ headers }) => headers['ce_type'] === 'prosa.conversation.quarantined'));
    }
    return (await this.#open(orders)).told;
  }

  async #processSlice(slice: Slice, killer?: number): Promise<void> {
    const { metrics } = this.#ports;
    const done = metrics.sliceDuration.startTimer();
    this.#between = this.#ports.turns?.begin() ?? this.#between;
    const work = await this.#apply(slice, this.#position, new Set(killer === undefined ? [] : [killer]));
    const { rows, erased } = await this.#seal(work.changed);
    const outputs = [
      ...work.parked,
      ...(await this.#sealOutputs(work.outputs.filter(({ actor }) => !erased.has(actor)))),
      ...work.told.filter(({ record }) => erased.has(record.actor)).map(({ record }) => outgoing(ignored(record))),
    ];
    const committed = this.#position;

    await this.#assignment.commit(outputs, slice.nextOffset, (transaction) =>
      this.#write(work.tenants, committed, slice.nextOffset, rows, transaction),
    );

    // Only what is committed becomes current: a slice that is given again starts from the old states.
    this.#publish(work.changed);
    this.#position = slice.nextOffset;
    done();
    metrics.sliceRecords.inc(slice.records.length);
  }

  /** Applies a slice to copies; nothing of it is current yet. */
  async #apply(slice: Slice, position: number, ordered: ReadonlySet<number>) {
    const { metrics } = this.#ports;
    const { told, parked: unopened } = await this.#open(slice.records);
    const parked = [...unopened];
    const working = await this.#load(told, position);
    const configuration = await this.#configurations(
      told,
      [...working.values()].map(({ envelope }) => envelope),
    );
    const around = { find: this.#ports.find, configuration, without: this.#ports.without };
    const changed = new Map<string, Resident>();
    const outputs: OwnedOutput[] = [];

    for (const each of told) {
      const { actor } = each.record;
      const before = changed.get(actor) ?? working.get(actor);
      if (before === undefined) throw new Error(`actor of record ${each.record.eventId} was not loaded`);
      const applied = await this.#applyOne(before.envelope, each, around, ordered.has(each.offset)).catch(unlessParked);
      if (applied instanceof OperatingError) {
        const logged = slice.records.find(({ offset }) => offset === each.offset);
        if (logged !== undefined) parked.push(this.#park(logged, applied));
        continue;
      }
      metrics.turns.inc({ machine: applied.envelope.episode?.machine ?? 'none', outcome: applied.outcome });
      if (applied.outcome === 'quarantined') this.#report(applied, each);
      for (const output of applied.outputs) outputs.push({ output, actor, person: before.person });
      if (ordered.has(each.offset) && applied.outcome === 'quarantined')
        outputs.push({ output: quarantineOrder(each), actor, person: before.person });
      changed.set(actor, {
        envelope: applied.envelope,
        person: before.person,
        begunOffset: before.begunOffset ?? each.offset,
        begunStored: before.begunStored,
      });
      await this.#between();
    }
    return { told, changed, outputs, parked, tenants: [...new Set(told.map(({ record }) => record.tenant))] };
  }

  async #applyOne(
    before: Envelope | undefined,
    told: ToldRecord,
    around: Surroundings,
    ordered: boolean,
  ): Promise<Applied> {
    if (before === undefined || !releases(told.record, before))
      return applyNext(before, told, { ...around, ordered, held: [] });
    const held = await this.#held(before);
    // Applied without these it would have lost them; parked, the release can come again when they can be read.
    if (held.length < before.held.length) throw new OperatingError('actor.held-unreadable');
    // What is held may name revisions that no record of this slice does.
    const configuration = await this.#configurations([told, ...held], [before]);
    return applyNext(before, told, { ...around, configuration, ordered, held });
  }

  /** The records that an envelope holds by reference, but for those that cannot be opened now. */
  async #held(envelope: Envelope): Promise<readonly ToldRecord[]> {
    const { log } = this.#ports;
    const wanted = new Set(envelope.held.map(({ offset }) => offset));
    const last = envelope.held.at(-1);
    if (last === undefined) return [];
    // The journal has them by offset; only what it does not reach yet is looked for on the log.
    const journalled = await this.#ports.store.readHeld(envelope);
    const known = new Set(journalled.map(({ offset }) => offset));
    const late = envelope.held.find(({ offset }) => !known.has(offset));
    const found: LoggedRecord[] = [];
    const { topic, partition } = this.#assignment;
    if (late !== undefined) {
      for await (const batch of log.readRange({ topic, partition, from: late.offset, to: last.offset + 1 })) {
        found.push(...batch.filter(({ offset }) => wanted.has(offset) && !known.has(offset)));
      }
    }
    if (known.size + found.length !== wanted.size)
      throw new OperatingError('log.unavailable', 'held records could not be read whole');
    return [...journalled, ...(await openPastRecords(this.#ports.vault, found))].sort((a, b) => a.offset - b.offset);
  }

  /** Decodes and opens records; what cannot be decoded is parked (I5). */
  async #open(
    records: readonly LoggedRecord[],
  ): Promise<{ readonly told: readonly ToldRecord[]; readonly parked: readonly OutgoingRecord[] }> {
    const { vault } = this.#ports;
    const decoded: { readonly record: ActorEvent; readonly logged: LoggedRecord }[] = [];
    const parked: OutgoingRecord[] = [];
    for (const logged of records) {
      try {
        const record = recordOf(logged);
        if (!isActorEvent(record))
          throw new OperatingError('record.undecodable', `${record.type} does not belong on this topic`);
        decoded.push({ record, logged });
      } catch (caught) {
        if (!(caught instanceof OperatingError) || caught.disposition !== 'park') throw caught;
        parked.push(this.#park(logged, caught));
      }
    }
    await vault.prefetch(
      decoded.flatMap(({ record }) =>
        sealedOf(record) === null ? [] : [{ tenant: record.tenant, sealed: sealedOf(record) ?? Buffer.alloc(0) }],
      ),
    );
    const told: ToldRecord[] = [];
    for (const { record, logged } of decoded) {
      const sealed = sealedOf(record);
      try {
        const opened = sealed === null ? undefined : await vault.open(record, sealed);
        told.push({ record, offset: logged.offset, partition: logged.partition, opened });
      } catch (caught) {
        if (!(caught instanceof OperatingError) || caught.disposition !== 'park') throw caught;
        parked.push(this.#park(logged, caught));
      }
      await this.#between();
    }
    return { told, parked };
  }

  #park(logged: LoggedRecord, reason: OperatingError): OutgoingRecord {
    const { logger, metrics } = this.#ports;
    const { topic, partition, offset } = logged;
    logger.error('record parked', { topic, partition, offset, code: reason.code });
    metrics.recordsParked.inc({ topic, code: reason.code });
    return parkedOf(logged, reason.code);
  }

  /** The actors of a slice: from memory, else one query, else the journal (I7). */
  async #load(told: readonly ToldRecord[], position: number): Promise<Map<string, Resident>> {
    const residents = new Map<string, Resident>();
    const missing = new Map<string, { readonly tenant: string; readonly actor: string }>();
    for (const { record } of told) {
      const resident = this.#residents.get(record.actor);
      if (resident === undefined) missing.set(record.actor, { tenant: record.tenant, actor: record.actor });
      else residents.set(record.actor, resident);
    }
    if (missing.size === 0) return residents;
    const stored = await this.#ports.store.loadActors([...missing.values()], position);
    const snapshots = stored.flatMap(({ tenant, snapshot }) =>
      snapshot === undefined ? [] : [{ tenant, sealed: snapshot.body }],
    );
    await this.#ports.vault.prefetch(snapshots.filter(({ sealed }) => looksSealed(sealed)));
    const lost: StoredActor[] = [];
    for (const actor of stored) {
      const envelope = await this.#openSnapshot(actor, position);
      if (envelope === 'lost') lost.push(actor);
      else residents.set(actor.actor, residentOf(actor, envelope));
    }
    if (lost.length > 0) {
      const rebuilt = await this.#rebuild(lost, position);
      for (const actor of lost) residents.set(actor.actor, residentOf(actor, rebuilt.get(actor.actor)));
    }
    return residents;
  }

  async #openSnapshot(stored: StoredActor, position: number): Promise<Envelope | undefined | 'lost'> {
    if (stored.snapshot === undefined) {
      // Begun before what is committed, yet without a snapshot: lost. Begun after it: by a slice that never committed.
      return stored.begunOffset !== undefined && stored.begunOffset < position ? 'lost' : undefined;
    }
    try {
      return await openEnvelope(this.#ports.vault, { ...stored, ...stored.snapshot }, this.#ports.find);
    } catch (caught) {
      if (!(caught instanceof OperatingError) || caught.disposition !== 'rebuild') throw caught;
      this.#ports.logger.warn('snapshot is corrupt, rebuilding', {
        actor: stored.actor,
        tenant: stored.tenant,
        code: caught.code,
      });
      return 'lost';
    }
  }

  /**
   * Folds actors from their journals, each from its nearest snapshot, and from the log where the
   * journals do not reach. Outputs are on the log already.
   */
  async #rebuild(lost: readonly StoredActor[], position: number): Promise<Map<string, Envelope>> {
    const { store, logger } = this.#ports;
    const { partition } = this.#assignment;
    logger.warn('rebuilding actors from the journal', { partition, count: lost.length });
    // The mark is read first: what is written behind it meanwhile is then only extra.
    const reach = Math.min(await store.journalReach(partition), position);
    const tail = await this.#readTail(lost, reach, position);
    // An order stands behind the record it begins at, maybe past our position.
    const orders = await this.#ordersFrom(position);
    const parked = await readSetAside(this.#ports.log, this.#assignment);
    const envelopes = new Map<string, Envelope>();
    for (const of of lost) {
      const own = { tail: tail.get(of.actor) ?? [], parked: parked.get(of.actor) ?? new Set<number>() };
      const envelope = await this.#rebuildOne(of, position, { reach, orders, ...own });
      if (envelope !== undefined) envelopes.set(of.actor, envelope);
    }
    // Journals that were emptied meanwhile may have been read half: then all of it is done again.
    if (Math.min(await store.journalReach(partition), position) < reach)
      throw new OperatingError('log.unavailable', 'the journal was emptied while actors were rebuilt from it');
    return envelopes;
  }

  /** Records of some actors in `[from, to)` of the log, by actor. */
  async #readTail(
    actors: readonly StoredActor[],
    from: number,
    to: number,
  ): Promise<ReadonlyMap<string, readonly ToldRecord[]>> {
    if (from >= to) return new Map();
    const wanted = new Set(actors.map(({ actor }) => actor));
    const { topic, partition } = this.#assignment;
    const logged: LoggedRecord[] = [];
    for await (const batch of this.#ports.log.readRange({ topic, partition, from, to })) {
      logged.push(...batch.filter(({ key }) => wanted.has(key)));
    }
    return Map.groupBy(await openPastRecords(this.#ports.vault, logged), ({ record }) => record.actor);
  }

  async #rebuildOne(
    of: StoredActor,
    position: number,
    read: {
      readonly reach: number;
      readonly tail: readonly ToldRecord[];
      readonly orders: readonly ToldRecord[];
      readonly parked: ReadonlySet<number>;
    },
  ): Promise<Envelope | undefined> {
    const { find, store, tenants } = this.#ports;
    const { reach, tail, orders, parked } = read;
    const ordered = orderedQuarantines([...tail, ...orders.filter(({ record }) => record.actor === of.actor)]);
    const quarantines = new Set([...(await store.readQuarantines(of)), ...ordered]);
    // An order that the journal does not have yet makes its snapshots behind the record wrong.
    const start = (await store.nearestSnapshot(of, Math.min(position, ...ordered)))?.envelope;
    const from = start?.nextOffset ?? 0;
    const records = joined(
      store.readJournal(of, from, reach),
      tail.filter(({ offset }) => offset >= from),
    );
    const around = {
      find,
      configuration: (tenant: string, revision: string) => tenants.configuration(tenant, revision),
      quarantines,
      parked,
      held: (envelope: Envelope) => this.#held(envelope),
    };
    let envelope = start;
    for await (const { after } of fold(records, around, start)) envelope = after;
    return envelope;
  }

  /** Loads the revisions that records and actors name, so that applying need not wait. */
  async #configurations(
    told: readonly ToldRecord[],
    envelopes: readonly (Envelope | undefined)[],
  ): Promise<(tenant: string, revision: string) => Configuration> {
    const wanted = new Map<string, readonly [string, string]>();
    const want = (tenant: string, revision: string | null | undefined): void => {
      if (revision != null) wanted.set(`${tenant}/${revision}`, [tenant, revision]);
    };
    for (const { record } of told) want(record.tenant, record.revision);
    for (const envelope of envelopes) {
      if (envelope !== undefined) want(envelope.tenant, envelope.episode?.configRevision);
    }
    const loaded = new Map<string, Configuration>();
    for (const [key, [tenant, revision]] of wanted) {
      const configuration = await this.#ports.tenants.configuration(tenant, revision);
      if (configuration !== undefined) loaded.set(key, configuration);
    }
    return (tenant, revision) => {
      const configuration = loaded.get(`${tenant}/${revision}`);
      if (configuration === undefined) throw new OperatingError('config.invalid', `revision ${revision} is not known`);
      return configuration;
    };
  }

  /** Snapshots of what changed. Actors whose person was erased have none, and no state in memory from now on (I8). */
  async #seal(
    changed: Map<string, Resident>,
  ): Promise<{ readonly rows: readonly SnapshotRow[]; readonly erased: ReadonlySet<string> }> {
    const { vault, find } = this.#ports;
    const rows: SnapshotRow[] = [];
    const erased = new Set<string>();
    for (const [actor, resident] of changed) {
      const { envelope, person, begunOffset, begunStored } = resident;
      if (envelope === undefined) continue;
      const body = await unlessErased(sealEnvelope(vault, person, envelope, find));
      if (body === undefined) {
        erased.add(actor);
        changed.set(actor, { ...resident, envelope: undefined, begunOffset: begunStored ? begunOffset : undefined });
        continue;
      }
      rows.push({
        tenant: envelope.tenant,
        actor: envelope.actor,
        nextOffset: envelope.nextOffset,
        machine: envelope.episode?.machine ?? 'none',
        machineVersion: envelope.episode?.machineVersion ?? '',
        state: envelope.episode === null ? 'none' : stateText(envelope.episode.snapshot.value),
        status: statusOf(envelope),
        episode: envelope.episode?.number ?? 0,
        held: envelope.held.length,
        body,
        updatedAt: envelope.at,
        begunOffset: begunStored ? undefined : begunOffset,
      });
      await this.#between();
    }
    return { rows, erased };
  }

  async #sealOutputs(outputs: readonly OwnedOutput[]): Promise<OutgoingRecord[]> {
    const sealed: OutgoingRecord[] = [];
    for (const { output, person } of outputs) {
      await this.#between();
      const { record, personal } = output;
      if (record.type === 'record.parked') {
        this.#ports.metrics.recordsParked.inc({ topic: record.topic, code: record.reason });
        sealed.push(outgoing(record, parkedTopicOf(record.topic)));
      } else if (personal === undefined) sealed.push(outgoing(record));
      else {
        // Erased this very moment: the actor's next record will tell.
        const bytes = await unlessErased(this.#ports.vault.seal(record, person, record.occurredAt, personal));
        if (bytes !== undefined) sealed.push(outgoing({ ...record, sealed: bytes } as typeof record));
      }
    }
    return sealed;
  }

  /** In the log's transaction when it has one to give, else in one of the store's own (I3). */
  async #write(
    tenants: readonly string[],
    committedOffset: number,
    nextOffset: number,
    rows: readonly SnapshotRow[],
    transaction?: Sql,
  ): Promise<void> {
    await this.#ports.store.write(
      tenants,
      {
        partition: this.#assignment.partition,
        epoch: this.#epoch,
        anyEpoch: this.#ports.without === 'epoch',
        committedOffset,
        nextOffset,
        rows,
      },
      transaction,
    );
  }

  #publish(changed: ReadonlyMap<string, Resident>): void {
    for (const [actor, resident] of changed)
      this.#residents.set(actor, { ...resident, begunStored: resident.begunOffset !== undefined });
    this.#ports.metrics.actorsCached.set(this.#residents.size);
  }

  #report(applied: Applied, told: ToldRecord): void {
    const code = applied.envelope.quarantine?.code ?? 'unknown';
    this.#ports.metrics.actorsQuarantined.inc({ code });
    this.#ports.logger.error('actor quarantined', {
      tenant: told.record.tenant,
      actor: told.record.actor,
      eventId: told.record.eventId,
      partition: told.partition,
      offset: told.offset,
      code,
    });
  }
}

const residentOf = (stored: StoredActor, envelope: Envelope | undefined): Resident => ({
  envelope,
  person: stored.person ?? tenantSubject(stored.tenant),
  begunOffset: stored.begunOffset,
  begunStored: stored.begunOffset !== undefined,
});

/** An order of the host is put on the log, since no fold of the records could find out by itself. */
const quarantineOrder = ({ record, offset }: ToldRecord): Output => ({
  record: {
    ...causedBy(record, derivedId('q', record.tenant, record.actor, record.eventId), record.occurredAt),
    type: 'conversation.quarantined',
    code: 'actor.killed-process',
    recordOffset: offset,
  },
});

/** What is said of a record of somebody who was erased (I8). */
const ignored = (record: ActorEvent): AuditRecorded =>
  auditRecord(
    causedBy(record, derivedId('a', record.tenant, record.actor, record.eventId, 'ignored'), record.occurredAt),
    { action: 'record.ignored', trigger: record.type, outcome: 'person.erased' },
  );

/** What was sealed; undefined when its person was erased. */
const unlessErased = (sealing: Promise<Buffer>): Promise<Buffer | undefined> =>
  sealing.catch((caught: unknown) => {
    if (caught instanceof OperatingError && caught.code === 'vault.key-erased') return undefined;
    throw caught;
  });

/** Why a record is to be set aside; what is thrown otherwise goes on. */
const unlessParked = (caught: unknown): OperatingError => {
  if (caught instanceof OperatingError && caught.disposition === 'park') return caught;
  throw caught;
};

/** Enough bytes to name a key; a cut snapshot is found out when it is opened. */
const looksSealed = (bytes: Buffer): boolean => bytes.length > 46 && bytes[0] === 1;

async function* joined<T>(first: AsyncIterable<T>, second: Iterable<T>): AsyncGenerator<T> {
  yield* first;
  yield* second;
}
