/** The queue of files to be fetched: one row per message whose file is not settled. */
import { type Columns, insertRows } from '#runtime/database/rows.ts';
import type { ReadSlice } from '#runtime/log/consume-records.ts';
import { writeWithProgress } from '#runtime/log/queue-progress.ts';
import type { Runtime } from '#runtime/runtime.ts';
import type { MessageEchoed, MessageReceived } from '#schemas/records.ts';

import { leaseMs } from './limits.ts';

/** A claimed row. */
export interface Fetch {
  readonly tenant: string;
  readonly actor: string;
  readonly event_id: string;
  readonly type: string;
  readonly instance: string;
  readonly kind: string;
  readonly revision: string | null;
  readonly sealed: Buffer;
  readonly occurred_at: Date;
  /** With this one. */
  readonly attempts: number;
}

/** A message with a file. */
export type MediaMessage = (MessageReceived | MessageEchoed) & { readonly sealed: Uint8Array };

/** Throws `database.unavailable`. */
export interface Fetches {
  /**
   * Queues the files of messages, which are of the slices, and moves the progress of `group`. Idempotent, also for those
   * that were settled since: their results have the same ids.
   */
  add(messages: readonly MediaMessage[], group: string, slices: readonly ReadSlice[]): Promise<void>;
  /** Takes what is due, for `leaseMs`; each goes to one process. */
  claim(count: number): Promise<readonly Fetch[]>;
  /** Tries again after `delayMs`; `counts` is false when it was no fault of the file's. */
  putOff(fetch: Fetch, delayMs: number, counts: boolean): Promise<void>;
  /** It is settled. Idempotent. */
  remove(fetch: Fetch): Promise<void>;
}

const columns: Columns<MediaMessage> = {
  tenant: ['text', (message) => message.tenant],
  event_id: ['text', (message) => message.eventId],
  actor: ['text', (message) => message.actor],
  type: ['text', (message) => message.type],
  instance: ['text', (message) => message.instance],
  kind: ['text', (message) => message.kind],
  revision: ['text', (message) => message.revision],
  sealed: ['bytea', (message) => Buffer.from(message.sealed)],
  occurred_at: ['timestamptz', (message) => new Date(message.occurredAt)],
  due_at: ['timestamptz', (message) => new Date(message.occurredAt)],
};

/** Opens the queue. */
export function openFetches({ database, tenants, now }: Pick<Runtime, 'database' | 'tenants' | 'now'>): Fetches {
  return {
    async add(messages, group, slices) {
      const of = { slices, tenants: messages.map(({ tenant }) => tenant) };
      await writeWithProgress(database, group, of, (sql) =>
        insertRows(sql, 'media_fetches', columns, messages, 'DO NOTHING'),
      );
    },

    async claim(count) {
      const at = now();
      const claimed = await database.query<Fetch>(
        await tenants.ids(),
        `UPDATE media_fetches f SET attempts = f.attempts + 1, due_at = to_timestamp($2 / 1000.0)
         WHERE f.event_id = ANY (ARRAY(
           SELECT event_id FROM media_fetches WHERE due_at <= to_timestamp($1 / 1000.0)
           ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED))
         RETURNING f.tenant, f.actor, f.event_id, f.type, f.instance, f.kind, f.revision, f.sealed, f.occurred_at, f.attempts`,
        [at, at + leaseMs, count],
      );
      return claimed.rows;
    },

    async putOff({ tenant, event_id: id }, delayMs, counts) {
      await database.query(
        [tenant],
        `UPDATE media_fetches SET due_at = to_timestamp($2 / 1000.0), attempts = attempts - $3 WHERE event_id = $1`,
        [id, now() + delayMs, counts ? 0 : 1],
      );
    },

    async remove({ tenant, event_id: id }) {
      await database.query([tenant], 'DELETE FROM media_fetches WHERE event_id = $1', [id]);
    },
  };
}
