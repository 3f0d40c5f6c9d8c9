/**
 * What actors told each other, as the log has it: each such record is with whoever was told, on any partition.
 *
 * Owns what it read. All partitions are read at once for the actors of as many partitions as `recordsMax` allows,
 * and again when a replay comes to the others.
 */
import { topics } from '#schemas/topics.ts';
import { isForwarded } from '#runtime/actor/merge.ts';
import { stretchesOf } from '#runtime/log/incarnation.ts';
import type { LoggedRecord } from '#runtime/log/record-log.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { batches, decoded, isCut } from './log-batches.ts';
import { type RecordedActor, type RecordedOutput, recordedOutput } from './recorded.ts';

/** A few hundred bytes each. */
const recordsMaxDefault = 200_000;
const toldTypes: ReadonlySet<string | undefined> = new Set(['prosa.actor.told', 'prosa.conversation.merged']);

interface Told {
  readonly output: RecordedOutput;
  /** Who told it; undefined for what was forwarded, which does not say so. */
  readonly from: string | undefined;
}

/** What is read for. */
export interface ToldWanted {
  readonly tenant: string;
  /** The only actor whose words are wanted; undefined: everybody's. */
  readonly only: string | undefined;
  /** Most records that are held at once, unless one partition's actors told more. */
  readonly recordsMax?: number;
}

/** What the actors of a tenant told others. */
export class ToldOnLog {
  readonly #ports: Pick<Runtime, 'log' | 'vault'>;
  readonly #wanted: ToldWanted;
  readonly #told = new Map<string, Told>();
  readonly #byActor = new Map<string, string[]>();
  /** Partitions whose actors' words are at hand: from the first, to before the last. */
  #covered = { from: 0, to: 0 };

  constructor(ports: Pick<Runtime, 'log' | 'vault'>, wanted: ToldWanted) {
    this.#ports = ports;
    this.#wanted = wanted;
  }

  /** Sees to it that what the actors of a partition told is at hand; `read` is awaited for every batch. Throws `log.unavailable`, `vault.unavailable`, `record.unknown-type`. */
  async cover(partition: number, read: (records: number) => Promise<void>): Promise<void> {
    if (partition >= this.#covered.from && partition < this.#covered.to) return;
    const { log } = this.#ports;
    this.#covered = { from: partition, to: log.partitionCount };
    this.#told.clear();
    for (let each = 0; each < log.partitionCount; each++)
      for await (const batch of batches(stretchesOf(log, each), topics.events)) {
        await this.#take(batch);
        await read(batch.length);
      }
    this.#byActor.clear();
    for (const [id, { from }] of this.#told) {
      if (from === undefined) continue;
      const own = this.#byActor.get(from);
      if (own === undefined) this.#byActor.set(from, [id]);
      else own.push(id);
    }
  }

  /** All that an actor of a covered partition told others, by id. */
  by(actor: string): readonly (readonly [string, RecordedOutput])[] {
    return (this.#byActor.get(actor) ?? []).flatMap((id) => {
      const told = this.#told.get(id);
      return told === undefined ? [] : [[id, told.output] as const];
    });
  }

  /** How what one actor, of a covered partition, told others is looked for. What is older than the log is `unretained`. */
  finder(): RecordedActor['findTold'] {
    // In the order in which they were told: what is later than one that is there is there too.
    const heard = new Set<string>();
    const { log } = this.#ports;
    return async ({ eventId, actor }) => {
      const found = this.#told.get(eventId);
      if (found !== undefined) {
        heard.add(actor);
        return found.output;
      }
      const mayBeOlder = !heard.has(actor) && (await isCut(stretchesOf(log, log.partitionOf(actor)), topics.events));
      return mayBeOlder ? 'unretained' : undefined;
    };
  }

  async #take(batch: readonly LoggedRecord[]): Promise<void> {
    const { tenant } = this.#wanted;
    const wanted = batch.filter(({ headers }) => headers['ce_tenant'] === tenant && isTold(headers));
    for (const logged of wanted) {
      const record = decoded(logged);
      if (record === undefined) continue;
      const from = isForwarded(record) || !('from' in record) ? undefined : (record.from ?? undefined);
      if (!this.#covers(from)) continue;
      this.#told.set(record.eventId, {
        from,
        output: await recordedOutput(this.#ports.vault, record, record.causationId),
      });
      if (this.#told.size > (this.#wanted.recordsMax ?? recordsMaxDefault)) this.#narrow();
    }
  }

  #covers(actor: string | undefined): boolean {
    if (actor === undefined) return true;
    const { only } = this.#wanted;
    if (only !== undefined) return actor === only;
    const partition = this.#ports.log.partitionOf(actor);
    return partition >= this.#covered.from && partition < this.#covered.to;
  }

  /** Half as many partitions. */
  #narrow(): void {
    const { from, to } = this.#covered;
    if (to - from <= 1) return;
    this.#covered = { from, to: from + Math.ceil((to - from) / 2) };
    for (const [id, told] of this.#told) if (!this.#covers(told.from)) this.#told.delete(id);
  }
}

const isTold = (headers: LoggedRecord['headers']): boolean =>
  toldTypes.has(headers['ce_type']) || isForwarded({ eventId: headers['ce_id'] ?? '' });
