/**
 * The rows of `deliveries`: every statement of the sender on them. Times of leases and due dates are
 * the database's clock, so that processes with different clocks agree.
 *
 * L1 `sending` is committed before the provider is called, its result after.
 * L2 Only the newest claim settles: a claim that was taken over changes nothing any more.
 * L3 A delivery is claimed only when every earlier one of its chat is neither `queued` nor `sending`.
 * L4 A settled row stays in the outbox (`report_due_at`) until its report was appended.
 */
import type { ReplyDeclined, ReplyRequested } from '#schemas/records.ts';

import type { Database, Sql } from '#runtime/database/database.ts';
import { type Columns, insertRows } from '#runtime/database/rows.ts';
import type { Provider } from '#runtime/instances/instances.ts';

import { clientMessageIdOf } from './client-message-id.ts';

/** A delivery that this process owns until its lease ends. */
export interface ClaimedDelivery {
  readonly tenant: string;
  readonly id: string;
  readonly conversation: string;
  readonly instance: string;
  readonly content: Buffer | null;
  readonly claim: string;
  readonly attempts: number;
  readonly lookups: number;
  readonly uncertain: boolean;
  readonly clientMessageId: string;
  /** Epoch milliseconds by the database's clock. */
  readonly firstClaimedAt: number;
  /** Its claimer went away without a word. */
  readonly abandoned: boolean;
}

/** Status after which a delivery is no longer in the way of the next one of its chat. */
export type SettledStatus = 'sent' | 'failed' | 'unknown';

/** What became of one attempt. */
export interface AttemptResult {
  readonly outcome: 'sent' | 'retry' | 'refused' | 'unknown';
  readonly provider: Provider | null;
  readonly code: string | null;
  readonly httpStatus: number | null;
  readonly durationMs: number | null;
}

/** Where a claimed delivery goes next. */
export type Move =
  | {
      readonly to: 'settled';
      readonly status: SettledStatus;
      readonly reason: string | null;
      readonly providerMessageIndex: string | null;
      readonly result: Buffer | null;
    }
  /** Another attempt, with everything of its chat behind it, after `delayMs`. */
  | { readonly to: 'queued'; readonly delayMs: number; readonly uncertain: boolean; readonly countsAttempt: boolean }
  /** A look-up of the unknown outcome after `delayMs`, by anybody. */
  | { readonly to: 'look-up'; readonly delayMs: number };

/** A settled delivery whose status is to be told. */
export interface PendingReport {
  readonly tenant: string;
  readonly id: string;
  readonly conversation: string;
  readonly instance: string;
  readonly revision: string | null;
  readonly status: SettledStatus;
  readonly reason: string | null;
  readonly attempts: number;
  readonly result: Buffer | null;
  /** Epoch milliseconds. */
  readonly settledAt: number;
}

/** A reply with its place on the log. */
export interface PositionedReply {
  readonly reply: ReplyRequested;
  readonly partition: number;
  readonly offset: number;
}

/** How a process claims. */
export interface ClaimRequest {
  readonly tenants: readonly string[];
  readonly owner: string;
  readonly leaseMs: number;
  readonly max: number;
}

/** How long the process that settled a delivery has to report it before others do. */
const reportLeaseMs = 10_000;

const claimedColumns = `d.tenant, d.id, d.conversation, d.instance, d.content, d.claim, d.attempts, d.lookups,
  d.uncertain, d.client_message_id, d.first_claimed_at`;

/** Opens the deliveries as prosa_worker. All methods throw `database.unavailable`. */
export function openDeliveries(database: Database) {
  const one = <Row>(tenants: readonly string[], text: string, values: readonly unknown[]) =>
    database.transaction(tenants, (sql) => sql.query<Row>(text, values));

  return {
    /** Queues replies in their order and notes refusals. Idempotent by event id. */
    async accept(replies: readonly PositionedReply[], declined: readonly ReplyDeclined[]): Promise<void> {
      const tenants = new Set([...replies.map(({ reply }) => reply.tenant), ...declined.map(({ tenant }) => tenant)]);
      if (tenants.size === 0) return;
      await database.transaction([...tenants], async (sql) => {
        await insertRows(sql, 'deliveries', insertedColumns, replies, '(id) DO NOTHING');
        if (declined.length > 0) await decline(sql, declined);
      });
    },

    /** Takes what is due, at most what is free per instance; `busy` are the calls in flight here by instance. */
    async claimDue(
      request: ClaimRequest & { readonly perInstance: number; readonly busy: ReadonlyMap<string, number> },
    ): Promise<readonly ClaimedDelivery[]> {
      const found = await one<ClaimedRow>(request.tenants, claimDueStatement, [
        request.owner,
        request.leaseMs,
        request.max,
        request.perInstance,
        [...request.busy.keys()],
        [...request.busy.values()],
      ]);
      return found.rows.map(claimedOf);
    },

    /** Takes over those whose claimer is gone or left them to be looked up. */
    async claimStale(request: ClaimRequest): Promise<readonly ClaimedDelivery[]> {
      const found = await one<ClaimedRow>(request.tenants, claimStaleStatement, [
        request.owner,
        request.leaseMs,
        request.max,
      ]);
      return found.rows.map(claimedOf);
    },

    /** For an owner who knows that it is the only one: what others claimed or were to report is free now. */
    async disown(tenants: readonly string[], owner: string): Promise<void> {
      await database.transaction(tenants, async (sql) => {
        await sql.query(
          `UPDATE deliveries SET lease_until = now()
           WHERE status = 'sending' AND claimed_by IS NOT NULL AND claimed_by <> $1 AND lease_until > now()`,
          [owner],
        );
        await sql.query('UPDATE deliveries SET report_due_at = now() WHERE report_due_at > now()');
      });
    },

    /** Moves a claimed delivery on; the report when it settled; undefined when the claim was taken over (L2). */
    async move(
      delivery: ClaimedDelivery,
      result: AttemptResult | undefined,
      move: Move,
    ): Promise<PendingReport | undefined> {
      return database.transaction([delivery.tenant], async (sql) => {
        const moved = await moveStatement(sql, delivery, result, move);
        if (moved === undefined) return undefined;
        if (result !== undefined) await recordAttempt(sql, delivery, result);
        return move.to === 'settled' ? reportOf(moved) : undefined;
      });
    },

    /** Takes settled deliveries that nobody reported in time. */
    async claimReports(tenants: readonly string[], max: number): Promise<readonly PendingReport[]> {
      const found = await one<ReportRow>(
        tenants,
        `WITH due AS (
           SELECT id FROM deliveries WHERE report_due_at <= now() ORDER BY report_due_at LIMIT $1 FOR UPDATE SKIP LOCKED
         )
         UPDATE deliveries d SET report_due_at = now() + $2 * interval '1 ms' FROM due WHERE d.id = due.id
         RETURNING ${reportColumns}`,
        [max, reportLeaseMs],
      );
      return found.rows.map(reportOf);
    },

    /** The report of this status is on the log. Idempotent. */
    async reported(report: PendingReport): Promise<void> {
      await one([report.tenant], 'UPDATE deliveries SET report_due_at = NULL WHERE id = $1 AND status = $2', [
        report.id,
        report.status,
      ]);
    },

    /** True when another delivery of the tenant has this provider message. */
    async isTaken(tenant: string, providerMessageIndex: string, exceptId: string): Promise<boolean> {
      const found = await one(
        [tenant],
        'SELECT FROM deliveries WHERE tenant = $1 AND provider_message_index = $2 AND id <> $3 LIMIT 1',
        [tenant, providerMessageIndex, exceptId],
      );
      return found.rowCount > 0;
    },
  };
}

/** The deliveries. */
export type Deliveries = ReturnType<typeof openDeliveries>;

const insertedColumns: Columns<PositionedReply> = {
  tenant: ['text', ({ reply }) => reply.tenant],
  id: ['text', ({ reply }) => reply.eventId],
  conversation: ['text', ({ reply }) => reply.actor],
  log_partition: ['int', ({ partition }) => partition],
  log_offset: ['bigint', ({ offset }) => offset],
  instance: ['text', ({ reply }) => reply.instance],
  message_id: ['text', ({ reply }) => reply.messageId],
  origin: ['text', ({ reply }) => reply.origin],
  priority: ['text', ({ reply }) => reply.priority],
  kind: ['text', ({ reply }) => reply.kind],
  revision: ['text', ({ reply }) => reply.revision],
  content: ['bytea', ({ reply }) => (reply.sealed === null ? null : Buffer.from(reply.sealed))],
  client_message_id: ['text', ({ reply }) => clientMessageIdOf(reply.eventId)],
  status: ['text', () => 'queued'],
};

async function decline(sql: Sql, declined: readonly ReplyDeclined[]): Promise<void> {
  await sql.query(
    `UPDATE message_requests m SET status = 'declined', reason = d.reason, updated_at = now()
     FROM unnest($1::text[], $2::text[], $3::text[]) AS d (tenant, id, reason)
     WHERE m.tenant = d.tenant AND m.id = d.id AND m.status = 'queued'`,
    [
      declined.map(({ tenant }) => tenant),
      declined.map(({ messageId }) => messageId),
      declined.map(({ reason }) => reason),
    ],
  );
}

/**
 * `instances` skips through the index from one instance with queued work to the next, so that a long
 * queue of one instance costs the others nothing. L3 is the NOT EXISTS.
 * $1 owner, $2 lease (ms), $3 most in all, $4 most per instance, $5 and $6 in flight by instance.
 */
const claimDueStatement = `
  WITH RECURSIVE instances AS (
    (SELECT instance FROM deliveries WHERE status = 'queued' AND instance > '' ORDER BY instance LIMIT 1)
    UNION ALL
    SELECT (SELECT d.instance FROM deliveries d WHERE d.status = 'queued' AND d.instance > i.instance
            ORDER BY d.instance LIMIT 1)
    FROM instances i WHERE i.instance IS NOT NULL
  ), room AS (
    SELECT i.instance, greatest($4::int - coalesce(b.calls, 0), 0) AS free
    FROM instances i LEFT JOIN unnest($5::text[], $6::int[]) AS b (instance, calls) USING (instance)
    WHERE i.instance IS NOT NULL
  ), due AS (
    SELECT head.id FROM room CROSS JOIN LATERAL (
      SELECT d.id, d.next_attempt_at FROM deliveries d
      WHERE d.instance = room.instance AND d.status = 'queued' AND d.next_attempt_at <= now()
        AND NOT EXISTS (
          SELECT FROM deliveries e WHERE e.conversation = d.conversation AND e.status IN ('queued', 'sending')
            AND e.log_offset < d.log_offset
        )
      ORDER BY d.next_attempt_at, d.log_offset
      LIMIT room.free
      FOR UPDATE OF d SKIP LOCKED
    ) head
    ORDER BY head.next_attempt_at
    LIMIT $3
  )
  UPDATE deliveries d SET status = 'sending', claimed_by = $1, claimed_at = now(), claim = d.claim + 1,
    lease_until = now() + $2 * interval '1 ms', first_claimed_at = coalesce(d.first_claimed_at, now()),
    attempts = d.attempts + 1, lookups = 0, updated_at = now()
  WHERE d.id = ANY (ARRAY(SELECT id FROM due))
  RETURNING ${claimedColumns}, false AS abandoned`;

const claimStaleStatement = `
  WITH stale AS (
    SELECT id, claimed_by IS NOT NULL AS abandoned FROM deliveries WHERE status = 'sending' AND lease_until <= now()
    ORDER BY lease_until LIMIT $3 FOR UPDATE SKIP LOCKED
  )
  UPDATE deliveries d SET claimed_by = $1, claimed_at = now(), claim = d.claim + 1,
    lease_until = now() + $2 * interval '1 ms', lookups = d.lookups + 1, uncertain = true, updated_at = now()
  FROM stale WHERE d.id = stale.id
  RETURNING ${claimedColumns}, stale.abandoned`;

const reportColumns = `d.tenant, d.id, d.conversation, d.instance, d.revision, d.status, d.reason, d.attempts, d.result,
  d.settled_at`;

async function moveStatement(
  sql: Sql,
  delivery: ClaimedDelivery,
  attempt: AttemptResult | undefined,
  move: Move,
): Promise<ReportRow | undefined> {
  const fenced = `d.id = $1 AND d.claim = $2 AND d.status = 'sending'`;
  const mine = [delivery.id, delivery.claim];
  switch (move.to) {
    case 'settled': {
      const settled = await sql.query<ReportRow>(
        `UPDATE deliveries d SET status = $3, reason = $4, provider_message_index = $5, result = $6,
           provider = coalesce($7, d.provider), settled_at = now(), report_due_at = now() + $8 * interval '1 ms',
           lease_until = NULL, updated_at = now()
         WHERE ${fenced} RETURNING ${reportColumns}`,
        [
          ...mine,
          move.status,
          move.reason,
          move.providerMessageIndex,
          move.result,
          attempt?.provider ?? null,
          reportLeaseMs,
        ],
      );
      return settled.rows[0];
    }
    case 'queued': {
      const queued = await sql.query<ReportRow>(
        `UPDATE deliveries d SET status = 'queued', next_attempt_at = now() + $3 * interval '1 ms',
           uncertain = d.uncertain OR $4, attempts = d.attempts - $5, provider = coalesce($6, d.provider),
           claimed_by = NULL, lease_until = NULL, updated_at = now()
         WHERE ${fenced} RETURNING ${reportColumns}`,
        [...mine, move.delayMs, move.uncertain, move.countsAttempt ? 0 : 1, attempt?.provider ?? null],
      );
      // What waits behind it need not be looked at before that.
      if (queued.rowCount > 0 && move.delayMs > 0) {
        await sql.query(
          `UPDATE deliveries SET next_attempt_at = greatest(next_attempt_at, now() + $2 * interval '1 ms')
           WHERE conversation = $1 AND status = 'queued' AND id <> $3`,
          [delivery.conversation, move.delayMs, delivery.id],
        );
      }
      return queued.rows[0];
    }
    case 'look-up': {
      const left = await sql.query<ReportRow>(
        `UPDATE deliveries d SET uncertain = true, claimed_by = NULL, lease_until = now() + $3 * interval '1 ms',
           provider = coalesce($4, d.provider), updated_at = now()
         WHERE ${fenced} RETURNING ${reportColumns}`,
        [...mine, move.delayMs, attempt?.provider ?? null],
      );
      return left.rows[0];
    }
  }
}

/** The newest knowledge about an attempt replaces the older: an unknown outcome may turn out to be a send. */
async function recordAttempt(sql: Sql, delivery: ClaimedDelivery, result: AttemptResult): Promise<void> {
  await sql.query(
    `INSERT INTO delivery_attempts (tenant, delivery, number, instance, provider, at, outcome, code, http_status,
       duration_ms)
     SELECT d.tenant, d.id, $2, d.instance, $3, d.claimed_at, $4, $5, $6, $7 FROM deliveries d WHERE d.id = $1
     ON CONFLICT (delivery, number) DO UPDATE SET outcome = excluded.outcome,
       code = coalesce(excluded.code, delivery_attempts.code),
       http_status = coalesce(excluded.http_status, delivery_attempts.http_status),
       duration_ms = coalesce(delivery_attempts.duration_ms, excluded.duration_ms)`,
    [
      delivery.id,
      delivery.attempts,
      result.provider,
      result.outcome,
      result.code,
      result.httpStatus,
      result.durationMs,
    ],
  );
}

interface ClaimedRow {
  readonly tenant: string;
  readonly id: string;
  readonly conversation: string;
  readonly instance: string;
  readonly content: Buffer | null;
  readonly claim: string;
  readonly attempts: number;
  readonly lookups: number;
  readonly uncertain: boolean;
  readonly client_message_id: string;
  readonly first_claimed_at: Date;
  readonly abandoned: boolean;
}

const claimedOf = ({ client_message_id, first_claimed_at, ...row }: ClaimedRow): ClaimedDelivery => ({
  ...row,
  clientMessageId: client_message_id,
  firstClaimedAt: first_claimed_at.getTime(),
});

interface ReportRow {
  readonly tenant: string;
  readonly id: string;
  readonly conversation: string;
  readonly instance: string;
  readonly revision: string | null;
  readonly status: string;
  readonly reason: string | null;
  readonly attempts: number;
  readonly result: Buffer | null;
  readonly settled_at: Date | null;
}

const reportOf = ({ settled_at, status, ...row }: ReportRow): PendingReport => ({
  ...row,
  status: status as SettledStatus,
  settledAt: settled_at?.getTime() ?? 0,
});
