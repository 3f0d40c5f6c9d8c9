/**
 * What the handles of a simulated log share, as processes share a broker: partitions, groups, faults.
 *
 * Owns all of the log's state. Invariants:
 * S1 A cursor has one owner in its group. Who is given it fences: that raises the epoch and aborts what
 *    earlier owners left open. Between being given it and fencing, an earlier owner can still commit.
 * S2 A commit takes effect only under the newest epoch, and in one step that nothing can come between.
 */
import { setImmediate as immediate } from 'node:timers/promises';

import { OperatingError } from '../../../errors.ts';
import { fairShares } from '../../fair-share.ts';
import { chanceOf, type Chance } from './chance.ts';
import type { LoggedRecord } from '../../record-log.ts';
import type { SimulatedConsumer } from './simulated-consumer.ts';
import { SimulatedPartition, type Transaction } from './simulated-partition.ts';

/** Where a group is on a partition. */
export interface Cursor {
  readonly partition: SimulatedPartition;
  committed: number | null;
  epoch: number;
  owner: SimulatedConsumer | undefined;
  /** What its owners have begun and not ended. */
  readonly open: Set<Transaction>;
}

/** A group on a topic. */
export interface Group {
  readonly cursors: readonly Cursor[];
  readonly members: SimulatedConsumer[];
}

/** How the next commit is to go wrong. */
export type CommitFault = 'fail' | 'unknown-applied' | 'unknown-lost';

/** Where a process waits for the log: a request is on its way, an answer is, or it waits by itself. */
export type LogPoint =
  | 'ask call'
  | 'ask fence'
  | 'ask offset'
  | 'ask fetch'
  | 'ask write'
  | 'ask commit'
  | 'answer call'
  | 'answer commit'
  | 'wait back-off'
  | 'wait leave';

/** Waits at a point. May throw `log.unavailable`, except where it answers a commit. */
export type Pace = (point: LogPoint) => Promise<void>;

/** What can be switched off, so that tests can show what it protects from. */
export type LogProtection = 'fence' | 're-read';

/** A commit that took effect. */
export interface SimulatedCommit {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** Committed offset before and after. */
  readonly before: number;
  readonly nextOffset: number;
  readonly outputs: readonly LoggedRecord[];
}

/** What is the same for all of a log. */
export interface ClusterOptions {
  readonly seed: number;
  readonly now: () => number;
  readonly without?: LogProtection | undefined;
  /** Told of every commit that takes effect, in that order, at once. */
  readonly committed?: ((commit: SimulatedCommit) => void) | undefined;
}

/** Turns of the event loop in place of back-off times. */
const backOffTurns = 5;

/** The broker. */
export class SimulatedCluster {
  readonly chance: Chance;
  readonly now: () => number;
  readonly without: LogProtection | undefined;
  readonly committed: (commit: SimulatedCommit) => void;
  readonly commitFaults: CommitFault[] = [];
  unavailable = false;
  readonly #topics = new Map<string, readonly SimulatedPartition[]>();
  readonly #groups = new Map<string, Group>();
  #busy = 0;

  constructor({ seed, now, without, committed }: ClusterOptions) {
    this.chance = chanceOf(seed);
    this.now = now;
    this.without = without;
    this.committed = committed ?? (() => undefined);
  }

  /** Creates a topic, or refuses one with another partition count. */
  createTopic(name: string, partitionCount: number): void {
    const existing = this.#topics.get(name)?.length ?? partitionCount;
    if (existing !== partitionCount)
      throw new OperatingError('config.invalid', `The topic ${name} has ${existing} partitions.`);
    if (!this.#topics.has(name))
      this.#topics.set(
        name,
        Array.from({ length: partitionCount }, (_, partition) => new SimulatedPartition(name, partition)),
      );
  }

  /** Partitions of a topic. */
  topic(name: string): readonly SimulatedPartition[] {
    const partitions = this.#topics.get(name);
    if (partitions === undefined) throw new OperatingError('config.invalid', `The topic ${name} does not exist.`);
    return partitions;
  }

  /** One partition. */
  partition(topic: string, partition: number): SimulatedPartition {
    const found = this.topic(topic)[partition];
    if (found === undefined) throw new RangeError(`no partition ${partition} in ${topic}`);
    return found;
  }

  /** A group on a topic; made when it is new. */
  group(name: string, topic: string): Group {
    const id = `${name}/${topic}`;
    let group = this.#groups.get(id);
    if (group === undefined) {
      const cursors = this.topic(topic).map((partition): Cursor => ({
        partition,
        committed: null,
        epoch: 0,
        owner: undefined,
        open: new Set(),
      }));
      group = { cursors, members: [] };
      this.#groups.set(id, group);
    }
    return group;
  }

  /** Cursor of a group on one partition. */
  cursor(group: string, topic: string, partition: number): Cursor {
    const cursor = this.group(group, topic).cursors[partition];
    if (cursor === undefined) throw new RangeError(`no partition ${partition} in ${topic}`);
    return cursor;
  }

  /** Wakes everyone who reads the topic. */
  announce(topic: string): void {
    for (const group of this.#groups.values()) for (const member of group.members) member.recordsCame(topic);
  }

  /** Ends a transaction and wakes the readers of what it wrote. */
  endTransaction(transaction: Transaction, outcome: 'committed' | 'aborted'): void {
    for (const { topic } of transaction.end(outcome)) this.announce(topic);
  }

  /** Puts shares right: asks for what is too much, hands out what is free. */
  rebalance(group: Group): void {
    const shares = group.members.map((member) => ({
      consumer: member,
      member: member.name,
      owned: group.cursors.filter(({ owner }) => owner === member).length,
    }));
    if (shares.length === 0) return;
    const fair = fairShares(shares, group.cursors.length);
    for (const { consumer, member } of shares) {
      const share = fair.get(member) ?? 0;
      const own = group.cursors.filter(({ owner }) => owner === consumer);
      for (const cursor of own.slice(share)) consumer.giveBack(cursor);
      for (const cursor of group.cursors.filter(({ owner }) => owner === undefined).slice(0, share - own.length))
        this.#hand(cursor, consumer);
    }
  }

  /** Takes a partition from whoever has it, without a word; the group hands it out again. */
  free(group: Group, cursor: Cursor): void {
    cursor.owner = undefined;
    this.rebalance(group);
  }

  /** Shuts earlier owners out (S1); returns the epoch of whoever does it. */
  fence(cursor: Cursor): number {
    cursor.epoch += 1;
    if (this.without !== 'fence') for (const transaction of cursor.open) this.endTransaction(transaction, 'aborted');
    return cursor.epoch;
  }

  /** Whether an epoch may still write. */
  mayWrite(cursor: Cursor, epoch: number): boolean {
    return cursor.epoch === epoch || this.without === 'fence';
  }

  /** A consumer is gone, or believed to be. */
  remove(group: Group, consumer: SimulatedConsumer): void {
    const at = group.members.indexOf(consumer);
    if (at >= 0) group.members.splice(at, 1);
    for (const cursor of group.cursors) if (cursor.owner === consumer) cursor.owner = undefined;
    this.rebalance(group);
  }

  #hand(cursor: Cursor, consumer: SimulatedConsumer): void {
    cursor.owner = consumer;
    consumer.take(cursor);
  }

  /** The pace of processes that have none of their own: some turns of the event loop. */
  readonly turns: Pace = async (point) => {
    const turns = point === 'wait back-off' ? backOffTurns : 1 + this.chance.below(3);
    for (let turn = 0; turn < turns; turn += 1) await immediate();
  };

  /** Counts `work` as something that `settled` waits for. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#busy += 1;
    try {
      return await work();
    } finally {
      this.#busy -= 1;
    }
  }

  /** Resolves when nothing has been going on for some turns: all that can be consumed is. */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 8; quiet += 1) {
      await immediate();
      if (this.#busy > 0) quiet = 0;
    }
  }

  /** Throws when the log is made unavailable. */
  refuseUnavailable(): void {
    if (this.unavailable) throw new OperatingError('log.unavailable');
  }
}
