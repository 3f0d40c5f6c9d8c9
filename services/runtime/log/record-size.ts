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
  let bytes = Buffer.byteLength(record.key) + record.value.byteLength;
  for (const [name, value] of Object.entries(record.headers))
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
  return bytes;
}

/** Throws `log.record-too-large` if one of the records is over the limit; call it before anything is written. */
export function refuseTooLarge(records: readonly OutgoingRecord[]): void {
  for (const record of records) {
    const bytes = recordBytes(record);
    if (bytes > recordBytesMax)
      throw new OperatingError(
        'log.record-too-large',
        `${bytes} bytes for ${record.topic}; at most ${recordBytesMax}.`,
      );
  }
}
