/**
 * Fair share of the actor hosts: how many records of a tenant wait for them. A tenant over its bound is
 * told to come again, so that a burst of one tenant makes the others wait no longer than the bound takes
 * to be worked off. Owns the positions of what this process appended and the hosts have not done.
 *
 * F1 It is counted, not estimated: positions of appended records against the group's committed offsets.
 * F2 What counts against a tenant is its own; what others have waiting refuses nobody else.
 * F3 When the log cannot be asked the last answer stands: nobody is let in on a guess.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { OperatingError } from '#runtime/errors.ts';
import type { RecordLog, RecordPosition } from '#runtime/log/record-log.ts';
import { topics } from '#schemas/topics.ts';

/** The group whose backlog is bounded. */
const group = 'conversation';

/** Between two looks at what the hosts have done. */
const lookMs = 500;

/** Below this share of the bound nobody looks: it could refuse nothing. */
const looksFrom = 0.5;

/** What a tenant has waiting. */
interface Backlog {
  /** Offsets by partition, in order. */
  readonly waiting: Map<number, number[]>;
  records: number;
  /** Admitted and not appended yet. */
  entering: number;
}

/** Lets webhooks of tenants in. */
export class Admission {
  readonly #log: Pick<RecordLog, 'lag'>;
  readonly #recordsMax: number;
  readonly #backlogs = new Map<string, Backlog>();
  #looking: Promise<void> | undefined;
  #closed = false;

  /** `recordsMax`: most records of a tenant that wait; what a body holds beyond it is let in whole. */
  constructor(log: Pick<RecordLog, 'lag'>, recordsMax: number) {
    this.#log = log;
    this.#recordsMax = recordsMax;
  }

  /** Records of a tenant that wait, as far as this process knows. */
  waiting(tenant: string): number {
    return this.#backlogs.get(tenant)?.records ?? 0;
  }

  /** Lets one body in; false when its tenant has to wait. `leave` must follow when it was let in. */
  enter(tenant: string): boolean {
    const backlog = this.#backlogOf(tenant);
    if (backlog.records + backlog.entering >= this.#recordsMax) return false;
    backlog.entering += 1;
    return true;
  }

  /** The body that was let in is over. */
  leave(tenant: string): void {
    const backlog = this.#backlogs.get(tenant);
    if (backlog === undefined) return;
    backlog.entering -= 1;
    this.#forgetEmpty(tenant, backlog);
  }

  /** Counts what was appended for a tenant, also after `leave`: a caller may hang up meanwhile. */
  appended(tenant: string, positions: readonly RecordPosition[]): void {
    const backlog = this.#backlogOf(tenant);
    for (const { topic, partition, offset } of positions) {
      if (topic !== topics.events) continue;
      const offsets = backlog.waiting.get(partition);
      if (offsets === undefined) backlog.waiting.set(partition, [offset]);
      else offsets.push(offset);
      backlog.records += 1;
    }
    if (this.#isWorthALook(backlog)) this.#looking ??= this.#look();
  }

  /** Looks no more. Idempotent. */
  close(): void {
    this.#closed = true;
  }

  #backlogOf(tenant: string): Backlog {
    let backlog = this.#backlogs.get(tenant);
    if (backlog === undefined) {
      backlog = { waiting: new Map(), records: 0, entering: 0 };
      this.#backlogs.set(tenant, backlog);
    }
    return backlog;
  }

  #isWorthALook({ records }: Backlog): boolean {
    return records >= this.#recordsMax * looksFrom;
  }

  async #look(): Promise<void> {
    while (!this.#closed && [...this.#backlogs.values()].some((backlog) => this.#isWorthALook(backlog))) {
      try {
        this.#settle(new Map((await this.#log.lag(group, topics.events)).map((lag) => [lag.partition, lag.committed])));
      } catch (caught) {
        if (!(caught instanceof OperatingError)) throw caught;
      }
      await sleep(lookMs, undefined, { ref: false });
    }
    this.#looking = undefined;
  }

  /** Forgets what the hosts have done. */
  #settle(committed: ReadonlyMap<number, number | null>): void {
    for (const [tenant, backlog] of this.#backlogs) {
      for (const [partition, offsets] of backlog.waiting) {
        const done = committed.get(partition) ?? 0;
        // Appends of one partition may be acknowledged out of order.
        const left = offsets.filter((offset) => offset >= done);
        backlog.records -= offsets.length - left.length;
        if (left.length > 0) backlog.waiting.set(partition, left);
        else backlog.waiting.delete(partition);
      }
      this.#forgetEmpty(tenant, backlog);
    }
  }

  #forgetEmpty(tenant: string, { records, entering }: Backlog): void {
    if (records === 0 && entering === 0) this.#backlogs.delete(tenant);
  }
}
