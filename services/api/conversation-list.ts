/**
 * Conversations in lists: what the newest committed snapshots say in the clear. A conversation is
 * listed once its first record was applied.
 */
import { z } from 'zod';

import type { Sql } from '#runtime/database/database.ts';

import type { CommittedOffsets } from './actors.ts';
import { type TimePlace, placeOfTime, timeOfPlace } from './cursors.ts';
import { exampleIds } from './example-ids.ts';
import { time } from './shapes.ts';

/** An item of a list of conversations. */
export const conversationItem = z
  .object({
    id: z.string(),
    instanceId: z.string().nullable().describe('The instance that serves its line'),
    personId: z.string().describe('The person, who may have conversations on other lines'),
    group: z.boolean(),
    machine: z.string(),
    machineVersion: z.string(),
    state: z.object({ value: z.string().describe('`parent.child`; parallel regions joined by `|`') }),
    status: z.enum(['active', 'done', 'quarantined', 'merged']),
    episode: z.number().describe('Counts from 1; a message after the end begins the next'),
    held: z.number().describe('Records held while in quarantine'),
    nextOffset: z.number().describe('Offset after the last record in this state'),
    updatedAt: time,
  })
  .meta({ id: 'ConversationItem', description: 'A conversation in a list, without what people wrote.' });

/** An item as it is answered. */
export type ConversationItem = z.output<typeof conversationItem>;

/** One as the documents show it. */
export const exampleItem: z.input<typeof conversationItem> = {
  id: exampleIds.conversation,
  instanceId: exampleIds.instance,
  personId: exampleIds.person,
  group: false,
  machine: 'conversation',
  machineVersion: '1',
  state: { value: 'name' },
  status: 'active',
  episode: 1,
  held: 0,
  nextOffset: 4,
  updatedAt: '2026-11-21T02:12:13.524Z',
};

/** One row of the list. */
export interface ConversationRow {
  readonly id: string;
  readonly instance: string | null;
  readonly person: string;
  readonly is_group: boolean;
  readonly machine: string;
  readonly machine_version: string;
  readonly state: string;
  readonly status: 'active' | 'done' | 'quarantined' | 'merged';
  readonly episode: number;
  readonly held: number;
  readonly next_offset: string;
  readonly updated_at: Date;
  /** `updated_at` as cursors have it. */
  readonly place: string;
}

/** What is wanted of the list. */
export interface Wanted {
  readonly tenant: string;
  readonly committed: CommittedOffsets;
  readonly state?: string | undefined;
  readonly instance?: string | undefined;
  /** Only these. */
  readonly ids?: readonly string[];
  readonly after?: TimePlace | undefined;
  readonly rowsMax: number;
}

/**
 * Rows, newest change first. Of an actor's versions the newest at or below what the host committed
 * counts; one that has a single version is shown by it, as it may have been committed since.
 */
export async function listConversations(sql: Sql, wanted: Wanted): Promise<readonly ConversationRow[]> {
  const found = await sql.query<ConversationRow>(
    `SELECT c.id, i.id AS instance, c.person, c.is_group, s.machine, s.machine_version, s.state, s.status, s.episode, s.held,
            s.next_offset, s.updated_at, ${placeOfTime('s.updated_at')} AS place
     FROM actor_snapshots s
     JOIN conversations c ON c.tenant = s.tenant AND c.id = s.actor
     LEFT JOIN unnest($2::int[], $3::bigint[]) AS k (partition, committed) ON k.partition = s.partition
     LEFT JOIN LATERAL (
       SELECT id FROM instances WHERE tenant = c.tenant AND line = c.line AND deleted_at IS NULL
       ORDER BY created_at DESC, id DESC LIMIT 1
     ) i ON true
     WHERE s.tenant = $1 AND s.next_offset >= 0 -- for the index actor_snapshots_listed
       AND (s.next_offset <= coalesce(k.committed, 0) OR NOT EXISTS (
         SELECT FROM actor_snapshots o WHERE o.actor = s.actor AND o.next_offset < s.next_offset))
       AND NOT EXISTS (
         SELECT FROM actor_snapshots o
         WHERE o.actor = s.actor AND o.next_offset > s.next_offset AND o.next_offset <= coalesce(k.committed, 0))
       AND ($4::text IS NULL OR s.state = $4)
       AND ($5::text IS NULL OR i.id = $5)
       AND ($6::text[] IS NULL OR c.id = ANY ($6))
       AND ($7::bigint IS NULL OR (s.updated_at, s.actor) < (${timeOfPlace('$7')}, $8))
     ORDER BY s.updated_at DESC, s.actor DESC
     LIMIT $9`,
    [
      wanted.tenant,
      [...wanted.committed.keys()],
      [...wanted.committed.values()],
      wanted.state ?? null,
      wanted.instance ?? null,
      wanted.ids ?? null,
      wanted.after?.[0] ?? null,
      wanted.after?.[1] ?? null,
      wanted.rowsMax,
    ],
  );
  return found.rows;
}

/** The item of a row. */
export const itemOf = (row: ConversationRow): z.input<typeof conversationItem> => ({
  id: row.id,
  instanceId: row.instance,
  personId: row.person,
  group: row.is_group,
  machine: row.machine,
  machineVersion: row.machine_version,
  state: { value: row.state },
  status: row.status,
  episode: row.episode,
  held: row.held,
  nextOffset: Number(row.next_offset),
  updatedAt: row.updated_at.toISOString(),
});
