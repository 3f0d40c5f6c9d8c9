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

import { type Acceptance, acceptReplies } from './acceptance.ts';
import { begunOf, isStill, promotion } from './claims.ts';
import type { Standing } from './ladder.ts';
import { type ReportRow, reportColumns, reportLeaseMs, reportOf } from './reports.ts';
import { attemptConflict, openSettlements } from './settlements.ts';
import { type FallbackStep, stepsStatement } from './steps.ts';

/** A delivery that this process owns until its lease ends. */
export interface ClaimedDelivery {
  readonly tenant: string;
  readonly id: string;
  readonly conversation: string;
  readonly instance: string;
  readonly content: Buffer | null;
  readonly claim: string;
  readonly attempts: number;
  /** Of these the ones that count for the schedule of retries. */
  readonly tries: number;
  readonly lookups: number;
  readonly uncertain: boolean;
  readonly clientMessageId: string;
  /** See `lanes.ts`. */
  readonly lane: number;
  /** The rung of the ladder on which it stands. */
  readonly fallback: Standing | null;
  readonly origin: string;
  /** Of this claim and of the first one. Epoch milliseconds by the database's clock. */
  readonly claimedAt: number;
  readonly firstClaimedAt: number;
  /** Before this claim was asked for, by `performance.now()`: its lease began later. */
  readonly askedAt: number;
  /** Its claimer went away without a word. */
  readonly abandoned: boolean;
}

/** Status after which a delivery is no longer in the way of the next one of its chat. */
export type SettledStatus = 'sent' | 'failed' | 'unknown' | 'manual' | 'cancelled';

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
      /** Milliseconds for which the others of the chat wait, who would meet the same. */
      readonly chatPauseMs?: number;
      /** Down the ladder, to its end. */
      readonly steps?: readonly FallbackStep[];
    }
  /** A rung down the ladder, for so many of the schedule's last attempts, the first of them after `delayMs`. */
  | {
      readonly to: 'fall-back';
      readonly standing: Standing;
      readonly step: FallbackStep;
      readonly lane: number;
      readonly delayMs: number;
      /** Attempts that count as made before the first. */
      readonly triesBefore: number;
    }
  /** Another attempt, with everything of its chat behind it, after `delayMs`. */
  | { readonly to: 'queued'; readonly delayMs: number; readonly uncertain: boolean; readonly countsAttempt: boolean }
  /** To the queue of another instance, at once; nothing was tried. */
  | { readonly to: 'elsewhere'; readonly instance: string }
  /** Not before `until`, epoch milliseconds, and without holding up its chat. The attempt does not count. */
  | { readonly to: 'put-off'; readonly until: number }
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
  /** Those that wait: chat and lane. */
  readonly queued: readonly (readonly [conversation: string, lane: number])[];
}

/** A delivery that is not known to be sent. */
export interface Doubted {
  readonly tenant: string;
  readonly id: string;
  readonly conversation: string;
  readonly clientMessageId: string;
  readonly providerMessageIndex: string | null;
}

/** Providers repeat their reports for a week (Meta). */
const evidenceMsMax = 8 * 86_400_000;

/** Reports that are cleared in one statement, and how long they wait for each other. Milliseconds. */
const cleared = { callsMax: 500, lingerMs: 50 } as const;

// Not waited for on disk: where it is lost the report is made again, with the same ids (S4).
const clearReportsStatement = `
  UPDATE deliveries d SET report_due_at = NULL FROM unnest($1::text[], $2::text[]) AS r (id, status)
  WHERE d.id = r.id AND d.status = r.status RETURNING set_config('synchronous_commit', 'off', true)`;

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
  const settle = openSettlements(database);

  return {
    /** See `acceptReplies`. */
    async accept(acceptance: Acceptance): Promise<Accepted> {
      const askedAt = performance.now();
      const rows = await acceptReplies(database, acceptance);
      return {
        begun: acceptance.again ? [] : rows.flatMap((row) => begunOf(row, askedAt)),
        queued: rows.flatMap(({ status, conversation, lane }) =>
          status === 'queued' ? [[conversation, lane] as const] : [],
        ),
      };
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

    /**
     * Moves a claimed delivery on; the report when it settled; undefined when the claim was taken over (L2).
     * `steps` led to the attempt.
     */
    async move(
      delivery: ClaimedDelivery,
      result: AttemptResult | undefined,
      move: Move,
      steps: readonly FallbackStep[] = [],
    ): Promise<PendingReport | undefined> {
      if (move.to === 'settled') return settle({ delivery, result, move, steps: [...steps, ...(move.steps ?? [])] });
      const { text, values } = moveOf(move);
      const moving = [text, [...attemptValues(delivery, result), ...values]] as const;
      // A statement of its own: what was queued while this one waited for the row is seen by it alone.
      const next = move.to === 'put-off' ? [promotion([[delivery.conversation, 0]])] : [];
      const made = [...steps, ...(move.to === 'fall-back' ? [move.step] : [])];
      await database.queries([delivery.tenant], [...stepsStatement([{ delivery, steps: made }]), moving, ...next]);
      return undefined;
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

    /**
     * Takes some that are not known to be sent, to look for what the provider says of them. They come again
     * at growing intervals until `evidenceMsMax` after they were given up.
     */
    async claimDoubted(tenants: readonly string[], max: number): Promise<readonly Doubted[]> {
      const found = await one<DoubtedRow>(tenants, claimDoubtedStatement, [max, evidenceMsMax]);
      return found.rows.map((row) => ({
        tenant: row.tenant,
        id: row.id,
        conversation: row.conversation,
        clientMessageId: row.client_message_id,
        providerMessageIndex: row.provider_message_index,
      }));
    },

    /** Those were sent after all: settles what is still in doubt of them; the reports to be made. */
    async believe(tenants: readonly string[], ids: readonly string[]): Promise<readonly PendingReport[]> {
      const found = await one<ReportRow>(
        tenants,
        `UPDATE deliveries d SET status = 'sent', reason = NULL, cause = NULL, settled_at = now(), updated_at = now(),
           report_due_at = now() + $2 * interval '1 ms', evidence_due_at = NULL
         WHERE d.id = ANY ($1::text[]) AND d.evidence_due_at IS NOT NULL RETURNING ${reportColumns}`,
        [ids, reportLeaseMs],
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
 * A move by its claimer (L2), with what is known of the attempt: $1 to $8 are `attemptValues`, the
 * change's own come after them.
 */
const moveText = (change: string): string => `
  WITH moved AS (
    UPDATE deliveries d SET ${change}, provider = coalesce($4, d.provider), cause = coalesce($6, d.cause),
      updated_at = now()
    WHERE d.id = $1 AND d.claim = $2 AND ${isStill('d', 'sending')}
    RETURNING d.tenant, d.id, d.instance, d.claimed_at
  )
  INSERT INTO delivery_attempts (tenant, delivery, number, instance, provider, at, outcome, code, http_status, duration_ms)
  SELECT tenant, id, $3::int, instance, $4, claimed_at, $5, $6, $7::int, $8::int FROM moved WHERE $5::text IS NOT NULL
  ${attemptConflict}`;

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

const requeueStatement = moveText(
  `status = 'queued', next_attempt_at = now() + $9 * interval '1 ms', uncertain = d.uncertain OR $10,
   attempts = d.attempts - $11, claimed_by = NULL, lease_until = NULL`,
);

const elsewhereStatement = moveText(
  `status = 'queued', instance = $9, next_attempt_at = now(), attempts = d.attempts - 1, claimed_by = NULL,
   lease_until = NULL`,
);

const fallBackStatement = moveText(
  `status = 'queued', fallback = $9, instance = $10, lane = $11, next_attempt_at = now() + $12 * interval '1 ms',
   attempts_forgiven = d.attempts - $13, claimed_by = NULL, lease_until = NULL`,
);

const putOffStatement = moveText(
  `status = 'scheduled', next_attempt_at = to_timestamp($9 / 1000.0), attempts = d.attempts - 1, claimed_by = NULL,
   lease_until = NULL, first_claimed_at = CASE WHEN d.attempts > 1 THEN d.first_claimed_at END`,
);

const lookUpStatement = moveText(`uncertain = true, claimed_by = NULL, lease_until = now() + $9 * interval '1 ms'`);

function moveOf(move: Exclude<Move, { readonly to: 'settled' }>): {
  readonly text: string;
  readonly values: readonly unknown[];
} {
  switch (move.to) {
    case 'queued':
      return { text: requeueStatement, values: [move.delayMs, move.uncertain, move.countsAttempt ? 0 : 1] };
    case 'elsewhere':
      return { text: elsewhereStatement, values: [move.instance] };
    case 'fall-back': {
      const { standing, step, lane, delayMs, triesBefore } = move;
      return { text: fallBackStatement, values: [standing, step.instance, lane, delayMs, triesBefore] };
    }
    case 'put-off':
      return { text: putOffStatement, values: [move.until] };
    case 'look-up':
      return { text: lookUpStatement, values: [move.delayMs] };
  }
}

// Never looked for again sooner than after a fifth of the time that has passed.
const claimDoubtedStatement = `
  UPDATE deliveries d SET evidence_due_at = CASE WHEN d.settled_at > now() - $2 * interval '1 ms'
    THEN now() + greatest(interval '2 seconds', (now() - d.settled_at) / 5) END
  WHERE d.id = ANY (ARRAY(
    SELECT id FROM deliveries WHERE evidence_due_at <= now() ORDER BY evidence_due_at LIMIT $1 FOR UPDATE SKIP LOCKED))
  RETURNING d.tenant, d.id, d.conversation, d.client_message_id, d.provider_message_index`;

interface DoubtedRow {
  readonly tenant: string;
  readonly id: string;
  readonly conversation: string;
  readonly client_message_id: string;
  readonly provider_message_index: string | null;
}
