/**
 * What happened to a session, on its way to ingest.
 *
 * E1 An event is a row before anything is forgotten that it was made from: what was received goes in the
 *    same transaction (`key-store.ts`, K3).
 * E2 Events of a session have numbers without gaps, in the order in which they are posted, whoever owns it.
 * E3 A row goes when ingest has said 200, no sooner.
 */
import type { Database } from '#runtime/database/database.ts';
import { type Columns, insertRows } from '#runtime/database/rows.ts';
import { newUlid } from '#runtime/records.ts';
import { type SealedIn, type Vault, tenantSubject } from '#runtime/vault/vault.ts';

import { Deposed, type Lease } from './leases.ts';

/** An event as it is posted, without its number. */
export interface NewEvent {
  readonly event: string;
  /** JSON. */
  readonly data: unknown;
}

/** What is stored together with events. */
export interface Together {
  /** Indexes of the messages that the events are made from. */
  readonly consumed?: readonly string[];
  /** The session's new state. */
  readonly state?: { readonly status: string; readonly reason: string | null; readonly wanted: boolean };
}

/** A row to be posted. */
export interface WaitingEvent {
  readonly id: string;
  readonly sequence: number;
  /** The webhook's body. */
  readonly body: string;
}

interface EventRow {
  readonly sequence: string;
  readonly id: string;
  readonly sealed: Buffer;
}

interface SealedRow {
  readonly id: string;
  readonly sealed: Buffer;
}

/** Throws `database.unavailable`, `vault.unavailable`; writes throw `Deposed`. */
export interface SessionEvents {
  /** Stores events in this order (E1). `me`: the account, as events tell it. */
  append(events: readonly NewEvent[], me: unknown, together?: Together): Promise<void>;
  /** The oldest, in their order. */
  oldest(max: number): Promise<readonly WaitingEvent[]>;
  /** Forgets the events up to this one (E3). */
  posted(sequence: number): Promise<void>;
}

/** Opens the events of a session that this process owns. */
export function openEvents(database: Database, vault: Vault, lease: Lease, now: () => number): SessionEvents {
  const { tenant, instance, epoch, owner } = lease;
  const sealedIn = (id: string): SealedIn => ({ tenant, actor: instance, type: 'baileys.event', eventId: id });

  const seal = async ({ event, data }: NewEvent, me: unknown): Promise<SealedRow> => {
    const at = now();
    const id = newUlid(at);
    const body = { id, timestamp: at, event, session: instance, epoch, me, data };
    return { id, sealed: await vault.seal(sealedIn(id), tenantSubject(tenant), at, body) };
  };

  const open = async ({ sequence, id, sealed }: EventRow): Promise<WaitingEvent> => {
    const opened = await vault.open<Record<string, unknown>>(sealedIn(id), sealed);
    if (opened.state === 'erased') throw new Error(`an event of session ${instance} was erased`);
    const { data, ...envelope } = opened.value;
    return {
      id,
      sequence: Number(sequence),
      body: JSON.stringify({ ...envelope, sequence: Number(sequence), data }),
    };
  };

  return {
    async append(events, me, { consumed = [], state } = {}) {
      const sealed = await Promise.all(events.map((event) => seal(event, me)));
      await database.transaction([tenant], async (sql) => {
        const numbered = await sql.query<{ readonly sequence: string }>(
          `UPDATE baileys_sessions SET sequence = sequence + $4, state = coalesce($5, state),
             reason = CASE WHEN $5::text IS NULL THEN reason ELSE $6 END, wanted = coalesce($7, wanted)
           WHERE instance = $1 AND epoch = $2 AND owner = $3 RETURNING sequence`,
          [instance, epoch, owner, sealed.length, state?.status ?? null, state?.reason ?? null, state?.wanted ?? null],
        );
        const [row] = numbered.rows;
        if (row === undefined) throw new Deposed();
        const first = Number(row.sequence) - sealed.length + 1;
        const columns: Columns<SealedRow> = {
          tenant: ['text', () => tenant],
          instance: ['text', () => instance],
          sequence: ['bigint', (one) => first + sealed.indexOf(one)],
          id: ['text', ({ id }) => id],
          epoch: ['bigint', () => epoch],
          sealed: ['bytea', (one) => one.sealed],
        };
        await Promise.all([
          insertRows(sql, 'baileys_events', columns, sealed, 'DO NOTHING'),
          consumed.length === 0
            ? undefined
            : sql.query('DELETE FROM baileys_keys WHERE instance = $1 AND message = ANY ($2::text[])', [
                instance,
                consumed,
              ]),
        ]);
      });
    },

    async oldest(max) {
      const { rows } = await database.query<EventRow>(
        [tenant],
        'SELECT sequence, id, sealed FROM baileys_events WHERE instance = $1 ORDER BY sequence LIMIT $2',
        [instance, max],
      );
      return Promise.all(rows.map(open));
    },

    async posted(sequence) {
      await database.transaction([tenant], async (sql) => {
        const moved = await sql.query(
          'UPDATE baileys_sessions SET posted = greatest(posted, $4) WHERE instance = $1 AND epoch = $2 AND owner = $3',
          [instance, epoch, owner, sequence],
        );
        if (moved.rowCount === 0) throw new Deposed();
        await sql.query('DELETE FROM baileys_events WHERE instance = $1 AND sequence <= $2', [instance, sequence]);
      });
    },
  };
}
