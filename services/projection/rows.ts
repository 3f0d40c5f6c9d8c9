/**
 * From records to rows: pure. Every row is a function of one record, so that reading the log again
 * makes the same rows.
 */
import type { ProsaRecord } from '#schemas/records.ts';
import { parkedTopicOf, topics } from '#schemas/topics.ts';

import { wasSetAside } from '#runtime/parked.ts';

import type { Reading } from './readings.ts';
import { type RankedStatus, statusDelivered, statusReported } from './status.ts';

/** A row of `journal`. */
export interface JournalRow {
  readonly tenant: string;
  readonly actor: string;
  readonly partition: number;
  readonly offset: number;
  readonly eventId: string;
  readonly type: string;
  readonly at: Date;
  readonly value: Buffer;
  /** Of an order of quarantine: the offset of the record at which it begins. No column. */
  readonly quarantines: number | null;
}

/** A row of `journal_parked`. */
export interface ParkedRow {
  readonly tenant: string;
  readonly actor: string;
  readonly partition: number;
  readonly offset: number;
}

/** A row of `messages`. */
export interface MessageRow {
  readonly tenant: string;
  readonly conversation: string;
  readonly id: string;
  readonly direction: 'in' | 'out';
  readonly origin: string;
  readonly precedence: number;
  readonly kind: string;
  readonly instance: string;
  readonly at: Date;
  /** 0 for what the actor was told, 1 for what it replied. */
  readonly lane: 0 | 1;
  readonly offset: number;
  readonly requestId: string | null;
  readonly stableIndex: string | null;
  /** Of a forwarded copy: the message that it is of. */
  readonly copyOf: string | null;
  readonly sealedType: string;
  readonly sealed: Buffer | null;
}

/** A row of `message_changes`. */
export interface ChangeRow {
  readonly tenant: string;
  readonly conversation: string;
  readonly id: string;
  readonly targetIndex: string;
  readonly change: string;
  readonly at: Date;
  readonly sealed: Buffer;
}

/** A row of `message_marks`. */
export interface MarkRow extends RankedStatus {
  readonly tenant: string;
  readonly conversation: string;
  readonly mark: string;
  readonly reason: string | null;
  readonly at: Date;
  readonly eventId: string;
}

/** A row of `message_links`. */
export interface LinkRow {
  readonly tenant: string;
  readonly conversation: string;
  readonly deliveryId: string;
  readonly stableIndex: string;
}

/** A row of `message_files`. */
export interface FileRow {
  readonly tenant: string;
  readonly conversation: string;
  readonly messageId: string;
  readonly fileId: string | null;
  readonly mimetype: string | null;
  readonly bytes: number | null;
  readonly reason: string | null;
}

/** A person was seen to write. */
export interface Sighting {
  readonly tenant: string;
  readonly conversation: string;
  readonly at: number;
  readonly offset: number;
  readonly eventId: string;
  readonly name: string | undefined;
}

/** What some records come to. */
export interface Rows {
  readonly journal: JournalRow[];
  readonly parked: ParkedRow[];
  readonly messages: MessageRow[];
  readonly changes: ChangeRow[];
  readonly marks: MarkRow[];
  readonly links: LinkRow[];
  readonly files: FileRow[];
  readonly sightings: Sighting[];
}

/** Keyed hash of a provider's stable message id. */
export type StableIndex = (tenant: string, stableId: string) => string;

/** Rows of records of the topics that are projected. */
export function rowsOf(readings: readonly Reading[], stableIndex: StableIndex): Rows {
  const rows = emptyRows();
  for (const reading of readings) {
    const { topic } = reading.logged;
    if (topic === topics.replies) addReply(rows, reading);
    else if (topic === parkedTopicOf(topics.events)) addParked(rows, reading);
    else {
      rows.journal.push(journalRow(reading));
      addEvent(rows, reading, stableIndex);
    }
  }
  return rows;
}

/** A declined reply is no message. */
function addReply(rows: Rows, { logged, record }: Reading): void {
  if (record.type !== 'reply.requested') return;
  rows.messages.push({
    ...messageRow(record, logged.offset, null, record.sealed),
    direction: 'out',
    origin: record.origin,
    lane: 1,
    requestId: record.messageId,
  });
}

function addParked(rows: Rows, { record }: Reading): void {
  if (!wasSetAside(record) || record.tenant === '') return;
  const { tenant, actor, partition, offset } = record;
  rows.parked.push({ tenant, actor, partition, offset });
}

function addEvent(rows: Rows, { logged, record, glimpse }: Reading, stableIndex: StableIndex): void {
  const { tenant, actor: conversation, eventId } = record;
  const indexed = (id: string | undefined): string | null => (id === undefined ? null : stableIndex(tenant, id));
  const mark = (of: string, ranked: RankedStatus, reason: string | null): MarkRow => ({
    ...ranked,
    tenant,
    conversation,
    mark: of,
    reason,
    at: new Date(record.occurredAt),
    eventId,
  });
  switch (record.type) {
    case 'message.received': {
      rows.messages.push({
        ...messageRow(record, logged.offset, indexed(glimpse?.stableId), record.sealed),
        copyOf: glimpse?.origin ?? null,
      });
      const { occurredAt: at } = record;
      // In a group the sender is not the chat's person.
      if (!record.group)
        rows.sightings.push({ tenant, conversation, at, offset: logged.offset, eventId, name: glimpse?.sender?.name });
      return;
    }
    case 'message.echoed': {
      const index = indexed(glimpse?.stableId);
      const origin = record.source === 'app' ? 'app' : 'echo';
      rows.messages.push({
        ...messageRow(record, logged.offset, index, record.sealed),
        direction: 'out',
        origin,
        copyOf: glimpse?.origin ?? null,
        precedence: 1,
      });
      // Whoever saw the echo knows that it was sent; marked under its own id, in case the provider names none.
      const sent = statusReported({ status: 'sent' });
      if (sent !== undefined) rows.marks.push(mark(eventId, sent, null));
      return;
    }
    case 'message.changed': {
      const targetIndex = indexed(glimpse?.target);
      if (targetIndex === null || record.sealed === null) return;
      const { change } = record;
      rows.changes.push({
        tenant,
        conversation,
        id: eventId,
        targetIndex,
        change,
        at: new Date(record.occurredAt),
        sealed: Buffer.from(record.sealed),
      });
      return;
    }
    case 'message.status': {
      const index = indexed(glimpse?.stableId);
      const ranked = statusReported(record);
      if (index !== null && ranked !== undefined) rows.marks.push(mark(index, ranked, record.reason));
      // Where the send itself was not answered, this is what tells which message it is of.
      const { deliveryId } = glimpse ?? {};
      if (index !== null && deliveryId !== undefined)
        rows.links.push({ tenant, conversation, deliveryId, stableIndex: index });
      return;
    }
    case 'delivery.updated': {
      const ranked = statusDelivered(record);
      if (ranked !== undefined) rows.marks.push(mark(record.deliveryId, ranked, record.reason));
      const index = indexed(glimpse?.stableId);
      if (index !== null) rows.links.push({ tenant, conversation, deliveryId: record.deliveryId, stableIndex: index });
      return;
    }
    case 'media.stored': {
      const { messageEventId: messageId, fileId, mimetype, bytes } = record;
      rows.files.push({ tenant, conversation, messageId, fileId, mimetype, bytes, reason: null });
      return;
    }
    case 'media.failed': {
      const { messageEventId: messageId, reason } = record;
      rows.files.push({ tenant, conversation, messageId, fileId: null, mimetype: null, bytes: null, reason });
      return;
    }
    default:
      return;
  }
}

const emptyRows = (): Rows => ({
  journal: [],
  parked: [],
  messages: [],
  changes: [],
  marks: [],
  links: [],
  files: [],
  sightings: [],
});

const journalRow = ({ logged, record }: Reading): JournalRow => ({
  tenant: record.tenant,
  // The record key decides the partition and with it the order; the host reads actors by it.
  actor: logged.key,
  partition: logged.partition,
  offset: logged.offset,
  eventId: record.eventId,
  type: record.type,
  at: new Date(record.occurredAt),
  value: logged.value,
  quarantines: record.type === 'conversation.quarantined' ? record.recordOffset : null,
});

type WithMessage = Extract<ProsaRecord, { readonly kind: string }>;

const messageRow = (
  record: WithMessage,
  offset: number,
  stableIndex: string | null,
  sealed: Uint8Array | null,
): MessageRow => ({
  tenant: record.tenant,
  conversation: record.actor,
  id: record.eventId,
  direction: 'in',
  origin: 'person',
  precedence: 0,
  kind: record.kind,
  instance: record.instance,
  at: new Date(record.occurredAt),
  lane: 0,
  offset,
  requestId: null,
  stableIndex,
  copyOf: null,
  sealedType: record.type,
  sealed: sealed === null ? null : Buffer.from(sealed),
});
