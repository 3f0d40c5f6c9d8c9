/**
 * What another version of a machine would have done with a recorded conversation. Nothing is asked of
 * the outside world: its answers come from the record.
 *
 * W1 An effect's answer is that of the recorded effect with the same id, else of one with the same
 *    source that the recorded machine waits for. Where there is none, the branch ends: unknown from here.
 * W2 A timer fires when the recorded timer of the same id and due time does. Where time passes a due time
 *    without one, the branch ends.
 * W3 A delivery's report is about the reply that has the same place among those of its cause.
 * W4 What was ordered of the host (quarantines, parked records) is obeyed.
 */
import { isDeepStrictEqual } from 'node:util';

import type { ActorEvent, DeliveryUpdated } from '#schemas/records.ts';

import { type Outcome, type ToldRecord, applyNext } from '../actor/apply.ts';
import { type Envelope, type PendingEffect, type PendingTimer, stateText } from '../actor/envelope.ts';
import { type FoldPorts, fold, releases } from '../actor/fold.ts';
import { type FindMachine, type MachineRelease, stepperOf } from '../actor/machines.ts';
import type { Output } from '../actor/outputs.ts';
import { OperatingError } from '../errors.ts';
import type { Configuration } from '../tenants/tenants.ts';

/** Replies to one record, side by side. */
export interface ReplyDifference {
  readonly offset: number;
  readonly recorded: readonly unknown[];
  readonly folded: readonly unknown[];
}

/** How the other version compares. */
export interface WhatIf {
  /** Records that were told to both. */
  readonly records: number;
  /** Counted by the record that they answer; records without replies are not counted. */
  readonly replies: { readonly same: number; readonly different: number };
  /** The first of them. Personal data. */
  readonly differences: readonly ReplyDifference[];
  /** States on record that the other version never was in. */
  readonly unreached: readonly string[];
  /** Why the conversation as it is now cannot go on with the other version: `state-missing`, `effect-missing`, `context-differs`. */
  readonly migration: string | undefined;
  readonly unknownFrom: { readonly offset: number; readonly reason: string } | undefined;
  /** Why the other version was put in quarantine where the recorded one was not. */
  readonly quarantine: { readonly offset: number; readonly code: string } | undefined;
}

/** Words for how a conversation came out; several may hold. */
export type WhatIfVerdict =
  'same-replies' | 'different-replies' | 'state-unreachable' | 'needs-migration' | 'unknown-from-here' | 'quarantined';

/** The verdicts, the gravest first. */
export function verdictsOf(seen: WhatIf): readonly WhatIfVerdict[] {
  const verdicts: WhatIfVerdict[] = [];
  if (seen.quarantine !== undefined) verdicts.push('quarantined');
  if (seen.replies.different > 0) verdicts.push('different-replies');
  if (seen.unreached.length > 0) verdicts.push('state-unreachable');
  if (seen.migration !== undefined) verdicts.push('needs-migration');
  if (seen.unknownFrom !== undefined) verdicts.push('unknown-from-here');
  return verdicts.length === 0 ? ['same-replies'] : verdicts;
}

/** Differences that are kept. */
const differencesMax = 20;

/** What of a recorded step the other version is compared with. A step of a fold is one. */
export interface RecordedStep {
  readonly told: ToldRecord;
  readonly to: string;
  readonly before: { readonly timers: readonly Omit<PendingTimer, 'event'>[] } | undefined;
  readonly after: {
    readonly pendingEffects: readonly Pick<PendingEffect, 'effectId' | 'source'>[];
    readonly quarantine: object | null;
    /** Looked at after the last step alone. */
    readonly episode: RecordedEpisode | null;
  };
  readonly outputs: readonly Output[];
}

/** An episode as it stands at the end of the record. */
export interface RecordedEpisode {
  readonly machine: string;
  readonly snapshot: { readonly status: string; readonly value: unknown; readonly context: unknown };
}

/**
 * Runs the records of one actor, from its first, through another machine. `ports` are those of a fold
 * of the same records. `pause` is awaited at each record. What is on record is what they fold to here,
 * unless `recorded` tells it: where this program's machines may be others than those that ran. Throws
 * what a fold of the records throws.
 */
export async function whatIf(
  records: readonly ToldRecord[],
  ports: FoldPorts,
  machine: MachineRelease,
  pause: () => Promise<void> = () => Promise.resolve(),
  recorded: AsyncIterable<RecordedStep> | Iterable<RecordedStep> = fold(records, ports),
): Promise<WhatIf> {
  const branch = new Branch(records, ports, machine);
  const seen = new Comparison();
  let last: RecordedStep | undefined;
  for await (const step of recorded) {
    await pause();
    last = step;
    if (seen.unknownFrom !== undefined) continue;
    const late = branch.passedTimer(step);
    if (late !== undefined) {
      seen.unknownFrom = { offset: step.told.offset, reason: `timer ${late}` };
      continue;
    }
    const told = await branch.tell(step);
    seen.add(step, told, branch.envelope);
    const unanswered = branch.unanswered(step, told.outputs);
    if (unanswered !== undefined) seen.unknownFrom = { offset: step.told.offset, reason: unanswered };
  }
  return seen.finish(migrationOf(last?.after, branch.envelope, machine, seen.unknownFrom === undefined));
}

interface Taken {
  readonly outcome: Outcome | 'left-out';
  readonly outputs: readonly Output[];
}

const leftOut: Taken = { outcome: 'left-out', outputs: [] };

/** The other version's run. */
class Branch {
  readonly #ports: FoldPorts;
  readonly #find: FindMachine;
  readonly #machine: MachineRelease;
  /** Effects that the record has an answer to, by the offset of the answer. */
  readonly #answers: ReadonlyMap<string, number>;
  /** Recorded effect by the effect of ours that gets its answer. */
  readonly #effects = new Map<string, string>();
  /** Reply of ours by the recorded one; null where there is none. */
  readonly #replies = new Map<string, string | null>();
  /** As it was told, by offset. */
  readonly #told = new Map<number, ToldRecord>();
  readonly #configurations = new Map<string, Configuration>();
  envelope: Envelope | undefined;

  constructor(records: readonly ToldRecord[], ports: FoldPorts, machine: MachineRelease) {
    this.#ports = ports;
    this.#machine = machine;
    this.#find = (name, version) =>
      name === machine.name && version === machine.version ? machine : ports.find(name, version);
    this.#answers = new Map(
      records.flatMap(({ record, offset }) =>
        record.type === 'effect.completed' ? [[record.effectId, offset] as const] : [],
      ),
    );
  }

  /** Id of a timer of ours that was due before this record and is not on record (W2). */
  passedTimer({ told, before }: RecordedStep): string | undefined {
    const at = Math.max(this.envelope?.at ?? 0, told.record.occurredAt);
    return this.envelope?.timers.find(
      (ours) => ours.dueAt <= at && !(before?.timers ?? []).some((theirs) => sameTimer(ours, theirs)),
    )?.timerId;
  }

  async tell(step: RecordedStep): Promise<Taken> {
    const told = this.#adapted(step);
    if (told === undefined) return leftOut;
    this.#told.set(told.offset, told);
    const before = this.envelope;
    const held =
      before !== undefined && releases(told.record, before)
        ? before.held.flatMap(({ offset }) => this.#told.get(offset) ?? [])
        : [];
    for (const { record } of [told, ...held]) await this.#load(record);
    const applied = applyNext(before, told, {
      find: this.#find,
      configuration: (tenant, revision) => {
        const found = this.#configurations.get(`${tenant}/${revision}`);
        if (found === undefined) throw new OperatingError('config.invalid', `revision ${revision} is not known`);
        return found;
      },
      ordered: this.#ports.quarantines.has(told.offset),
      held,
    });
    this.envelope = applied.envelope;
    this.#pairReplies(step.outputs, applied.outputs);
    return applied;
  }

  /** What this record made us ask that the record has no answer to (W1, W3). */
  unanswered(step: RecordedStep, outputs: readonly Output[]): string | undefined {
    for (const ours of this.envelope?.pendingEffects ?? []) {
      const recorded = this.#effects.get(ours.effectId) ?? this.#pairEffect(ours, step);
      const waits = step.after.pendingEffects.some(({ effectId }) => effectId === recorded);
      const comes = (this.#answers.get(recorded ?? '') ?? -1) > step.told.offset;
      if (recorded === undefined || !(waits || comes)) return `effect ${ours.source}`;
    }
    const more = repliesIn(outputs).length > repliesIn(step.outputs).length;
    return more && this.#mindsDeliveries() ? 'delivery of a further reply' : undefined;
  }

  #pairEffect(ours: Envelope['pendingEffects'][number], { after }: RecordedStep): string | undefined {
    const taken = new Set(this.#effects.values());
    const free = after.pendingEffects.filter(({ effectId }) => !taken.has(effectId));
    const found =
      free.find(({ effectId }) => effectId === ours.effectId) ?? free.find(({ source }) => source === ours.source);
    if (found !== undefined) this.#effects.set(ours.effectId, found.effectId);
    return found?.effectId;
  }

  #pairReplies(recorded: readonly Output[], ours: readonly Output[]): void {
    const own = repliesIn(ours);
    for (const [index, { record }] of repliesIn(recorded).entries())
      this.#replies.set(record.eventId, own[index]?.record.eventId ?? null);
  }

  /** Whether the state that we are in would act on the report of a delivery. */
  #mindsDeliveries(): boolean {
    const episode = this.envelope?.episode;
    if (episode?.snapshot.status !== 'active' || this.envelope === undefined) return false;
    const release = this.#find(episode.machine, episode.machineVersion);
    if (release === undefined) return false;
    const report = { type: 'delivery.updated', at: this.envelope.at, eventId: '', deliveryId: '', status: 'sent' };
    const { snapshot, actions } = stepperOf(release.machine).next(episode.snapshot, report);
    return snapshot !== episode.snapshot || actions.length > 0;
  }

  /** The record as we are told it; undefined when it answers what we never did. */
  #adapted({ told, before }: RecordedStep): ToldRecord | undefined {
    const { record } = told;
    switch (record.type) {
      case 'effect.completed': {
        const ours = [...this.#effects].find(([, recorded]) => recorded === record.effectId)?.[0];
        return ours === undefined ? undefined : { ...told, record: { ...record, effectId: ours } };
      }
      case 'timer.fired': {
        const theirs = before?.timers.find(({ generation }) => generation === record.generation);
        const ours = this.envelope?.timers.find((timer) => theirs !== undefined && sameTimer(timer, theirs));
        return ours === undefined ? undefined : { ...told, record: { ...record, generation: ours.generation } };
      }
      case 'delivery.updated':
        return this.#adaptedDelivery(told, record);
      default:
        return told;
    }
  }

  #adaptedDelivery(told: ToldRecord, record: DeliveryUpdated): ToldRecord | undefined {
    const ours = this.#replies.get(record.deliveryId);
    if (ours === undefined) return told;
    return ours === null ? undefined : { ...told, record: { ...record, deliveryId: ours } };
  }

  /** Configurations on record, with the other version in the place of the one that they name. */
  async #load({ tenant, revision }: ActorEvent): Promise<void> {
    for (const name of [revision, this.envelope?.episode?.configRevision]) {
      if (name == null || this.#configurations.has(`${tenant}/${name}`)) continue;
      const found = await this.#ports.configuration(tenant, name);
      if (found === undefined) continue;
      const choice = found.machines[this.#machine.name];
      const machines =
        choice === undefined
          ? found.machines
          : { ...found.machines, [this.#machine.name]: { ...choice, version: this.#machine.version } };
      this.#configurations.set(`${tenant}/${name}`, { ...found, machines });
    }
  }
}

type Timer = Pick<PendingTimer, 'timerId' | 'dueAt'>;
const sameTimer = (one: Timer, other: Timer): boolean => one.timerId === other.timerId && one.dueAt === other.dueAt;

const repliesIn = (outputs: readonly Output[]): readonly Output[] =>
  outputs.filter(({ record }) => record.type === 'reply.requested' || record.type === 'reply.declined');

/** What of a reply is compared: all but its ids. */
function saidIn({ record, personal }: Output): unknown {
  if (record.type === 'reply.declined') return { declined: record.messageId, reason: record.reason };
  if (record.type !== 'reply.requested') return undefined;
  const { instance, origin, priority, messageId } = record;
  return { ...(personal as object), instance, origin, priority, messageId };
}

/** What was seen so far. */
class Comparison {
  #records = 0;
  #same = 0;
  #different = 0;
  readonly #differences: ReplyDifference[] = [];
  readonly #recordedStates = new Set<string>();
  readonly #states = new Set<string>();
  #quarantine: WhatIf['quarantine'];
  unknownFrom: WhatIf['unknownFrom'];

  add(step: RecordedStep, taken: Taken, envelope: Envelope | undefined): void {
    const { offset } = step.told;
    this.#records += 1;
    this.#recordedStates.add(step.to);
    this.#states.add(stateOf(envelope));
    if (taken.outcome === 'quarantined' && step.after.quarantine === null)
      this.#quarantine ??= { offset, code: envelope?.quarantine?.code ?? '' };
    const [recorded, folded] = [repliesIn(step.outputs).map(saidIn), repliesIn(taken.outputs).map(saidIn)];
    if (recorded.length === 0 && folded.length === 0) return;
    if (isDeepStrictEqual(plain(recorded), plain(folded))) this.#same += 1;
    else {
      this.#different += 1;
      if (this.#differences.length < differencesMax) this.#differences.push({ offset, recorded, folded });
    }
  }

  finish(migration: string | undefined): WhatIf {
    return {
      records: this.#records,
      replies: { same: this.#same, different: this.#different },
      differences: this.#differences,
      unreached: [...this.#recordedStates].filter((state) => !this.#states.has(state)).sort(),
      migration,
      unknownFrom: this.unknownFrom,
      quarantine: this.#quarantine,
    };
  }
}

const stateOf = (envelope: Envelope | undefined): string =>
  envelope?.episode == null ? 'none' : stateText(envelope.episode.snapshot.value);

/** Whether the conversation as it is on record could go on with the other version as it stands. */
function migrationOf(
  recorded: RecordedStep['after'] | undefined,
  folded: Envelope | undefined,
  machine: MachineRelease,
  comparable: boolean,
): string | undefined {
  const episode = recorded?.episode;
  if (episode?.snapshot.status !== 'active' || episode.machine !== machine.name) return undefined;
  const stepper = stepperOf(machine.machine);
  try {
    const { value, context } = episode.snapshot;
    stepper.restore(plain({ status: 'active', value, context, historyValue: {}, children: {} }) as never);
  } catch {
    return 'state-missing';
  }
  const sources = machine.machine.implementations.actors;
  if (recorded?.pendingEffects.some(({ source }) => !Object.hasOwn(sources, source)) === true) return 'effect-missing';
  if (!comparable || stateText(episode.snapshot.value) !== stateOf(folded)) return undefined;
  return isDeepStrictEqual(fieldsOf(episode.snapshot.context), fieldsOf(folded?.episode?.snapshot.context))
    ? undefined
    : 'context-differs';
}

const fieldsOf = (context: unknown): readonly string[] => Object.keys(context ?? {}).sort();

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));
