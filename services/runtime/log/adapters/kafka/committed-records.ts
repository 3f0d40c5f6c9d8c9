/** From what a broker sent for one partition to records: those of committed transactions, without markers. */
import type { LoggedRecord } from '../../record-log.ts';
import { recordBytes } from '../../record-size.ts';
import type { FetchedMessage, FetchedPartition } from './requests.ts';

/** Committed records from an offset on, and where to go on: behind markers and aborted records too. */
export interface Fetched {
  readonly records: readonly LoggedRecord[];
  readonly nextOffset: number;
  /** Bytes of the records. */
  readonly bytes: number;
}

/** The key of a control record that ends an aborted transaction: version 0, type 0 (abort). */
const abortMarkerKey = Buffer.alloc(4);

/**
 * The committed records at or after `from`. The broker sends aborted ones too, with a list of the
 * aborted transactions, each by producer and first offset. (kafkajs' own filter takes that list as
 * sorted and steps over one entry per record; it lets aborted records through where transactions
 * overlap or a fetch begins within one. As Kafka's Java consumer does it: sorted, all that apply.)
 */
export function committedOf(topic: string, from: number, part: FetchedPartition): Fetched {
  const aborted = part.abortedTransactions
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: Number(firstOffset) }))
    .sort((a, b) => b.firstOffset - a.firstOffset);
  const aborting = new Set<string>();
  const records: LoggedRecord[] = [];
  let nextOffset = from;
  let bytes = 0;
  for (const message of part.messages) {
    const offset = Number(message.offset);
    for (let next = aborted.at(-1); next !== undefined && next.firstOffset <= offset; next = aborted.at(-1))
      aborting.add(aborted.pop()?.producerId ?? '');
    const { producerId, inTransaction } = message.batchContext;
    if (message.isControlRecord) {
      if (message.key?.subarray(0, 4).equals(abortMarkerKey) === true) aborting.delete(producerId);
    } else if (offset >= from && !(inTransaction && aborting.has(producerId))) {
      const record = recordOf(topic, part.partition, offset, message);
      records.push(record);
      bytes += recordBytes(record);
    }
    // A batch is sent whole; it may begin before what was asked for.
    nextOffset = Math.max(nextOffset, offset + 1);
  }
  return { records, nextOffset, bytes };
}

function recordOf(topic: string, partition: number, offset: number, message: FetchedMessage): LoggedRecord {
  return {
    topic,
    partition,
    offset,
    key: message.key?.toString() ?? '',
    value: message.value ?? Buffer.alloc(0),
    headers: Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, textOf(value)])),
    timestamp: Number(message.timestamp),
  };
}

/** A header may be repeated by others; the last one counts. */
const textOf = (value: Buffer | readonly Buffer[]): string =>
  (Buffer.isBuffer(value) ? value : (value.at(-1) ?? Buffer.alloc(0))).toString();
