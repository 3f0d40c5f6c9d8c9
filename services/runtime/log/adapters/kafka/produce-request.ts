/** The request that writes batches: version 7 of it, with batches of our own making (`record-batch.ts`). */
import Decoder from 'kafkajs/src/protocol/decoder.js';
import apiKeys from 'kafkajs/src/protocol/requests/apiKeys.js';
import type { OutgoingRecord } from '../../record-log.ts';
import { batchHeaderBytes, writeBatch } from './record-batch.ts';
import type { OwnRequest, ProducerIdentity } from './requests.ts';

/** A batch for one partition. */
export interface BatchToWrite {
  readonly partition: number;
  readonly firstSequence: number;
  readonly records: readonly OutgoingRecord[];
  /** The sum of their `framedBytes`. */
  readonly bytes: number;
}

/** What is to be written, and in whose name. */
export interface ProduceRequest extends ProducerIdentity {
  /** Undefined outside of a transaction. */
  readonly transactionalId: string | undefined;
  /** How long the broker may wait for its replicas. */
  readonly timeoutMs: number;
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly BatchToWrite[] }[];
}

/** What became of one batch. */
export interface ProducedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly baseOffset: number;
}

const apiVersion = 7;
/** Written when every replica in step has it. */
const acknowledgedByAll = -1;
/** Of the fields around topics and batches, generously. */
const overheadBytes = 64;

/** The request. Its answer has one entry per batch, errors included. */
export function produceRequest(
  request: ProduceRequest,
): OwnRequest<{ readonly produced: readonly ProducedPartition[] }> {
  const apiKey = apiKeys['Produce'];
  if (apiKey === undefined) throw new Error('kafkajs knows no request Produce');
  return {
    protocol: {
      request: {
        apiKey,
        apiVersion,
        apiName: 'Produce',
        encode: () => {
          const body = encode(request);
          return Promise.resolve({ buf: body, buffer: body });
        },
      },
      response: {
        decode: (payload) => Promise.resolve({ produced: decode(new Decoder(payload)) }),
        parse: (decoded) => Promise.resolve(decoded),
      },
    },
  };
}

function encode({ topics, transactionalId, timeoutMs, producerId, producerEpoch }: ProduceRequest): Buffer {
  const buffer = Buffer.allocUnsafe(bytesMax(topics) + Buffer.byteLength(transactionalId ?? ''));
  const shared = {
    producerId: BigInt(producerId),
    producerEpoch,
    transactional: transactionalId !== undefined,
    at: Date.now(),
  };
  let end = transactionalId === undefined ? buffer.writeInt16BE(-1, 0) : writeString(buffer, 0, transactionalId);
  end = buffer.writeInt16BE(acknowledgedByAll, end);
  end = buffer.writeInt32BE(timeoutMs, end);
  end = buffer.writeInt32BE(topics.length, end);
  for (const { topic, partitions } of topics) {
    end = writeString(buffer, end, topic);
    end = buffer.writeInt32BE(partitions.length, end);
    for (const { partition, firstSequence, records } of partitions) {
      end = buffer.writeInt32BE(partition, end);
      const batchStart = end + 4;
      const batchEnd = writeBatch(buffer, batchStart, records, { ...shared, firstSequence });
      buffer.writeInt32BE(batchEnd - batchStart, end);
      end = batchEnd;
    }
  }
  return buffer.subarray(0, end);
}

function bytesMax(topics: ProduceRequest['topics']): number {
  let bytes = overheadBytes;
  for (const { topic, partitions } of topics) {
    bytes += overheadBytes + Buffer.byteLength(topic);
    for (const batch of partitions) bytes += overheadBytes + batchHeaderBytes + batch.bytes;
  }
  return bytes;
}

function writeString(buffer: Buffer, start: number, text: string): number {
  const length = buffer.write(text, start + 2);
  buffer.writeInt16BE(length, start);
  return start + 2 + length;
}

const decode = (decoder: Decoder): readonly ProducedPartition[] =>
  decoder
    .readArray(() => {
      const topic = decoder.readString() ?? '';
      return decoder.readArray((): ProducedPartition => {
        const partition = decoder.readInt32();
        const errorCode = decoder.readInt16();
        const baseOffset = Number(decoder.readInt64().toString());
        // When and from which offset the log has it: not asked for.
        decoder.readInt64();
        decoder.readInt64();
        return { topic, partition, errorCode, baseOffset };
      });
    })
    .flat();
