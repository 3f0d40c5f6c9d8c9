/**
 * The rows of `deliveries`: every statement of the sender on them. Times of leases and due dates are
 * the database's clock, so that processes with different clocks agree.
 *
 * L1 `sending` is committed before the provider is called, its result after.
 * L2 Only the newest claim settles: a claim that was taken over changes nothing any more.
 * L3 A delivery is claimed only when every earlier one of its chat is neither `queued` nor `sending`.
 * L4 A settled row stays in the outbox (`report_due_at`) until its report was appended.
 */
import type { Database } from '#runtime/database/database.ts';
import type { Provider } from '#runtime/instances/instances.ts';
import { joinCalls } from '#runtime/joined-calls.ts';

import { type Acceptance, type AcceptedRow, acceptReplies } from './acceptance.ts';

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

/** What became of replies from the log. */
export interface Accepted {
  /** Claimed by the process that accepted them. */
  readonly begun: readonly ClaimedDelivery[];
  /** Chats of the others that are new. */
  readonly queued: readonly string[];
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

/** Reports that are cleared in one statement, and how long they wait for each other. Milliseconds. */
const cleared = { callsMax: 500, lingerMs: 50 } as const;

// Not waited for on disk: where it is lost the report is made again, with the same ids (S4).
const clearReportsStatement = `
  UPDATE deliveries d SET report_due_at = NULL FROM unnest($1::text[], $2::text[]) AS r (id, status)
  WHERE d.id = r.id AND d.status = r.status RETURNING set_config('synchronous_commit', 'off', true)`;

const claimedColumns = `d.tenant, d.id, d.conversation, d.instance, d.content, d.claim, d.attempts, d.lookups,
  d.uncertain, d.client_message_id, d.first_claimed_at`;

/** Opens the deliveries as prosa_worker. All methods throw `database.unavailable`. */
export function openDeliveries(database: Database) {
  const one = <Row>(tenants: readonly string[], text: string, values: readonly unknown[]) =>
    database.query<Row>(tenants, text, values);

  const clearReports = joinCalls(async (reports: readonly PendingReport[]) => {
    await one([...new Set(reports.map(({ tenant }) => tenant))], clearReportsStatement, [
      reports.map(({ id }) => id),
      reports.map(({ status }) => status),
    ]);
    return reports.map(() => undefined);
  }, cleared);

  return {
    /** See `acceptReplies`. */
    async accept(acceptance: Acceptance): Promise<Accepted> {
      const rows = await acceptReplies(database, acceptance);
      return {
        begun: rows.flatMap(begunOf),
        queued: rows.filter(({ status }) => status === 'queued').map(({ conversation }) => conversation),
      };
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
      const { text, values } = moveOf(move);
      const moved = await one<ReportRow>([delivery.tenant], text, [...attemptValues(delivery, result), ...values]);
      return move.to === 'settled' ? moved.rows.map(reportOf)[0] : undefined;
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

    /** The report of this status is on the log. Idempotent. Those of some moments are cleared together. */
    reported: (report: PendingReport): Promise<void> => clearReports(report),

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

/**
 * A move by its claimer (L2), with what is known of the attempt: $1 to $8 are `attemptValues`, the
 * change's own come after them. The newest knowledge about an attempt replaces the older: an unknown outcome
 * may turn out to be a send. `more` are further parts, which see the moved row as `moved`.
 */
const moveText = (change: string, more = ''): string => `
  WITH moved AS (
    UPDATE deliveries d SET ${change}, provider = coalesce($4, d.provider), updated_at = now()
    WHERE d.id = $1 AND d.claim = $2 AND d.status = 'sending'
    RETURNING ${reportColumns}, d.claimed_at
  ), attempted AS (
    INSERT INTO delivery_attempts (tenant, delivery, number, instance, provider, at, outcome, code, http_status, duration_ms)
    SELECT tenant, id, $3::int, instance, $4, claimed_at, $5, $6, $7::int, $8::int FROM moved WHERE $5::text IS NOT NULL
    ON CONFLICT (delivery, number) DO UPDATE SET outcome = excluded.outcome,
      code = coalesce(excluded.code, delivery_attempts.code),
      http_status = coalesce(excluded.http_status, delivery_attempts.http_status),
      duration_ms = coalesce(delivery_attempts.duration_ms, excluded.duration_ms)
  )${more}
  SELECT ${reportColumns} FROM moved d`;

const attemptValues = (delivery: ClaimedDelivery, result: AttemptResult | undefined): readonly unknown[] => [
  delivery.id,
  delivery.claim,
  delivery.attempts,
  result?.provider ?? null,
  result?.outcome ?? null,
  result?.code ?? null,
  result?.httpStatus ?? null,
  result?.durationMs ?? null,
];

const settleStatement = moveText(
  `status = $9, reason = $10, provider_message_index = $11, result = $12, settled_at = now(),
   report_due_at = now() + $13 * interval '1 ms', lease_until = NULL`,
);

// What waits behind it need not be looked at before that.
const requeueStatement = moveText(
  `status = 'queued', next_attempt_at = now() + $9 * interval '1 ms', uncertain = d.uncertain OR $10,
   attempts = d.attempts - $11, claimed_by = NULL, lease_until = NULL`,
  `, postponed AS (
    UPDATE deliveries b SET next_attempt_at = greatest(b.next_attempt_at, now() + $9 * interval '1 ms')
    FROM moved WHERE $9 > 0 AND b.conversation = moved.conversation AND b.status = 'queued' AND b.id <> moved.id
  )`,
);

const lookUpStatement = moveText(`uncertain = true, claimed_by = NULL, lease_until = now() + $9 * interval '1 ms'`);

function moveOf(move: Move): { readonly text: string; readonly values: readonly unknown[] } {
  switch (move.to) {
    case 'settled': {
      const { status, reason, providerMessageIndex, result } = move;
      return { text: settleStatement, values: [status, reason, providerMessageIndex, result, reportLeaseMs] };
    }
    case 'queued':
      return { text: requeueStatement, values: [move.delayMs, move.uncertain, move.countsAttempt ? 0 : 1] };
    case 'look-up':
      return { text: lookUpStatement, values: [move.delayMs] };
  }
}

type ClaimedRow = Omit<AcceptedRow, 'status' | 'first_claimed_at'> & {
  readonly first_claimed_at: Date;
  readonly abandoned: boolean;
};

const begunOf = ({ first_claimed_at, ...row }: AcceptedRow): readonly ClaimedDelivery[] =>
  row.status === 'sending' && first_claimed_at !== null
    ? [claimedOf({ ...row, first_claimed_at, abandoned: false })]
    : [];

const claimedOf = (row: ClaimedRow): ClaimedDelivery => ({
  tenant: row.tenant,
  id: row.id,
  conversation: row.conversation,
  instance: row.instance,
  content: row.content,
  claim: row.claim,
  attempts: row.attempts,
  lookups: row.lookups,
  uncertain: row.uncertain,
  clientMessageId: row.client_message_id,
  firstClaimedAt: row.first_claimed_at.getTime(),
  abandoned: row.abandoned,
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
