/**
 * Two conversations that turned out to be the same chat: the younger goes on in the elder. Pure, like
 * `apply.ts`.
 *
 * M1 A conversation goes on in an elder one only (ids grow with time), so that forwarding never makes a ring.
 * M2 From the record of the merge on, the younger applies nothing: what still arrives for it, timers and
 *    completions of its effects too, is forwarded whole, under ids derived from it.
 * M3 What either was told, neither is told again: what they saw is joined.
 * M4 The state goes on of whoever the person wrote to last, with what it waits for: that one knows the
 *    person's latest word. What the other waits for is cancelled.
 * M5 Undone, the younger goes on from where it was; the elder keeps what it has. What the younger waited for went to the
 *    elder meanwhile, or will never come: its timers are set anew, its effects have an unknown outcome (`apply.ts`).
 */
import type { SealedMessage } from '#schemas/content.ts';
import type { ActorEvent, ConversationMerged, MergeRequested, MergeUndone, RecordHeader } from '#schemas/records.ts';

import { causedBy, derivedId } from '../records.ts';
import { type Envelope, type PlainEnvelope, envelopeOf, plainOf } from './envelope.ts';
import type { FindMachine } from './machines.ts';
import { type Output, auditOf } from './outputs.ts';
import { joinSeen } from './seen.ts';

/** Sealed part of `conversation.merged`. */
export interface SealedMerge {
  readonly state: PlainEnvelope;
}

interface Merged {
  readonly envelope: Envelope;
  readonly outputs: readonly Output[];
}

/** Largest state that is merged: what an output may hold (`apply.ts`), with room around it. */
const stateCharactersMax = 240 * 1_024;

/** Whether `one` is the conversation to go on in (M1). */
export const isElder = (one: string, other: string): boolean => one < other;

/** The younger hands over its state and forwards from now on; what cannot be merged is audited and stays. */
export function mergeAway(envelope: Envelope, record: MergeRequested, find: FindMachine): Merged {
  if (envelope.mergedInto !== undefined) return { envelope, outputs: [] };
  const state = plainOf(envelope, find);
  const refusal = refusalOf(envelope, record, state);
  if (refusal !== undefined) {
    const fields = { action: 'merge.refused', trigger: record.type, subject: record.into, outcome: refusal };
    return { envelope, outputs: [auditOf(record, envelope, 0, fields)] };
  }
  const { tenant, actor, eventId } = record;
  const merged: ConversationMerged = {
    ...causedBy(record, derivedId('g', tenant, actor, eventId), envelope.at),
    actor: record.into,
    type: 'conversation.merged',
    from: actor,
    sealed: null,
  };
  const fields = { action: 'conversation.merged-away', trigger: record.type, subject: record.into };
  return {
    envelope: { ...envelope, mergedInto: record.into },
    outputs: [
      { record: merged, personal: { state } satisfies SealedMerge },
      auditOf(record, envelope, 0, { ...fields, actedBy: record.requestedBy }),
    ],
  };
}

function refusalOf(envelope: Envelope, record: MergeRequested, state: PlainEnvelope): string | undefined {
  if (!isElder(record.into, envelope.actor)) return 'not-elder';
  return JSON.stringify(state).length > stateCharactersMax ? 'state-too-large' : undefined;
}

/** The elder takes in what the younger was (M3, M4). Throws `actor.machine-unknown`. */
export function takeIn(
  envelope: Envelope,
  record: ConversationMerged,
  { state }: SealedMerge,
  find: FindMachine,
): Merged {
  const joined: Envelope = {
    ...envelope,
    at: Math.max(envelope.at, state.at),
    seen: joinSeen(envelope.seen, state.seen),
  };
  const takes = state.episode !== null && heardAt(state) > heardAt(envelope);
  const fields = {
    action: 'conversation.merged',
    trigger: record.type,
    subject: record.from,
    outcome: takes ? 'state-taken' : 'state-kept',
  };
  if (!takes) return { envelope: joined, outputs: [auditOf(record, joined, 0, fields)] };
  const { episode, instance, timers, pendingEffects } = envelopeOf(state, find);
  const after: Envelope = {
    ...joined,
    ...(state.heardAt === undefined ? {} : { heardAt: state.heardAt }),
    episode: episode === null ? null : { ...episode, number: (envelope.episode?.number ?? 0) + 1 },
    instance,
    timers,
    pendingEffects,
  };
  return { envelope: after, outputs: [auditOf(record, after, 0, fields), ...cancellations(envelope, record)] };
}

/** When the person last wrote; what never heard from anybody knows nothing. */
const heardAt = (of: Pick<Envelope, 'heardAt'>): number => of.heardAt ?? 0;

/** What the state that does not go on was waiting for. */
function cancellations(envelope: Envelope, record: ConversationMerged): readonly Output[] {
  const header = (of: string) =>
    causedBy(record, derivedId('g', record.tenant, record.actor, record.eventId, of), envelope.at);
  return [
    ...envelope.timers.map(({ timerId, generation }): Output => ({
      record: { ...header(generation), type: 'timer.cancelled', timerId, generation },
    })),
    ...envelope.pendingEffects.map(({ effectId }): Output => ({
      record: { ...header(effectId), type: 'effect.cancelled', effectId },
    })),
  ];
}

const forwardedPrefix = 'w';

/**
 * The record for the elder, whole (M2); nothing for what concerns the younger itself. A message keeps the id that it had
 * first: what becomes of its file is told, and forwarded, under that.
 */
export function forwarded(record: ActorEvent, opened: unknown, into: string): readonly Output[] {
  if (isOwnAffair(record)) return [];
  const { tenant, actor, eventId } = record;
  const id = derivedId(forwardedPrefix, tenant, actor, eventId);
  const copy = { ...record, actor: into, eventId: id, causationId: eventId };
  if (!('sealed' in record)) return [{ record: copy }];
  const personal =
    isMessage(record) && opened !== undefined ? { origin: eventId, ...(opened as SealedMessage) } : opened;
  return [{ record: { ...copy, sealed: null } as ActorEvent, ...(personal === undefined ? {} : { personal }) }];
}

/** Whether a record is the copy of another, which its conversation forwarded when it had been merged. */
export const isForwarded = ({ eventId }: Pick<RecordHeader, 'eventId'>): boolean =>
  eventId.startsWith(`${forwardedPrefix}_`);

const isMessage = ({ type }: ActorEvent): boolean => type === 'message.received' || type === 'message.echoed';

const isOwnAffair = ({ type }: ActorEvent): boolean =>
  type === 'merge.requested' ||
  type === 'merge.undone' ||
  type === 'conversation.released' ||
  type === 'conversation.quarantined';

/** The younger goes on by itself again, with its timers (M5). */
export function undoMerge({ mergedInto, ...merged }: Envelope, record: MergeUndone): Merged {
  if (mergedInto === undefined) return { envelope: merged, outputs: [] };
  const { tenant, actor, eventId } = record;
  const timers = merged.timers.map((timer) => ({
    ...timer,
    generation: derivedId('t', tenant, actor, eventId, timer.generation),
  }));
  const envelope = { ...merged, timers };
  const fields = { action: 'merge.undone', trigger: record.type, subject: mergedInto, actedBy: record.requestedBy };
  // The first index is that of a transition, if one follows.
  const index = envelope.pendingEffects.length === 0 ? 0 : 'undone';
  return {
    envelope,
    outputs: [
      auditOf(record, envelope, index, fields),
      ...timers.map(({ timerId, generation, dueAt }): Output => ({
        record: { ...causedBy(record, generation, envelope.at), type: 'timer.set', timerId, dueAt },
      })),
    ],
  };
}
