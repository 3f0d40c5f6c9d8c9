/**
 * Record batches as Kafka stores them (magic 2), written into a buffer that is there already. kafkajs'
 * encoder makes a buffer per field: that was a third of the actor host's processor time.
 */
import type { OutgoingRecord } from '../../record-log.ts';
import { recordBytes } from '../../record-size.ts';
import { crc32c } from './crc32c.ts';

/** Bytes before the first record. */
export const batchHeaderBytes = 61;

const magic = 2;
const transactionalAttribute = 0x10;
/** Where the checksummed part begins: at the attributes. */
const checksummedFrom = 21;
/** Generous for a record's length, offset and timestamp deltas, and the lengths of key, value and headers' count. */
const recordOverheadBytes = 64;
/** Generous for the lengths of one header's name and value. */
const headerOverheadBytes = 16;

/** Bytes that a record takes in a batch, at most. */
export function framedBytes(record: OutgoingRecord): number {
  let bytes = recordBytes(record) + recordOverheadBytes;
  for (const _ in record.headers) bytes += headerOverheadBytes;
  return bytes;
}

/** In whose name a batch is written. */
export interface BatchProducer {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly transactional: boolean;
  /** Epoch milliseconds: the time of all its records. */
  readonly at: number;
}

/**
 * Writes a batch at `start`, uncompressed; returns the offset behind it. The buffer needs room for
 * `batchHeaderBytes` and the `framedBytes` of each record.
 */
export function writeBatch(
  buffer: Buffer,
  start: number,
  records: readonly OutgoingRecord[],
  producer: BatchProducer,
): number {
  let end = start + batchHeaderBytes;
  for (const [delta, record] of records.entries()) end = writeRecord(buffer, end, delta, record);
  // The first offset is the broker's to say.
  buffer.writeBigInt64BE(0n, start);
  buffer.writeInt32BE(end - start - 12, start + 8);
  // The leader's epoch, which the leader writes.
  buffer.writeInt32BE(0, start + 12);
  buffer.writeInt8(magic, start + 16);
  buffer.writeInt16BE(producer.transactional ? transactionalAttribute : 0, start + checksummedFrom);
  buffer.writeInt32BE(records.length - 1, start + 23);
  buffer.writeBigInt64BE(BigInt(producer.at), start + 27);
  buffer.writeBigInt64BE(BigInt(producer.at), start + 35);
  buffer.writeBigInt64BE(producer.producerId, start + 43);
  buffer.writeInt16BE(producer.producerEpoch, start + 51);
  buffer.writeInt32BE(producer.firstSequence, start + 53);
  buffer.writeInt32BE(records.length, start + 57);
  buffer.writeUInt32BE(crc32c(buffer, start + checksummedFrom, end), start + 17);
  return end;
}

/** The length comes first and is known last: most records' lengths take two bytes, others are moved. */
const usualLengthBytes = 2;

function writeRecord(buffer: Buffer, start: number, delta: number, record: OutgoingRecord): number {
  const { key, value, headers } = record;
  const body = start + usualLengthBytes;
  // Attributes and the difference to the batch's time: none.
  buffer[body] = 0;
  buffer[body + 1] = 0;
  let end = writeVarint(buffer, body + 2, delta);
  end = writeText(buffer, end, key);
  end = writeVarint(buffer, end, value.byteLength);
  buffer.set(value, end);
  end += value.byteLength;
  const names = Object.keys(headers);
  end = writeVarint(buffer, end, names.length);
  for (const name of names) {
    end = writeText(buffer, end, name);
    end = writeText(buffer, end, headers[name] ?? '');
  }
  const length = end - body;
  const shift = varintBytes(length) - usualLengthBytes;
  if (shift !== 0) buffer.copyWithin(body + shift, body, end);
  writeVarint(buffer, start, length);
  return end + shift;
}

/** A length and UTF-8. Ids and names are ASCII: written here, they need no call out of the engine. */
function writeText(buffer: Buffer, start: number, text: string): number {
  const { length } = text;
  const from = writeVarint(buffer, start, length);
  for (let i = 0; i < length; i += 1) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return writeUtf8(buffer, start, text);
    buffer[from + i] = code;
  }
  return from + length;
}

function writeUtf8(buffer: Buffer, start: number, text: string): number {
  const from = writeVarint(buffer, start, Buffer.byteLength(text));
  return from + buffer.write(text, from);
}

/** A non-negative number as the zigzag varint that records use. */
function writeVarint(buffer: Buffer, start: number, value: number): number {
  let rest = value * 2;
  let end = start;
  for (; rest > 0x7f; rest >>>= 7) buffer[end++] = (rest & 0x7f) | 0x80;
  buffer[end] = rest;
  return end + 1;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value * 2; rest > 0x7f; rest >>>= 7) bytes += 1;
  return bytes;
}
