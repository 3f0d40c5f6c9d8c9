/** Records of the log as actors are told them: decoded, their sealed part opened. */
import { type ActorEvent, topicOf } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import { OperatingError } from '../errors.ts';
import type { LoggedRecord } from '../log/record-log.ts';
import { recordOf } from '../records.ts';
import type { Vault } from '../vault/vault.ts';
import type { ToldRecord } from './apply.ts';

/** Whether an actor can be told a record of this type. */
export const isActorEvent = (record: { readonly type: string }): record is ActorEvent =>
  topicOf[record.type as keyof typeof topicOf] === topics.events;

/** The sealed part of a record; null when it has none. */
export const sealedOf = (record: ActorEvent): Uint8Array | null => ('sealed' in record ? record.sealed : null);

/**
 * Opens records that were on the log long enough for the host to have seen them. Those that cannot be
 * decoded or opened are left out: the host parked them, they were never applied. Throws
 * `record.unknown-type` and `vault.unavailable`.
 */
export async function openPastRecords(vault: Vault, logged: readonly LoggedRecord[]): Promise<readonly ToldRecord[]> {
  const decoded: { readonly record: ActorEvent; readonly logged: LoggedRecord }[] = [];
  for (const one of logged) {
    const record = await unlessParked(() => recordOf(one));
    if (record !== undefined && isActorEvent(record)) decoded.push({ record, logged: one });
  }
  await vault.prefetch(
    decoded.flatMap(({ record }) => {
      const sealed = sealedOf(record);
      return sealed === null ? [] : [{ tenant: record.tenant, sealed }];
    }),
  );
  const told: ToldRecord[] = [];
  for (const { record, logged: one } of decoded) {
    const { offset, partition } = one;
    const opened = await unlessParked(() => openSealed(vault, record));
    if (opened !== undefined) told.push({ record, offset, partition, opened: opened.part });
  }
  return told;
}

async function openSealed(vault: Vault, record: ActorEvent): Promise<{ readonly part: ToldRecord['opened'] }> {
  const sealed = sealedOf(record);
  return { part: sealed === null ? undefined : await vault.open(record, sealed) };
}

/** Undefined where the host would have parked. */
async function unlessParked<T>(read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (caught) {
    if (!(caught instanceof OperatingError) || caught.disposition !== 'park') throw caught;
    return undefined;
  }
}
