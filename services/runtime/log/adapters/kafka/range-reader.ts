/** Reading a range of a partition, outside of any group. */
import { setTimeout as sleep } from 'node:timers/promises';
import { OperatingError } from '#runtime/errors.ts';
import type { LoggedRecord, Range } from '../../record-log.ts';
import type { KafkaClient } from './client.ts';
import { committedOf, type Fetched } from './committed-records.ts';
import { errorType, KafkaFailure } from './failure.ts';
import { askRepeatedly, endsOf } from './offsets.ts';

const fetchBytesMax = 1024 * 1024;
const waitMs = 100;
const idlePauseMs = 10;

/** What a reader works with. */
export interface RangeReaderOptions {
  readonly client: KafkaClient;
  /** The broker's name of the topic. */
  readonly name: string;
  /** Longest time to go on without getting any further. */
  readonly timeoutMs: number;
}

/** As `RecordLog.readRange`. Throws `log.unavailable` when it gets no further within its time. */
export async function* readRange(range: Range, options: RangeReaderOptions): AsyncGenerator<readonly LoggedRecord[]> {
  const { client, name, timeoutMs } = options;
  const { partition } = range;
  const [ends] = await askRepeatedly(client, { deadline: Date.now() + timeoutMs }, () =>
    endsOf(client, name, [partition]),
  );
  if (ends === undefined) throw new OperatingError('log.unavailable', `${range.topic}/${partition}`);
  const to = Math.min(range.to ?? ends.stableEnd, ends.stableEnd);
  let position = Math.max(range.from, ends.start);
  let deadline = Date.now() + timeoutMs;
  while (position < to) {
    const from = position;
    const fetched = await askRepeatedly(client, { deadline }, () => fetchOnce(range, options, from));
    const records = fetched.records.filter(({ offset }) => offset < to);
    position = fetched.nextOffset;
    if (records.length > 0) yield records;
    if (position > from) {
      // Counted from here, not from before the caller had the batch for as long as it liked.
      deadline = Date.now() + timeoutMs;
    } else {
      if (Date.now() > deadline) throw new OperatingError('log.unavailable', `${range.topic}/${partition} at ${from}.`);
      await sleep(idlePauseMs);
    }
  }
}

async function fetchOnce(range: Range, { client, name }: RangeReaderOptions, from: number): Promise<Fetched> {
  const { partition, topic } = range;
  const answer = await client.sendUnchecked(await client.leaderOf(name, partition), 'Fetch', {
    isolationLevel: 1,
    maxWaitTime: waitMs,
    minBytes: 1,
    maxBytes: fetchBytesMax,
    topics: [{ topic: name, partitions: [{ partition, fetchOffset: from, maxBytes: fetchBytesMax }] }],
  });
  const part = answer.responses[0]?.partitions[0];
  const code = part === undefined ? answer.errorCode : part.errorCode;
  if (code !== 0 || part === undefined) throw new KafkaFailure(errorType(code), `Fetch ${topic}/${partition}`);
  return committedOf(topic, from, part);
}
