/**
 * One member of one group: takes its fair share of the partitions, feeds their workers, and gives
 * partitions back when others need them or it stops.
 *
 *   joining ──▶ running ──▶ stopping ──▶ stopped
 *                  └── a worker's error that is not `retry` or `yield` ──▶ stopping
 *
 * Owns: the member's name, the holdings, the rounds in which the share is put right.
 * Does not own: leases and ends of partitions (pulse.ts), commits (holding.ts).
 *
 * Invariants:
 * C1 One round at a time; whatever changes meanwhile makes another one follow.
 * C2 A partition is held only after its cursor was taken, which fenced the earlier owner.
 * C3 A member that was expelled drops everything before it joins again under a new name.
 */
import { randomUUID } from 'node:crypto';

import type { Database } from '../../../database/database.ts';
import { dispositionOf, OperatingError } from '../../../errors.ts';
import { fairShares } from '../../fair-share.ts';
import type { Consumer, ConsumeOptions } from '../../record-log.ts';
import type { Logger } from '../../../logger.ts';
import type { CursorMove } from './cursor-mover.ts';
import {
  join,
  leave,
  release,
  takeCursors,
  viewGroup,
  type CursorView,
  type GroupView,
  type TakenCursor,
} from './group-store.ts';
import { Holding, type HoldingEnd } from './holding.ts';
import type { PostgresLogInternals } from './internals.ts';
import { asLog } from './log-errors.ts';
import type { Pulse, PulseListener } from './pulse.ts';
import type { RecentRecords } from './recent-records.ts';
import { refuseOutOfRange, type WrittenStretch } from './record-store.ts';
import { Slots } from './slots.ts';

/** Slices of one consumer in process at once; each needs a connection while it reads or commits. */
const slicesAtOnceMax = 4;

/** Time for which a member does not take back a partition that its worker yielded: another may do better. */
const yieldBackOffMs = 1_000;

/** Time until a round that could not finish is tried again. */
const roundBackOffMs = 100;

/** What a consumer works with. */
export interface ConsumerOptions {
  readonly consume: ConsumeOptions;
  readonly database: Database;
  readonly client: string;
  readonly leaseMs: number;
  readonly partitionOf: (key: string) => number;
  readonly pulse: Pulse;
  readonly recent: RecentRecords;
  readonly written: (stretches: readonly WrittenStretch[]) => void;
  readonly moveCursor: (move: CursorMove) => Promise<boolean>;
  readonly internals: PostgresLogInternals;
  readonly logger: Logger | undefined;
}

/** A member of a group. */
export class PostgresConsumer implements Consumer, PulseListener {
  readonly group: string;
  readonly topic: string;
  readonly finished: Promise<void>;
  readonly #options: ConsumerOptions;
  readonly #slots = new Slots(slicesAtOnceMax);
  readonly #holdings = new Map<number, { readonly holding: Holding; readonly ended: Promise<void> }>();
  /** Partitions that this member leaves alone until then (performance.now()). */
  readonly #shunnedUntil = new Map<number, number>();
  /** Offsets as read before any take-over; used only with the re-read taken out. */
  readonly #firstSeen = new Map<number, number | null>();
  readonly #finish = Promise.withResolvers<undefined>();
  #member = randomUUID();
  #state: 'joining' | 'running' | 'stopping' | 'stopped' = 'joining';
  #expelled = false;
  #generation = -1;
  #round: Promise<void> | undefined;
  #roundWanted = false;
  #roundTimer: NodeJS.Timeout | undefined;
  #roundDueAt = Infinity;
  #ending: Promise<void> | undefined;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.group = options.consume.group;
    this.topic = options.consume.topic;
    this.finished = this.#finish.promise;
  }

  /** Joins and makes the first round; rejects when either fails. */
  async start(): Promise<void> {
    await this.#join();
    this.#options.pulse.add(this);
    try {
      await this.#putRight();
    } catch (caught) {
      this.finished.catch(() => undefined);
      await this.#end(caught);
      throw caught;
    }
    if (this.#state === 'joining') this.#state = 'running';
    if (this.#roundWanted) this.#wantRound();
  }

  readonly member = (): string => this.#member;

  owned(): readonly number[] {
    return [...this.#holdings.values()]
      .filter(({ holding }) => !holding.lost.aborted)
      .map(({ holding }) => holding.partition)
      .sort((a, b) => a - b);
  }

  stop(): Promise<void> {
    return this.#end(undefined);
  }

  headMoved(partition: number, nextOffset: number): void {
    this.#holdings.get(partition)?.holding.headMoved(nextOffset);
  }

  groupChanged(generation: number | undefined): void {
    if (generation === undefined || generation > this.#generation) this.#wantRound();
  }

  expelled(): void {
    this.#expelled = true;
    for (const { holding } of this.#holdings.values()) holding.lose();
    this.#wantRound();
  }

  /** True until this begins to stop. */
  get #live(): boolean {
    return this.#state === 'joining' || this.#state === 'running';
  }

  #wantRound(): void {
    this.#roundWanted = true;
    // While joining the first round is under way; the next one follows it.
    if (this.#state === 'running') this.#round ??= this.#makeRounds();
  }

  #wantRoundIn(delayMs: number): void {
    const dueAt = performance.now() + delayMs;
    if (dueAt >= this.#roundDueAt || !this.#live) return;
    clearTimeout(this.#roundTimer);
    this.#roundDueAt = dueAt;
    this.#roundTimer = setTimeout(() => {
      this.#roundDueAt = Infinity;
      this.#wantRound();
    }, delayMs);
  }

  async #makeRounds(): Promise<void> {
    while (this.#roundWanted && this.#state === 'running') {
      this.#roundWanted = false;
      if (this.#options.internals.coordinationPaused()) continue;
      try {
        await this.#putRight();
      } catch (caught) {
        if (dispositionOf(caught) === 'retry') this.#wantRoundIn(roundBackOffMs);
        else void this.#end(caught);
      }
    }
    this.#round = undefined;
  }

  /** One round: what is no longer ours is dropped, what is too much given back, what is missing taken. */
  async #putRight(): Promise<void> {
    if (this.#expelled) await this.#rejoin();
    const view = await asLog(() => this.#options.database.transaction([], (sql) => viewGroup(sql, this)));
    this.#generation = view.generation;
    for (const { partition, committedOffset } of view.cursors)
      if (!this.#firstSeen.has(partition)) this.#firstSeen.set(partition, committedOffset);
    if (!view.members.includes(this.#member)) {
      this.expelled();
      return;
    }
    this.#dropForeign(view);
    const share = fairShares(sharesOf(view), view.cursors.length).get(this.#member) ?? 0;
    const kept = [...this.#holdings.values()].filter(({ holding }) => holding.active);
    for (const { holding } of kept.slice(share)) holding.drain();
    if (kept.length < share) await this.#take(this.#freeOf(view), share - kept.length);
  }

  async #rejoin(): Promise<void> {
    // Slices still in process can write nothing; their partitions are not taken before they are over.
    this.#member = randomUUID();
    await this.#join();
    this.#expelled = false;
    this.#options.logger?.info('consumer joined again', { group: this.group, topic: this.topic });
  }

  async #join(): Promise<void> {
    const { database, client, leaseMs, pulse } = this.#options;
    const joinedAt = performance.now();
    await asLog(() => database.transaction([], (sql) => join(sql, this, { id: this.#member, client, leaseMs })));
    pulse.leaseBegan(joinedAt);
    pulse.announceGroup(this.group, this.topic);
  }

  /** Another took a partition that this member thought its own. */
  #dropForeign(view: GroupView): void {
    for (const { partition, owner } of view.cursors)
      if (owner !== this.#member) this.#holdings.get(partition)?.holding.lose();
  }

  /** Partitions that nobody has: given back, left by one who is gone, or lost by this member itself. */
  #freeOf(view: GroupView): readonly CursorView[] {
    const members = new Set(view.members);
    const now = performance.now();
    const free = view.cursors.filter(
      ({ partition, owner }) =>
        !this.#holdings.has(partition) && (owner === null || owner === this.#member || !members.has(owner)),
    );
    const shunnedFor = ({ partition }: CursorView): number => (this.#shunnedUntil.get(partition) ?? 0) - now;
    for (const cursor of free) if (shunnedFor(cursor) > 0) this.#wantRoundIn(shunnedFor(cursor) + 1);
    return free.filter((cursor) => shunnedFor(cursor) <= 0);
  }

  async #take(free: readonly CursorView[], countMax: number): Promise<void> {
    const wanted = free.slice(0, countMax);
    if (wanted.length === 0) return;
    const { database, pulse } = this.#options;
    const taken = await asLog(() => database.transaction([], (sql) => takeCursors(sql, this, this.#member, wanted)));
    // Those left out are in the hands of a commit or of a quicker member.
    if (taken.length < wanted.length) this.#wantRoundIn(roundBackOffMs);
    if (taken.length > 0) pulse.announceGroup(this.group, this.topic);
    for (const cursor of taken) this.#hold(cursor);
  }

  #hold(taken: TakenCursor): void {
    if (!this.#live) return;
    const { consume, database, partitionOf, internals, pulse, recent, written, moveCursor } = this.#options;
    const startOffset = this.#startOffsetOf(taken);
    const holding = new Holding(
      {
        consume,
        database,
        partitionOf,
        slots: this.#slots,
        internals,
        isLeaseSure: () => pulse.isLeaseSure(),
        recent,
        written,
        moveCursor,
      },
      taken,
      startOffset,
    );
    const ended = this.#runHolding(holding);
    this.#holdings.set(taken.partition, { holding, ended });
  }

  #startOffsetOf(taken: TakenCursor): number {
    const { internals } = this.#options;
    const where = `Group ${this.group} on ${this.topic}/${taken.partition}`;
    const before = internals.rereadAfterFence ? undefined : this.#firstSeen.get(taken.partition);
    const offset = before ?? taken.committedOffset;
    if (offset === null) throw new OperatingError('log.offset-missing', `${where}; create the group first.`);
    refuseOutOfRange(offset, taken, where);
    return offset;
  }

  /** Runs a holding to its end and gives its partition back. Never rejects. */
  async #runHolding(holding: Holding): Promise<void> {
    // Let the caller put the holding into the map before anything can take it out.
    await Promise.resolve();
    let end: HoldingEnd = 'lost';
    let failure: { readonly error: unknown } | undefined;
    try {
      end = await holding.run();
    } catch (caught) {
      failure = { error: caught };
    }
    holding.lose();
    if (end === 'yielded') this.#shunnedUntil.set(holding.partition, performance.now() + yieldBackOffMs);
    // What was lost is another's, or is taken again by its own newer epoch; the rest is given back.
    if (end !== 'lost' && this.#live) await this.#giveBack(holding);
    this.#holdings.delete(holding.partition);
    if (failure === undefined) this.#wantRound();
    else void this.#end(failure.error);
  }

  async #giveBack(holding: Holding): Promise<void> {
    const { database, pulse } = this.#options;
    try {
      await database.transaction([], (sql) => release(sql, this, holding.partition, holding.epoch));
      pulse.announceGroup(this.group, this.topic);
    } catch {
      // Still ours by the table: the next round takes it under a new epoch, or gives it back.
    }
  }

  /** Stops for good: with an error at once, otherwise after the slices in process. */
  #end(error: unknown): Promise<void> {
    this.#ending ??= this.#endOnce(error);
    return this.#ending;
  }

  async #endOnce(error: unknown): Promise<void> {
    const { database, pulse, logger } = this.#options;
    this.#state = 'stopping';
    clearTimeout(this.#roundTimer);
    await this.#round;
    const running = [...this.#holdings.values()];
    for (const { holding } of running) {
      holding.drain();
      if (error !== undefined) holding.lose();
    }
    await Promise.all(running.map(({ ended }) => ended));
    pulse.remove(this);
    try {
      await database.transaction([], (sql) => leave(sql, this, this.#member));
    } catch {
      // The lease runs out instead.
      logger?.warn('consumer could not leave its group', { group: this.group, topic: this.topic });
    }
    pulse.announceGroup(this.group, this.topic);
    this.#state = 'stopped';
    if (error === undefined) this.#finish.resolve(undefined);
    else this.#finish.reject(error instanceof Error ? error : new Error('A worker threw no error.', { cause: error }));
  }
}

/** How many partitions each member owns. */
function sharesOf(view: GroupView): { member: string; owned: number }[] {
  return view.members.map((member) => ({
    member,
    owned: view.cursors.filter(({ owner }) => owner === member).length,
  }));
}
