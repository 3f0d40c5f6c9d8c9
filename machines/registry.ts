/**
 * Every released machine, by name and version.
 *
 * Rule of versions: a released version never changes what it does, because conversations and
 * replays that began with it go on with it. A change of behaviour (states, guards, texts, words,
 * context, output) is a new version beside the old one: copy the folder, raise the constant, add
 * an entry here. The golden histories of each version (`histories/*.jsonl`) guard this. What may
 * change in place is only what no history could ever tell: comments, names inside, speed.
 */
import type { AnyStateMachine } from 'xstate';
import { conversationMachine, conversationVersion } from './conversation/machine.ts';
import {
  conversationSettingsDefaults,
  conversationSettingsProblems,
  personSettingsProblems,
} from './conversation/settings.ts';
import * as conversation1 from './conversation/v1/machine.ts';
import { instanceMachine, instanceVersion } from './instance/machine.ts';
import { instanceSettingsDefaults, instanceSettingsProblems } from './instance/settings.ts';
import * as instance1 from './instance/v1/machine.ts';
import { serviceQueueMachine, serviceQueueVersion } from './service-queue/machine.ts';
import { serviceQueueSettingsDefaults, serviceQueueSettingsProblems } from './service-queue/settings.ts';

/** Microsteps that one event may take. XState's own default has no end, so an endless `always` loop would hang. */
export const iterationsMax = 1000;

/** A machine under its name and version. */
export interface MachineEntry {
  readonly name: string;
  readonly version: string;
  readonly machine: AnyStateMachine;
  /** In force where a tenant sets nothing else. */
  readonly settingsDefaults: Readonly<Record<string, unknown>>;
  /** What is wrong with a tenant's settings, by name and never by value; none if they can be put in force. */
  readonly problemsOf: (settings: Readonly<Record<string, unknown>>) => readonly string[];
  /** Other machines that a tenant needs with these settings, by name. */
  readonly needsOf?: (settings: Readonly<Record<string, unknown>>) => readonly string[];
}

/**
 * Puts the bound on a machine, in place, unless it has a smaller one. An event that needs more
 * throws out of `transition`; at the initial transition XState returns a snapshot with status
 * `error` instead. (`machine.provide` makes a machine without the bound.)
 */
export function bounded<Machine extends AnyStateMachine>(machine: Machine): Machine {
  machine.options.maxIterations = Math.min(machine.options.maxIterations ?? iterationsMax, iterationsMax);
  return machine;
}

const keyOf = (name: string, version: string): string => `${name}@${version}`;

const entries: readonly MachineEntry[] = [
  {
    name: 'conversation',
    version: conversation1.conversationVersion,
    machine: bounded(conversation1.conversationMachine),
    settingsDefaults: { ...conversationSettingsDefaults },
    problemsOf: personSettingsProblems,
  },
  {
    name: 'conversation',
    version: conversationVersion,
    machine: bounded(conversationMachine),
    settingsDefaults: { ...conversationSettingsDefaults },
    problemsOf: conversationSettingsProblems,
    needsOf: ({ queue }) => (queue === undefined ? [] : ['service-queue']),
  },
  {
    name: 'instance',
    version: instance1.instanceVersion,
    machine: bounded(instance1.instanceMachine),
    settingsDefaults: { ...instance1.instanceSettingsDefaults },
    problemsOf: instance1.instanceSettingsProblems,
  },
  {
    name: 'instance',
    version: instanceVersion,
    machine: bounded(instanceMachine),
    settingsDefaults: { ...instanceSettingsDefaults },
    problemsOf: instanceSettingsProblems,
  },
  {
    name: 'service-queue',
    version: serviceQueueVersion,
    machine: bounded(serviceQueueMachine),
    settingsDefaults: { ...serviceQueueSettingsDefaults },
    problemsOf: serviceQueueSettingsProblems,
  },
];

/** All machines; keys are `name@version`. */
export const machines: ReadonlyMap<string, MachineEntry> = new Map(
  entries.map((entry) => [keyOf(entry.name, entry.version), entry]),
);

/** Finds a machine; undefined if this build has no such name or version. */
export const findMachine = (name: string, version: string): MachineEntry | undefined =>
  machines.get(keyOf(name, version));
