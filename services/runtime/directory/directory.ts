/**
 * The directory: which conversation and which person a chat address means, and what is known of a
 * conversation outside its state. Truth, in Postgres; found addresses are cached in memory, so that
 * a known chat needs no Postgres.
 */

/** A conversation as the directory knows it. */
export interface ConversationEntry {
  /** Opaque id, the record key: `c_…`. */
  readonly conversation: string;
  readonly tenant: string;
  /** The tenant's number that it is a chat of. */
  readonly line: string;
  readonly person: string;
  readonly group: boolean;
}

/** Finds and makes conversations. Throws `database.unavailable`. */
export interface Directory {
  /**
   * The conversation of a chat on a line; made, with a person, when none of the addresses is known.
   * `addresses` are all the addresses that the event gives for the chat, the one to send to first;
   * new ones are linked to the conversation found. Idempotent under concurrent calls.
   */
  resolve(chat: {
    readonly tenant: string;
    readonly line: string;
    readonly addresses: readonly string[];
    readonly group: boolean;
    readonly at: number;
  }): Promise<ConversationEntry>;
  /** The conversation of an address when there is one; makes nothing. */
  find(tenant: string, line: string, address: string): Promise<ConversationEntry | undefined>;
  /** A conversation by id; undefined when the tenant has none such. */
  read(tenant: string, conversation: string): Promise<ConversationEntry | undefined>;
  /** The provider address to send to: the newest of its kind. `erased` when the person was erased. */
  addressOf(
    tenant: string,
    conversation: string,
  ): Promise<{ readonly state: 'open'; readonly value: string } | { readonly state: 'erased' } | undefined>;
}

/** Domains whose user part is a phone number. */
const phoneDomains: ReadonlySet<string> = new Set(['c.us', 's.whatsapp.net', 'hosted']);

/** One spelling per address: `pn:5511…` for phone-number forms, `lid:…`, `group:…`, `other:…`; device suffixes are dropped. */
export function canonicalAddress(address: string): string {
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
