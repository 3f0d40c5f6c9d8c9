/**
 * Steps down the ladder: written with the move that they are of, then recorded as audit events.
 *
 * T1 A step is written if and only if its claimer moves the delivery (L2 of deliveries.ts), in the same
 *    transaction and before the move, so that who writes a move twice writes its steps once.
 * T2 A step is recorded at least once, always under the same event id.
 */
import { type Columns, columnValues } from '#runtime/database/rows.ts';
import { auditRecord, causedBy, derivedId, outgoing } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { Rung } from './ladder.ts';

/** A step of one delivery. */
export interface FallbackStep {
  readonly step: Rung;
  /** The rung before it; null for the delivery's own attempts. */
  readonly from: string | null;
  /** Stable code of what made it necessary. */
  readonly cause: string;
  /** With which it goes on. */
  readonly instance: string;
}

/** A step with the claim under which it is made. */
interface ClaimedStep extends FallbackStep {
  readonly id: string;
  readonly claim: string;
  /** From 1, among those that are written together. */
  readonly place: number;
}

const columns: Columns<ClaimedStep> = {
  id: ['text', ({ id }) => id],
  claim: ['bigint', ({ claim }) => claim],
  place: ['int', ({ place }) => place],
  step: ['text', ({ step }) => step],
  from_step: ['text', ({ from }) => from],
  cause: ['text', ({ cause }) => cause],
  instance: ['text', ({ instance }) => instance],
};
const arrays = Object.values(columns).map(([type], i) => `$${i + 1}::${type}[]`);

const writeStatement = `
  INSERT INTO delivery_steps (tenant, delivery, number, step, from_step, cause, instance)
  SELECT d.tenant, d.id, s.place + coalesce((SELECT max(e.number) FROM delivery_steps e WHERE e.delivery = d.id), 0),
    s.step, s.from_step, s.cause, s.instance
  FROM unnest(${arrays.join(', ')}) AS s (${Object.keys(columns).join(', ')}) CROSS JOIN LATERAL (
    SELECT o.tenant, o.id FROM deliveries o
    WHERE o.id = s.id AND o.claim = s.claim AND coalesce(o.status, '') = 'sending' LIMIT 1 FOR UPDATE
  ) d`;

/** What is moved, with its steps. */
export interface Stepped {
  readonly delivery: { readonly id: string; readonly claim: string };
  readonly steps: readonly FallbackStep[];
}

/** The statement that writes the steps of moves, in the order of the moves; none when there are none. */
export function stepsStatement(moves: readonly Stepped[]): readonly (readonly [string, readonly unknown[]])[] {
  const steps = moves.flatMap(({ delivery: { id, claim }, steps: made }) =>
    made.map((step, i) => ({ ...step, id, claim, place: i + 1 })),
  );
  return steps.length === 0 ? [] : [[writeStatement, columnValues(columns, steps)]];
}

interface StepRow {
  readonly tenant: string;
  readonly delivery: string;
  readonly number: number;
  readonly step: string;
  readonly from_step: string | null;
  readonly cause: string;
  readonly instance: string;
  readonly at: Date;
  readonly conversation: string;
  readonly revision: string | null;
}

const recordedMax = 200;

/** Makes the turn that records steps; it throws `database.unavailable`, `log.unavailable`. */
export function createStepRecorder({ database, log }: Pick<Runtime, 'database' | 'log'>) {
  return async (tenants: readonly string[]): Promise<void> => {
    await database.transaction(tenants, async (sql) => {
      const { rows } = await sql.query<StepRow>(
        `SELECT s.tenant, s.delivery, s.number, s.step, s.from_step, s.cause, s.instance, s.at, d.conversation, d.revision
         FROM (
           SELECT * FROM delivery_steps WHERE record_due_at <= now()
           ORDER BY record_due_at, delivery, number LIMIT $1 FOR UPDATE SKIP LOCKED
         ) s CROSS JOIN LATERAL (SELECT o.conversation, o.revision FROM deliveries o WHERE o.id = s.delivery LIMIT 1) d
         ORDER BY s.record_due_at, s.delivery, s.number`,
        [recordedMax],
      );
      if (rows.length === 0) return;
      await log.append(rows.map((row) => outgoing(recordOf(row))));
      await sql.query(
        `UPDATE delivery_steps s SET record_due_at = NULL FROM unnest($1::text[], $2::int[]) AS r (delivery, number)
         WHERE s.delivery = r.delivery AND s.number = r.number`,
        [rows.map(({ delivery }) => delivery), rows.map(({ number }) => number)],
      );
    });
  };
}

const recordOf = (row: StepRow) =>
  auditRecord(
    causedBy(
      { tenant: row.tenant, actor: row.conversation, eventId: row.delivery, revision: row.revision },
      derivedId('e', row.delivery, 'step', row.number),
      row.at.getTime(),
    ),
    {
      action: 'delivery.fell-back',
      from: row.from_step ?? 'attempts',
      to: row.step,
      instance: row.instance,
      subject: row.delivery,
      outcome: row.cause,
    },
  );
