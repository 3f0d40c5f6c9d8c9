/**
 * Folds events through a machine with XState's pure functions: what the actor host does, without
 * log, ids and store.
 *
 * - An episode is begun by its first message; after a final state the next message begins another,
 *   which is given the output of the one before.
 * - Nothing here executes an action.
 */
import { type AnyStateMachine, type StateValue, createActor, initialTransition, transition } from 'xstate';
import type { ActionParams, ActorInput } from '#machines/machine.ts';

/** An event as the host feeds it. */
export interface ToldEvent {
  readonly type: string;
  readonly at: number;
  readonly eventId: string;
  readonly [field: string]: unknown;
}

/** A snapshot as far as tests look into it; it is XState's own object. */
export interface FoldedSnapshot {
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  readonly value: StateValue;
  readonly context: unknown;
  readonly output?: unknown;
  readonly error?: unknown;
  readonly historyValue?: unknown;
}

/** What XState wants done, as data. */
export interface FoldedAction {
  readonly type: string;
  readonly params: unknown;
}

/** Where a fold stands after an event. */
export interface Folded {
  readonly snapshot: FoldedSnapshot;
  /** Of the latest event alone. */
  readonly actions: readonly FoldedAction[];
  readonly episode: number;
}

/** What an episode is begun with, but for time and carried output. */
export interface Start {
  readonly settings: unknown;
  readonly carried?: unknown;
}

const identity = { tenant: 'demo', actor: 'c_test' };

/** The first transition of an episode. Throws what the machine throws. */
export function begin(machine: AnyStateMachine, start: Start, at: number): Folded {
  const input: ActorInput = { ...identity, at, ...start };
  const [snapshot, actions] = initialTransition(machine, input);
  return folded(snapshot, actions, 1);
}

/** One event. Throws what the machine throws. */
export function tell(machine: AnyStateMachine, before: Folded, event: ToldEvent, start: Start): Folded {
  if (before.snapshot.status === 'done' && event.type.startsWith('message.re')) {
    const fresh = begin(machine, { ...start, carried: before.snapshot.output }, event.at);
    const after = tell(machine, fresh, event, start);
    return { ...after, actions: [...fresh.actions, ...after.actions], episode: before.episode + 1 };
  }
  const [snapshot, actions] = transition(machine, before.snapshot as never, event);
  return folded(snapshot, actions, before.episode);
}

/** The same snapshot after a journey through JSON, as the host stores it. */
export function throughJson(machine: AnyStateMachine, snapshot: FoldedSnapshot): FoldedSnapshot {
  const stored: unknown = JSON.parse(JSON.stringify(machine.getPersistedSnapshot(snapshot as never)));
  // An actor that is not started only restores.
  return createActor(machine, { snapshot: stored as never }).getSnapshot() as never;
}

function folded(snapshot: unknown, actions: readonly { type: string; params: unknown }[], episode: number): Folded {
  const seen = snapshot as FoldedSnapshot;
  if (seen.status === 'error') throw seen.error;
  return { snapshot: seen, actions: actions.map(({ type, params }) => ({ type, params })), episode };
}

/** Params of the actions of one kind, in order. */
export const paramsOf = <Name extends keyof ActionParams>(
  actions: readonly FoldedAction[],
  name: Name,
): readonly ActionParams[Name][] =>
  actions.filter(({ type }) => type === name).map(({ params }) => params as ActionParams[Name]);
