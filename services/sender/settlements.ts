/**
 * Deliveries that end: those of the same moment are written in one transaction, which is most of what
 * a message costs in the database.
 *
 * N1 Rows are locked in the order of their chats, as by whoever accepts replies (A3): else two that
 *    have several chats in common could wait for each other.
 * N2 A batch that failed for a passing reason is written once more: what it wrote after all no longer
 *    counts as `sending`, and is left to whoever finds its report due.
 */
import type { Database, SqlResult } from '#runtime/database/database.ts';
import { type Columns, columnValues } from '#runtime/database/rows.ts';
import { OperatingError } from '#runtime/errors.ts';
import { joinCalls } from '#runtime/joined-calls.ts';

import { isStill, promotion } from './claims.ts';
import type { AttemptResult, ClaimedDelivery, Move, PendingReport } from './deliveries.ts';
import { type ReportRow, reportColumns, reportLeaseMs, reportOf } from './reports.ts';
import { type FallbackStep, stepsStatement } from './steps.ts';

/** The end of a delivery, with what is known of the attempt that brought it. */
export interface Settlement {
  readonly delivery: ClaimedDelivery;
  readonly result: AttemptResult | undefined;
  readonly move: Extract<Move, { readonly to: 'settled' }>;
  readonly steps: readonly FallbackStep[];
}

/** Settlements in one transaction. */
const settledTogetherMax = 100;

/** How long after a delivery was given up for unknown what the provider says is looked through for it. */
const evidenceAfterMs = 2_000;

const columns: Columns<Settlement> = {
  id: ['text', ({ delivery }) => delivery.id],
  claim: ['bigint', ({ delivery }) => delivery.claim],
  number: ['int', ({ delivery }) => delivery.attempts],
  outcome: ['text', ({ result }) => result?.outcome ?? null],
  provider: ['text', ({ result }) => result?.provider ?? null],
  code: ['text', ({ result }) => result?.code ?? null],
  http_status: ['int', ({ result }) => result?.httpStatus ?? null],
  duration_ms: ['int', ({ result }) => result?.durationMs ?? null],
  status: ['text', ({ move }) => move.status],
  reason: ['text', ({ move }) => move.reason],
  provider_message_index: ['text', ({ move }) => move.providerMessageIndex],
  result: ['bytea', ({ move }) => move.result],
};
const names = Object.keys(columns);
const arrays = Object.values(columns).map(([type], i) => `$${i + 1}::${type}[]`);
const [lease, evidence] = [1, 2].map((place) => `$${arrays.length + place}`);

/** The newest knowledge about an attempt replaces the older: an unknown outcome may turn out to be a send. */
export const attemptConflict = `ON CONFLICT (delivery, number) DO UPDATE SET outcome = excluded.outcome,
  code = coalesce(excluded.code, delivery_attempts.code),
  http_status = coalesce(excluded.http_status, delivery_attempts.http_status),
  duration_ms = coalesce(delivery_attempts.duration_ms, excluded.duration_ms)`;

const settleText = `
  WITH held AS MATERIALIZED (
    SELECT id FROM deliveries WHERE id = ANY ($1::text[]) ORDER BY conversation COLLATE "C" FOR UPDATE
  ), moved AS (
    UPDATE deliveries d SET status = s.status, reason = s.reason, provider_message_index = s.provider_message_index,
      cause = CASE WHEN s.status = 'sent' THEN NULL ELSE coalesce(s.code, d.cause) END, result = s.result, settled_at = now(), updated_at = now(), report_due_at = now() + ${lease} * interval '1 ms',
      lease_until = NULL, provider = coalesce(s.provider, d.provider),
      evidence_due_at = CASE WHEN s.status IN ('unknown', 'manual') THEN now() + ${evidence} * interval '1 ms' END
    FROM unnest(${arrays.join(', ')}) AS s (${names.join(', ')})
    WHERE d.id = ANY (ARRAY(SELECT id FROM held)) AND d.id = s.id AND d.claim = s.claim AND ${isStill('d', 'sending')}
    RETURNING ${reportColumns}, d.claimed_at, s.number, s.outcome, s.provider, s.code, s.http_status, s.duration_ms
  ), attempted AS (
    INSERT INTO delivery_attempts (tenant, delivery, number, instance, provider, at, outcome, code, http_status, duration_ms)
    SELECT tenant, id, number, instance, provider, claimed_at, outcome, code, http_status, duration_ms
    FROM moved WHERE outcome IS NOT NULL
    ${attemptConflict}
  )
  SELECT ${reportColumns} FROM moved d`;

/**
 * Opens them as prosa_worker: writes the end of a delivery and lets the next one of its chat go;
 * resolves with the report to be made, or undefined when the claim was taken over. Throws
 * `database.unavailable`.
 */
export function openSettlements(database: Database): (settlement: Settlement) => Promise<PendingReport | undefined> {
  const write = async (settlements: readonly Settlement[]): Promise<SqlResult<Record<string, unknown>> | undefined> => {
    const sorted = [...settlements].sort(({ delivery: a }, { delivery: b }) => inOrder(a.conversation, b.conversation));
    const steps = stepsStatement(sorted);
    const done = await database.queries(
      [...new Set(settlements.map(({ delivery }) => delivery.tenant))],
      [
        ...steps,
        [settleText, [...columnValues(columns, sorted), reportLeaseMs, evidenceAfterMs]],
        // A statement of its own: what was queued while the first one waited for rows is seen by it alone.
        promotion(sorted.map(({ delivery, move }) => [delivery.conversation, move.chatPauseMs ?? 0])),
      ],
    );
    return done[steps.length];
  };

  return joinCalls(
    async (settlements) => {
      const moved = await write(settlements).catch((caught: unknown) => {
        if (!(caught instanceof OperatingError) || caught.disposition !== 'retry') throw caught;
        return write(settlements);
      });
      const reports = new Map((moved?.rows as readonly ReportRow[] | undefined)?.map((row) => [row.id, reportOf(row)]));
      return settlements.map(({ delivery }) => reports.get(delivery.id));
    },
    { callsMax: settledTogetherMax },
  );
}

/** The order of chats in which rows are locked: that of Postgres' "C". */
export const inOrder = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
