/** What tests compare time travel with: an actor folded from its first record, straight from the log. */
import { topics } from '#schemas/topics.ts';
import { type ToldRecord, orderedQuarantines } from '#runtime/actor/apply.ts';
import { plainOf } from '#runtime/actor/envelope.ts';
import { type FoldStep, fold } from '#runtime/actor/fold.ts';
import { openPastRecords } from '#runtime/actor/told-records.ts';
import type { LoggedRecord } from '#runtime/log/record-log.ts';
import { readSetAside } from '#runtime/parked.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { findEcho } from './echo-machine.ts';

/** The records of an actor on the log, in order. */
export async function loggedOf({ log }: Pick<Runtime, 'log'>, actor: string): Promise<readonly LoggedRecord[]> {
  const logged: LoggedRecord[] = [];
  for await (const batch of log.readRange({ topic: topics.events, partition: log.partitionOf(actor), from: 0 })) {
    logged.push(...batch.filter(({ key }) => key === actor));
  }
  return logged;
}

/** Every step of an actor that runs the echo machine. */
export async function foldWhole(runtime: Runtime, actor: string): Promise<readonly FoldStep[]> {
  const told = await openPastRecords(runtime.vault, await loggedOf(runtime, actor));
  const byOffset = new Map<number, ToldRecord>(told.map((one) => [one.offset, one]));
  const steps: FoldStep[] = [];
  const around = {
    find: findEcho,
    configuration: (tenant: string, revision: string) => runtime.tenants.configuration(tenant, revision),
    quarantines: orderedQuarantines(told),
    parked: await setAsideOf(runtime, actor),
    held: ({ held }: FoldStep['after']) => Promise.resolve(held.flatMap(({ offset }) => byOffset.get(offset) ?? [])),
  };
  for await (const step of fold(told, around)) steps.push(step);
  return steps;
}

async function setAsideOf({ log }: Runtime, actor: string): Promise<ReadonlySet<number>> {
  const setAside = await readSetAside(log, { topic: topics.events, partition: log.partitionOf(actor) });
  return setAside.get(actor) ?? new Set();
}

/** An envelope of the echo machine in a form that can be compared. */
export const comparable = (envelope: FoldStep['after'] | undefined): unknown =>
  envelope === undefined ? null : (JSON.parse(JSON.stringify(plainOf(envelope, findEcho))) as unknown);
