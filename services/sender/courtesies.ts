/**
 * What a person would do around an answer: read the message, then write for a while.
 *
 * Y1 Nothing waits for a courtesy and nothing fails with it: it is asked for once, beside the sending.
 * Y2 Whether typing was shown is told by the delivery's own times, so that any process goes on where
 *    another left off: it lasts from the first claim on, in the first attempt alone.
 * Y3 At most `callsMax` are under way; past it they are left out.
 */
import type { SealedMessage } from '#schemas/content.ts';

import { type Instance, type Provider, typingMsMax } from '#runtime/instances/instances.ts';
import { Lru } from '#runtime/lru.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { ClaimedDelivery } from './deliveries.ts';
import type { MessageProvider, OutboundMessage } from './ports/provider.ts';

/** Courtesies of a process. */
export interface Courtesies {
  /**
   * Begins what is due before this message, and returns the milliseconds that are still to be
   * written for; 0 when it may go now. Does not throw.
   */
  begin(delivery: ClaimedDelivery, instance: Instance, message: OutboundMessage): number;
}

const callsMax = 64;
const chatsRememberedMax = 50_000;
/** The message that is answered may reach the projection a moment after its answer reaches us. */
const secondLookMs = 500;

interface Newest {
  readonly id: string;
  readonly sealed_type: string;
  readonly sealed: Buffer | null;
}

/** Makes the courtesies. */
export function createCourtesies(
  { database, vault, logger }: Pick<Runtime, 'database' | 'vault' | 'logger'>,
  providers: Readonly<Record<Provider, MessageProvider>>,
): Courtesies {
  /** Event id of the newest message that was marked, by chat. */
  const marked = new Lru<string, string>(chatsRememberedMax);
  let calls = 0;

  /** Y1, Y3 */
  const beside = ({ tenant, id }: ClaimedDelivery, instance: Instance, courtesy: () => Promise<unknown>): void => {
    if (calls >= callsMax) return;
    calls += 1;
    courtesy()
      .catch(() => logger.debug('a courtesy was left out', { tenant, instance: instance.id, eventId: id }))
      .finally(() => (calls -= 1));
  };

  const newestOf = async (tenant: string, conversation: string): Promise<Newest | undefined> => {
    const found = await database.query<Newest>(
      [tenant],
      `SELECT id, sealed_type, sealed FROM messages WHERE tenant = $1 AND conversation = $2 AND direction = 'in'
       ORDER BY at DESC, lane DESC, record_offset DESC LIMIT 1`,
      [tenant, conversation],
    );
    return found.rows[0];
  };

  const markRead = async (
    { tenant, conversation }: ClaimedDelivery,
    instance: Instance,
    provider: MessageProvider,
    chat: string,
  ): Promise<void> => {
    for (const waitMs of [0, secondLookMs]) {
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs).unref());
      const newest = await newestOf(tenant, conversation);
      if (newest?.sealed == null || marked.get(conversation) === newest.id) continue;
      const where = { tenant, actor: conversation, type: newest.sealed_type, eventId: newest.id };
      const opened = await vault.open<SealedMessage>(where, newest.sealed);
      if (opened.state === 'erased') return;
      marked.set(conversation, newest.id);
      await provider.markRead?.(instance, chat, opened.value.stableId);
      return;
    }
  };

  return {
    begin(delivery, instance, message) {
      const provider = providers[instance.provider];
      if (delivery.attempts > 1) return 0;
      const waitedMs = delivery.claimedAt - delivery.firstClaimedAt;
      const isAnswer = delivery.origin === 'machine' && waitedMs === 0;
      if (isAnswer && provider.markRead !== undefined && instance.settings.markRead !== false)
        beside(delivery, instance, () => markRead(delivery, instance, provider, message.chat));
      const wantedMs = Math.min(message.content.typingMs ?? instance.settings.typingMs ?? 0, typingMsMax);
      const typingMs = Math.max(wantedMs - waitedMs, 0);
      if (typingMs > 0) beside(delivery, instance, async () => provider.showTyping?.(instance, message, typingMs));
      return typingMs;
    },
  };
}
