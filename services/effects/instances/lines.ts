/**
 * Who serves a line, as effects change it: routes, availability, and the messages that wait elsewhere.
 *
 * N1 An older change never overwrites a newer one: each has the time inside the actor that asked for it.
 * N2 Only what is queued is moved, and only where nothing of it can be on its way already: a message is
 *    never with two instances.
 */
import type { Database } from '#runtime/database/database.ts';
import { type Availability, type LineRoute, canServe, chosenOf } from '#runtime/instances/routing.ts';

/** A route as it is written. */
export type WantedRoute = Pick<LineRoute, 'instance' | 'split' | 'fallbacks'>;

/** Messages moved in one statement. */
const movedAtOnce = 500;

/** Opens them as prosa_worker. All methods throw `database.unavailable`. */
export function openLines(database: Database) {
  return {
    /** The line of an instance, deleted or not. */
    async lineOf(tenant: string, instance: string): Promise<string | undefined> {
      const found = await database.query<{ line: string }>([tenant], 'SELECT line FROM instances WHERE id = $1', [
        instance,
      ]);
      return found.rows[0]?.line;
    },

    /** Puts instances on a line. Idempotent. */
    async join(tenant: string, line: string, instances: readonly string[]): Promise<void> {
      await database.query([tenant], 'UPDATE instances SET line = $1 WHERE id = ANY ($2::text[]) AND line <> $1', [
        line,
        instances,
      ]);
    },

    /** From then on nobody knows the instance. Idempotent. */
    async remove(tenant: string, instance: string): Promise<void> {
      await database.query([tenant], 'UPDATE instances SET deleted_at = now() WHERE id = $1 AND deleted_at IS NULL', [
        instance,
      ]);
    },

    async setRoute(tenant: string, line: string, route: WantedRoute, at: number): Promise<void> {
      const { instance, split, fallbacks } = route;
      await database.query([tenant], setRouteStatement, [
        tenant,
        line,
        instance,
        split?.instance ?? null,
        split?.percent ?? null,
        split?.flag ?? null,
        fallbacks,
        at,
      ]);
    },

    async setAvailability(tenant: string, instance: string, availability: Availability, at: number): Promise<void> {
      await database.query(
        [tenant],
        `INSERT INTO instance_availability AS a (tenant, instance, availability, changed_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (instance) DO UPDATE SET availability = excluded.availability, changed_at = excluded.changed_at
         WHERE a.changed_at <= excluded.changed_at`,
        [tenant, instance, availability, at],
      );
    },

    /** Gives what waits at one instance of a line to those who serve it now; how many that were. */
    async moveWaiting(tenant: string, from: string, line: string, route: LineRoute, flagged: boolean): Promise<number> {
      let after: Place = { lane: -1, next: '-infinity', offset: '-1', id: '' };
      let moved = 0;
      for (;;) {
        const { rows } = await database.query<WaitingRow>([tenant], waitingStatement, [
          from,
          after.lane,
          after.next,
          after.offset,
          after.id,
          movedAtOnce,
          line,
        ]);
        const going = rows.flatMap(({ id, conversation, lane, cold, pinned }) => {
          // What fell back to this one stays, while it works: its own account did not send it.
          if (pinned && canServe(route.availability, from, cold)) return [];
          const to = chosenOf(route, { line, conversation, cold }, flagged);
          return to === from ? [] : [{ id, lane, to }];
        });
        moved += await this.move(tenant, from, going);
        const last = rows.at(-1);
        if (last === undefined || rows.length < movedAtOnce) return moved;
        after = last;
      }
    },

    async move(
      tenant: string,
      from: string,
      going: readonly { readonly id: string; readonly to: string }[],
    ): Promise<number> {
      if (going.length === 0) return 0;
      const { rowCount } = await database.query(
        [tenant],
        `UPDATE deliveries d SET instance = g.instance, updated_at = now()
         FROM unnest($1::text[], $2::text[]) AS g (id, instance)
         WHERE d.id = g.id AND d.status = 'queued' AND d.instance = $3 AND NOT d.uncertain`,
        [going.map(({ id }) => id), going.map(({ to }) => to), from],
      );
      return rowCount;
    },

    /** Messages on their way through an instance. */
    async inFlight(tenant: string, instance: string): Promise<number> {
      const found = await database.query<{ count: number }>(
        [tenant],
        `SELECT count(*)::int AS count FROM deliveries
         WHERE status = 'sending' AND lease_until > '-infinity' AND instance = $1`,
        [instance],
      );
      return found.rows[0]?.count ?? 0;
    },

    /** Since when sends go out (two at least) and nothing comes in, epoch milliseconds; null when that is not so. */
    async silentSince(tenant: string, instance: string): Promise<number | null> {
      const found = await database.query<{ from: Date }>(
        [tenant],
        `SELECT unanswered_from AS "from" FROM instance_traffic
         WHERE instance = $1 AND unanswered_to > unanswered_from`,
        [instance],
      );
      return found.rows[0]?.from.getTime() ?? null;
    },
  };
}

/** The lines. */
export type Lines = ReturnType<typeof openLines>;

interface Place {
  readonly lane: number;
  readonly next: string;
  readonly offset: string;
  readonly id: string;
}

type WaitingRow = Place & { readonly conversation: string; readonly cold: boolean; readonly pinned: boolean };

const setRouteStatement = `
  INSERT INTO line_routes AS r (tenant, line, instance, split_instance, split_percent, split_flag, fallbacks, changed_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (line) DO UPDATE SET instance = excluded.instance, split_instance = excluded.split_instance,
    split_percent = excluded.split_percent, split_flag = excluded.split_flag, fallbacks = excluded.fallbacks,
    changed_at = excluded.changed_at
  WHERE r.changed_at <= excluded.changed_at`;

/** By the index of what is due. Of the lanes the last three are of people who never wrote (services/sender/lanes.ts). */
const waitingStatement = `
  SELECT d.id, d.conversation, d.lane, d.next_attempt_at::text AS next, d.log_offset::text AS "offset", d.lane >= 6 AS cold,
    d.fallback IS NOT DISTINCT FROM 'instance' AS pinned
  FROM deliveries d JOIN conversations c ON c.id = d.conversation
  WHERE d.status = 'queued' AND d.instance = $1 AND NOT d.uncertain AND c.line = $7
    AND (d.lane, d.next_attempt_at, d.log_offset, d.id) > ($2::int, $3::timestamptz, $4::bigint, $5::text)
  ORDER BY d.lane, d.next_attempt_at, d.log_offset, d.id LIMIT $6`;
