/**
 * A way to send messages. One adapter per provider in `../adapters/`.
 *
 * P1 Nothing that is certain is called unknown, nothing uncertain is called refused or retry: after
 *    the request may have been read by the provider, only its own answer says what became of it.
 * P2 Adapters return outcomes; they throw for defects and for a database that is away.
 * P3 Codes are stable and hold nothing personal; a provider's own words go into `detail`, which is
 *    only ever stored sealed.
 */
import type { OutboundContent } from '#schemas/content.ts';

import type { AddressKind } from '#runtime/directory/directory.ts';
import type { Instance } from '#runtime/instances/instances.ts';

/** One message on its way to one chat. */
export interface OutboundMessage {
  /** Same in every attempt: what makes repeats recognisable. */
  readonly deliveryId: string;
  readonly conversation: string;
  readonly person: string;
  /** Address of the chat as the directory has it, of a kind that the provider reaches. */
  readonly chat: string;
  readonly content: OutboundContent;
  /** Stanza id for providers that take one; same in every attempt. */
  readonly clientMessageId: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** Epoch milliseconds of the first attempt: what the provider has from before cannot be this message. */
  readonly firstAttemptAt: number;
  /** True for stable message ids that are known to belong to other deliveries. */
  readonly isTaken: (stableId: string) => Promise<boolean>;
  /** The ids in what the provider said of this very message by webhook; undefined while it said nothing. */
  readonly confirmed: () => Promise<SentIds | undefined>;
  /**
   * The file of a media message that lies in our store; undefined when it is gone. Adapters ask for it before they
   * send, and let through what it throws: `files.unavailable` alone.
   */
  readonly readFile: (blob: string) => Promise<Buffer | undefined>;
}

/** The ids that the provider gave. */
export interface SentIds {
  /** Whole, as the provider writes it. Personal: may hold a phone number. */
  readonly messageId?: string;
  /** The part that is the same in every spelling; acks carry it. */
  readonly stableId?: string;
}

/**
 * What else would meet the same answer now, besides this message: the others of the chat, all new
 * chats of the account (WhatsApp restricts who may be written to first), or all of the account.
 */
export type Scope = 'message' | 'chat' | 'cold-chats' | 'instance';

/** What became of a call. `scope` is 'message' where it is absent. */
export type SendOutcome = { readonly httpStatus?: number } & (
  | ({ readonly outcome: 'sent' } & SentIds)
  /** Not sent; may work later, not before `afterMs` when the provider says so. */
  | {
      readonly outcome: 'retry';
      readonly code: string;
      readonly scope?: Scope;
      readonly afterMs?: number;
      readonly detail?: string;
    }
  /** Not sent, and never will be by this instance, unless the cause (of a wider scope) goes away. */
  | { readonly outcome: 'refused'; readonly code: string; readonly scope?: Scope; readonly detail?: string }
  /** It may have been sent. */
  | { readonly outcome: 'unknown'; readonly code: string; readonly detail?: string }
);

/** What the provider knows about a message whose outcome is not known. */
export type Resolution =
  | ({ readonly outcome: 'sent' } & SentIds)
  /** Sending again cannot make a second message. */
  | { readonly outcome: 'repeat' }
  /** Cannot be told now. */
  | { readonly outcome: 'unknown'; readonly code: string };

/** Sends for all instances of one provider. */
export interface MessageProvider {
  /** Kinds of addresses that it can send to, best first; messages come with one of these. */
  readonly reaches: readonly AddressKind[];
  /** Sends once. Resolves within the call timeout. */
  send(instance: Instance, message: OutboundMessage): Promise<SendOutcome>;
  /** Finds out what became of an earlier `send`. Changes nothing. */
  resolve(instance: Instance, message: OutboundMessage): Promise<Resolution>;
  /** Shows that we write, for about `forMs`, where the provider can. Its failure means nothing. */
  showTyping?(instance: Instance, message: OutboundMessage, forMs: number): Promise<void>;
  /** Marks the person's messages up to this one as read, where the provider can. Its failure means nothing. */
  markRead?(instance: Instance, chat: string, stableId: string): Promise<void>;
  /** Gives connections back; calls in flight end as unknown. Idempotent. */
  close(): Promise<void>;
}
