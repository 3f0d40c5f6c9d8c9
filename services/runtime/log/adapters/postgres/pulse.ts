/**
 * The one heart of a handle: renews the leases of all its consumers and polls the ends of all their
 * partitions, with one query each, however many consumers there are; and hears at once of what other
 * handles of this process on the same log append.
 *
 * Owns: its two timers, the time of the last renewal, the ends and generations last seen.
 * Does not own: who has which partition (consumer.ts).
 */
import type { Database } from '../../../database/database.ts';
import { renewLeases } from './group-store.ts';
import type { PostgresLogInternals } from './internals.ts';
import type { Head } from './record-store.ts';

/** What the pulse tells. All are called often and must be cheap. */
export interface PulseListener {
  readonly group: string;
  readonly topic: string;
  readonly member: () => string;
  /** Records were appended to a partition of the topic. */
  headMoved(partition: number, nextOffset: number): void;
  /** Members or owners of the group changed. */
  groupChanged(generation: number | undefined): void;
  /** The member's lease ran out, or may have: nothing is owned any more. */
  expelled(): void;
}

/** What a pulse works with. */
export interface PulseOptions {
  readonly database: Database;
  /** Handles of this process with the same identity wake one another. */
  readonly identity: string;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly internals: PostgresLogInternals;
}

/** Handles of this process, by the log that they are on. */
const pulsesByLog = new Map<string, Set<Pulse>>();

const headsText = `
  SELECT NULL AS consumer_group, topic, partition, next_offset AS reached FROM log.partitions WHERE topic = ANY ($1::text[])
  UNION ALL
  SELECT consumer_group, topic, NULL, generation FROM log.groups WHERE topic = ANY ($1::text[])`;

interface HeadRow {
  readonly consumer_group: string | null;
  readonly topic: string;
  readonly partition: number | null;
  readonly reached: string;
}

/** The heart of one handle; beats while it has listeners. */
export class Pulse {
  readonly #options: PulseOptions;
  readonly #listeners = new Set<PulseListener>();
  #renewedAt = 0;
  #beating = false;
  #leaseTimer: NodeJS.Timeout | undefined;
  #pollTimer: NodeJS.Timeout | undefined;

  constructor(options: PulseOptions) {
    this.#options = options;
  }

  /** A lease was taken by joining (performance.now() before it was asked for). */
  leaseBegan(at: number): void {
    this.#renewedAt = Math.max(this.#renewedAt, at);
  }

  /** A consumer that has joined. */
  add(listener: PulseListener): void {
    this.#listeners.add(listener);
    if (this.#beating) return;
    this.#beating = true;
    const { identity } = this.#options;
    pulsesByLog.set(identity, (pulsesByLog.get(identity) ?? new Set()).add(this));
    this.#scheduleLease();
    this.#schedulePoll();
  }

  /** A consumer that left. */
  remove(listener: PulseListener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0) this.stop();
  }

  /** Ends both timers. Idempotent. */
  stop(): void {
    this.#beating = false;
    clearTimeout(this.#leaseTimer);
    clearTimeout(this.#pollTimer);
    const { identity } = this.#options;
    const pulses = pulsesByLog.get(identity);
    pulses?.delete(this);
    if (pulses?.size === 0) pulsesByLog.delete(identity);
  }

  /** Tells every handle of this process about new ends, so that none has to wait for its poll. */
  announceHeads(heads: readonly Head[]): void {
    for (const pulse of this.#neighbours()) for (const head of heads) pulse.#headMoved(head);
  }

  /** Tells every handle of this process that a group changed. */
  announceGroup(group: string, topic: string): void {
    for (const pulse of this.#neighbours())
      for (const listener of pulse.#listeners)
        if (listener.group === group && listener.topic === topic) listener.groupChanged(undefined);
  }

  /** True while the lease is sure to be valid, by this process' clock. */
  isLeaseSure(): boolean {
    const { leaseMs, internals } = this.#options;
    return internals.coordinationPaused() || performance.now() - this.#renewedAt < leaseMs;
  }

  #neighbours(): readonly Pulse[] {
    return [...(pulsesByLog.get(this.#options.identity) ?? [])];
  }

  #headMoved({ topic, partition, nextOffset }: Head): void {
    for (const listener of this.#listeners) if (listener.topic === topic) listener.headMoved(partition, nextOffset);
  }

  #scheduleLease(): void {
    // A third: two renewals may fail before the lease is gone.
    this.#leaseTimer = setTimeout(() => void this.#renew(), this.#options.leaseMs / 3);
  }

  async #renew(): Promise<void> {
    const { database, leaseMs, internals } = this.#options;
    if (!internals.coordinationPaused()) {
      const startedAt = performance.now();
      const listeners = [...this.#listeners];
      try {
        const members = listeners.map((listener) => listener.member());
        const renewed = await database.transaction([], (sql) => renewLeases(sql, members, leaseMs));
        this.#renewedAt = startedAt;
        listeners.forEach((listener, index) => {
          // A consumer that rejoined meanwhile has another member name, and a lease of its own.
          const member = members[index];
          if (member !== undefined && listener.member() === member && !renewed.has(member)) listener.expelled();
        });
      } catch {
        // Not renewed: whether that matters is decided below, by the time that has passed.
        if (!this.isLeaseSure()) for (const listener of this.#listeners) listener.expelled();
      }
    }
    if (this.#beating) this.#scheduleLease();
  }

  #schedulePoll(): void {
    this.#pollTimer = setTimeout(() => void this.#poll(), this.#options.pollMs);
  }

  async #poll(): Promise<void> {
    const { database, internals } = this.#options;
    if (!internals.coordinationPaused()) {
      try {
        const topics = [...new Set([...this.#listeners].map(({ topic }) => topic))];
        const { rows } = await database.transaction([], (sql) => sql.query<HeadRow>(headsText, [topics]));
        for (const row of rows) this.#polled(row);
      } catch {
        // Postgres is away; the next poll tells more, and the lease decides what is lost.
      }
    }
    if (this.#beating) this.#schedulePoll();
  }

  #polled({ consumer_group, topic, partition, reached }: HeadRow): void {
    if (partition !== null) {
      this.#headMoved({ topic, partition, nextOffset: Number(reached) });
      return;
    }
    for (const listener of this.#listeners)
      if (listener.group === consumer_group && listener.topic === topic) listener.groupChanged(Number(reached));
  }
}
