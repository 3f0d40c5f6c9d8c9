/**
 * What the host needs of machines: found by name and version, stepped without running anything.
 *
 * A step is XState's own pure transition with one inert actor scope per machine: XState's
 * `transition()` makes a hidden actor at each call, which costs more than the transition.
 */
import { type AnyEventObject, type AnyStateMachine, type Snapshot, createActor } from 'xstate';

/** A machine under its name and version. */
export interface MachineRelease {
  readonly name: string;
  readonly version: string;
  readonly machine: AnyStateMachine;
  readonly settingsDefaults: Readonly<Record<string, unknown>>;
  /** What is wrong with a tenant's settings, by name and never by value; none if they can be put in force. */
  readonly problemsOf: (settings: Readonly<Record<string, unknown>>) => readonly string[];
  /** Other machines that a tenant needs with these settings, by name. */
  readonly needsOf?: (settings: Readonly<Record<string, unknown>>) => readonly string[];
}

/** Finds a released machine; undefined when this process does not have it. */
export type FindMachine = (name: string, version: string) => MachineRelease | undefined;

/** What XState wants done, as data; its `exec` is never called. */
export interface StepAction {
  readonly type: string;
  readonly params: unknown;
}

/** A snapshot in its JSON form. */
export type PlainSnapshot = Snapshot<unknown>;

/** The outcome of a step. */
export interface StepResult {
  readonly snapshot: LiveSnapshot;
  readonly actions: readonly StepAction[];
}

/** XState's snapshot object, as far as the host looks into it. */
export interface LiveSnapshot {
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  readonly value: unknown;
  readonly context: unknown;
  readonly output?: unknown;
  /** What was thrown, when the status is `error`. */
  readonly error?: unknown;
}

/** Steps one machine. All methods are pure but may throw what the machine throws. */
export interface Stepper {
  initial(input: unknown): StepResult;
  next(snapshot: LiveSnapshot, event: AnyEventObject): StepResult;
  /** JSON form of a snapshot. */
  persist(snapshot: LiveSnapshot): PlainSnapshot;
  /** Snapshot of a JSON form. */
  restore(plain: PlainSnapshot): LiveSnapshot;
}

const steppers = new WeakMap<AnyStateMachine, Stepper>();

/** The stepper of a machine; the same one at each call. */
export function stepperOf(machine: AnyStateMachine): Stepper {
  let stepper = steppers.get(machine);
  if (stepper === undefined) steppers.set(machine, (stepper = makeStepper(machine)));
  return stepper;
}

function makeStepper(machine: AnyStateMachine): Stepper {
  let actions: StepAction[] = [];
  const self = createActor(machine);
  const scope = {
    self,
    id: '',
    sessionId: '',
    system: self.system,
    logger: () => undefined,
    defer: () => undefined,
    emit: () => undefined,
    stopChild: () => undefined,
    actionExecutor: ({ type, params }: StepAction) => {
      actions.push({ type, params });
    },
    // XState's own types of scopes are `any` throughout.
  } as never;
  const collect = (step: () => unknown): StepResult => {
    actions = [];
    const snapshot = step() as LiveSnapshot;
    return { snapshot, actions };
  };
  return {
    initial: (input) => collect(() => machine.getInitialSnapshot(scope, input)),
    next: (snapshot, event) => collect(() => machine.transition(snapshot as never, event, scope)),
    persist: (snapshot) => machine.getPersistedSnapshot(snapshot as never),
    restore: (plain) => machine.restoreSnapshot(plain, scope),
  };
}
