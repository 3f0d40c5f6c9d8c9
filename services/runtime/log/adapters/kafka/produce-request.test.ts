import fc from 'fast-check';
import kafkajsRequest from 'kafkajs/src/protocol/requests/produce/v7/request.js';
import { afterEach, expect, test, vi } from 'vitest';
import type { OutgoingRecord } from '../../record-log.ts';
import { crc32c } from './crc32c.ts';
import { type ProduceRequest, produceRequest } from './produce-request.ts';
import { framedBytes } from './record-batch.ts';

const at = 1_767_225_600_000;

afterEach(() => {
  vi.useRealTimers();
});

const encodedByUs = async (request: ProduceRequest): Promise<Buffer> =>
  (await produceRequest(request).protocol.request.encode()).buffer;

async function encodedByKafkajs({ topics, timeoutMs, ...named }: ProduceRequest): Promise<Buffer> {
  const topicData = topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition, firstSequence, records }) => ({
      partition,
      firstSequence,
      messages: records.map(({ key, value, headers }) => ({
        key: Buffer.from(key),
        value: Buffer.from(value),
        headers,
      })),
    })),
  }));
  return (await kafkajsRequest({ ...named, acks: -1, timeout: timeoutMs, topicData }).encode()).buffer;
}

const batchOf = (records: readonly OutgoingRecord[], firstSequence = 7, partition = 3) => ({
  partition,
  firstSequence,
  records,
  bytes: records.reduce((sum, record) => sum + framedBytes(record), 0),
});

const requestOf = (...topics: ProduceRequest['topics']): ProduceRequest => ({
  producerId: '4611686018427387904',
  producerEpoch: 12,
  transactionalId: 'prosa.conversation-3',
  timeoutMs: 30_000,
  topics,
});

const recordOf = (valueBytes: number): OutgoingRecord => ({
  topic: 'plain',
  key: 'c_01M7XVFZDMZX7FVBSQETJPDS1B',
  value: new Uint8Array(valueBytes).fill(valueBytes),
  headers: { ce_id: '01M7XVFZDM1F7C41GSWKE7FGTQ', ce_type: 'prosa.reply.requested' },
});

test('the checksum is CRC-32C', () => {
  // The check value of the catalogue of CRC algorithms, and the lengths around a turn of eight bytes.
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.from('xx123456789y'), 2, 11)).toBe(0xe3069283);
  expect(crc32c(Buffer.alloc(0))).toBe(0);
});

test('a request has the bytes that kafkajs would send', async () => {
  vi.useFakeTimers({ now: at });
  const request = requestOf(
    { topic: 'prosa.audit.events', partitions: [batchOf([recordOf(0), recordOf(300)]), batchOf([recordOf(1)], 0, 4)] },
    { topic: 'prosa.réplicas', partitions: [batchOf([recordOf(40_000)])] },
  );
  expect(await encodedByUs(request)).toEqual(await encodedByKafkajs(request));
  const { transactionalId: _, ...outside } = request;
  const plain = { ...outside, transactionalId: undefined };
  expect(await encodedByUs(plain)).toEqual(await encodedByKafkajs(plain));
});

test('lengths of every size are written as kafkajs writes them', async () => {
  vi.useFakeTimers({ now: at });
  // One, two, three and four bytes of length, at their limits.
  const around = [0, 10, 63, 64, 127, 128, 8_050, 8_191, 8_192, 16_383, 999_000, 1_048_600];
  for (const bytes of around) {
    const record = { topic: 'plain', key: '', value: new Uint8Array(bytes), headers: {} };
    const request = requestOf({ topic: 'prosa.t', partitions: [batchOf([record, record])] });
    expect((await encodedByUs(request)).equals(await encodedByKafkajs(request)), `${bytes} bytes`).toBe(true);
  }
});

test('whatever the records, the bytes are those of kafkajs', async () => {
  vi.useFakeTimers({ now: at });
  const text = fc.string({ unit: 'binary', maxLength: 80 }).filter((value) => value.isWellFormed());
  const record = fc.record({
    topic: fc.constant('plain'),
    key: text,
    value: fc.uint8Array({ maxLength: 300 }),
    headers: fc.dictionary(
      text.filter((name) => name !== '__proto__'),
      text,
      { maxKeys: 9 },
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 40 }), fc.nat(2 ** 31 - 1), async (records, first) => {
      const request = requestOf({ topic: 'prosa.t', partitions: [batchOf(records, first)] });
      expect((await encodedByUs(request)).equals(await encodedByKafkajs(request))).toBe(true);
    }),
    { numRuns: 30 },
  );
});
