/**
 * What a provider said by webhook of a message whose send it did not answer: looked for among the
 * records of the conversation, where statuses carry the delivery that they are of (the Cloud API's
 * `biz_opaque_callback_data`).
 */
import { CodecError, decodeRecord } from '#schemas/codec.ts';
import type { SealedStatus } from '#schemas/content.ts';
import type { ProsaRecord } from '#schemas/records.ts';

import { OperatingError } from '#runtime/errors.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { ClaimedDelivery } from './deliveries.ts';
import type { SentIds } from './ports/provider.ts';

/** Newest records of the conversation that are looked through. */
const recordsMax = 200;

interface JournalRow {
  readonly value: Buffer;
}

/** Finds the ids in a status of this delivery; undefined when there is none. Throws `database.unavailable`, `vault.unavailable`. */
export type ConfirmationFinder = (
  delivery: Pick<ClaimedDelivery, 'tenant' | 'conversation' | 'id'>,
) => Promise<SentIds | undefined>;

/** Makes the finder. */
export function confirmationFinder({ database, vault }: Pick<Runtime, 'database' | 'vault'>): ConfirmationFinder {
  const statusIn = async ({ value }: JournalRow): Promise<SealedStatus | undefined> => {
    const record = decoded(value);
    if (record?.type !== 'message.status' || record.sealed === null) return undefined;
    const { tenant, actor, type, eventId } = record;
    try {
      const opened = await vault.open<SealedStatus>({ tenant, actor, type, eventId }, record.sealed);
      return opened.state === 'open' ? opened.value : undefined;
    } catch (caught) {
      if (caught instanceof OperatingError && caught.disposition === 'park') return undefined;
      throw caught;
    }
  };

  return async ({ tenant, conversation, id }) => {
    const { rows } = await database.query<JournalRow>(
      [tenant],
      `SELECT value FROM (
         SELECT type, value FROM journal WHERE actor = $1 ORDER BY record_offset DESC LIMIT $2
       ) newest WHERE type = 'message.status'`,
      [conversation, recordsMax],
    );
    for (const row of rows) {
      const status = await statusIn(row);
      if (status?.deliveryId === id) return { messageId: status.messageId, stableId: status.stableId };
    }
    return undefined;
  };
}

/** Undefined for a record that this release cannot read: it says nothing to it. */
function decoded(value: Buffer): ProsaRecord | undefined {
  try {
    return decodeRecord(value);
  } catch (caught) {
    if (caught instanceof CodecError) return undefined;
    throw caught;
  }
}
