/**
 * What a run left behind, as plain data: what was asked of the system, and what independent observers
 * saw of it. `checker.ts` judges it. Runs against real processes (`recorder.ts`) and simulated ones
 * (`simulation/`) make the same histories.
 *
 * "In order" below is the order in which the observer saw things, never that of a clock.
 */

type MainTopic = 'events' | 'effects' | 'timers' | 'replies' | 'audit';

/** Topics by role, whatever they are called on a broker. */
export type TopicRole = MainTopic | `parked ${MainTopic}`;

/** Where a record is. */
export interface Place {
  readonly topic: TopicRole;
  readonly partition: number;
  readonly offset: number;
}

/** A committed record of the log, as read after the run by a client that shares no code with our adapters. */
export interface SeenRecord extends Place {
  /** `message.received`, … */
  readonly type: string;
  readonly actor: string;
  readonly eventId: string;
  readonly causationId: string | null;
  /** Written in the transaction of a slice: the only kind that may be on the log once only. */
  readonly transactional: boolean;
  /** By the clock of the process that wrote it, epoch milliseconds. */
  readonly occurredAt?: number;
  /** Identity of a message from outside: the `message` of an `Input`. */
  readonly message?: string;
  /** Words of a message or a reply. */
  readonly text?: string;
  readonly timerId?: string;
  /** Of a timer that is cancelled or fired; that of one that is set is its event id. */
  readonly generation?: string;
  /** Of an effect that is requested, cancelled or completed. */
  readonly effectId?: string;
  /** Of an audit record. */
  readonly action?: string;
  /** Of a message: that there is a file to be fetched. */
  readonly hasFile?: true;
  /** Of what became of a file: its message's event id. */
  readonly messageEventId?: string;
  readonly fileId?: string;
  /** Of a file that was not kept: why. */
  readonly reason?: string;
  /** Of a file that was kept: what it was found to be when it was read. */
  readonly file?: 'as it was sent' | 'other bytes' | 'not there';
  /** A merged conversation's copy of a record. */
  readonly forwarded?: true;
  /** Of a merge that is asked for: the elder. */
  readonly into?: string;
}

/** An event that the tenant's endpoint was told of. */
export interface Post {
  /** The same at every attempt. */
  readonly id: string;
  readonly type: string;
  readonly eventId: string;
}

/** A message that was given to the system. */
export interface Input {
  readonly message: string;
  /** Whether it was answered for: then nothing may lose it. */
  readonly acknowledged: boolean;
}

/** What one reader saw of one partition between joining and leaving, in order, while faults were about. */
export interface Reading {
  readonly reader: string;
  readonly records: readonly (Place & { readonly eventId: string })[];
}

/** How far a consumer group came when the run was over. */
export interface Position {
  readonly group: string;
  readonly topic: TopicRole;
  readonly partition: number;
  /** Null when it never committed. */
  readonly committed: number | null;
  /** Offset before which every record was decided. */
  readonly end: number;
}

/**
 * A look at what is stored, in order: the newest offset of an actor's snapshots, or anything else that
 * may not go back. An era ends where a fault took rows away; only within one is going back an anomaly.
 */
export interface StoredOffset {
  readonly era: number;
  /** Whose. */
  readonly of: string;
  readonly nextOffset: number;
}

/** An actor as it is stored, and as the fold of its records from the first makes it; as comparable texts. */
export interface ActorState {
  readonly actor: string;
  readonly stored: string;
  readonly folded: string;
}

/** What the sender has of a reply. */
export interface DeliveryRow {
  /** Event id of the reply. */
  readonly id: string;
  readonly status: string;
  /** Id that the provider is given. */
  readonly clientMessageId: string;
  /** Its outcome is shown as not known. */
  readonly flagged: boolean;
}

/** A message at the provider. */
export interface Arrival {
  readonly clientMessageId: string;
  /** Calls that brought it. */
  readonly calls: number;
}

/** A whole run. */
export interface History {
  readonly inputs: readonly Input[];
  readonly log: readonly SeenRecord[];
  readonly readings: readonly Reading[];
  readonly positions: readonly Position[];
  readonly stored: readonly StoredOffset[];
  readonly states: readonly ActorState[];
  /** Undefined when no sender took part. */
  readonly deliveries?: readonly DeliveryRow[];
  readonly arrivals?: readonly Arrival[];
  /** Undefined when files are not fetched and nobody is told. */
  readonly posts?: readonly Post[];
  /** Calls in flight when a sender was killed or gave up: each may be made again, or end as not known. */
  readonly repeatsAllowed: number;
}

/** Nothing happened; to build on. */
export const emptyHistory: History = {
  inputs: [],
  log: [],
  readings: [],
  positions: [],
  stored: [],
  states: [],
  repeatsAllowed: 0,
};
