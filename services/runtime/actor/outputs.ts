/**
 * What a step asks for, as records to be written. Every output's id is a hash of tenant, actor,
 * causing event id and index (I6 of the host).
 */
import type { AnyEventObject } from 'xstate';

import type { ActionParams } from '#machines/machine.ts';
import type { SealedEffectInput, SealedOutbound } from '#schemas/content.ts';
import { type ActorEvent, type ProsaRecord, type RecordHeader, topicOf } from '#schemas/records.ts';

import { OperatingError } from '../errors.ts';
import { type AuditFields, auditRecord, causedBy, derivedId } from '../records.ts';
import { queueActorOf } from './actor-ids.ts';
import { type Envelope, type PendingEffect, type PendingTimer, stateText } from './envelope.ts';
import type { LiveSnapshot, StepAction } from './machines.ts';

/** A record to be written, its personal part not sealed yet. */
export interface Output {
  readonly record: ProsaRecord;
  /** What is to be sealed into it; undefined for nothing. */
  readonly personal?: unknown;
}

/**
 * Turns actions into outputs and pending sets, in order. Lives for one record. Timers and effects are
 * written as the difference that the whole record made: one that was set and cancelled at once is not
 * worth two records.
 */
export class OutputWriter {
  readonly #outputs: Output[] = [];
  readonly #record: ActorEvent;
  readonly #before: Envelope;
  readonly #inputs = new Map<string, unknown>();
  #timers: readonly PendingTimer[];
  #effects: readonly PendingEffect[];
  /** Index of the next output (I6). Not the length of `outputs`: an index may go unused. */
  #index = 0;

  constructor(envelope: Envelope, record: ActorEvent) {
    this.#before = envelope;
    this.#record = record;
    this.#timers = envelope.timers;
    this.#effects = envelope.pendingEffects;
  }

  /** Takes back all timers and effects of before. */
  forget(): void {
    this.#timers = [];
    this.#effects = [];
  }

  /** One audit event per transition, also when it led back to the same state. */
  transitioned(from: LiveSnapshot | undefined, to: LiveSnapshot): void {
    this.#audit({
      action: 'actor.transitioned',
      from: from === undefined ? null : stateText(from.value),
      to: stateText(to.value),
    });
  }

  write({ type, params }: StepAction): void {
    switch (type) {
      case 'reply':
        this.#reply(params as ActionParams['reply']);
        return;
      case 'decline':
        this.#decline(params as ActionParams['decline']);
        return;
      case 'audit': {
        const { type: action, subject, outcome } = params as ActionParams['audit'];
        this.#audit({ action, subject: subject ?? null, outcome: outcome ?? null });
        return;
      }
      case 'tell':
        this.#tell(params as ActionParams['tell']);
        return;
      case 'xstate.raise':
        this.#setTimer(params as { event: AnyEventObject; id: string | undefined; delay: number | undefined });
        return;
      case 'xstate.cancel': {
        const { sendId } = params as { sendId: string };
        this.#timers = this.#timers.filter(({ timerId }) => timerId !== sendId);
        return;
      }
      case 'xstate.spawnChild':
        this.#requestEffect(params as { id: string; src: unknown; input: unknown });
        return;
      case 'xstate.stopChild': {
        const child = params as { id?: string } | undefined;
        this.#effects = this.#effects.filter(({ invokeId }) => invokeId !== child?.id);
        return;
      }
      case 'xstate.log':
      case 'xstate.emit':
        return;
      default:
        throw new OperatingError('actor.effect-unsupported', type);
    }
  }

  /** Ends the record; a finished episode waits for nothing. */
  finish(done: boolean): { readonly envelope: Envelope; readonly outputs: readonly Output[] } {
    if (done) {
      this.#timers = [];
      this.#effects = [];
    }
    this.#writeTimers();
    this.#writeEffects();
    return {
      envelope: { ...this.#before, timers: this.#timers, pendingEffects: this.#effects },
      outputs: this.#outputs,
    };
  }

  #id(prefix: string): string {
    const { tenant, actor, eventId } = this.#record;
    return derivedId(prefix, tenant, actor, eventId, this.#index++);
  }

  #header(eventId: string): RecordHeader {
    return {
      ...causedBy(this.#record, eventId, this.#before.at),
      revision: this.#before.episode?.configRevision ?? null,
    };
  }

  #audit(fields: Omit<AuditFields, 'trigger'>): void {
    this.#outputs.push(auditOf(this.#record, this.#before, this.#index++, { trigger: this.#record.type, ...fields }));
  }

  #reply({ content, priority, messageId, origin }: ActionParams['reply']): void {
    this.#outputs.push({
      record: {
        ...this.#header(this.#id('d')),
        type: 'reply.requested',
        instance: this.#before.instance ?? '',
        messageId: messageId ?? null,
        origin: origin ?? 'machine',
        priority: priority ?? 'normal',
        kind: content.kind,
        sealed: null,
      },
      personal: { content } satisfies SealedOutbound,
    });
  }

  #decline({ messageId, reason }: ActionParams['decline']): void {
    this.#outputs.push({
      record: {
        ...this.#header(this.#id('d')),
        type: 'reply.declined',
        instance: this.#before.instance ?? '',
        messageId,
        reason,
      },
    });
  }

  #tell({ to, name, details }: ActionParams['tell']): void {
    if (!mayTell(name, details)) throw new OperatingError('actor.effect-unsupported', 'something that cannot be told');
    const { tenant, actor } = this.#record;
    this.#outputs.push({
      record: {
        ...this.#header(this.#id('o')),
        actor: typeof to === 'string' ? to : queueActorOf(tenant, to.queue),
        type: 'actor.told',
        from: actor,
        name,
        details: Object.fromEntries(Object.entries(details).map(([key, value]) => [key, String(value)])),
      },
    });
  }

  #setTimer({ event, id, delay }: { event: AnyEventObject; id: string | undefined; delay: number | undefined }): void {
    // Without a delay XState has taken the event already.
    if (delay === undefined) return;
    const timerId = id ?? event.type;
    const timer: PendingTimer = { timerId, generation: this.#id('t'), dueAt: this.#before.at + delay, event };
    this.#timers = [...this.#timers.filter((other) => other.timerId !== timerId), timer];
  }

  #requestEffect({ id, src, input }: { id: string; src: unknown; input: unknown }): void {
    if (typeof src !== 'string') throw new OperatingError('actor.effect-unsupported', 'an invoke without a string src');
    const effect: PendingEffect = { effectId: this.#id('f'), invokeId: id, source: src };
    this.#inputs.set(effect.effectId, input ?? null);
    this.#effects = [...this.#effects, effect];
  }

  /** A timer that is set anew supersedes its older generation, which then needs no cancellation. */
  #writeTimers(): void {
    for (const { timerId, generation } of this.#before.timers) {
      if (this.#timers.some((timer) => timer.timerId === timerId)) continue;
      this.#outputs.push({ record: { ...this.#header(this.#id('t')), type: 'timer.cancelled', timerId, generation } });
    }
    for (const timer of this.#timers) {
      if (this.#before.timers.includes(timer)) continue;
      const { timerId, generation, dueAt } = timer;
      this.#outputs.push({ record: { ...this.#header(generation), type: 'timer.set', timerId, dueAt } });
    }
  }

  #writeEffects(): void {
    for (const effect of this.#before.pendingEffects) {
      if (this.#effects.includes(effect)) continue;
      const { effectId } = effect;
      this.#outputs.push({ record: { ...this.#header(this.#id('f')), type: 'effect.cancelled', effectId } });
    }
    for (const effect of this.#effects) {
      if (this.#before.pendingEffects.includes(effect)) continue;
      const { effectId, source } = effect;
      this.#outputs.push({
        record: { ...this.#header(effectId), type: 'effect.requested', effectId, source, sealed: null },
        personal: { input: this.#inputs.get(effectId) } satisfies SealedEffectInput,
      });
    }
  }
}

/** Largest details of what an actor tells another, in characters. */
const detailsCharactersMax = 2_000;

/** Nothing is told that looks like what the host itself feeds, and nothing large. */
const mayTell = (name: string, details: ActionParams['tell']['details']): boolean =>
  /^[a-z]+\.[a-z-]+$/.test(name) &&
  !name.startsWith('xstate.') &&
  !Object.hasOwn(topicOf, name) &&
  JSON.stringify(details).length <= detailsCharactersMax;

/** The audit event at an index of a record's outputs (I6 of the host). */
export function auditOf(record: ActorEvent, envelope: Envelope, index: number | string, fields: AuditFields): Output {
  const id = derivedId('a', record.tenant, record.actor, record.eventId, index);
  return {
    record: auditRecord(
      {
        ...causedBy(record, id, Math.max(envelope.at, record.occurredAt)),
        revision: envelope.episode?.configRevision ?? null,
      },
      {
        machine: envelope.episode?.machine ?? null,
        machineVersion: envelope.episode?.machineVersion ?? null,
        instance: envelope.instance,
        episode: envelope.episode?.number ?? null,
        ...fields,
      },
    ),
  };
}
