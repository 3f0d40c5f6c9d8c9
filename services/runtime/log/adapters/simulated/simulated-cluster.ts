/**
 * What the handles of a simulated log share, as processes share a broker: partitions, groups, faults.
 *
 * Owns all of the log's state. Invariants:
 * S1 A cursor has one owner; taking it raises its epoch and aborts what the earlier owner left open.
 * S2 A commit takes effect only under the newest epoch, and in one step that nothing can come between.
 */
import { setImmediate as immediate } from 'node:timers/promises';

import { OperatingError } from '../../../errors.ts';
import { fairShares } from '../../fair-share.ts';
import { chanceOf, type Chance } from './chance.ts';
import type { SimulatedConsumer } from './simulated-consumer.ts';
import { SimulatedPartition, type Transaction } from './simulated-partition.ts';

/** Where a group is on a partition. */
export interface Cursor {
  readonly partition: SimulatedPartition;
  committed: number | null;
  epoch: number;
  owner: SimulatedConsumer | undefined;
  /** What the owner has begun and not ended. */
  open: Transaction | undefined;
}

/** A group on a topic. */
export interface Group {
  readonly cursors: readonly Cursor[];
  readonly members: SimulatedConsumer[];
}

/** How the next commit is to go wrong. */
export type CommitFault = 'fail' | 'unknown-applied' | 'unknown-lost';

/** The broker. */
export class SimulatedCluster {
  readonly chance: Chance;
  readonly now: () => number;
  readonly commitFaults: CommitFault[] = [];
  unavailable = false;
  readonly #topics = new Map<string, readonly SimulatedPartition[]>();
  readonly #groups = new Map<string, Group>();
  #busy = 0;

  constructor(seed: number, now: () => number) {
    this.chance = chanceOf(seed);
    this.now = now;
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
        open: undefined,
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
    this.#fence(cursor);
    this.rebalance(group);
  }

  /** A consumer is gone, or believed to be. */
  remove(group: Group, consumer: SimulatedConsumer): void {
    const at = group.members.indexOf(consumer);
    if (at >= 0) group.members.splice(at, 1);
    for (const cursor of group.cursors) if (cursor.owner === consumer) this.#fence(cursor);
    this.rebalance(group);
  }

  #hand(cursor: Cursor, consumer: SimulatedConsumer): void {
    this.#fence(cursor);
    cursor.owner = consumer;
    consumer.take(cursor);
  }

  #fence(cursor: Cursor): void {
    cursor.owner = undefined;
    cursor.epoch += 1;
    if (cursor.open !== undefined) this.endTransaction(cursor.open, 'aborted');
    cursor.open = undefined;
  }

  /** Lets others go on: the simulated time that anything takes. */
  async elapse(): Promise<void> {
    for (let turns = this.chance.below(3); turns >= 0; turns -= 1) await immediate();
  }

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
