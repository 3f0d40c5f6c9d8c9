/**
 * Records on the log: what `schemas/` describes, as the log port carries it.
 */
import { hash } from 'node:crypto';

import { CodecError, decodeRecord, encodeRecord } from '#schemas/codec.ts';
import { type AuditRecorded, type ProsaRecord, type RecordHeader, topicOf } from '#schemas/records.ts';

import { OperatingError } from './errors.ts';
import type { LoggedRecord, OutgoingRecord } from './log/record-log.ts';
import { fillRandom } from './randomness.ts';

/** The CloudEvents source of all that Prosa writes. */
const source = 'prosa';

/**
 * A record ready to be appended to its topic (or to `topic`, for parked ones): key, value and the
 * CloudEvents attributes as headers in the Kafka binary binding
 * (cloudevents/spec, kafka-protocol-binding.md). Headers are plain, so they hold ids only.
 */
export function outgoing(record: ProsaRecord, topic?: string): OutgoingRecord {
  if (topic === undefined && record.type === 'record.parked') throw new Error('a parked record needs its topic named');
  return {
    topic: topic ?? topicOf[record.type as keyof typeof topicOf],
    key: record.actor,
    value: encodeRecord(record),
    headers: {
      ce_specversion: '1.0',
      ce_id: record.eventId,
      ce_source: source,
      ce_type: `prosa.${record.type}`,
      ce_time: timeText(record.occurredAt),
      ce_tenant: record.tenant,
      'content-type': 'application/avro',
    },
  };
}

let lastTime = { at: 0, text: new Date(0).toISOString() };

/** RFC 3339. Outputs of one record have one time, so the last text is kept. */
function timeText(at: number): string {
  if (at !== lastTime.at) lastTime = { at, text: new Date(at).toISOString() };
  return lastTime.text;
}

/** The record at a position. Throws `record.unknown-type` or `record.undecodable`. */
export function recordOf(logged: LoggedRecord): ProsaRecord {
  try {
    return decodeRecord(logged.value);
  } catch (caught) {
    if (!(caught instanceof CodecError)) throw caught;
    const where = `${logged.topic}/${logged.partition}/${logged.offset}`;
    throw new OperatingError(
      caught.failure === 'unknown-schema' ? 'record.unknown-type' : 'record.undecodable',
      where,
      caught,
    );
  }
}

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A new ULID (github.com/ulid/spec): 48 bits of `at` (epoch ms), 80 random bits. Sorts by time to the millisecond. */
export function newUlid(at: number): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(at, 0, 6);
  fillRandom(bytes, 6, 10);
  return base32(bytes.toString('latin1'));
}

/**
 * Id of an output: the same in every replay and on every log (host invariant I6). `prefix` tells
 * people what it is the id of.
 */
export function derivedId(prefix: string, ...parts: readonly (string | number)[]): string {
  // Length-prefixed, so that no two lists of parts hash the same bytes.
  let text = '';
  for (const part of parts) {
    const each = String(part);
    text += `${Buffer.byteLength(each)}:${each}`;
  }
  return `${prefix}_${base32(hash('sha256', text, 'binary'))}`;
}

const digits = Buffer.alloc(26);

/** 128 bits, the first 16 bytes (a character each) read as one big-endian number, as 26 base-32 digits. */
function base32(bytes: string): string {
  let rest = 0;
  // 26 digits are 130 bits: two zeros come first.
  let restBits = 2;
  let count = 0;
  for (let i = 0; i < 16; i += 1) {
    rest = ((rest << 8) | bytes.charCodeAt(i)) & 0xfff;
    restBits += 8;
    for (; restBits >= 5; restBits -= 5) digits[count++] = crockford.charCodeAt((rest >>> (restBits - 5)) & 31);
  }
  return digits.toString('latin1');
}

/** Header of a record caused by another of the same actor. */
export function causedBy(
  cause: Pick<RecordHeader, 'tenant' | 'actor' | 'eventId' | 'revision'>,
  eventId: string,
  at: number,
): RecordHeader {
  return {
    tenant: cause.tenant,
    actor: cause.actor,
    eventId,
    causationId: cause.eventId,
    occurredAt: at,
    providerAt: null,
    revision: cause.revision,
  };
}

/** Header of a record that no other one caused. */
export const uncaused = (
  tenant: string,
  actor: string,
  eventId: string,
  at: number,
  revision: string | null = null,
): RecordHeader => ({
  tenant,
  actor,
  eventId,
  causationId: null,
  occurredAt: at,
  providerAt: null,
  revision,
});

/** What an audit event says besides its header. */
export type AuditFields = Pick<AuditRecorded, 'action'> &
  Partial<Omit<AuditRecorded, keyof RecordHeader | 'type' | 'action'>>;

/** An audit event; what `fields` does not say is null. */
export const auditRecord = (header: RecordHeader, fields: AuditFields): AuditRecorded => ({
  ...header,
  type: 'audit.recorded',
  machine: null,
  machineVersion: null,
  trigger: null,
  from: null,
  to: null,
  instance: null,
  subject: null,
  outcome: null,
  actedBy: null,
  episode: null,
  ...fields,
});
