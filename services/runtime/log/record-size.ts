/** The size limit of records, the same in every adapter. */
import { OperatingError } from '../errors.ts';
import type { OutgoingRecord } from './record-log.ts';

/**
 * Most bytes of key, value and headers together. Brokers refuse batches over 1 MiB (Kafka's
 * `message.max.bytes` default, 1 048 588); what is left is room for the batch's own framing.
 */
export const recordBytesMax = 1_000_000;

/** Bytes of key, value and headers of a record. */
export function recordBytes(record: OutgoingRecord): number {
  const { headers } = record;
  let bytes = utf8Bytes(record.key) + record.value.byteLength;
  for (const name of Object.keys(headers)) bytes += utf8Bytes(name) + utf8Bytes(headers[name] ?? '');
  return bytes;
}

/** No less than that, without looking at the texts: a UTF-16 unit takes three bytes at most. */
function recordBytesBound({ key, value, headers }: OutgoingRecord): number {
  let units = key.length;
  for (const name of Object.keys(headers)) units += name.length + (headers[name] ?? '').length;
  return value.byteLength + 3 * units;
}

/** Ids and names are short and ASCII: looking at them costs less than a call out of the engine for each. */
function utf8Bytes(text: string): number {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text);
  return text.length;
}

/** Throws `log.record-too-large` if one of the records is over the limit; call it before anything is written. */
export function refuseTooLarge(records: readonly OutgoingRecord[]): void {
  for (const record of records) {
    if (recordBytesBound(record) <= recordBytesMax) continue;
    const bytes = recordBytes(record);
    if (bytes > recordBytesMax)
      throw new OperatingError(
        'log.record-too-large',
        `${bytes} bytes for ${record.topic}; at most ${recordBytesMax}.`,
      );
  }
}
