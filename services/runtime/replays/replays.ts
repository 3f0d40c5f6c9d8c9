/**
 * Replays as rows: what was asked for, how far it is, what was found. The API asks and reads, the
 * replay service works; they meet here.
 *
 * Nothing in a row is content, but for `replay_findings.content`, which is sealed.
 */
import { z } from 'zod';

import type { Database, Sql } from '../database/database.ts';
import { newUlid } from '../records.ts';

/** Which actors: one conversation, those of a partition of the log, or all of the tenant. */
const scope = {
  conversation: z.string().optional(),
  partition: z.number().int().optional(),
};
const pace = { recordsPerSecond: z.number() };

const requestShape = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('verify'), source: z.enum(['journal', 'log']), ...scope, ...pace }),
  z.object({
    kind: z.literal('rebuild'),
    source: z.enum(['journal', 'log']),
    repair: z.boolean(),
    ...scope,
    ...pace,
  }),
  z.object({
    kind: z.literal('what-if'),
    machine: z.object({ name: z.string(), version: z.string() }),
    ...scope,
    ...pace,
  }),
  z.object({
    kind: z.literal('re-emit'),
    records: z.enum(['events', 'audit']),
    /** By the log's clock, epoch milliseconds; `to` is exclusive. */
    from: z.number(),
    to: z.number(),
    /** Name within the tenant's topics for analysts. */
    topic: z.string(),
    ...pace,
  }),
]);

/** What was asked for. */
export type ReplayRequest = z.infer<typeof requestShape>;

/** What a replay is at. */
export type ReplayStatus = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

const countsShape = z.object({
  /** Conversations looked at, or records written. */
  done: z.number(),
  /** Records folded or written. */
  records: z.number(),
  /** Whether anything is otherwise than on record. */
  differs: z.boolean(),
  /** How many conversations, or partitions that were written out again, came out how. */
  verdicts: z.record(z.string(), z.number()),
});

/** What was counted so far. */
export type ReplayCounts = z.infer<typeof countsShape>;

const progressShape = countsShape.extend({
  /** How much `done` will be; null while it is not known. */
  total: z.number().nullable(),
  recordsPerSecond: z.number().nullable(),
  secondsLeft: z.number().nullable(),
});

/** What is shown of it. */
export type ReplayProgress = z.infer<typeof progressShape>;

/** Nothing done. */
export const nothingDone: ReplayProgress = {
  done: 0,
  records: 0,
  differs: false,
  verdicts: {},
  total: null,
  recordsPerSecond: null,
  secondsLeft: null,
};

/** A replay. */
export interface Replay {
  readonly tenant: string;
  readonly id: string;
  readonly request: ReplayRequest;
  readonly requestedBy: string;
  readonly status: ReplayStatus;
  readonly progress: ReplayProgress;
  readonly code: string | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

/** What was found about one actor, or about a partition of which records are gone. */
export interface Finding {
  /** Of a partition, its name. */
  readonly actor: string;
  /** `diverged`, `different-replies`, `unknown-version`, …: see docs/replay.md. */
  readonly verdict: string;
  /** Ids, offsets, codes and states. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Sealed in `findingSealedIn`; undefined when there is nothing to say besides. */
  readonly content: Buffer | undefined;
}

/** What a finding's content is sealed in. */
export const findingSealedIn = (tenant: string, actor: string, replay: string) => ({
  tenant,
  actor,
  type: 'replay.finding',
  eventId: replay,
});

/** A row of `replays`. */
export interface ReplayRow {
  readonly tenant: string;
  readonly id: string;
  readonly request: unknown;
  readonly requested_by: string;
  readonly status: ReplayStatus;
  readonly progress: unknown;
  readonly code: string | null;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

/** Columns of a `ReplayRow`. */
export const replayColumns =
  'tenant, id, request, requested_by, status, progress, code, created_at, started_at, finished_at';

/** The replay of a row. */
export const replayOf = (row: ReplayRow): Replay => ({
  tenant: row.tenant,
  id: row.id,
  request: requestShape.parse(row.request),
  requestedBy: row.requested_by,
  status: row.status,
  progress: progressShape.parse(row.progress),
  code: row.code,
  createdAt: row.created_at,
  startedAt: row.started_at,
  finishedAt: row.finished_at,
});

/** Open replays that a tenant may have; they are worked on one after the other. */
export const openReplaysMax = 100;

/** Asks for a replay; undefined when too many of the tenant are open. Not idempotent. */
export async function createReplay(
  database: Database,
  wanted: {
    readonly tenant: string;
    readonly requestedBy: string;
    readonly request: ReplayRequest;
    readonly at: number;
  },
): Promise<Replay | undefined> {
  const { tenant, requestedBy, request, at } = wanted;
  return database.transaction([tenant], async (sql) => {
    const made = await sql.query<ReplayRow>(
      `INSERT INTO replays (tenant, id, kind, request, requested_by, progress, created_at)
       SELECT $1, $2, $3, $4, $5, $6, $7
       WHERE (SELECT count(*) FROM replays WHERE tenant = $1 AND status IN ('queued', 'running')) < $8
       RETURNING ${replayColumns}`,
      [
        tenant,
        `rp_${newUlid(at)}`,
        request.kind,
        JSON.stringify(request),
        requestedBy,
        JSON.stringify(nothingDone),
        new Date(at),
        openReplaysMax,
      ],
    );
    return made.rows[0] === undefined ? undefined : replayOf(made.rows[0]);
  });
}

/** Reads a replay; undefined when there is none of the tenant. */
export async function readReplay(sql: Sql, tenant: string, id: string): Promise<Replay | undefined> {
  const found = await sql.query<ReplayRow>(`SELECT ${replayColumns} FROM replays WHERE tenant = $1 AND id = $2`, [
    tenant,
    id,
  ]);
  return found.rows[0] === undefined ? undefined : replayOf(found.rows[0]);
}

/**
 * Asks for a replay to be given up: at once when nobody works on it, else within moments. What it
 * found stays. Idempotent; one that is over stays what it is.
 */
export async function cancelReplay(sql: Sql, tenant: string, id: string, at: number): Promise<void> {
  await sql.query(
    `UPDATE replays SET
       cancel_requested = true,
       finished_at = CASE WHEN status = 'queued' THEN $3 ELSE finished_at END,
       status = CASE WHEN status = 'queued' THEN 'cancelled' ELSE status END
     WHERE tenant = $1 AND id = $2 AND status IN ('queued', 'running')`,
    [tenant, id, new Date(at)],
  );
}

/** What was found, in the order of actors, from the one after `after` on. */
export async function readFindings(
  sql: Sql,
  wanted: { readonly tenant: string; readonly id: string; readonly after: string; readonly rowsMax: number },
): Promise<readonly Finding[]> {
  const found = await sql.query<Omit<Finding, 'content'> & { readonly content: Buffer | null }>(
    `SELECT actor, verdict, body, content FROM replay_findings
     WHERE tenant = $1 AND replay = $2 AND actor > $3 ORDER BY actor LIMIT $4`,
    [wanted.tenant, wanted.id, wanted.after, wanted.rowsMax],
  );
  return found.rows.map((row) => ({ ...row, content: row.content ?? undefined }));
}
