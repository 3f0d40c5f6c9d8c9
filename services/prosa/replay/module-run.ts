/**
 * What-if with a machine of a file on this machine: the records come from the API, the folds are done
 * here. Nothing is sent to the server, and the module is trusted as any program that one starts.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { AnyStateMachine } from 'xstate';

import { bounded, findMachine, machines } from '#machines/registry.ts';
import type { MachineRelease } from '#runtime/actor/machines.ts';
import { OperatingError } from '#runtime/errors.ts';
import { type AnsweredStep, portsOfRecords, recordedIn, toldOf } from '#runtime/replays/told-steps.ts';
import { type RecordedEpisode, type WhatIf, verdictsOf, whatIf } from '#runtime/replays/what-if.ts';

import type { ConversationItem } from '../../api/conversation-list.ts';
import type { PastState } from '../../api/routes/history.ts';
import type { Page } from '../api.ts';
import { CommandError, type ExitCode, exitCodes, usageError } from '../exit-codes.ts';
import { printable } from '../output.ts';
import { startProgress } from '../progress.ts';
import type { Session } from '../session.ts';

/** Records of one conversation; longer ones are left to the server. */
const recordsMax = 20_000;
const pageRecords = 200;
/** Differences of one conversation shown to people; JSON has all that were kept. */
const shownMax = 3;

interface Wanted {
  readonly module: string;
  /** The machine that it stands in for. */
  readonly name: string;
  readonly conversation: string | undefined;
  readonly newest: number;
}

/** Runs it over one conversation or the newest ones, and says how each came out. */
export async function runModule(session: Session, wanted: Wanted): Promise<ExitCode> {
  const { api, out, signal } = session;
  const release = await releaseOf(wanted);
  const ids = wanted.conversation === undefined ? await newestOf(session, wanted.newest) : [wanted.conversation];
  const progress = startProgress(out, 'conversations');
  let differs = 0;
  for (const [i, id] of ids.entries()) {
    signal.throwIfAborted();
    const { verdicts, seen } = await compare(session, id, release);
    progress.end();
    if (verdicts[0] !== 'same-replies') differs += 1;
    out.item({ conversationId: id, verdicts, ...seen }, () => linesOf(id, verdicts, seen));
    progress.at(i + 1, ids.length);
  }
  progress.end();
  out.note(`${ids.length} conversations of ${api().url}, ${differs} of which come out otherwise.`);
  return differs > 0 ? exitCodes.differs : exitCodes.ok;
}

async function newestOf({ api }: Session, count: number): Promise<readonly string[]> {
  return (await api().list<ConversationItem>('/v1/conversations', {}, count)).items.map(({ id }) => id);
}

/** The one machine that the module exports, under the name of the one that it stands in for. */
async function releaseOf({ module, name }: Wanted): Promise<MachineRelease> {
  const like = [...machines.values()].findLast((entry) => entry.name === name);
  if (like === undefined)
    throw usageError(`There is no machine ${name}.`, 'Name the one that it stands in for with --as.');
  let exported: Readonly<Record<string, unknown>>;
  try {
    exported = (await import(pathToFileURL(resolve(module)).href)) as Readonly<Record<string, unknown>>;
  } catch (caught) {
    const reason = caught instanceof Error ? (caught.message.split('\n')[0] ?? '') : '';
    throw usageError(`${module} cannot be loaded: ${reason}`);
  }
  const found = Object.values(exported).filter(isMachine);
  const [machine] = found;
  if (machine === undefined || found.length > 1)
    throw usageError(`${module} exports ${found.length} XState machines; it must export one.`);
  return { ...like, version: 'module', machine: bounded(machine) };
}

const isMachine = (value: unknown): value is AnyStateMachine =>
  typeof value === 'object' &&
  value !== null &&
  'config' in value &&
  'transition' in value &&
  'getInitialSnapshot' in value;

interface Compared {
  readonly verdicts: readonly string[];
  /** Undefined when nothing could be tried: keys were destroyed, or another machine is not in this repository. */
  readonly seen: WhatIf | undefined;
}

async function compare(session: Session, id: string, release: MachineRelease): Promise<Compared> {
  const { steps, configurations } = await stepsOf(session, id);
  if (steps.some(({ erased }) => erased === true)) return { verdicts: ['erased'], seen: undefined };
  const end = await endOf(session, id, steps);
  const records = steps.map(toldOf);
  const ports = portsOfRecords(records, findMachine, configurations);
  const pause = async (): Promise<void> => {
    session.signal.throwIfAborted();
  };
  try {
    // What ran is known from the server alone: the machines of this repository may be changed ones.
    const seen = await whatIf(records, ports, release, pause, recordedIn(steps, end));
    return { verdicts: verdictsOf(seen), seen };
  } catch (caught) {
    if (!(caught instanceof OperatingError) || caught.code !== 'actor.machine-unknown') throw caught;
    return { verdicts: ['unknown-version'], seen: undefined };
  }
}

/** The episode after the last step, where one goes on. */
async function endOf({ api }: Session, id: string, steps: readonly AnsweredStep[]): Promise<RecordedEpisode | null> {
  const last = steps.at(-1);
  if (last === undefined) return null;
  const path = `/v1/conversations/${encodeURIComponent(id)}/state`;
  const { machine, status, state } = await api().get<PastState>(path, { offset: last.offset + 1 });
  if (machine === null || (status !== 'active' && status !== 'quarantined')) return null;
  return { machine, snapshot: { status: 'active', value: state.value, context: state.context } };
}

type StepsPage = Page<AnsweredStep> & { readonly configurations: Readonly<Record<string, unknown>> };

async function stepsOf(
  { api }: Session,
  id: string,
): Promise<Pick<StepsPage, 'configurations'> & { steps: AnsweredStep[] }> {
  const steps: AnsweredStep[] = [];
  let configurations: Readonly<Record<string, unknown>> = {};
  let cursor: string | undefined;
  do {
    const page = await api().get<StepsPage>(`/v1/conversations/${encodeURIComponent(id)}/replay`, {
      limit: pageRecords,
      cursor,
    });
    steps.push(...page.items);
    configurations = { ...configurations, ...page.configurations };
    cursor = page.next ?? undefined;
    if (steps.length > recordsMax)
      throw new CommandError(exitCodes.failure, `${id} has more than ${recordsMax} records.`, {
        hint: 'Have the server run it: --machine.',
      });
  } while (cursor !== undefined);
  if (steps.some((step) => step.type === 'message.received' && step.content === undefined && step.erased !== true)) {
    throw new CommandError(exitCodes.refused, 'This key may not see what was said, which the machine has to be told.', {
      hint: 'Use the key of an operator, or have the server run a version that it has: --machine.',
    });
  }
  return { steps, configurations };
}

function linesOf(id: string, verdicts: readonly string[], seen: WhatIf | undefined): readonly string[] {
  if (seen === undefined) return [printable(`${id}  ${verdicts.join(' ')}`)];
  const { replies, differences, unreached, migration, unknownFrom, quarantine } = seen;
  return [
    `${id}  ${verdicts.join(' ')}  ${replies.same} replies the same, ${replies.different} different`,
    ...differences
      .slice(0, shownMax)
      .flatMap(({ offset, recorded, folded }) => [
        `    at ${offset} - ${JSON.stringify(recorded)}`,
        `    at ${offset} + ${JSON.stringify(folded)}`,
      ]),
    ...(unreached.length === 0 ? [] : [`    never in ${unreached.join(', ')}`]),
    ...(migration === undefined ? [] : [`    its present state needs a migration: ${migration}`]),
    ...(unknownFrom === undefined
      ? []
      : [`    unknown from ${unknownFrom.offset} on: no ${unknownFrom.reason} on record`]),
    ...(quarantine === undefined ? [] : [`    in quarantine at ${quarantine.offset}: ${quarantine.code}`]),
  ].map(printable);
}
