/**
 * A consumer: a member of a group, and an owner for each partition that it was given.
 *
 * Owns the membership, the owners, and connections of its own (a join holds its connection until the
 * whole group has joined; those of its transactions are several, since a broker answers the requests
 * of one connection one after the other).
 *
 * 1. Before the member joins (again) every owner is held. An owner goes on after the join only when
 *    the same member is given the same partition in the very next generation; else nobody knows who
 *    had it in between, and it begins anew with a fence.
 * 2. An owner that was fenced is never fenced again in place: the member leaves and joins as a new
 *    one, so that it is the coordinator who says whose the partition is.
 * 3. Whatever ends the consumer: its owners are lost first, then it leaves, then its connections close.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { dispositionOf, OperatingError } from '#runtime/errors.ts';
import type { Consumer, ConsumeOptions, OutgoingRecord } from '../../record-log.ts';
import type { KafkaClient, KafkaLogger } from './client.ts';
import { isOwnershipGone, isPassing, KafkaFailure } from './failure.ts';
import { GroupMember, type Membership } from './group-member.ts';
import { createOffsetCommits, type OwnedOffset } from './offsets.ts';
import { PartitionFetcher } from './partition-fetcher.ts';
import { PartitionOwner } from './partition-owner.ts';
import { repeating } from './repeating.ts';
import type { KafkaSeam } from './seam.ts';
import type { KafkaTimings } from './timings.ts';
import { TransactionalProducer, type PlacedRecord } from './transactional-producer.ts';

const rejoinPauseFirstMs = 100;
const rejoinPauseMaxMs = 10_000;
const missedHeartbeatPauseMs = 250;
const stalledPauseMs = 20;

/** What a consumer is made of. */
export interface ConsumerContext {
  readonly consume: ConsumeOptions;
  /** For this consumer alone. */
  readonly client: KafkaClient;
  /** For its transactions alone: at least one when it has any. */
  readonly producerClients: readonly KafkaClient[];
  /** Of the log: leaving goes over it, for the consumer's own connection may be held by a join. */
  readonly sharedClient: KafkaClient;
  readonly groupId: string;
  /** Name of this member that outlives the process; null when it has none. */
  readonly instanceId: string | null;
  /** The broker's name of the topic. */
  readonly name: string;
  readonly partitions: readonly number[];
  readonly transactionalIdOf: (partition: number) => string;
  readonly place: (record: OutgoingRecord) => PlacedRecord;
  readonly timings: KafkaTimings;
  readonly seam: KafkaSeam;
  readonly logger?: KafkaLogger;
}

/** Why the member must join again. */
interface Rejoin {
  readonly at: number;
  /** Whether it must come as a new member. */
  readonly leave: boolean;
}

export class KafkaConsumer implements Consumer {
  readonly finished: Promise<void>;
  /** Resolves when the owners of the first join began or ended. */
  readonly firstRound: Promise<unknown>;
  readonly #context: ConsumerContext;
  readonly #member: GroupMember;
  readonly #fetcher: PartitionFetcher;
  readonly #commitOffset: (offset: OwnedOffset) => Promise<void>;
  readonly #owners = new Map<number, PartitionOwner>();
  readonly #declined = new Set<number>();
  readonly #stopping = new AbortController();
  readonly #firstRound = Promise.withResolvers<undefined>();
  readonly #stopped: Promise<undefined>;
  #starting = 0;
  #failure: { readonly error: unknown } | undefined;
  #rejoin: Rejoin | undefined;
  #rejoinPauseMs = 0;
  #woken = Promise.withResolvers<undefined>();

  constructor(context: ConsumerContext) {
    this.#context = context;
    const { client, consume, groupId, instanceId, name, partitions, timings, logger } = context;
    this.#member = new GroupMember(client, { groupId, instanceId, topic: name, partitions, ...timings });
    this.#commitOffset = createOffsetCommits(client, {
      groupId,
      topic: name,
      membership: () => this.#member.membership,
      timeoutMs: timings.transactionTimeoutMs,
      repeatsUnanswered: !consume.transactional,
    });
    this.#fetcher = new PartitionFetcher(client, {
      topic: consume.topic,
      name,
      targets: () => this.#owners.values(),
      starting: () => this.#starting > 0,
      signal: this.#stopping.signal,
      ...(consume.patienceMs === undefined ? {} : { patienceMs: consume.patienceMs }),
      ...(logger === undefined ? {} : { logger }),
    });
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#stopping.signal.addEventListener('abort', () => resolve(undefined));
    this.#stopped = promise;
    this.firstRound = this.#firstRound.promise;
    this.finished = this.#run();
  }

  owned(): readonly number[] {
    return [...this.#owners.values()].filter((owner) => !owner.isLost()).map(({ partition }) => partition);
  }

  /** Whether it ended, or is about to, with an error. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.finished.catch(() => undefined);
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isEnding()) {
        await this.#join();
        await this.#stay();
        if (!this.#isEnding()) await this.#holdAll(this.#context.timings.rebalanceTimeoutMs * 0.8);
      }
    } catch (caught) {
      this.#failure ??= { error: caught };
    }
    await this.#end();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #end(): Promise<void> {
    await this.#holdAll(this.#context.timings.stopTimeoutMs);
    this.#endAll();
    this.#stopping.abort();
    if (this.#context.seam.heartbeatsStopped !== true) await this.#member.leave(this.#context.sharedClient);
    await Promise.all([this.#context.client, ...this.#context.producerClients].map((client) => client.close()));
    this.#firstRound.resolve(undefined);
  }

  #isEnding(): boolean {
    return this.#stopping.signal.aborted || this.#failure !== undefined;
  }

  /** Joins until it is a member, and gives the owners what follows from it. */
  async #join(): Promise<void> {
    const rejoin = this.#rejoin;
    this.#rejoin = undefined;
    if (rejoin?.leave === true) {
      this.#endAll();
      await this.#refuseIfReplaced();
      await this.#member.leave(this.#context.sharedClient);
    }
    // Not of the attempt: one that failed halfway through may have made a generation of its own.
    const before = this.#member.membership;
    for (let pauseMs = rejoinPauseFirstMs; !this.#isEnding(); pauseMs = Math.min(pauseMs * 2, rejoinPauseMaxMs)) {
      const claims = { owned: this.owned(), declined: [...this.#declined] };
      try {
        const joined = await Promise.race([this.#member.join(claims), this.#stopped]);
        if (joined === undefined) return;
        const continues = joined.memberId === before.memberId && joined.generationId === before.generationId + 1;
        if (!continues) this.#endAll();
        this.#settle(joined);
        return;
      } catch (caught) {
        await this.#afterFailedJoin(caught);
      }
      await Promise.race([sleep(pauseMs), this.#stopped]);
    }
  }

  async #afterFailedJoin(caught: unknown): Promise<void> {
    this.#context.logger?.debug('a join is repeated', { error: caught, group: this.#context.groupId });
    refuseReplaced(caught);
    if (isOwnershipGone(caught)) {
      this.#endAll();
      if ((caught as KafkaFailure).type !== 'REBALANCE_IN_PROGRESS') this.#member.forget();
      return;
    }
    if (isPassing(caught)) return this.#context.client.reconsider(caught);
    throw caught instanceof KafkaFailure ? new OperatingError('config.invalid', caught.message, caught) : caught;
  }

  /** Ends, keeps and begins owners so that they are those of the membership. */
  #settle({ partitions }: Membership): void {
    const { logger, groupId } = this.#context;
    logger?.debug('joined a group', { group: groupId, count: partitions.length });
    for (const [partition, owner] of this.#owners) {
      if (partitions.includes(partition) && !owner.isLost()) continue;
      owner.end();
      this.#owners.delete(partition);
    }
    const starts: Promise<void>[] = [];
    for (const partition of partitions) {
      const kept = this.#owners.get(partition);
      if (kept !== undefined) kept.release();
      else starts.push(this.#begin(partition));
    }
    void Promise.all(starts).then(() => this.#firstRound.resolve(undefined));
    this.#fetcher.kick();
  }

  async #begin(partition: number): Promise<void> {
    const { client, producerClients, consume, groupId, name, place, seam, timings, transactionalIdOf } = this.#context;
    const producerClient = producerClients[partition % producerClients.length];
    const producer =
      producerClient === undefined
        ? undefined
        : new TransactionalProducer(producerClient, transactionalIdOf(partition), timings, seam);
    const owner = new PartitionOwner({
      ...{ client, consume, groupId, name, partition, place, producer, seam, timings },
      membership: () => this.#member.membership,
      commitOffset: this.#commitOffset,
      wanting: () => this.#fetcher.kick(),
      committed: () => {
        this.#rejoinPauseMs = 0;
        this.#declined.delete(partition);
      },
      over: (over, error) => this.#over(over, error),
    });
    this.#owners.set(partition, owner);
    this.#starting += 1;
    await owner.start();
    this.#starting -= 1;
  }

  /** An owner ended by itself: join again for it, or end with its error. */
  #over(owner: PartitionOwner, error: unknown): void {
    const { logger, groupId, consume } = this.#context;
    if (dispositionOf(error) !== 'yield') {
      this.#failure ??= { error };
      this.#wake();
      return;
    }
    const { partition } = owner;
    logger?.warn('a partition was given up', { error, group: groupId, topic: consume.topic, partition });
    const code = error instanceof OperatingError ? error.code : undefined;
    const byLog = code === 'log.fenced' || code === 'log.outcome-unknown';
    if (!byLog) this.#declined.add(owner.partition);
    const at = Date.now() + this.#rejoinPauseMs;
    // Those that ended together are one failure.
    if (this.#rejoin === undefined)
      this.#rejoinPauseMs = Math.min(this.#rejoinPauseMs * 2 + rejoinPauseFirstMs, rejoinPauseMaxMs);
    const leave = code === 'log.fenced' || this.#rejoin?.leave === true;
    this.#rejoin = { at: Math.min(at, this.#rejoin?.at ?? at), leave };
    this.#wake();
  }

  /** Sends heartbeats until the member must join again or the consumer ends. */
  async #stay(): Promise<void> {
    const { client, seam, timings } = this.#context;
    let answeredAt = Date.now();
    let pauseMs = timings.heartbeatIntervalMs;
    while (!this.#isEnding()) {
      await this.#sleepUntilWoken(Math.min(pauseMs, (this.#rejoin?.at ?? Infinity) - Date.now()));
      if (this.#isEnding()) return;
      if (seam.heartbeatsStopped === true) {
        answeredAt = Date.now();
        await sleep(stalledPauseMs);
        continue;
      }
      if (this.#rejoin !== undefined && this.#rejoin.at <= Date.now()) return;
      try {
        await this.#member.heartbeat();
        answeredAt = Date.now();
        pauseMs = timings.heartbeatIntervalMs;
      } catch (caught) {
        if (caught instanceof KafkaFailure && caught.type === 'REBALANCE_IN_PROGRESS') return;
        refuseReplaced(caught);
        if (isPassing(caught) && Date.now() - answeredAt < timings.sessionTimeoutMs) {
          await client.reconsider(caught);
          pauseMs = Math.min(missedHeartbeatPauseMs, timings.heartbeatIntervalMs);
          continue;
        }
        // Out of the group, or silent for so long that it must be.
        this.#endAll();
        // Silent: who was replaced meanwhile is told so when it joins by the id that it had.
        if (!isPassing(caught)) this.#member.forget();
        return;
      }
    }
  }

  /** Who lost a partition to another of its name is told so by a heartbeat alone: requests with offsets say no name. */
  async #refuseIfReplaced(): Promise<void> {
    const { client, instanceId, timings } = this.#context;
    if (instanceId === null || this.#member.membership.memberId === '') return;
    const deadline = Date.now() + timings.requestTimeoutMs;
    await repeating(client, { deadline }, () => this.#member.heartbeat()).catch(refuseReplaced);
  }

  async #holdAll(timeoutMs: number): Promise<void> {
    await Promise.all([...this.#owners.values()].map((owner) => owner.hold(timeoutMs)));
  }

  #endAll(): void {
    for (const owner of this.#owners.values()) owner.end();
    this.#owners.clear();
  }

  #wake(): void {
    this.#woken.resolve(undefined);
  }

  async #sleepUntilWoken(ms: number): Promise<void> {
    const timer = new AbortController();
    const slept = sleep(Math.max(ms, 0), undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([slept, this.#woken.promise]);
    timer.abort();
    this.#woken = Promise.withResolvers<undefined>();
  }
}

/** Whoever was replaced by a process of the same name must not take the place back: they would do so for ever. */
function refuseReplaced(caught: unknown): void {
  if (caught instanceof KafkaFailure && caught.type === 'FENCED_INSTANCE_ID') {
    throw new OperatingError(
      'config.invalid',
      'a later process has the same KAFKA_INSTANCE_ID and took the place',
      caught,
    );
  }
}
