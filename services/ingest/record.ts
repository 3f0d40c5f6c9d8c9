/**
 * Normalised events to records on the log, the same for every provider: find the conversation, leave
 * out what the window knows, seal, append all of a body in one call, and only then remember them.
 */
import { isElder } from '#runtime/actor/merge.ts';
import type { ConversationEntry } from '#runtime/directory/directory.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import type { OutgoingRecord } from '#runtime/log/record-log.ts';
import { openBlobs } from '#runtime/blobs/postgres-blobs.ts';
import { Lru } from '#runtime/lru.ts';
import { derivedId, newUlid, outgoing } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';
import type { ProsaRecord, RecordHeader } from '#schemas/records.ts';

import type { Admission } from './admission.ts';
import { authorFinder } from './authors.ts';
import type { DuplicateWindow, RecordedEvent } from './duplicate-window.ts';
import type { NormalisedEvent } from './providers/provider.ts';

/** What became of the events of one body. */
export interface Recorded {
  readonly accepted: number;
  readonly duplicates: number;
  /** Kept on the log, but of a kind that needs no action. */
  readonly ignored: number;
  /** In the order of the body; a duplicate names the event that was recorded first. */
  readonly events: readonly { readonly eventId: string; readonly conversationId: string }[];
}

/** Puts events on the log. */
export interface Recorder {
  /**
   * Resolves when every event is durable (or was already); each is of its own instance, or else of
   * this one. Throws `log.unavailable`, `database.unavailable` or `vault.unavailable`; then nothing is
   * remembered, and the same body may come again.
   */
  record(events: readonly NormalisedEvent[], instance: Instance): Promise<Recorded>;
}

/** Raw events over this go to the blob store. Bytes. */
const rawBytesMax = 256 * 1_024;

/** An event with its actor and a new id. */
interface Located {
  readonly event: NormalisedEvent;
  readonly instance: string;
  readonly header: RecordHeader;
  /** Whose key seals it. */
  readonly person: string;
  readonly key: string;
  /** Its chat is in the directory twice. */
  readonly twins?: readonly [ConversationEntry, ConversationEntry];
}

/** Merges asked for lately, which need not be asked for with every message until they are done. */
const mergesKnownMax = 10_000;

/** A merge that is asked for. */
interface Merge {
  readonly eventId: string;
  readonly record: OutgoingRecord;
}

/** Makes the recorder of a process. `admission` is told what was appended. */
export function openRecorder(runtime: Runtime, window: DuplicateWindow, admission?: Admission): Recorder {
  const { directory, vault, tenants, log, now } = runtime;
  const blobs = openBlobs(runtime.database, vault);
  const authorOf = authorFinder(runtime);
  const mergesKnown = new Lru<string, true>(mergesKnownMax);

  const entryOf = async (event: NormalisedEvent, { tenant, line }: Instance, at: number) => {
    const chat = event.type === 'instance.reported' ? undefined : event.chat;
    if (chat === undefined) return undefined;
    if (chat.mustExist === true) {
      const found = await Promise.all(chat.addresses.map((address) => directory.find(tenant, line, address)));
      if (found.every((one) => one === undefined)) return undefined;
    }
    const { addresses, group } = chat;
    return directory.resolve({ tenant, line, addresses, group, at });
  };

  const locate = async (event: NormalisedEvent, ofToken: Instance): Promise<Located> => {
    const at = now();
    const instance = event.instance ?? ofToken;
    const { tenant } = instance;
    const entry = await entryOf(event, instance, at);
    const actor = entry?.conversation ?? instance.id;
    const header: RecordHeader = {
      tenant,
      actor,
      eventId: newUlid(at),
      causationId: null,
      occurredAt: at,
      providerAt: event.providerAt,
      revision: await tenants.currentRevision(tenant),
    };
    const identity = JSON.stringify([instance.id, actor, event.type, ...identityOf(event)]);
    return {
      event,
      instance: instance.id,
      header,
      person: entry?.person ?? tenantSubject(tenant),
      key: vault.index(tenant, 'duplicate', identity),
      ...(entry?.twin === undefined ? {} : { twins: [entry, entry.twin] as const }),
    };
  };

  /** The younger of two conversations of one chat is asked to go on in the elder: always under the same id. */
  const mergeOf = ({ twins, header }: Located): readonly Merge[] => {
    if (twins === undefined) return [];
    const [one, other] = twins.map(({ conversation }) => conversation) as [string, string];
    const [elder, younger] = isElder(one, other) ? [one, other] : [other, one];
    const eventId = derivedId('e', header.tenant, 'merge.requested', younger, elder);
    if (mergesKnown.get(eventId) === true) return [];
    const fields = { type: 'merge.requested', into: elder, requestedBy: 'ingest' } as const;
    const asked = { ...header, ...fields, actor: younger, eventId, causationId: header.eventId, providerAt: null };
    return [{ eventId, record: outgoing(asked) }];
  };

  const withAuthor = async (located: Located): Promise<Located> => {
    const { event, header } = located;
    if (event.type !== 'message.echoed' || event.source !== 'unknown') return located;
    const { tenant, actor: conversation, occurredAt } = header;
    const { stableId } = event.message;
    const source = await authorOf({ tenant, conversation, stableId, at: event.providerAt ?? occurredAt });
    return { ...located, event: { ...event, source } };
  };

  const sealed = async ({ event, instance, header, person }: Located): Promise<OutgoingRecord> => {
    const { tenant, actor, eventId, occurredAt } = header;
    const kept =
      Buffer.byteLength(event.raw) <= rawBytesMax
        ? { raw: event.raw }
        : { raw: '', rawBlob: await blobs.put({ tenant, actor }, person, occurredAt, event.raw) };
    const value = { ...detailsOf(event), ...kept };
    const bytes = await vault.seal({ tenant, actor, type: event.type, eventId }, person, occurredAt, value);
    return outgoing(recordOf(event, header, instance, bytes));
  };

  /** Who writes though they were erased is a new person: what they are known by is let go. */
  const releaseErased = async (events: readonly NormalisedEvent[], ofToken: Instance): Promise<void> => {
    for (const event of events) {
      const { tenant, line } = event.instance ?? ofToken;
      const addresses = event.type === 'instance.reported' ? undefined : event.chat?.addresses;
      if (addresses !== undefined) await directory.releaseErased({ tenant, line, addresses });
    }
  };

  const record = async (events: readonly NormalisedEvent[], instance: Instance): Promise<Recorded> => {
    const located: Located[] = [];
    // The chats of a batch are looked for together; what follows finds them in memory, in the body's order.
    if (events.length > 1) {
      await Promise.all(events.map((event) => entryOf(event, event.instance ?? instance, now())));
    }
    for (const event of events) located.push(await locate(event, instance));
    const earlier = await window.find(located.map(({ key }) => key));
    const known = new Map(located.flatMap(({ key }, i) => (earlier[i] === undefined ? [] : [[key, earlier[i]]])));
    const fresh: Located[] = [];
    for (const one of located) {
      if (known.has(one.key)) continue;
      // A body may hold the same event twice.
      known.set(one.key, one.header.eventId);
      fresh.push(one);
    }
    if (fresh.length > 0) {
      const merges = fresh.flatMap(mergeOf);
      const records = [
        ...(await Promise.all(fresh.map(async (one) => sealed(await withAuthor(one))))),
        ...merges.map(({ record }) => record),
      ];
      const positions = await log.append(records);
      admission?.appended(instance.tenant, positions);
      for (const { eventId } of merges) mergesKnown.set(eventId, true);
    }
    await window.mark(fresh.map(({ key, header }): RecordedEvent => ({ key, eventId: header.eventId })));
    const ignored = fresh.filter(({ event }) => event.type === 'webhook.other').length;
    return {
      accepted: fresh.length - ignored,
      duplicates: located.length - fresh.length,
      ignored,
      events: located.map(({ key, header }) => ({
        eventId: known.get(key) ?? header.eventId,
        conversationId: header.actor,
      })),
    };
  };

  return {
    record: (events, instance) =>
      record(events, instance).catch(async (caught: unknown) => {
        if (!(caught instanceof OperatingError) || caught.code !== 'vault.key-erased') throw caught;
        await releaseErased(events, instance);
        return record(events, instance);
      }),
  };
}

/** What makes an event the same as another of its actor and type. */
function identityOf(event: NormalisedEvent): readonly string[] {
  switch (event.type) {
    case 'message.received':
    case 'message.echoed':
      return [event.message.stableId];
    case 'message.changed':
      return [event.change, event.details.target, event.details.stableId];
    case 'message.status':
      return [event.status, event.details.stableId, event.details.participant ?? ''];
    case 'webhook.other':
    case 'instance.reported':
      return [event.deliveryId];
  }
}

/** The personal part, without the raw event. */
function detailsOf(event: NormalisedEvent): object {
  switch (event.type) {
    case 'message.received':
    case 'message.echoed':
      return event.message;
    case 'message.changed':
    case 'message.status':
      return event.details;
    case 'instance.reported': {
      const { qr, restriction } = event;
      return { ...(qr === undefined ? {} : { qr }), ...(restriction === undefined ? {} : { restriction }) };
    }
    case 'webhook.other':
      return {};
  }
}

function recordOf(event: NormalisedEvent, header: RecordHeader, instance: string, sealed: Buffer): ProsaRecord {
  const common = { ...header, instance, sealed };
  switch (event.type) {
    case 'message.received':
      return { ...common, type: event.type, kind: event.message.content.kind, group: event.chat.group };
    case 'message.echoed': {
      const { source, chat, message } = event;
      return { ...common, type: event.type, kind: message.content.kind, source, group: chat.group };
    }
    case 'message.changed':
      return { ...common, type: event.type, change: event.change, group: event.chat.group };
    case 'message.status':
      return { ...common, type: event.type, status: event.status, reason: event.reason };
    case 'webhook.other':
      return { ...common, type: event.type, event: event.event };
    case 'instance.reported':
      return { ...common, type: event.type, status: event.status };
  }
}
