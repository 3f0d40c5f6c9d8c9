/** What the benches ask of a peer: something that holds conversations, with a worker that can be killed. */
import type { Scope, Stage } from '../stage.ts';
import type { ConversationState } from './conversation.ts';

/** The process that does the work. */
export interface Worker {
  readonly pid: number;
  /** kill -9. */
  kill(): Promise<void>;
  /** Asks it to end. Idempotent. */
  stop(): Promise<void>;
}

/** Message number `n`, from 0, of a conversation. */
export interface Message {
  readonly conversation: number;
  readonly n: number;
}

/** Messages that wait on a log while nobody works. */
export interface Backlog {
  /** Appends them; resolves when they are durable. */
  fill(messages: readonly Message[]): Promise<void>;
  /** Of all messages so far, how many are done, by what the worker committed. */
  done(): Promise<number>;
  /** Resolves when the replies to all messages so far were read and found right; throws when they were not. */
  settled(): Promise<void>;
}

/** A peer that is set up and serves; nobody works yet. Everything it started ends with its scope. */
export interface Peer {
  /** Absent: the peer has no log that can be filled beforehand. */
  readonly backlog?: Backlog;
  /** Starts the worker, or starts it again where the last one was killed; resolves when it works. */
  startWorker(): Promise<Worker>;
  /** Makes people number 0 to `count - 1` known, where that is no part of their first message. */
  meet(count: number): Promise<void>;
  /** Says a message; resolves with its reply, once that is durable. The next of a conversation comes after. */
  say(message: Message): Promise<string>;
  /** States of the first `count` conversations; undefined when the peer keeps none. */
  states(count: number): Promise<readonly ConversationState[] | undefined>;
  /** Gives its database the statistics that it would have by itself within a minute, for what is there now. */
  warm?(): Promise<void>;
  /** Makes `count` conversations that have greeted, faster than by greeting. */
  seed?(count: number): Promise<void>;
}

/** A kind of peer. */
export interface PeerKind {
  readonly name: string;
  readonly title: string;
  /** What a reader of its numbers has to know. */
  readonly note: string;
  /** False: what it does on recovery, or as it grows, says nothing, as it keeps no state. */
  readonly keepsState: boolean;
  /** Parts of the machine that are its own, besides the worker: see `accounting.ts`. */
  readonly servers: readonly ServerName[];
  /** Sets it up. Throws when it cannot be had here. */
  open(stage: Stage, scope: Scope): Promise<Peer>;
}

/** Servers that peers use. */
export type ServerName = 'Kafka' | 'Postgres' | 'Redis' | 'Restate server';

/** Partitions of every topic. */
export const partitionCount = 6;
/** After this time without a sign of life a worker is taken for dead, by all that have such a setting. */
export const detectionMs = 6_000;
