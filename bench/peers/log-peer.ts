/** A peer whose messages and replies are records of a log, ours or one that it shares with us. */
import type { LoggedRecord, OutgoingRecord, RecordLog } from '#runtime/log/record-log.ts';

import type { Scope } from '../stage.ts';
import { type ConversationState, replyTo } from './conversation.ts';
import type { Message, Peer, Worker } from './peer.ts';

const recordsPerAppend = 500;
const lookIntervalMs = 20;
const sliceBytesMax = 1_048_576;
/** Without any further reply for this long, those that are missing will not come. */
const patienceMs = 60_000;

/** What differs from peer to peer. */
export interface LogPeerOptions {
  readonly log: RecordLog;
  /** The worker's consumer group. */
  readonly group: string;
  readonly inputTopic: string;
  readonly replyTopic: string;
  keyOf(conversation: number): string;
  recordOf(message: Message): Promise<OutgoingRecord>;
  /** Texts of records of the reply topic, null for those that are no replies; undefined: the peer writes no texts, only their number and order count. */
  readonly textsOf: ((records: readonly LoggedRecord[]) => Promise<readonly (string | null)[]>) | undefined;
  startWorker(): Promise<Worker>;
  meet(count: number): Promise<void>;
  states(count: number): Promise<readonly ConversationState[] | undefined>;
  seed?(count: number): Promise<void>;
}

/** A message whose reply has not been read. */
interface Awaited {
  readonly n: number;
  readonly replied?: (text: string) => void;
}

/** Makes the peer. */
export function logPeer(scope: Scope, options: LogPeerOptions): Peer {
  const { log, group, inputTopic } = options;
  const replies = new ReplyReader(scope, options);
  let said = 0;
  return {
    startWorker: () => options.startWorker(),
    meet: (count) => options.meet(count),
    states: (count) => options.states(count),
    ...(options.seed === undefined ? {} : { seed: (count) => options.seed?.(count) ?? Promise.resolve() }),
    async say(message) {
      await replies.listen();
      const reply = replies.next(message);
      said += 1;
      await log.append([await options.recordOf(message)]);
      return reply;
    },
    backlog: {
      async fill(messages) {
        for (let from = 0; from < messages.length; from += recordsPerAppend) {
          const batch = messages.slice(from, from + recordsPerAppend);
          for (const message of batch) replies.expect(message);
          await log.append(await Promise.all(batch.map((message) => options.recordOf(message))));
          said += batch.length;
        }
      },
      async done() {
        const lags = await log.lag(group, inputTopic);
        return said - lags.reduce((sum, { lag }) => sum + lag, 0);
      },
      async settled() {
        await replies.listen();
        await replies.settled();
      },
    },
  };
}

/** Reads replies and gives each to the message it answers: those of a conversation come in order, each once. */
class ReplyReader {
  readonly #scope: Scope;
  readonly #options: LogPeerOptions;
  /** By key. */
  readonly #awaited = new Map<string, Awaited[]>();
  #missing = 0;
  #readAt = performance.now();
  #listening: Promise<void> | undefined;
  #wrong: string | undefined;

  constructor(scope: Scope, options: LogPeerOptions) {
    this.#scope = scope;
    this.#options = options;
  }

  /** Resolves with the reply to a message that is about to be said. */
  next(message: Message): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.expect(message, resolve);
    return promise;
  }

  expect({ conversation, n }: Message, replied?: (text: string) => void): void {
    const key = this.#options.keyOf(conversation);
    const awaited = this.#awaited.get(key) ?? [];
    if (awaited.length === 0) this.#awaited.set(key, awaited);
    awaited.push({ n, ...(replied === undefined ? {} : { replied }) });
    this.#missing += 1;
  }

  /** Reads from now on, from the beginning of the topic. Idempotent. */
  listen(): Promise<void> {
    this.#listening ??= this.#listen();
    return this.#listening;
  }

  async #listen(): Promise<void> {
    const { log, replyTopic } = this.#options;
    await log.createGroup('reader', replyTopic);
    const consumer = await log.consume({
      group: 'reader',
      topic: replyTopic,
      transactional: false,
      sliceRecordsMax: recordsPerAppend,
      sliceBytesMax,
      assigned: (assignment) =>
        Promise.resolve({
          process: async ({ records, nextOffset }) => {
            await this.#take(records);
            await assignment.commit([], nextOffset);
          },
        }),
    });
    consumer.finished.catch((caught: unknown) => (this.#wrong ??= String(caught)));
    this.#scope.defer(() => consumer.stop());
  }

  async #take(records: readonly LoggedRecord[]): Promise<void> {
    const texts = await this.#options.textsOf?.(records);
    this.#readAt = performance.now();
    records.forEach(({ key }, i) => {
      const text = texts?.[i];
      if (text !== null) this.#match(key, text);
    });
  }

  #match(key: string, text: string | undefined): void {
    const awaited = this.#awaited.get(key);
    const first = awaited?.shift();
    if (awaited?.length === 0) this.#awaited.delete(key);
    if (first === undefined) {
      this.#wrong ??= 'a reply came that nothing had asked for, or twice';
      return;
    }
    this.#missing -= 1;
    const wanted = replyTo(first.n);
    if (first.replied !== undefined) first.replied(text ?? wanted);
    else if (text !== undefined && text !== wanted)
      this.#wrong ??= `message ${first.n} had the reply ${text.slice(0, 60)}`;
  }

  async settled(): Promise<void> {
    this.#readAt = performance.now();
    while (this.#missing > 0 && this.#wrong === undefined) {
      if (performance.now() - this.#readAt > patienceMs) throw new Error(`${this.#missing} replies did not come`);
      await new Promise((resolve) => setTimeout(resolve, lookIntervalMs));
    }
    if (this.#wrong !== undefined) throw new Error(this.#wrong);
  }
}
