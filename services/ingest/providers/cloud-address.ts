/**
 * Who and where in the Cloud API's webhooks. A person is named by a number (`wa_id`), by an id that is
 * theirs with one business alone (BSUID), or by both; who hides the number has the id alone.
 */
import type { ProviderParty } from '#schemas/content.ts';
import { isBusinessScopedId } from '#runtime/directory/directory.ts';

import { type JsonObject, idAt, listAt, objectOf, textAt, valueAt } from './loose-json.ts';
import type { Chat } from './provider.ts';

/** The contacts of one change. */
export interface Contacts {
  readonly byId: ReadonlyMap<string, JsonObject>;
  /** The one that is there, when it is the only one. */
  readonly only: JsonObject | undefined;
}

/** Contacts by each of their ids. */
export function contactsIn(value: JsonObject): Contacts {
  const contacts = listAt(value, Infinity, 'contacts').flatMap((contact): readonly JsonObject[] => {
    const found = objectOf(contact);
    return found === undefined ? [] : [found];
  });
  const byId = new Map<string, JsonObject>();
  for (const contact of contacts) {
    for (const id of [userIdAt(contact, 'user_id'), numberIdAt(contact, 'wa_id')]) {
      if (id !== undefined && !byId.has(id)) byId.set(id, contact);
    }
  }
  return { byId, only: contacts.length === 1 ? contacts[0] : undefined };
}

const numberPattern = /^\d{5,20}$/;
/** Meta calls it opaque; what they give are letters, digits and those of base64. */
const groupPattern = /^[\w=+/.-]{1,128}$/;

/** A number as Meta writes it, digits alone; undefined for what is none. */
export function numberIdAt(source: unknown, ...path: readonly string[]): string | undefined {
  const found = idAt(source, ...path)?.replace(/^\+/, '');
  return found !== undefined && numberPattern.test(found) ? found : undefined;
}

/** A BSUID; undefined for what is none. */
export function userIdAt(source: unknown, ...path: readonly string[]): string | undefined {
  const found = idAt(source, ...path);
  return found !== undefined && isBusinessScopedId(found) ? found : undefined;
}

/** A direct chat by the addresses that are there; undefined when none is. */
export function chatWith(...addresses: readonly (string | undefined)[]): Chat | undefined {
  const [first, ...others] = new Set(addresses.filter((address) => address !== undefined));
  return first === undefined ? undefined : { addresses: [first, ...others], group: false };
}

/** A group by its id, in the spelling that says that it is one. */
function groupOf(id: string | undefined): Chat | undefined {
  return id !== undefined && groupPattern.test(id) ? { addresses: [`${id}@g.us`], group: true } : undefined;
}

/** Fields by which an item names a person. */
const namedBy = [
  'from_user_id',
  'from',
  'user_id',
  'wa_id',
  'recipient_user_id',
  'recipient_id',
  'to_user_id',
  'to',
] as const;

/** The contact that an item is of. */
export function contactOf(item: JsonObject, contacts: Contacts): JsonObject | undefined {
  const ids = namedBy.map((name) => userIdAt(item, name) ?? numberIdAt(item, name));
  const found = ids
    .map((id) => (id === undefined ? undefined : contacts.byId.get(id)))
    .find((one) => one !== undefined);
  return found ?? (namedBy.every((name) => valueAt(item, name) === undefined) ? contacts.only : undefined);
}

/** Chat of what a person did: the group, or the person by id and number. */
export const chatOfPerson = (item: JsonObject, contact: JsonObject | undefined): Chat | undefined =>
  groupOf(idAt(item, 'group_id')) ??
  chatWith(
    userIdAt(item, 'from_user_id') ?? userIdAt(item, 'user_id') ?? userIdAt(contact, 'user_id'),
    numberIdAt(item, 'from') ?? numberIdAt(item, 'wa_id') ?? numberIdAt(contact, 'wa_id'),
  );

/** Chat of what our own account did on the phone. */
export const chatOfEcho = (item: JsonObject): Chat | undefined =>
  groupOf(idAt(item, 'group_id')) ?? chatWith(userIdAt(item, 'to_user_id'), numberIdAt(item, 'to'));

/** Chat of a status of a message of ours. */
export const chatOfStatus = (status: JsonObject): Chat | undefined =>
  valueAt(status, 'recipient_type') === 'group'
    ? groupOf(idAt(status, 'recipient_id'))
    : chatWith(userIdAt(status, 'recipient_user_id'), numberIdAt(status, 'recipient_id'));

/** The member of a group that a status is about. */
export const participantOf = (status: JsonObject): string | undefined =>
  userIdAt(status, 'recipient_participant_user_id') ?? numberIdAt(status, 'recipient_participant_id');

/** Who wrote it: in a group the member, else the chat itself. */
export function senderOf(item: JsonObject, chat: Chat, contact: JsonObject | undefined): ProviderParty {
  const person = chat.group ? chatOfPerson({ ...item, group_id: undefined }, contact) : chat;
  const [address = 'unknown', ...alternateAddresses] = person?.addresses ?? [];
  const name = textAt(contact, 256, 'profile', 'name') ?? textAt(contact, 256, 'profile', 'username');
  return {
    address,
    ...(alternateAddresses.length === 0 ? {} : { alternateAddresses }),
    ...(name === undefined ? {} : { name }),
  };
}
