/**
 * Goal: a log that was grown keeps every promise of the port at offsets that begin at its base, reads what
 * was before where it is, and never reads over the base. Method: the contract on a decorated Postgres log;
 * two incarnations on one Postgres.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Harness, HarnessOptions } from '#runtime/testing/record-log.contract.ts';
import { recordLogContract } from '#runtime/testing/record-log.contract.ts';
import { expectCode, keyOn, numbered, valuesOf } from '#runtime/testing/record-log-cases/case.ts';

import { makePostgresHarness } from './adapters/postgres/harness.ts';
import { earlierLog, incarnationLog } from './incarnation.ts';
import type { EarlierLog, LoggedRecord, Range, RecordLog } from './record-log.ts';

const base = 5_000_000;
const number = 2;

const emptyLog = (log: RecordLog): EarlierLog =>
  earlierLog(
    () => Promise.reject(new Error('nothing is before')),
    { number: 1, partitionCount: log.partitionCount, base: 0 },
    log.partitionOf.bind(log),
    undefined,
  );

/** The harness of an adapter, its handles decorated, what is done behind their backs moved to where they look. */
async function grownHarness(options: HarnessOptions): Promise<Harness> {
  const inner = await makePostgresHarness(options);
  const inners = new Map<RecordLog, RecordLog>();
  const innerOf = (log: RecordLog): RecordLog => inners.get(log) ?? log;
  return {
    ...inner,
    async open(more) {
      const log = await inner.open(more);
      // eslint-disable-next-line @typescript-eslint/no-empty-function -- nothing was before
      const before = { ...emptyLog(log), async *readRange() {} };
      const grown = incarnationLog(log, { number, base }, { log: before, end: base });
      inners.set(grown, log);
      return grown;
    },
    sever: (log) => inner.sever(innerOf(log)),
    stall: (log) => inner.stall(innerOf(log)),
    loseNextAnswer: (log, outcome) => inner.loseNextAnswer?.(innerOf(log), outcome),
    ...(inner.holdNextCommit === undefined
      ? {}
      : {
          holdNextCommit: (log: RecordLog, until: Promise<void>) =>
            inner.holdNextCommit?.(innerOf(log), until) ?? until,
        }),
    truncate: (topic, partition, offset) => inner.truncate(`${topic}.2`, partition, offset - base),
    setCommitted: (group, topic, partition, offset) =>
      inner.setCommitted(group, `${topic}.2`, partition, Math.max(-1, offset - base)),
  };
}

recordLogContract('grown', grownHarness);

describe('what was before', () => {
  let harness: Harness;
  let first: RecordLog;
  let grown: RecordLog;
  const topic = 'events';

  const read = async (range: Range): Promise<LoggedRecord[]> => {
    const records: LoggedRecord[] = [];
    for await (const batch of grown.readRange(range)) records.push(...batch);
    return records;
  };

  beforeAll(async () => {
    harness = await makePostgresHarness({ partitionCount: 2 });
    first = await harness.open();
    await first.createTopics([topic]);
    await first.append(numbered(topic, keyOn(first, 1), 3));
    const before = earlierLog(
      () => harness.open(),
      { number: 1, partitionCount: 2, base: 0 },
      first.partitionOf.bind(first),
      undefined,
    );
    grown = incarnationLog(await harness.open({ partitionCount: 3 }), { number, base }, { log: before, end: base });
    await grown.createTopics([topic]);
  });
  afterAll(async () => {
    await grown.close();
    await first.close();
    await harness.close();
  });

  test('is read in its own partitions, at its own offsets', async () => {
    await grown.append(numbered(topic, keyOn(grown, 1), 2, 10));
    const old = await read({ topic, partition: 1, from: 1, to: 3 });
    expect(valuesOf(old)).toEqual(['1', '2']);
    expect(old).toMatchObject([
      { topic, partition: 1, offset: 1 },
      { topic, partition: 1, offset: 2 },
    ]);
    const now = await read({ topic, partition: 1, from: base });
    expect(now).toMatchObject([
      { topic, partition: 1, offset: base },
      { topic, partition: 1, offset: base + 1 },
    ]);
    expect(await grown.before?.log.ends(topic)).toEqual(await first.ends(topic));
  });

  test('is never read on over the base', async () => {
    await expectCode(read({ topic, partition: 1, from: 0 }), 'log.offset-out-of-range');
    await expectCode(read({ topic, partition: 1, from: 0, to: base + 1 }), 'log.offset-out-of-range');
  });
});
