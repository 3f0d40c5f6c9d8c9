/**
 * `given(events).when(event).then(expected)` for machines, with time.
 *
 * Time begins at `start.at`; each event takes one second; `passes(ms)` lets time go by, in which
 * the timers that the machine has set fire when they are due, in order. Event ids count up.
 */
import type { AnyStateMachine, StateValue } from 'xstate';
import type { ActionParams } from '#machines/machine.ts';
import { type Folded, type FoldedAction, type Start, type ToldEvent, begin, paramsOf, tell } from './fold.ts';

/** An event without what the scenario adds, or time going by. */
export type Step = Untold | Pause;

/** An event without time and id. */
export interface Untold {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Time going by. */
export interface Pause {
  readonly passesMs: number;
}

/** What is compared; what is left out is not. */
export interface Expected {
  readonly state?: StateValue;
  readonly status?: string;
  readonly episode?: number;
  /** Texts of all replies to the latest step, in order; a RegExp has to match. */
  readonly replies?: readonly (string | RegExp)[];
  /** Audit types of the latest step, in order. */
  readonly audits?: readonly string[];
  /** Reasons of the requests that the latest step declined, in order. */
  readonly declined?: readonly string[];
  /** Fields of the context, each compared deeply. */
  readonly context?: Readonly<Record<string, unknown>>;
  readonly output?: unknown;
  /** Ids of timers that are pending, and when they are due. */
  readonly timers?: Readonly<Record<string, number>>;
}

/** Where a scenario stands. Immutable. */
export interface Scene {
  readonly folded: Folded;
  readonly at: number;
  readonly count: number;
  /** Actions of the latest step, timers that fired in it included. */
  readonly actions: readonly FoldedAction[];
  readonly timers: ReadonlyMap<string, { readonly dueAt: number; readonly event: { readonly type: string } }>;
}

/** Lets time go by. */
export const passes = (ms: number): Pause => ({ passesMs: ms });
const isPause = (step: Step): step is Pause => !('type' in step);

const stepMs = 1000;

/** Time at which scenarios begin unless they say otherwise: a Wednesday, 12:00 UTC. */
export const noon = 1_760_529_600_000;

/** The scenarios of one machine. */
export function scenariosOf(machine: AnyStateMachine, start: Start & { readonly at?: number }) {
  const startAt = start.at ?? noon;
  const first = begin(machine, start, startAt);
  const scene: Scene = keepTimers(
    { folded: first, at: startAt, count: 0, actions: first.actions, timers: new Map() },
    first.actions,
  );
  const play = (from: Scene, steps: readonly Step[]): Scene => steps.reduce((at, step) => take(at, step), from);

  function take(from: Scene, step: Step): Scene {
    if (isPause(step)) return pass({ ...from, actions: [] }, from.at + step.passesMs);
    const at = from.at + stepMs;
    const before = pass({ ...from, actions: [] }, at);
    return told(before, { ...step, at, eventId: `e${before.count.toString().padStart(4, '0')}` });
  }

  function told(from: Scene, event: ToldEvent): Scene {
    const folded = tell(machine, from.folded, event, start);
    const actions = [...from.actions, ...folded.actions];
    return keepTimers({ ...from, folded, actions, count: from.count + 1 }, folded.actions);
  }

  function pass(from: Scene, until: number): Scene {
    const due = [...from.timers].sort(([, a], [, b]) => a.dueAt - b.dueAt)[0];
    if (due === undefined || due[1].dueAt > until) return { ...from, at: until };
    const [id, { dueAt, event }] = due;
    const timers = new Map(from.timers);
    timers.delete(id);
    const fired = told({ ...from, timers, at: dueAt }, { ...event, at: dueAt, eventId: `t${dueAt.toString()}` });
    return pass(fired, until);
  }

  /** Steps that have happened; then `when` one more, `then` what is to be seen of it. */
  const given = (...steps: readonly Step[]) => {
    const before = play(scene, steps);
    return {
      scene: before,
      when: (step: Step) => {
        const after = play(before, [step]);
        return { scene: after, then: (expected: Expected): void => compare(after, expected) };
      },
    };
  };
  return { given, play };
}

/** Applies the timers that actions set and cancel. */
function keepTimers(scene: Scene, actions: readonly FoldedAction[]): Scene {
  const timers = new Map(scene.timers);
  for (const { type, params } of actions) {
    if (type === 'xstate.cancel') timers.delete((params as { sendId: string }).sendId);
    if (type !== 'xstate.raise') continue;
    const { id, delay, event } = params as { id: string; delay?: number; event: { type: string } };
    if (delay !== undefined) timers.set(id, { dueAt: scene.at + delay, event });
  }
  // A finished episode waits for nothing.
  return { ...scene, timers: scene.folded.snapshot.status === 'done' ? new Map() : timers };
}

/** Texts of the replies of the latest step. */
export const repliesIn = (scene: Scene): readonly string[] =>
  paramsOf(scene.actions, 'reply').map(({ content }) => ('text' in content ? content.text : content.kind));

/** Audit params of the latest step. */
export const auditsIn = (scene: Scene): readonly ActionParams['audit'][] => paramsOf(scene.actions, 'audit');

/** Throws one error that names everything that is otherwise than expected. */
function compare(scene: Scene, expected: Expected): void {
  const { snapshot, episode } = scene.folded;
  const faults: string[] = [];
  const check = (name: string, wanted: unknown, seen: unknown): void => {
    if (wanted !== undefined && !same(wanted, seen))
      faults.push(`${name}: expected ${show(wanted)}, saw ${show(seen)}`);
  };
  check('state', expected.state, snapshot.value);
  check('status', expected.status, snapshot.status);
  check('episode', expected.episode, episode);
  check('replies', expected.replies, repliesIn(scene));
  check(
    'audits',
    expected.audits,
    auditsIn(scene).map(({ type }) => type),
  );
  check(
    'declined',
    expected.declined,
    paramsOf(scene.actions, 'decline').map(({ reason }) => reason),
  );
  check('output', expected.output, snapshot.output);
  check('timers', expected.timers, Object.fromEntries([...scene.timers].map(([id, { dueAt }]) => [id, dueAt])));
  const context = snapshot.context as Readonly<Record<string, unknown>>;
  for (const [field, wanted] of Object.entries(expected.context ?? {}))
    check(`context.${field}`, wanted, context[field]);
  if (faults.length > 0) throw new Error(`otherwise than expected\n  ${faults.join('\n  ')}`);
}

const show = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => (inner instanceof RegExp ? inner.toString() : inner));

/** Deep equality of plain data; a RegExp on the wanted side has to match a string. */
function same(wanted: unknown, seen: unknown): boolean {
  if (wanted instanceof RegExp) return typeof seen === 'string' && wanted.test(seen);
  if (typeof wanted !== 'object' || wanted === null || typeof seen !== 'object' || seen === null)
    return Object.is(wanted, seen);
  if (Array.isArray(wanted) !== Array.isArray(seen)) return false;
  const keys = Object.keys(wanted);
  if (keys.length !== Object.keys(seen).length) return false;
  const [left, right] = [wanted as Record<string, unknown>, seen as Record<string, unknown>];
  return keys.every((key) => Object.hasOwn(right, key) && same(left[key], right[key]));
}
