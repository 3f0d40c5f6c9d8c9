/**
 * Signs of life of instances, for who watches them: when something came in last, and since when sends go
 * out that nothing came in after. Written at most once a second for all instances, apart from the rows of
 * a slice: what is lost with the process comes again with the next message.
 */
import type { Database } from '#runtime/database/database.ts';
import { type Columns, insertRows } from '#runtime/database/rows.ts';

import type { Reading } from './readings.ts';

/** Of one instance; epoch milliseconds. */
interface TrafficRow {
  readonly tenant: string;
  readonly instance: string;
  heardAt: number | null;
  unansweredFrom: number | null;
  unansweredTo: number | null;
}

const writeAfterMs = 1_000;

const dateOf = (at: number | null): Date | null => (at === null ? null : new Date(at));

const columns: Columns<TrafficRow> = {
  tenant: ['text', (row) => row.tenant],
  instance: ['text', (row) => row.instance],
  heard_at: ['timestamptz', (row) => dateOf(row.heardAt)],
  unanswered_from: ['timestamptz', (row) => dateOf(row.unansweredFrom)],
  unanswered_to: ['timestamptz', (row) => dateOf(row.unansweredTo)],
};

/** A merge: the same whatever the order, and however often. What was sent before something came in is answered. */
const heard = "coalesce(greatest(t.heard_at, excluded.heard_at), timestamptz '-infinity')";
const merged = `(instance) DO UPDATE SET heard_at = greatest(t.heard_at, excluded.heard_at),
  unanswered_from = CASE WHEN t.unanswered_from > ${heard} THEN least(t.unanswered_from, CASE WHEN excluded.unanswered_from > ${heard} THEN excluded.unanswered_from END)
    WHEN excluded.unanswered_from > ${heard} THEN excluded.unanswered_from END,
  unanswered_to = CASE WHEN greatest(t.unanswered_to, excluded.unanswered_to) > ${heard}
    THEN greatest(t.unanswered_to, excluded.unanswered_to) END`;

const signs: ReadonlySet<string> = new Set(['message.received', 'message.echoed', 'message.changed', 'message.status']);

/** What was seen and not written yet. */
export class Traffic {
  readonly #database: Database;
  #rows = new Map<string, TrafficRow>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Notes what some records say. */
  note(readings: readonly Reading[]): void {
    for (const { record } of readings) {
      if (!('instance' in record) || record.instance === null || record.instance === '') continue;
      const { tenant, instance, occurredAt: at } = record;
      if (signs.has(record.type)) this.#add({ tenant, instance }, at, undefined);
      else if (record.type === 'delivery.updated' && record.status === 'sent')
        this.#add({ tenant, instance }, undefined, at);
    }
    if (this.#rows.size > 0) this.#timer ??= setTimeout(() => void this.#write(), writeAfterMs).unref();
  }

  /** Writes what is left. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#write();
  }

  #add(of: { readonly tenant: string; readonly instance: string }, heardAt?: number, sentAt?: number): void {
    const row = this.#rows.get(of.instance) ?? { ...of, heardAt: null, unansweredFrom: null, unansweredTo: null };
    this.#rows.set(of.instance, row);
    if (heardAt !== undefined) {
      row.heardAt = Math.max(row.heardAt ?? 0, heardAt);
      if (row.unansweredFrom !== null && row.unansweredFrom <= row.heardAt) row.unansweredFrom = null;
      if (row.unansweredTo !== null && row.unansweredTo <= row.heardAt) row.unansweredTo = null;
      // Of those in between only the last is known: a later beginning is the cautious one.
      row.unansweredFrom ??= row.unansweredTo;
    }
    if (sentAt !== undefined && sentAt > (row.heardAt ?? 0)) {
      row.unansweredFrom = Math.min(row.unansweredFrom ?? sentAt, sentAt);
      row.unansweredTo = Math.max(row.unansweredTo ?? sentAt, sentAt);
    }
  }

  #write(): Promise<void> {
    this.#timer = undefined;
    const rows = [...this.#rows.values()].sort((a, b) => (a.instance < b.instance ? -1 : 1));
    this.#rows = new Map();
    if (rows.length === 0) return this.#writing;
    const tenants = [...new Set(rows.map(({ tenant }) => tenant))];
    this.#writing = this.#writing
      .then(() =>
        this.#database.transaction(tenants, async (sql) => {
          await insertRows(sql, 'instance_traffic AS t', columns, rows, merged);
        }),
      )
      // The next sign tells it again.
      .catch(() => undefined);
    return this.#writing;
  }
}
