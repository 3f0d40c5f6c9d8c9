/**
 * A recorded conversation as golden histories: files that the tests of machines run
 * (machines/testing/history.ts has the form). They hold what was said: personal data.
 */
import { isDeepStrictEqual } from 'node:util';

import type { AnyEventObject } from 'xstate';

import type { FoldStep } from '../actor/fold.ts';
import { type LiveSnapshot, type MachineRelease, type StepAction, stepperOf } from '../actor/machines.ts';
import type { Told, WatchedMachines } from './watched-machines.ts';

/** A file: the episodes in a row that ran one version under the same settings. */
export interface HistoryFile {
  readonly machine: string;
  readonly machineVersion: string;
  readonly episodes: number;
  readonly events: number;
  /** True when its last state is the one on record; a machine that keeps its actor's id ends in another. */
  readonly exact: boolean;
  readonly text: string;
}

/** Episodes that one file can hold. */
interface Stretch {
  readonly release: MachineRelease;
  readonly settings: unknown;
  readonly carried: unknown;
  readonly at: number;
  readonly events: AnyEventObject[];
  episodes: number;
  last: LiveSnapshot | undefined;
}

/** The files of the steps of a fold that ran on the watched machines. Throws what the steps throw. */
export async function historyFilesOf(
  steps: AsyncIterable<FoldStep>,
  machines: WatchedMachines,
): Promise<readonly HistoryFile[]> {
  const stretches: Stretch[] = [];
  for await (const step of steps) {
    for (const told of taken(step, machines.take())) add(stretches, told);
    const last = stretches.at(-1);
    if (last !== undefined) last.last = step.after.episode?.snapshot;
  }
  return stretches.filter(({ events }) => events.length > 0).map(fileOf);
}

/** What of that took effect: the event that put the actor in quarantine did not. */
function taken({ outcome, after }: FoldStep, told: readonly Told[]): readonly Told[] {
  if (outcome === 'quarantined') return [];
  if (outcome !== 'released' || after.quarantine === null) return told;
  const kept = told.slice(0, -1);
  return kept.at(-1)?.kind === 'begin' ? kept.slice(0, -1) : kept;
}

function add(stretches: Stretch[], told: Told): void {
  const current = stretches.at(-1);
  if (told.kind === 'event') {
    current?.events.push(told.event);
    return;
  }
  const { release, input } = told;
  const same =
    current?.release.name === release.name &&
    current.release.version === release.version &&
    isDeepStrictEqual(current.settings, input.settings);
  if (same) {
    current.episodes += 1;
    return;
  }
  const { settings, carried, at } = input;
  stretches.push({ release, settings, carried, at, events: [], episodes: 1, last: undefined });
}

function fileOf({ release, settings, carried, at, events, episodes, last }: Stretch): HistoryFile {
  const { name: machine, version } = release;
  const play = new Play(release, { settings, ...(carried === undefined ? {} : { carried }) }, at);
  const lines = events.map((event) => ({ event, ...play.tell(event) }));
  const header = { machine, version, settings, ...(carried === undefined ? {} : { carried }), at };
  const final = play.final();
  return {
    machine,
    machineVersion: version,
    episodes,
    events: events.length,
    exact: isDeepStrictEqual(plain([final.value, final.context]), plain([last?.value, last?.context])),
    text: [header, ...lines, { final }].map((line) => `${JSON.stringify(line)}\n`).join(''),
  };
}

/** Whose input the histories of machines are begun with: nobody's. */
const nobody = { tenant: 'demo', actor: 'c_test' };

/** Plays events as the tests of machines do. */
class Play {
  readonly #release: MachineRelease;
  readonly #start: { readonly settings: unknown; readonly carried?: unknown };
  #snapshot: LiveSnapshot;
  #episode = 1;

  constructor(release: MachineRelease, start: { readonly settings: unknown; readonly carried?: unknown }, at: number) {
    this.#release = release;
    this.#start = start;
    this.#snapshot = this.#begin(start, at).snapshot;
  }

  tell(event: AnyEventObject): { readonly episode: number; readonly value: unknown; readonly actions: unknown } {
    const actions: StepAction[] = [];
    if (this.#snapshot.status === 'done' && event.type.startsWith('message.re')) {
      const fresh = this.#begin({ ...this.#start, carried: this.#snapshot.output }, Number(event['at']));
      actions.push(...fresh.actions);
      this.#snapshot = fresh.snapshot;
      this.#episode += 1;
    }
    const step = stepperOf(this.#release.machine).next(this.#snapshot, event);
    this.#snapshot = step.snapshot;
    return { episode: this.#episode, value: step.snapshot.value, actions: [...actions, ...step.actions] };
  }

  final() {
    const { status, value, context, output } = this.#snapshot;
    return { status, value, context, output };
  }

  #begin(start: { readonly settings: unknown; readonly carried?: unknown }, at: number) {
    return stepperOf(this.#release.machine).initial({ ...nobody, at, ...start });
  }
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
