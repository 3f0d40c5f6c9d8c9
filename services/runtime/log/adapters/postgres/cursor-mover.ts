/**
 * Moves of cursors without outputs, as consumers at least once make them: those of one moment share a
 * statement.
 *
 * Such a move is not waited for on disk. What a crash of Postgres takes back are moves alone, never
 * the records they passed, which were on disk before; the records come again, as to such a consumer they
 * may at any time. For the same reason a move whose answer is lost has simply failed: it may be
 * made again, and who took the partition meanwhile is not moved, by the epoch.
 */
import type { Database } from '../../../database/database.ts';
import { joinCalls } from '../../../joined-calls.ts';
import type { OwnedCursor } from './group-store.ts';

const movesAtOnceMax = 500;

/** A cursor and where to. */
export interface CursorMove extends OwnedCursor {
  readonly nextOffset: number;
}

const moveText = `
  UPDATE log.cursors c SET committed_offset = m.next_offset
  FROM unnest($1::text[], $2::text[], $3::integer[], $4::bigint[], $5::bigint[])
    AS m (consumer_group, topic, partition, epoch, next_offset)
  WHERE c.consumer_group = m.consumer_group AND c.topic = m.topic AND c.partition = m.partition
    AND c.epoch = coalesce(m.epoch, c.epoch)
  RETURNING c.consumer_group, c.topic, c.partition, set_config('synchronous_commit', 'off', true)`;

interface MovedRow {
  readonly consumer_group: string;
  readonly topic: string;
  readonly partition: number;
}

/** Makes the function that moves one cursor; false when it is no longer owned. Throws `database.unavailable`. */
export function openCursorMover(database: Database): (move: CursorMove) => Promise<boolean> {
  return joinCalls(
    async (moves: readonly CursorMove[]) => {
      const { rows } = await database.query<MovedRow>([], moveText, [
        moves.map(({ group }) => group),
        moves.map(({ topic }) => topic),
        moves.map(({ partition }) => partition),
        moves.map(({ epoch }) => epoch),
        moves.map(({ nextOffset }) => nextOffset),
      ]);
      const moved = new Set(rows.map((row) => nameOf(row.consumer_group, row.topic, row.partition)));
      return moves.map(({ group, topic, partition }) => moved.has(nameOf(group, topic, partition)));
    },
    { callsMax: movesAtOnceMax },
  );
}

const nameOf = (group: string, topic: string, partition: number): string => `${group}/${topic}/${partition}`;
