/** What the cases of the `RecordLog` contract share: the harness they run on, and small probes. */
import { setTimeout as sleep } from 'node:timers/promises';

import { expect } from 'vitest';

import { OperatingError } from '#runtime/errors.ts';
import type {
  Assignment,
  Consumer,
  ConsumeOptions,
  LoggedRecord,
  OutgoingRecord,
  RecordLog,
  Slice,
} from '#runtime/log/record-log.ts';

/** What a harness is asked for. */
export interface HarnessOptions {
  readonly partitionCount: number;
}

/** One log that several handles, as of different processes, are opened on. */
export interface Harness {
  /** Longest time that anything which must happen may take here: a take-over after a crash, a rebalance. */
  readonly patienceMs: number;
  /** Opens another handle, as another process would. */
  open(options?: Partial<HarnessOptions>): Promise<RecordLog>;
  /** The handle's process is gone: no leave, no commit, connections cut. Its promises may reject or stay pending. */
  sever(log: RecordLog): Promise<void>;
  /**
   * The handle's process stops answering the group (as after SIGSTOP) long enough to lose its
   * partitions, notices nothing, and then may still send: a zombie.
   */
  stall(log: RecordLog): Promise<void>;
  /** Behind the log's back: deletes the records before `offset`. */
  truncate(topic: string, partition: number, offset: number): Promise<void>;
  /** Behind the log's back: sets the committed offset of a group without members. */
  setCommitted(group: string, topic: string, partition: number, offset: number): Promise<void>;
  /** The next commit of the handle takes effect or not, and its answer is lost. Absent when it cannot be staged. */
  loseNextAnswer?(log: RecordLog, outcome: 'applied' | 'lost'): void;
  /**
   * The next commit of the handle stops when its outputs are written and nothing is decided, and goes on
   * when `until` is passed; resolves when it is there. Absent when it cannot be staged.
   */
  holdNextCommit?(log: RecordLog, until: Promise<void>): Promise<void>;
  /** Closes every handle and the log. */
  close(): Promise<void>;
}

/** One promise and how to check it. */
export interface ContractCase {
  readonly name: string;
  /** The optional part of the harness without which this case is passed over. */
  readonly needs?: 'loseNextAnswer' | 'holdNextCommit';
  readonly run: (context: CaseContext) => Promise<void>;
}

/** What a case works with; everything opened through it is closed after the case. */
export interface CaseContext {
  readonly harness: Harness;
  readonly open: (options?: Partial<HarnessOptions>) => Promise<RecordLog>;
  /** A fresh topic, created. */
  readonly topic: (log: RecordLog) => Promise<string>;
  /** A fresh group name. */
  readonly group: () => string;
  /** Repeats the probe until it does not throw; gives up with its error after the harness' patience. */
  readonly eventually: <T>(probe: () => T | Promise<T>) => Promise<T>;
  readonly sever: (log: RecordLog) => Promise<void>;
  readonly closeAll: () => Promise<void>;
}

let serial = 0;
const run = Math.random().toString(36).slice(2, 8);
const freshName = (kind: string): string => {
  serial += 1;
  return `contract.${kind}-${run}-${serial}`;
};

/** Makes the context of one case. */
export function openContext(harness: Harness): CaseContext {
  const logs = new Set<RecordLog>();
  return {
    harness,
    async open(options) {
      const log = await harness.open(options);
      logs.add(log);
      return log;
    },
    async topic(log) {
      const name = freshName('topic');
      await log.createTopics([name]);
      return name;
    },
    group: () => freshName('group'),
    eventually: (probe) => eventually(probe, harness.patienceMs),
    async sever(log) {
      logs.delete(log);
      await harness.sever(log);
    },
    async closeAll() {
      await Promise.all([...logs].map((log) => log.close()));
    },
  };
}

async function eventually<T>(probe: () => T | Promise<T>, patienceMs: number): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      return await probe();
    } catch (caught) {
      if (performance.now() > deadline) throw caught;
    }
    await sleep(20);
  }
}

/** A record for tests. */
export const record = (topic: string, key: string, value: string): OutgoingRecord => ({
  topic,
  key,
  value: Buffer.from(value),
  headers: {},
});

/** `count` records of one key, values 0, 1, 2, … */
export const numbered = (topic: string, key: string, count: number, from = 0): OutgoingRecord[] =>
  Array.from({ length: count }, (_, index) => record(topic, key, String(from + index)));

/** A key that falls on the partition. */
export function keyOn(log: RecordLog, partition: number, salt = ''): string {
  for (let index = 0; ; index += 1) {
    const key = `key${salt}-${index}`;
    if (log.partitionOf(key) === partition) return key;
  }
}

/** Values of records, as text. */
export const valuesOf = (records: readonly LoggedRecord[]): string[] =>
  records.map((logged) => logged.value.toString());

/** All committed records of one partition, or of all. */
export async function readAll(log: RecordLog, topic: string, partition?: number): Promise<LoggedRecord[]> {
  const partitions = partition === undefined ? Array.from({ length: log.partitionCount }, (_, p) => p) : [partition];
  const records: LoggedRecord[] = [];
  for (const each of partitions)
    for await (const batch of log.readRange({ topic, partition: each, from: await startOf(log, topic, each) }))
      records.push(...batch);
  return records;
}

/** Where a partition starts. */
export async function startOf(log: RecordLog, topic: string, partition: number): Promise<number> {
  return (await log.ends(topic)).find((end) => end.partition === partition)?.start ?? Number.NaN;
}

/** Asserts that the promise rejects with an operating error of that code. */
export async function expectCode(promise: Promise<unknown>, code: OperatingError['code']): Promise<void> {
  const caught: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(caught, `expected ${code}`).toBeInstanceOf(OperatingError);
  expect(caught).toMatchObject({ code });
}

/** Asserts that the consumer is refused with that code, when joining or after. */
export async function expectRefused(
  log: RecordLog,
  options: ConsumeOptions,
  code: OperatingError['code'],
): Promise<void> {
  await expectCode(
    log.consume(options).then((consumer) => consumer.finished),
    code,
  );
}

/** Options of consumption with what cases seldom vary filled in. */
export const reading = (
  options: Partial<ConsumeOptions> & Pick<ConsumeOptions, 'group' | 'topic'>,
): ConsumeOptions => ({
  transactional: true,
  sliceRecordsMax: 100,
  sliceBytesMax: 4 * 1024 * 1024,
  assigned: (assignment) => Promise.resolve({ process: (slice: Slice) => assignment.commit([], slice.nextOffset) }),
  ...options,
});

/** A consumer together with all it was given. */
export interface Follower {
  readonly consumer: Consumer;
  readonly assignments: readonly Assignment[];
  readonly slices: readonly Slice[];
  /** Records of all slices, in the order given. */
  records(): LoggedRecord[];
}

/** How a follower works; by default it commits every slice, without outputs. */
export type OnSlice = (slice: Slice, assignment: Assignment) => Promise<void>;

const commitSlice: OnSlice = (slice, assignment) => assignment.commit([], slice.nextOffset);

/** Consumes and keeps what it sees. */
export async function follow(
  log: RecordLog,
  options: Partial<ConsumeOptions> & Pick<ConsumeOptions, 'group' | 'topic'>,
  onSlice: OnSlice = commitSlice,
): Promise<Follower> {
  const assignments: Assignment[] = [];
  const slices: Slice[] = [];
  const consumer = await log.consume(
    reading({
      ...options,
      assigned: (assignment) => {
        assignments.push(assignment);
        return Promise.resolve({
          process: (slice: Slice) => {
            slices.push(slice);
            return onSlice(slice, assignment);
          },
        });
      },
    }),
  );
  // A case that expects it awaits `finished` itself; elsewhere the cause shows where records are missed.
  let failure: { readonly error: unknown } | undefined;
  consumer.finished.catch((error: unknown) => (failure = { error }));
  return {
    consumer,
    assignments,
    slices,
    records() {
      if (failure !== undefined) throw new Error('the consumer stopped', { cause: failure.error });
      return slices.flatMap((slice) => slice.records);
    },
  };
}

/** Processing that copies every record to `target`, in one transaction with the offset. */
export const copyingTo =
  (target: string): OnSlice =>
  (slice, assignment) =>
    assignment.commit(
      slice.records.map(({ key, value, headers }) => ({ topic: target, key, value, headers })),
      slice.nextOffset,
    );

/** A promise with its resolver outside: holds a worker at a point until the case lets it go. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return { passed: promise, open: () => resolve(undefined) };
}

/** Asserts that the group has read everything, markers too. */
export async function expectNoLag(log: RecordLog, group: string, topic: string): Promise<void> {
  const lags = await log.lag(group, topic);
  expect(lags.map(({ lag }) => lag)).toEqual(lags.map(() => 0));
}
