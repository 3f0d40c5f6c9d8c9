/**
 * Webhooks of the WhatsApp Cloud API: `{object, entry: [{id, changes: [{field, value}]}]}`, batched, signed
 * with HMAC-SHA-256 over the raw bytes with the secret of the Meta app.
 *
 * Total: no body throws, and nothing in a body is passed over. Every message, status and error is an event;
 * what a change holds besides is one `webhook.other`. Source of the shapes: Meta's webhook references of
 * May to July 2026 (Graph v26.0).
 *
 * One app's webhook may serve several numbers: each change goes to the instance of the number that it
 * names. Each event keeps, as what it was made of, a body that holds its own part alone: others of the
 * same batch are of other people, under other keys.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

import { graphReason } from '#runtime/cloud/graph-errors.ts';
import type { Instance } from '#runtime/instances/instances.ts';

import { accountStatus } from './cloud-account.ts';
import { contactsIn } from './cloud-address.ts';
import { readEcho, readMessage, readPreference, readStatus, readThread, readUserIdUpdate } from './cloud-events.ts';
import { CloudPart, type Reader, digestOf } from './cloud-part.ts';
import { type JsonObject, idAt, listAt, numberAt, objectAt, objectOf, textAt, timeAt, valueAt } from './loose-json.ts';
import { type NormalisedEvent, type WebhookBody, type WebhookProvider, otherEvent } from './provider.ts';

/** SHA-256 in lower case hex, with its name. */
const signaturePattern = /^sha256=([0-9a-f]{64})$/;

/** What Meta asks to have back; it has only been digits so far. */
const challengePattern = /^[\w.-]{1,256}$/;

/** More things than this are not in a body of 6 MiB, unless they are no real ones. Meta batches a thousand. */
const eventsMax = 50_000;

/** The Cloud API. */
export const cloud: WebhookProvider = {
  answersEvents: false,

  verify(rawBody, headers, instance) {
    const secret = instance.credentials.webhookSecret;
    const presented = headers['x-hub-signature-256'];
    if (secret === undefined || secret === '' || typeof presented !== 'string') return false;
    const [, hex] = signaturePattern.exec(presented) ?? [];
    if (hex === undefined) return false;
    const expected = createHmac('sha256', secret).update(rawBody).digest();
    // The pattern fixes the length; timingSafeEqual throws on different ones.
    return timingSafeEqual(expected, Buffer.from(hex, 'hex'));
  },

  challenge(query, instance) {
    const challenge = valueAt(query, 'hub.challenge');
    const presented = valueAt(query, 'hub.verify_token');
    const { verifyToken } = instance.credentials;
    if (valueAt(query, 'hub.mode') !== 'subscribe' || typeof challenge !== 'string') return undefined;
    if (typeof presented !== 'string' || verifyToken === undefined || verifyToken === '') return undefined;
    // Digests have one length whatever was presented.
    const [wanted, given] = [verifyToken, presented].map((text) => createHash('sha256').update(text).digest());
    if (wanted === undefined || given === undefined || !timingSafeEqual(wanted, given)) return undefined;
    return challengePattern.test(challenge) ? challenge : undefined;
  },

  knows: ({ json }, instances) =>
    changesIn(json).every(({ value }) => {
      const number = numberOf(value);
      return number === undefined || ofNumber(number, instances) !== undefined;
    }),

  normalise(body, instance, instances = [instance]) {
    const changes = changesIn(body.json);
    if (sizeOf(changes) > eventsMax) return [whole(body)];
    const events = changes.flatMap((change) => eventsOf(change, instance, instances));
    return events.length > 0 ? events : [whole(body)];
  },
};

/** One change with what stands around it. */
interface Change {
  readonly json: JsonObject;
  /** Undefined when the entry is no object. */
  readonly entry: JsonObject | undefined;
  /** Undefined when the change is no object, or the entry has none. */
  readonly change: JsonObject | undefined;
  readonly field: string;
  readonly value: JsonObject;
}

/** Every change of every entry; an entry without changes, and a change that is none, is one too. */
function changesIn(json: JsonObject): readonly Change[] {
  return listAt(json, Infinity, 'entry').flatMap((one) => {
    const entry = objectOf(one);
    const list = listAt(entry, Infinity, 'changes');
    return (list.length === 0 ? [undefined] : list).map((found) => {
      const change = objectOf(found);
      const field = textAt(change, 100, 'field') ?? '';
      // What is none is still what came: it stands in for the value.
      const value = objectAt(change, 'value') ?? (change === undefined ? { unreadable: found ?? one } : {});
      return { json, entry, change, field, value };
    });
  });
}

/** Bound of the events that the changes make. */
const sizeOf = (changes: readonly Change[]): number =>
  changes.reduce(
    (sum, { value }) =>
      sum + Object.values(value).reduce<number>((n, held) => n + (Array.isArray(held) ? held.length : 1), 1),
    0,
  );

const numberOf = (value: JsonObject): string | undefined => idAt(value, 'metadata', 'phone_number_id');

/** The instance of a number; one that does not say which number it is, alone behind its token, is any. */
function ofNumber(number: string, instances: readonly Instance[]): Instance | undefined {
  const [only] = instances.length === 1 ? instances : [];
  const found = instances.find(({ settings }) => settings.phoneNumberId === number);
  return found ?? (only?.settings.phoneNumberId === undefined ? only : undefined);
}

/** What each list of a value holds. The rest of a value is an event of its own. */
const readers: Readonly<Record<string, Reader>> = {
  messages: readMessage,
  message_echoes: readEcho,
  statuses: readStatus,
  user_preferences: readPreference,
  user_id_update: readUserIdUpdate,
  history: readThread,
  calls: (part) => part.other(`calls.${textAt(part.item, 40, 'event') ?? 'unknown'}`, part.chatOfPerson()),
  errors: (part) => part.other(`errors.${graphReason(numberAt(part.item, 'code'))}`, undefined),
};

/** Fields of a value that say what it is about, and are in every part of it. */
const context = ['messaging_product', 'metadata'] as const;

function eventsOf(change: Change, first: Instance, instances: readonly Instance[]): readonly NormalisedEvent[] {
  const instance = ownerOf(change, instances);
  if (instance === undefined) return [remainder(change, first, `foreign.${change.field}`, change.value)];
  const { events, unread } = readLists(change, instance);
  if (events.length > 0 && Object.keys(unread).length === 0) return events;
  return [...events, ...accountEvents(change, instance, instances, unread)];
}

/** The events of what can be read, and everything else by its name. */
function readLists(change: Change, instance: Instance) {
  const { value } = change;
  const contacts = contactsIn(value);
  const events: NormalisedEvent[] = [];
  const unread: Record<string, unknown> = {};
  const named = new Set<unknown>();
  const read = (name: string, reader: Reader, one: unknown): boolean => {
    const item = objectOf(one);
    if (item === undefined) return false;
    const part = partOf(change, instance, contacts, name, item);
    named.add(part.contact);
    events.push(...reader(part));
    return true;
  };
  for (const [name, held] of Object.entries(value)) {
    if (name === 'contacts' || (context as readonly string[]).includes(name)) continue;
    const reader = Object.hasOwn(readers, name) ? readers[name] : undefined;
    const odd =
      reader === undefined || !Array.isArray(held) ? held : held.filter((one: unknown) => !read(name, reader, one));
    if (!Array.isArray(odd) || odd.length > 0 || reader === undefined) unread[name] = odd;
  }
  const strangers = strangersIn(valueAt(value, 'contacts'), named);
  if (strangers !== undefined) unread['contacts'] = strangers;
  return { events, unread };
}

/** Contacts of nothing else that the change holds. */
function strangersIn(contacts: unknown, named: ReadonlySet<unknown>): unknown {
  if (!Array.isArray(contacts)) return contacts;
  const left: readonly unknown[] = contacts.filter((one) => !named.has(one));
  return left.length === 0 ? undefined : left;
}

/** The instance that a change is of: of the number that it names, else of the business account; undefined for a stranger's. */
function ownerOf({ entry, field, value }: Change, instances: readonly Instance[]): Instance | undefined {
  const number = numberOf(value);
  if (number !== undefined) return ofNumber(number, instances);
  const [only] = instances.length === 1 ? instances : [];
  // Of a number, without saying of which.
  if (field === 'messages') return only;
  const account = idAt(entry, 'id');
  return instances.find(({ settings }) => settings.businessAccountId === account) ?? instances[0];
}

/** What is said of the account, to each of its instances; and all else that nobody reads. */
function accountEvents(
  change: Change,
  instance: Instance,
  instances: readonly Instance[],
  unread: JsonObject,
): readonly NormalisedEvent[] {
  const { field, value } = change;
  const word = textAt(value, 40, 'event');
  const rest = remainder(change, instance, word === undefined ? field : `${field}.${word}`, unread);
  const status = field === 'account_update' ? accountStatus(value) : undefined;
  if (status === undefined) return [rest];
  const account = instance.settings.businessAccountId;
  const all =
    account === undefined ? [instance] : instances.filter((one) => one.settings.businessAccountId === account);
  const { raw, providerAt, deliveryId } = rest;
  return all.map((one) => ({ type: 'instance.reported', status, deliveryId, instance: one, raw, providerAt }));
}

/** A body that holds one part of a change alone. */
function bodyOf({ json, entry, change, value }: Change, held: JsonObject): string {
  const common = Object.fromEntries(
    context.flatMap((name) => (Object.hasOwn(value, name) ? [[name, value[name]]] : [])),
  );
  const { entry: _, ...around } = json;
  return JSON.stringify({ ...around, entry: [{ ...entry, changes: [{ ...change, value: { ...common, ...held } }] }] });
}

function partOf(
  change: Change,
  instance: Instance,
  contacts: ReturnType<typeof contactsIn>,
  name: string,
  item: JsonObject,
): CloudPart {
  return new CloudPart({
    field: change.field,
    instance,
    item,
    contacts,
    providerAt: timeAt(item, 'timestamp') ?? timeAt(change.entry, 'time') ?? null,
    bodyWith: (alone, contact) =>
      bodyOf(change, { ...(contact === undefined ? {} : { contacts: [contact] }), [name]: [alone] }),
  });
}

function remainder(change: Change, instance: Instance, name: string, held: JsonObject) {
  const raw = bodyOf(change, held);
  const providerAt = timeAt(change.value, 'timestamp') ?? timeAt(change.entry, 'time') ?? null;
  return otherEvent(name, undefined, digestOf(raw), { instance, providerAt, raw });
}

/** A body without any entry, or with too many. */
const whole = ({ raw }: WebhookBody): NormalisedEvent =>
  otherEvent('unknown', undefined, digestOf(raw), { providerAt: null, raw });
