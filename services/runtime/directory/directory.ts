/**
 * The directory: which conversation and which person a chat address means, and what is known of a
 * conversation outside its state. Truth, in Postgres; found addresses are cached in memory, so that
 * a known chat needs no Postgres.
 */

import { otherMobileSpelling } from './mobile-spelling.ts';

/** A conversation as the directory knows it. */
export interface ConversationEntry {
  /** Opaque id, the record key: `c_…`. */
  readonly conversation: string;
  readonly tenant: string;
  /** The tenant's number that it is a chat of. */
  readonly line: string;
  readonly person: string;
  readonly group: boolean;
  /** The elder conversation that it goes on in, since both turned out to be one chat. */
  readonly mergedInto?: string;
  /** Somebody said that it is a chat of its own: no event merges it again. */
  readonly keptApart?: true;
}

/** Where an event belongs. */
export interface ResolvedChat extends ConversationEntry {
  /** Another conversation that the same event names: both are one chat (`actor/merge.ts`), unless one is kept apart. */
  readonly twin?: ConversationEntry;
}

/** Finds and makes conversations. Throws `database.unavailable`. */
export interface Directory {
  /**
   * The conversation of a chat on a line; made, with a person, when none of the addresses is known, nor a
   * mobile number among them in its other spelling, where it has two (Brazil, Mexico, Argentina).
   * `addresses` are all the addresses that the event gives for the chat, the one to send to first;
   * new ones are linked to the conversation found. Idempotent under concurrent calls.
   */
  resolve(chat: {
    readonly tenant: string;
    readonly line: string;
    readonly addresses: readonly string[];
    readonly group: boolean;
    readonly at: number;
  }): Promise<ResolvedChat>;
  /** The conversation of an address when there is one; makes nothing. */
  find(tenant: string, line: string, address: string): Promise<ConversationEntry | undefined>;
  /**
   * Takes a chat's addresses from those of its conversations whose person was erased, with all others that these have:
   * what arrives by them from now on is a new person's. Idempotent.
   */
  releaseErased(chat: {
    readonly tenant: string;
    readonly line: string;
    readonly addresses: readonly string[];
  }): Promise<void>;
  /**
   * Lets the addresses of a conversation lead to the one it was merged into (`into`), or, when that was
   * undone (undefined), back to itself. `at` is when it was decided (epoch ms): of several the newest counts,
   * in whatever order they come. Idempotent. Addresses in other processes' memory lead to the younger for
   * a while longer; it forwards.
   */
  move(merge: {
    readonly tenant: string;
    readonly from: string;
    readonly into: string | undefined;
    readonly at: number;
  }): Promise<void>;
  /** A conversation by id; undefined when the tenant has none such. */
  read(tenant: string, conversation: string): Promise<ConversationEntry | undefined>;
  /**
   * The provider address to send to: of the first of `kinds` that the chat has one of, the newest. Undefined
   * when it has none; `erased` when the person was erased. Without `kinds`: any that there is.
   * Of a conversation that was merged: that of the one it goes on in.
   */
  addressOf(
    tenant: string,
    conversation: string,
    kinds?: readonly AddressKind[],
  ): Promise<{ readonly state: 'open'; readonly value: string } | { readonly state: 'erased' } | undefined>;
}

/** How an address names a chat. `pn`: by phone number; a Cloud `wa_id` is one, too. */
export type AddressKind = 'group' | 'pn' | 'bsuid' | 'lid' | 'other';

/** Domains whose user part is a phone number. */
const phoneDomains: ReadonlySet<string> = new Set(['c.us', 's.whatsapp.net', 'hosted']);

/** `US.1349…`: who somebody is to one business at the Cloud API. `US.ENT.1181…` is the same for linked ones. */
const businessScopedId = /^[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}$/;

/** True for a business-scoped user id (BSUID). */
export const isBusinessScopedId = (address: string): boolean => businessScopedId.test(address);

/**
 * One spelling per address: `pn:5511…` for phone-number forms, `lid:…`, `bsuid:…`, `group:…`, `other:…`;
 * device suffixes are dropped.
 */
export function canonicalAddress(address: string): string {
  if (isBusinessScopedId(address)) return `bsuid:${address}`;
  const [userPart = '', domain = ''] = address.split('@');
  const user = userPart.split(':')[0] ?? '';
  if (domain === 'lid' || domain === 'hosted.lid') return `lid:${user}`;
  if (domain === 'g.us') return `group:${user}`;
  // Without a domain it is a number as people write it, or a Cloud wa_id; a business-scoped id has letters.
  const numberForm = domain === '' ? /^[\d\s()+.-]+$/.test(user) : phoneDomains.has(domain);
  const digits = user.replace(/\D/g, '');
  if (numberForm && digits !== '') return `pn:${digits}`;
  return `other:${address}`;
}

/** The other spelling of a mobile number that has two, canonical; undefined where there is none. */
export function otherSpelling(address: string): string | undefined {
  const canonical = canonicalAddress(address);
  if (!canonical.startsWith('pn:')) return undefined;
  return otherMobileSpelling(canonical.slice('pn:'.length));
}
