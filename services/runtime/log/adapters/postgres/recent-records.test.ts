// Goal: a reader gets what Postgres would give, or is sent there.
import { describe, expect, test } from 'vitest';

import type { LoggedRecord } from '../../record-log.ts';
import { RecentRecords } from './recent-records.ts';
import type { WrittenStretch } from './record-store.ts';

const topic = 'a.topic';
const limits = { recordsMax: 100, bytesMax: 1_000_000 };

/** Records of a partition from an offset on; one offset more was taken when a transaction wrote them. */
function stretch(from: number, count: number, { marker = 0, bytes = 10, of = topic } = {}): WrittenStretch {
  const records = Array.from({ length: count }, (_, i): LoggedRecord => {
    return {
      topic: of,
      partition: 0,
      offset: from + i,
      key: 'k',
      value: Buffer.alloc(bytes),
      headers: {},
      timestamp: 1,
    };
  });
  return { topic: of, partition: 0, from, nextOffset: from + count + marker, records };
}

function recent(bytesMax?: number): RecentRecords {
  const records = new RecentRecords(bytesMax);
  records.follow(topic);
  return records;
}

const offsetsOf = (taken: ReturnType<RecentRecords['take']>): readonly number[] | undefined =>
  taken?.records.map(({ offset }) => offset);

describe('recent records', () => {
  test('are given from a place on, across stretches and markers, in whatever order they were told', () => {
    const records = recent();
    records.add([stretch(3, 2)]);
    records.add([stretch(0, 2, { marker: 1 })]);
    const taken = records.take(topic, 0, 0, limits);
    expect(offsetsOf(taken)).toEqual([0, 1, 3, 4]);
    expect(taken?.nextOffset).toBe(5);
  });

  test('end where another process wrote', () => {
    const records = recent();
    records.add([stretch(0, 1), stretch(2, 1)]);
    expect(records.take(topic, 0, 0, limits)).toMatchObject({ nextOffset: 1 });
    expect(records.take(topic, 0, 1, limits)).toBeUndefined();
    expect(records.take(topic, 1, 0, limits)).toBeUndefined();
  });

  test('keep to the limits of a slice; what is too large for one is read from Postgres', () => {
    const records = recent();
    records.add([stretch(0, 3), stretch(3, 3)]);
    expect(offsetsOf(records.take(topic, 0, 0, { ...limits, recordsMax: 5 }))).toEqual([0, 1, 2]);
    expect(records.take(topic, 0, 0, { ...limits, recordsMax: 2 })).toBeUndefined();
    expect(records.take(topic, 0, 0, { ...limits, bytesMax: 20 })).toBeUndefined();
  });

  test('of topics without a reader here are not kept', () => {
    const records = recent();
    records.add([stretch(0, 1, { of: 'another.topic' })]);
    expect(records.take('another.topic', 0, 0, limits)).toBeUndefined();
  });

  test('have a bound; the oldest go first', () => {
    const records = recent(10_000);
    for (let from = 0; from < 100; from += 1) records.add([stretch(from, 1, { bytes: 1_000 })]);
    expect(records.take(topic, 0, 80, limits)).toBeUndefined();
    expect(records.take(topic, 0, 98, limits)).toMatchObject({ nextOffset: 100 });
  });
});
