/**
 * Who wrote a message of our own account, where the provider does not say it: by Evolution, and by Baileys after a
 * restart, what we send and what a person writes in WhatsApp Web look the same. A person's pauses the bot.
 *
 * Q1 Before a provider hears of a message its delivery is `sending` (L1 of `sender/deliveries.ts`), and once the
 *    provider has answered it has the id: what is neither under way nor known by its id, we did not send.
 * Q2 While something of the chat is under way that was begun before the message came, its answer is waited for.
 *    Nothing was answered to the provider meanwhile, so nothing is lost: what ends here comes again.
 * Q3 What may be a send that nobody answered stays `unknown`: ours must not pause the bot.
 */
import { setTimeout as pause } from 'node:timers/promises';

import type { Runtime } from '#runtime/runtime.ts';

/** A message of our own account. */
export interface OwnMessage {
  readonly tenant: string;
  readonly conversation: string;
  readonly stableId: string;
  /** Epoch milliseconds by the provider's clock, or else ours. */
  readonly at: number;
}

/** Tells who wrote it. Throws `database.unavailable`. */
export type AuthorFinder = (message: OwnMessage) => Promise<'app' | 'api' | 'unknown'>;

/** A call of the sender ends within 10 s; a provider waits three times as long for our answer. */
const waitMsMax = 12_000;
const firstWaitMs = 50;
const longestWaitMs = 1_000;
/** Messages that wait at a time; past it they stay unknown. */
const waitingMax = 500;

// Clocks may differ, providers have whole seconds, and what they queued goes out a while after we gave up on it.
// What is open is read once, by the index of open ones: a condition on one status would have another index taken.
const statement = `
  WITH open AS MATERIALIZED (
    SELECT client_message_id = $4 AS ours,
      status = 'sending' AND claimed_at <= now() - $5 * interval '1 ms' AS under_way,
      uncertain AND first_claimed_at <= to_timestamp($6 / 1000.0) + interval '30 s' AS doubtful
    FROM deliveries WHERE conversation = $3 AND status IN ('queued', 'sending')
  )
  SELECT EXISTS (SELECT FROM open WHERE ours)
    OR EXISTS (SELECT FROM deliveries WHERE tenant = $1 AND provider_message_index = $2) AS ours,
    EXISTS (SELECT FROM open WHERE under_way) AS under_way,
    EXISTS (SELECT FROM open WHERE doubtful) OR EXISTS (
      SELECT FROM deliveries
      WHERE conversation = $3 AND provider_message_index IS NULL AND settled_at IS NOT NULL AND kind <> 'reaction'
        AND (uncertain OR reason IS NULL) AND to_timestamp($6 / 1000.0)
          BETWEEN first_claimed_at - interval '30 s' AND settled_at + interval '60 s') AS doubtful`;

interface Found {
  readonly ours: boolean;
  readonly under_way: boolean;
  readonly doubtful: boolean;
}

/** Makes the finder. */
export function authorFinder({ database, vault }: Pick<Runtime, 'database' | 'vault'>): AuthorFinder {
  let waiting = 0;

  const look = async ({ tenant, conversation, stableId, at }: OwnMessage, waitedMs: number): Promise<Found> => {
    const index = vault.index(tenant, 'message-id', stableId);
    const values = [tenant, index, conversation, stableId, Math.round(waitedMs), at];
    const { rows } = await database.query<Found>([tenant], statement, values);
    return rows[0] ?? { ours: false, under_way: false, doubtful: false };
  };

  /** Q2 */
  const lookUntilAnswered = async (message: OwnMessage): Promise<Found> => {
    const cameAt = performance.now();
    for (let waitMs = firstWaitMs; ; waitMs = Math.min(2 * waitMs, longestWaitMs)) {
      const waitedMs = performance.now() - cameAt;
      const found = await look(message, waitedMs);
      if (found.ours || !found.under_way || waitedMs > waitMsMax || waiting >= waitingMax) return found;
      waiting += 1;
      await pause(waitMs);
      waiting -= 1;
    }
  };

  return async (message) => {
    const { ours, under_way, doubtful } = await lookUntilAnswered(message);
    if (ours) return 'api';
    return under_way || doubtful ? 'unknown' : 'app';
  };
}
