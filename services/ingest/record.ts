/**
 * Normalised events to records on the log, the same for every provider: find the conversation, leave
 * out what the window knows, seal, append all of a body in one call, and only then remember them.
 */
import type { Instance } from '#runtime/instances/instances.ts';
import type { OutgoingRecord } from '#runtime/log/record-log.ts';
import { openBlobs } from '#runtime/blobs/postgres-blobs.ts';
import { newUlid, outgoing } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';
import type { ProsaRecord, RecordHeader } from '#schemas/records.ts';

import type { Admission } from './admission.ts';
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
   * Resolves when every event is durable (or was already). Throws `log.unavailable`,
   * `database.unavailable` or `vault.unavailable`; then nothing is remembered, and the same body may
   * come again.
   */
  record(events: readonly NormalisedEvent[], instance: Instance): Promise<Recorded>;
}

/** Raw events over this go to the blob store. Bytes. */
const rawBytesMax = 256 * 1_024;

/** An event with its actor and a new id. */
interface Located {
  readonly event: NormalisedEvent;
  readonly header: RecordHeader;
  /** Whose key seals it. */
  readonly person: string;
  readonly key: string;
}

/** Makes the recorder of a process. `admission` is told what was appended. */
export function openRecorder(runtime: Runtime, window: DuplicateWindow, admission?: Admission): Recorder {
  const { directory, vault, tenants, log, now } = runtime;
  const blobs = openBlobs(runtime.database, vault);

  const locate = async (event: NormalisedEvent, instance: Instance): Promise<Located> => {
    const at = now();
    const { tenant, line } = instance;
    const chat = event.type === 'instance.reported' ? undefined : event.chat;
    const entry = chat === undefined ? undefined : await directory.resolve({ tenant, line, ...chat, at });
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
      header,
      person: entry?.person ?? tenantSubject(tenant),
      key: vault.index(tenant, 'duplicate', identity),
    };
  };

  const sealed = async ({ event, header, person }: Located, instance: Instance): Promise<OutgoingRecord> => {
    const { tenant, actor, eventId, occurredAt } = header;
    const kept =
      Buffer.byteLength(event.raw) <= rawBytesMax
        ? { raw: event.raw }
        : { raw: '', rawBlob: await blobs.put({ tenant, actor }, person, occurredAt, event.raw) };
    const value = { ...detailsOf(event), ...kept };
    const bytes = await vault.seal({ tenant, actor, type: event.type, eventId }, person, occurredAt, value);
    return outgoing(recordOf(event, header, instance.id, bytes));
  };

  return {
    async record(events, instance) {
      const located: Located[] = [];
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
        const positions = await log.append(await Promise.all(fresh.map((one) => sealed(one, instance))));
        admission?.appended(instance.tenant, positions);
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
    },
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
    case 'webhook.other':
    case 'instance.reported':
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
