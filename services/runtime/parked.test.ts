// Goal: what is set aside is named exactly and comes back as it was. Method: the simulated log.
import { beforeEach, expect, test } from 'vitest';

import { parkedTopicOf, topics } from '#schemas/topics.ts';

import { type SimulatedLog, simulateLog } from './log/adapters/simulated/simulated-log.ts';
import type { LoggedRecord, OutgoingRecord, RecordLog, RecordPosition } from './log/record-log.ts';
import { parkedOf, redrive } from './parked.ts';
import { recordOf } from './records.ts';

let simulated: SimulatedLog;
let log: RecordLog;

beforeEach(async () => {
  simulated = simulateLog({ seed: 1, partitionCount: 2 });
  log = simulated.open();
  await log.createTopics([topics.events, parkedTopicOf(topics.events)]);
});

const garbage = (text: string, key = 'c_1'): OutgoingRecord => ({
  topic: topics.events,
  key,
  value: Buffer.from(text),
  headers: { ce_tenant: 'demo', ce_id: text },
});

const append = async (record: OutgoingRecord): Promise<RecordPosition> => {
  const [position] = await log.append([record]);
  if (position === undefined) throw new Error('nothing was appended');
  return position;
};

const recordsOf = async (key: string): Promise<LoggedRecord[]> => {
  const records: LoggedRecord[] = [];
  for await (const batch of log.readRange({ topic: topics.events, partition: log.partitionOf(key), from: 0 }))
    records.push(...batch);
  return records;
};

test('a parked record is put back at the end with its key, bytes and headers, and no other is', async () => {
  await append(garbage('before'));
  const position = await append(garbage('parked'));
  await append(garbage('after'));
  const back = await redrive(log, position);
  const [, parked, after, redriven, ...rest] = await recordsOf('c_1');
  expect(rest).toEqual([]);
  expect(redriven).toEqual({ ...parked, ...back, timestamp: redriven?.timestamp });
  expect(back).toMatchObject({ topic: topics.events, partition: position.partition });
  expect(back.offset).toBeGreaterThan(after?.offset ?? Infinity);
});

test('a record whose reference was read back from the parked topic is put back from it', async () => {
  await append(garbage('parked'));
  const [logged] = await recordsOf('c_1');
  if (logged === undefined) throw new Error('nothing is on the log');
  const reference = parkedOf(logged, 'record.undecodable');
  expect(parkedOf(logged, 'record.undecodable')).toEqual(reference);
  const { partition, offset } = await append(reference);
  const parked = recordOf({ ...reference, value: Buffer.from(reference.value), partition, offset, timestamp: 0 });
  if (parked.type !== 'record.parked') throw new Error(`it is a ${parked.type}`);
  expect(parked).toMatchObject({ tenant: 'demo', actor: 'c_1', reason: 'record.undecodable' });
  await redrive(log, parked);
  expect((await recordsOf('c_1')).map(({ value }) => value.toString())).toEqual(['parked', 'parked']);
});

test('a record that was never there, or is there no more, is not put back, nor is the one after it', async () => {
  const position = await append(garbage('gone'));
  await append(garbage('after'));
  await expect(redrive(log, { ...position, offset: 1_000 })).rejects.toMatchObject({ code: 'log.unavailable' });
  simulated.faults.truncate(topics.events, position.partition, position.offset + 1);
  await expect(redrive(log, position)).rejects.toMatchObject({ code: 'log.unavailable' });
  expect((await recordsOf('c_1')).map(({ value }) => value.toString())).toEqual(['after']);
});
