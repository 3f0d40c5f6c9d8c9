/**
 * Records on the log: what `schemas/` describes, as the log port carries it.
 */
import { createHash, randomBytes } from 'node:crypto';

import { CodecError, decodeRecord, encodeRecord } from '#schemas/codec.ts';
import { type ProsaRecord, type RecordHeader, topicOf } from '#schemas/records.ts';

import { OperatingError } from './errors.ts';
import type { LoggedRecord, OutgoingRecord } from './log/record-log.ts';

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
      ce_time: new Date(record.occurredAt).toISOString(),
      ce_tenant: record.tenant,
      'content-type': 'application/avro',
    },
  };
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
  randomBytes(10).copy(bytes, 6);
  return base32(bytes, 26);
}

/**
 * Id of an output: the same in every replay and on every log (host invariant I6). `prefix` tells
 * people what it is the id of.
 */
export function derivedId(prefix: string, ...parts: readonly (string | number)[]): string {
  // Length-prefixed, so that no two lists of parts hash the same bytes.
  const hash = createHash('sha256');
  for (const part of parts) {
    const bytes = Buffer.from(String(part));
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return `${prefix}_${base32(hash.digest(), 26)}`;
}

/** The first `length` base-32 digits of some bytes read as one big-endian number of 130 bits (ULID's reading for 16 bytes). */
function base32(bytes: Buffer, length: number): string {
  let value = BigInt(`0x${bytes.subarray(0, 16).toString('hex')}`);
  let text = '';
  for (let i = 0; i < length; i++) {
    text = (crockford[Number(value & 31n)] ?? '0') + text;
    value >>= 5n;
  }
  return text;
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
