/**
 * What is known only later of deliveries that were given up: an echo or a status of the provider shows
 * that one was sent after all. Looked for in what the projection made of the conversation's records, by
 * the id that we gave the message, and in statuses that carry the delivery's own.
 */
import type { Runtime } from '#runtime/runtime.ts';

import type { ConfirmationFinder } from './confirmations.ts';
import type { Deliveries, Doubted, PendingReport } from './deliveries.ts';

/** Most deliveries of one look. */
const lookedForMax = 50;

// What was read or delivered was sent. Messages in the order of the one index that is to be taken.
const shownStatement = `
  SELECT DISTINCT q.id FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS q (id, tenant, conversation, mark)
  WHERE (
    SELECT true FROM message_marks k WHERE k.tenant = q.tenant AND k.conversation = q.conversation AND k.mark = q.mark
      AND k.status IN ('sent', 'delivered', 'read') LIMIT 1
  ) OR (
    SELECT true FROM messages m WHERE m.tenant = q.tenant AND m.conversation = q.conversation AND m.stable_index = q.mark
      AND m.direction = 'out' ORDER BY m.at DESC, m.lane DESC, m.record_offset DESC LIMIT 1
  )`;

/** Makes the look: settles what was sent, resolves with the reports. It throws `database.unavailable`, `vault.unavailable`. */
export function createEvidence(
  { database, vault }: Pick<Runtime, 'database' | 'vault'>,
  deliveries: Deliveries,
  confirmationOf: ConfirmationFinder,
): (tenants: readonly string[]) => Promise<readonly PendingReport[]> {
  const shownOf = async (tenants: readonly string[], doubted: readonly Doubted[]): Promise<ReadonlySet<string>> => {
    const marks = doubted.flatMap((one) =>
      [vault.index(one.tenant, 'message-id', one.clientMessageId), one.providerMessageIndex].flatMap((mark) =>
        mark === null ? [] : [{ ...one, mark }],
      ),
    );
    const found = await database.query<{ readonly id: string }>(tenants, shownStatement, [
      marks.map(({ id }) => id),
      marks.map(({ tenant }) => tenant),
      marks.map(({ conversation }) => conversation),
      marks.map(({ mark }) => mark),
    ]);
    return new Set(found.rows.map(({ id }) => id));
  };

  return async (tenants) => {
    const doubted = await deliveries.claimDoubted(tenants, lookedForMax);
    if (doubted.length === 0) return [];
    const sent = new Set(await shownOf(tenants, doubted));
    for (const one of doubted) if (!sent.has(one.id) && (await confirmationOf(one)) !== undefined) sent.add(one.id);
    return sent.size === 0 ? [] : deliveries.believe(tenants, [...sent]);
  };
}
