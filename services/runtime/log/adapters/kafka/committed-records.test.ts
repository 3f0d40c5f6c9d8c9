import { describe, expect, test } from 'vitest';
import { committedOf } from './committed-records.ts';
import type { FetchedMessage } from './requests.ts';

const message = (offset: number, producerId: string, more: Partial<FetchedMessage> = {}): FetchedMessage => ({
  offset: String(offset),
  timestamp: '1700000000000',
  key: Buffer.from('k'),
  value: Buffer.from(String(offset)),
  headers: {},
  isControlRecord: false,
  batchContext: { producerId, inTransaction: true },
  ...more,
});
const marker = (offset: number, producerId: string, outcome: 'abort' | 'commit'): FetchedMessage =>
  message(offset, producerId, { isControlRecord: true, key: Buffer.from([0, 0, 0, outcome === 'abort' ? 0 : 1]) });

const committed = (
  messages: readonly FetchedMessage[],
  aborted: readonly (readonly [producerId: string, firstOffset: number])[],
  from = 0,
) => {
  const { records, nextOffset } = committedOf('t', from, {
    partition: 0,
    errorCode: 0,
    highWatermark: '100',
    lastStableOffset: '100',
    abortedTransactions: aborted.map(([producerId, firstOffset]) => ({ producerId, firstOffset: String(firstOffset) })),
    messages,
  });
  return { offsets: records.map(({ offset }) => offset), nextOffset };
};

describe('committed records of a fetch', () => {
  test('markers are no records, but are passed over', () => {
    expect(committed([message(0, 'a'), marker(1, 'a', 'commit')], [])).toEqual({ offsets: [0], nextOffset: 2 });
    expect(committed([marker(5, 'a', 'commit')], [], 5)).toEqual({ offsets: [], nextOffset: 6 });
  });

  test('nothing fetched is no advance', () => {
    expect(committed([], [], 7)).toEqual({ offsets: [], nextOffset: 7 });
  });

  test('records before the offset asked for are left out', () => {
    expect(committed([message(0, 'a'), message(1, 'a')], [], 1)).toEqual({ offsets: [1], nextOffset: 2 });
  });

  test('an aborted transaction ends at its marker; the next one of that producer counts', () => {
    const messages = [message(0, 'a'), marker(1, 'a', 'abort'), message(2, 'a'), marker(3, 'a', 'commit')];
    expect(committed(messages, [['a', 0]])).toEqual({ offsets: [2], nextOffset: 4 });
  });

  test('overlapping aborted transactions are left out though the broker lists them by their ends', () => {
    const messages = [
      message(0, 'a'),
      message(1, 'b'),
      marker(2, 'b', 'abort'),
      message(3, 'a'),
      marker(4, 'a', 'abort'),
    ];
    const byEnd = [
      ['b', 1],
      ['a', 0],
    ] as const;
    expect(committed(messages, byEnd).offsets).toEqual([]);
  });

  test('a fetch that begins within several aborted transactions leaves all of them out', () => {
    const messages = [message(10, 'b'), message(11, 'a'), marker(12, 'a', 'abort'), marker(13, 'b', 'abort')];
    const aborted = [
      ['a', 3],
      ['b', 4],
    ] as const;
    expect(committed(messages, aborted, 10)).toEqual({ offsets: [], nextOffset: 14 });
  });

  test('a record outside of any transaction stays, whoever aborts', () => {
    const plain = message(1, 'a', { batchContext: { producerId: 'a', inTransaction: false } });
    expect(committed([plain], [['a', 0]]).offsets).toEqual([1]);
  });

  test('a record whose key looks like an abort marker is a record', () => {
    const messages = [message(0, 'a', { key: Buffer.alloc(4) }), message(1, 'a'), marker(2, 'a', 'abort')];
    expect(committed(messages, [['a', 0]]).offsets).toEqual([]);
  });
});
