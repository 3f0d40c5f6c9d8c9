/**
 * What a record does to an actor: the pure middle of the host. Everything a replay needs is here, and
 * nothing here reads a clock, a database or a key.
 *
 * I1 The envelope after a record is a function of the envelope before, the record, and the machine
 *    version and configuration revision that the envelope or (at the start of an episode) the record names.
 * I6 Every output's id is a hash of tenant, actor, causing event id and index (`outputs.ts`).
 */
import type { AnyEventObject } from 'xstate';

import { isEncodable } from '#schemas/codec.ts';
import type {
  SealedChange,
  SealedEffectOutput,
  SealedInstanceRequest,
  SealedMessage,
  SealedOutbound,
  SealedReport,
  SealedStatus,
} from '#schemas/content.ts';
import type { ActorEvent, ActorTold, MergeUndone } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import { OperatingError } from '../errors.ts';
import { heldTooMany } from '../parked.ts';
import { causedBy, derivedId } from '../records.ts';
import type { Configuration } from '../tenants/tenants.ts';
import type { Opened } from '../vault/vault.ts';
import { machineNameOf } from './actor-ids.ts';
import { type Envelope, type Episode, type HeldRecord, plainSnapshotOf } from './envelope.ts';
import { forwarded, mergeAway, takeIn, undoMerge, type SealedMerge } from './merge.ts';
import { type FindMachine, type StepAction, type StepResult, stepperOf } from './machines.ts';
import { marketingChoice } from './marketing.ts';
import { type Output, OutputWriter, auditOf } from './outputs.ts';
import { nothingSeen, remember, seenKey, wasSeen } from './seen.ts';

/** A record of an actor, opened. */
export interface ToldRecord {
  readonly record: ActorEvent;
  readonly offset: number;
  readonly partition: number;
  /** Its sealed part; undefined when it has none. */
  readonly opened: Opened<unknown> | undefined;
}

/** What became of a record. */
export type Outcome = 'applied' | 'recorded' | 'duplicate' | 'held' | 'quarantined' | 'released' | 'forwarded';

/** The outcome of one record. */
export interface Applied {
  readonly envelope: Envelope;
  readonly outputs: readonly Output[];
  readonly outcome: Outcome;
}

/** What the host has at hand for a record; lookups are synchronous, everything was loaded before. */
export interface Surroundings {
  readonly find: FindMachine;
  /** The content of a revision. Throws `config.invalid` when it is not at hand. */
  readonly configuration: (tenant: string, revision: string) => Configuration;
  /** Test seam: the protection that is switched off, so that tests can show what it protects from. */
  readonly without?: Protection | undefined;
}

/** What keeps repeated and late records from acting twice, and late owners from writing. */
export type Protection = 'seen' | 'effect-id' | 'timer-generation' | 'epoch';

/** Largest personal part of an output; the log takes records of about a megabyte. */
const outputCharactersMax = 256 * 1_024;
/** Largest part of an envelope that a machine makes. Transcripts do not belong in a context. */
const contextCharactersMax = 1_024 * 1_024;

/** Records of an actor that may be held in quarantine; more are parked. */
export const heldMax = 1_000;

/**
 * Applies the next record of an actor, whatever it is. `held` are the records that the envelope holds,
 * needed when it is released; `ordered` says that the host orders a quarantine at this record.
 */
export function applyNext(
  before: Envelope | undefined,
  told: ToldRecord,
  around: Surroundings & { readonly held: readonly ToldRecord[]; readonly ordered: boolean },
): Applied {
  if (before?.quarantine == null)
    return around.ordered ? quarantine(before, told, 'actor.killed-process') : applyRecord(before, told, around);
  if (told.record.type !== 'conversation.released') return hold(before, told);
  // What is held ended the process when it was released: it stays held.
  if (around.ordered)
    return { envelope: { ...before, nextOffset: told.offset + 1 }, outputs: [], outcome: 'quarantined' };
  return applyRelease(before, told, around.held, around);
}

/** Offsets at which the host itself ordered a quarantine, by the orders among some records. */
export const orderedQuarantines = (records: readonly ToldRecord[]): ReadonlySet<number> =>
  new Set(records.flatMap(({ record }) => (record.type === 'conversation.quarantined' ? [record.recordOffset] : [])));

/**
 * Applies one record to an actor that is not in quarantine, or that `release` lets out of it. Throws
 * only for what is wrong with the host, never for what a machine does.
 */
function applyRecord(
  before: Envelope | undefined,
  told: ToldRecord,
  around: Surroundings,
  release?: ToldRecord,
): Applied {
  try {
    const applied = withChoice(live(before, told, around), told);
    if (applied.outcome === 'applied') requireWritable(applied, around.find);
    return applied;
  } catch (caught) {
    if (caught instanceof OperatingError && caught.disposition !== 'quarantine') throw caught;
    // Whatever else is thrown here came out of the machine: deterministic, so trying again is no use.
    const code = caught instanceof OperatingError ? caught.code : codeOfThrow(caught);
    return quarantine(before, told, code, release);
  }
}

/**
 * Throws when what the machine made cannot be written: a context or a reply that is no JSON, that has
 * another shape than its schema, or that is too large. Found out here, it is this actor's alone.
 */
function requireWritable({ envelope, outputs }: Applied, find: FindMachine): void {
  for (const { record, personal } of outputs) {
    if (!isEncodable(record))
      throw new OperatingError('actor.machine-threw', `${record.type} with a field of another type`);
    if (personal !== undefined && JSON.stringify(personal).length > outputCharactersMax) {
      throw new OperatingError('actor.effect-unsupported', 'an output is too large');
    }
  }
  // The rest of the envelope is the host's own, and bounded.
  const { episode, timers, pendingEffects } = envelope;
  const made = [episode === null ? null : plainSnapshotOf(episode, find), timers, pendingEffects];
  if (JSON.stringify(made).length > contextCharactersMax) {
    throw new OperatingError('actor.effect-unsupported', 'the context is too large');
  }
}

/**
 * Applies a `conversation.released`: the held records in order, with their own event ids. `held` are
 * the records that the envelope refers to, in that order. One that throws again is held again, with
 * all after it.
 */
function applyRelease(before: Envelope, told: ToldRecord, held: readonly ToldRecord[], around: Surroundings): Applied {
  const key = seenKey(told.record, undefined);
  if (around.without !== 'seen' && wasSeen(before.seen, key, null))
    return { envelope: { ...before, nextOffset: told.offset + 1 }, outputs: [], outcome: 'duplicate' };
  const at = Math.max(before.at, told.record.occurredAt);
  let envelope: Envelope = { ...before, seen: remember(before.seen, key, at, null), quarantine: null, held: [] };
  const outputs: Output[] = [
    auditOf(told.record, envelope, 0, { action: 'actor.released', trigger: told.record.type }),
  ];
  for (const each of held) {
    const applied: Applied =
      envelope.quarantine === null ? applyRecord(envelope, each, around, told) : hold(envelope, each);
    envelope = applied.envelope;
    outputs.push(...applied.outputs);
  }
  return { envelope: { ...envelope, nextOffset: told.offset + 1 }, outputs, outcome: 'released' };
}

/** Puts an actor in quarantine at a record: it and all later ones are held. */
function quarantine(before: Envelope | undefined, told: ToldRecord, code: string, release?: ToldRecord): Applied {
  const at: HeldRecord = { offset: told.offset, eventId: told.record.eventId };
  // A record can be held again at each release, and be applied in the end: each of these is an audit record of its own.
  const index = release === undefined ? 'quarantined' : `quarantined ${release.record.eventId}`;
  const envelope: Envelope = {
    ...(before ?? emptyEnvelope(told)),
    nextOffset: told.offset + 1,
    quarantine: { code, offset: at.offset },
    held: [at],
  };
  return {
    envelope,
    outputs: [
      auditOf(told.record, envelope, index, { action: 'actor.quarantined', trigger: told.record.type, outcome: code }),
    ],
    outcome: 'quarantined',
  };
}

/** An actor that was told nothing yet. */
const emptyEnvelope = (told: ToldRecord): Envelope => ({
  tenant: told.record.tenant,
  actor: told.record.actor,
  partition: told.partition,
  nextOffset: told.offset,
  at: told.record.occurredAt,
  episode: null,
  instance: null,
  pendingEffects: [],
  timers: [],
  seen: nothingSeen,
  quarantine: null,
  held: [],
});

/** Whether a running machine takes events of a type at all: most do not ask how far each message got. */
const listensFor = (type: string, { machine, machineVersion }: Episode, { find }: Surroundings): boolean =>
  find(machine, machineVersion)?.machine.events.includes(type) === true;

function hold(before: Envelope, told: ToldRecord): Applied {
  const envelope = { ...before, nextOffset: told.offset + 1 };
  // A quarantine that the host ordered is written behind the record it begins at; then it is known already.
  if (told.record.type === 'conversation.quarantined') return { envelope, outputs: [], outcome: 'recorded' };
  if (before.held.length >= heldMax) return { envelope, outputs: [parked(told)], outcome: 'held' };
  return {
    envelope: { ...envelope, held: [...before.held, { offset: told.offset, eventId: told.record.eventId }] },
    outputs: [],
    outcome: 'held',
  };
}

/** The record by reference: it stays on the log, whole, where it was. */
const parked = ({ record, offset, partition }: ToldRecord): Output => ({
  record: {
    ...causedBy(record, derivedId('k', record.tenant, record.actor, record.eventId), record.occurredAt),
    type: 'record.parked',
    topic: topics.events,
    partition,
    offset,
    reason: heldTooMany,
  },
});

/** What WhatsApp tells of a person's choices is audited, whatever a machine makes of the record. */
function withChoice(applied: Applied, { record, opened }: ToldRecord): Applied {
  if (opened?.state === 'erased' || (applied.outcome !== 'applied' && applied.outcome !== 'recorded')) return applied;
  const choice = marketingChoice(record, applied.envelope);
  return choice.length === 0 ? applied : { ...applied, outputs: [...applied.outputs, ...choice] };
}

function live(before: Envelope | undefined, told: ToldRecord, around: Surroundings): Applied {
  const { record, offset } = told;
  const base = before ?? emptyEnvelope(told);
  if (told.opened?.state === 'erased') return recorded(base, told);
  const opened = told.opened?.value;

  const key = seenKey(record, opened);
  if (around.without !== 'seen' && wasSeen(base.seen, key, record.providerAt)) {
    return { envelope: { ...base, nextOffset: offset + 1 }, outputs: [], outcome: 'duplicate' };
  }
  const at = Math.max(base.at, record.occurredAt);
  const known: Envelope = {
    ...base,
    at,
    nextOffset: offset + 1,
    seen: remember(base.seen, key, at, record.providerAt),
  };

  const merging = mergeStep(known, record, opened, around);
  if (merging !== undefined) return merging;

  const event = machineEvent(known, record, opened, at, around);
  if (event === undefined) return recorded(known, told);
  if (event === 'orphaned') {
    const orphan = auditOf(record, known, 0, {
      action: 'effect.orphaned',
      subject: record.type === 'effect.completed' ? record.effectId : null,
    });
    return { envelope: known, outputs: [orphan], outcome: 'recorded' };
  }

  const running = known.episode?.snapshot.status === 'active' ? known.episode : undefined;
  if (running === undefined) {
    if (startsEpisode(record, around)) return begin(known, record, event, around);
    return record.type === 'actor.told' ? unheard(known, record) : recorded(known, told);
  }
  if (renews(running, record, around)) return begin(known, record, event, around);
  if (record.type === 'message.status' && !listensFor(record.type, running, around)) return recorded(known, told);
  return step(withInstance(settle(known, record), record), running, record, [event], around);
}

/** What a merge makes of a record; undefined for the records of a conversation that is none's part. */
function mergeStep(known: Envelope, record: ActorEvent, opened: unknown, around: Surroundings): Applied | undefined {
  switch (record.type) {
    case 'merge.requested':
      return { ...mergeAway(known, record, around.find), outcome: 'applied' };
    case 'merge.undone':
      return unanswered(undoMerge(known, record), record, around);
    case 'conversation.merged':
      // Of one that was merged itself meanwhile, it goes on to where that one went.
      return known.mergedInto === undefined
        ? { ...takeIn(known, record, opened as SealedMerge, around.find), outcome: 'applied' }
        : { envelope: known, outputs: forwarded(record, opened, known.mergedInto), outcome: 'forwarded' };
    default:
      if (known.mergedInto === undefined) return undefined;
      return { envelope: known, outputs: forwarded(record, opened, known.mergedInto), outcome: 'forwarded' };
  }
}

/** Who was merged, and is no more, waits for effects whose answers went elsewhere (M5 of merge.ts). */
function unanswered(
  { envelope, outputs }: Omit<Applied, 'outcome'>,
  record: MergeUndone,
  around: Surroundings,
): Applied {
  const { pendingEffects, episode, at } = envelope;
  if (outputs.length === 0 || pendingEffects.length === 0 || episode?.snapshot.status !== 'active')
    return { envelope, outputs, outcome: 'applied' };
  const error = { code: 'effect.outcome-unknown', message: '' };
  const events = pendingEffects.map(({ invokeId }) => ({
    ...{ type: `xstate.error.actor.${invokeId}`, at, eventId: record.eventId },
    ...{ actorId: invokeId, error },
  }));
  const applied = step({ ...envelope, pendingEffects: [] }, episode, record, events, around);
  return { ...applied, outputs: [...outputs, ...applied.outputs] };
}

/** Kept on the log, without effect. */
const recorded = (envelope: Envelope, told: ToldRecord): Applied => ({
  envelope: { ...envelope, nextOffset: told.offset + 1 },
  outputs: [],
  outcome: 'recorded',
});

/** Told to an actor that has ended, or that never was. */
const unheard = (envelope: Envelope, record: ActorTold): Applied => ({
  envelope,
  outputs: [auditOf(record, envelope, 0, { action: 'told.unheard', trigger: record.type, subject: record.from })],
  outcome: 'recorded',
});

/** Whether a record begins an episode when none is running. */
function startsEpisode(record: ActorEvent, around: Surroundings): boolean {
  switch (record.type) {
    case 'message.received':
    case 'message.requested':
    case 'instance.reported':
    case 'instance.requested':
      return true;
    case 'attendance.requested':
      return record.operation === 'takeover';
    case 'actor.told': {
      // A queue is there as soon as somebody is told to wait in it, if the tenant's configuration has the machine.
      const { tenant, actor, revision } = record;
      const name = machineNameOf(actor);
      if (name !== 'service-queue' || revision === null) return false;
      return around.configuration(tenant, revision).machines[name] !== undefined;
    }
    default:
      return false;
  }
}

/**
 * An instance has no end, so that it would never take up anything new: it does at what is asked of it,
 * where another version or other settings are in force by then.
 */
function renews(running: Episode, record: ActorEvent, around: Surroundings): boolean {
  const { type, tenant, revision } = record;
  if (type !== 'instance.requested' || revision === null || revision === running.configRevision) return false;
  const before = around.configuration(tenant, running.configRevision).machines[running.machine];
  const now = around.configuration(tenant, revision).machines[running.machine];
  return JSON.stringify(before) !== JSON.stringify(now);
}

/** The effect or timer that a record answers is no longer pending. */
function settle(envelope: Envelope, record: ActorEvent): Envelope {
  if (record.type === 'effect.completed') {
    return {
      ...envelope,
      pendingEffects: envelope.pendingEffects.filter((effect) => effect.effectId !== record.effectId),
    };
  }
  if (record.type === 'timer.fired') {
    return { ...envelope, timers: envelope.timers.filter((timer) => timer.generation !== record.generation) };
  }
  return envelope;
}

/** Replies go out by the instance that the conversation last came by. */
const withInstance = (envelope: Envelope, record: ActorEvent): Envelope =>
  record.type === 'message.received'
    ? { ...envelope, instance: record.instance, heardAt: envelope.at }
    : record.type === 'message.requested'
      ? { ...envelope, instance: record.instance }
      : envelope;

/**
 * What the machine is told of a record: nothing when it is only kept, `orphaned` when it answers an
 * effect that is no longer waited for. XState itself would accept a stale completion or timer.
 */
function machineEvent(
  envelope: Envelope,
  record: ActorEvent,
  opened: unknown,
  at: number,
  around: Surroundings,
): AnyEventObject | undefined | 'orphaned' {
  const told = { type: record.type, at, eventId: record.eventId };
  switch (record.type) {
    case 'message.received': {
      if (record.group && !answersGroups(envelope, record, around)) return undefined;
      const message = opened as SealedMessage;
      return {
        ...told,
        eventId: message.origin ?? record.eventId,
        content: message.content,
        ...(message.sender.name === undefined ? {} : { profileName: message.sender.name }),
        ...(message.locale === undefined ? {} : { locale: message.locale }),
      };
    }
    case 'message.requested':
      return {
        ...told,
        messageId: record.messageId,
        origin: record.origin,
        priority: record.priority,
        content: (opened as SealedOutbound).content,
      };
    case 'message.echoed':
      return record.group ? undefined : { ...told, source: record.source };
    case 'message.changed': {
      if (record.group) return undefined;
      const { text } = opened as SealedChange;
      return { ...told, change: record.change, ...(text === undefined ? {} : { text }) };
    }
    case 'delivery.updated':
      return {
        ...told,
        deliveryId: record.deliveryId,
        status: record.status,
        ...(record.reason === null ? {} : { reason: record.reason }),
      };
    case 'media.stored': {
      const { messageEventId, kind, fileId, mimetype, bytes } = record;
      return { ...told, messageEventId, kind, fileId, mimetype, bytes };
    }
    case 'media.failed':
      return { ...told, messageEventId: record.messageEventId, kind: record.kind, reason: record.reason };
    case 'instance.reported': {
      const { qr, restriction } = opened as SealedReport;
      return {
        ...told,
        status: record.status,
        ...(qr === undefined ? {} : { qr }),
        ...(restriction === undefined ? {} : { restriction }),
      };
    }
    case 'instance.requested':
      return { ...told, operation: record.operation, ...(opened as SealedInstanceRequest | undefined) };
    case 'actor.told':
      return { ...record.details, ...told, type: record.name, from: record.from };
    case 'attendance.requested':
      return { ...told, operation: record.operation, attendant: record.requestedBy };
    case 'timer.fired': {
      const timer = envelope.timers.find(
        ({ timerId, generation }) =>
          timerId === record.timerId && (around.without === 'timer-generation' || generation === record.generation),
      );
      return timer === undefined ? undefined : { ...timer.event, at, eventId: record.eventId };
    }
    case 'effect.completed': {
      const effect = envelope.pendingEffects.find(
        ({ effectId }) => around.without === 'effect-id' || effectId === record.effectId,
      );
      if (effect === undefined) return record.outcome === 'done' ? 'orphaned' : undefined;
      // Nothing is sealed of who was erased meanwhile.
      const answer = (opened ?? { error: { code: record.reason ?? 'unknown', message: '' } }) as SealedEffectOutput;
      return record.outcome === 'done'
        ? { ...told, type: `xstate.done.actor.${effect.invokeId}`, actorId: effect.invokeId, output: answer.output }
        : { ...told, type: `xstate.error.actor.${effect.invokeId}`, actorId: effect.invokeId, error: answer.error };
    }
    case 'message.status': {
      const { deliveryId } = (opened ?? {}) as Partial<SealedStatus>;
      return {
        ...told,
        status: record.status,
        ...(record.reason === null ? {} : { reason: record.reason }),
        ...(deliveryId === undefined ? {} : { deliveryId }),
      };
    }
    case 'webhook.other':
    case 'conversation.released':
    case 'conversation.quarantined':
    case 'merge.requested':
    case 'conversation.merged':
    case 'merge.undone':
      return undefined;
  }
}

/** Whether the tenant wants group chats answered, by the revision in force. */
function answersGroups(envelope: Envelope, record: ActorEvent, around: Surroundings): boolean {
  const revision = record.revision ?? envelope.episode?.configRevision;
  return revision !== undefined && around.configuration(envelope.tenant, revision).answerGroups;
}

function begin(envelope: Envelope, record: ActorEvent, event: AnyEventObject, around: Surroundings): Applied {
  const revision = record.revision ?? envelope.episode?.configRevision;
  if (revision === undefined) throw new OperatingError('config.invalid', `record ${record.eventId} names no revision`);
  const name = machineNameOf(envelope.actor);
  const choice = around.configuration(envelope.tenant, revision).machines[name];
  if (choice === undefined) throw new OperatingError('config.invalid', `revision ${revision} has no machine ${name}`);
  const release = around.find(name, choice.version);
  if (release === undefined) throw new OperatingError('actor.machine-unknown', `${name} ${choice.version}`);

  const carried = envelope.episode?.snapshot.output;
  const first = stepperOf(release.machine).initial({
    tenant: envelope.tenant,
    actor: envelope.actor,
    at: envelope.at,
    settings: { ...release.settingsDefaults, ...choice.settings },
    ...(carried === undefined ? {} : { carried }),
    ...(typeof event['locale'] === 'string' ? { locale: event['locale'] } : {}),
  });
  // XState does not throw out of an initial transition: it returns what was thrown.
  if (first.snapshot.status === 'error') throw toError(first.snapshot.error);
  const episode: Episode = {
    number: (envelope.episode?.number ?? 0) + 1,
    machine: name,
    machineVersion: choice.version,
    configRevision: revision,
    snapshot: first.snapshot,
  };
  return step({ ...withInstance(envelope, record), episode: null }, episode, record, [event], around, first);
}

/** Feeds events to a running episode and turns what it wants done into outputs. */
function step(
  envelope: Envelope,
  episode: Episode,
  record: ActorEvent,
  events: readonly AnyEventObject[],
  around: Surroundings,
  first?: StepResult,
): Applied {
  const release = around.find(episode.machine, episode.machineVersion);
  if (release === undefined)
    throw new OperatingError('actor.machine-unknown', `${episode.machine} ${episode.machineVersion}`);
  const stepper = stepperOf(release.machine);
  let snapshot = episode.snapshot;
  const actions: StepAction[] = [...(first?.actions ?? [])];
  for (const event of events) {
    const result = stepper.next(snapshot, event);
    snapshot = result.snapshot;
    actions.push(...result.actions);
  }
  if (snapshot.status === 'error' || snapshot.status === 'stopped') throw new OperatingError('actor.machine-threw');

  const after: Envelope = { ...envelope, episode: { ...episode, snapshot } };
  if (first === undefined && snapshot === episode.snapshot && actions.length === 0) {
    return { envelope: after, outputs: [], outcome: 'applied' };
  }
  const writer = new OutputWriter(after, record);
  // What an episode that was broken off waited for, nobody waits for any more.
  if (first !== undefined) writer.forget();
  writer.transitioned(first === undefined ? episode.snapshot : undefined, snapshot);
  for (const action of actions) writer.write(action);
  return { ...writer.finish(snapshot.status === 'done'), outcome: 'applied' };
}

const toError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new OperatingError('actor.machine-threw');

/** The code of what a machine threw. XState names an endless loop in its message only. */
function codeOfThrow(caught: unknown): string {
  return caught instanceof Error && caught.message.startsWith('Infinite loop detected')
    ? 'actor.endless-loop'
    : 'actor.machine-threw';
}
