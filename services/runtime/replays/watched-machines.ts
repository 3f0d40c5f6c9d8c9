/**
 * Machines that note what they are told while they run: what a fold of records comes to as events.
 */
import type { AnyEventObject, AnyStateMachine } from 'xstate';

import type { ActorInput } from '#machines/machine.ts';

import type { FindMachine, MachineRelease } from '../actor/machines.ts';

/** Something that a machine was told. */
export type Told =
  | { readonly kind: 'begin'; readonly release: MachineRelease; readonly input: ActorInput }
  | { readonly kind: 'event'; readonly event: AnyEventObject };

/** A registry whose machines are watched. */
export interface WatchedMachines {
  readonly find: FindMachine;
  /** What was told since the last call, in order. */
  take(): readonly Told[];
}

/** Watches the machines of a registry. They are others than those, so that nobody else is watched. */
export function watchMachines(find: FindMachine): WatchedMachines {
  const watched = new Map<string, MachineRelease>();
  let told: Told[] = [];
  return {
    find(name, version) {
      const key = `${name}@${version}`;
      const known = watched.get(key);
      const release = find(name, version);
      if (known !== undefined || release === undefined) return known;
      const machine = watch(release, (one) => told.push(one));
      const made = { ...release, machine };
      watched.set(key, made);
      return made;
    },
    take() {
      const taken = told;
      told = [];
      return taken;
    },
  };
}

function watch(release: MachineRelease, note: (told: Told) => void): AnyStateMachine {
  const { machine } = release;
  const watched = Object.create(machine) as AnyStateMachine;
  watched.getInitialSnapshot = (scope, input) => {
    // XState makes one without input at each transition, to have something to type.
    if (input !== undefined) note({ kind: 'begin', release, input: input as ActorInput });
    return machine.getInitialSnapshot.call(watched, scope, input);
  };
  watched.transition = (snapshot, event: AnyEventObject, scope) => {
    note({ kind: 'event', event });
    return machine.transition.call(watched, snapshot, event, scope);
  };
  return watched;
}
