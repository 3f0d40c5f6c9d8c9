/**
 * Audit events of gates: each is written down with the change that it is of, then put on the log.
 *
 * K1 A change is written if and only if the gate changed (G5 of gates.ts). One is recorded at least once,
 *    always under the same event id, and in the order of the changes.
 * K2 The tries of a breaker that stays open are no changes: an outage of a day is two events.
 */
import { auditRecord, derivedId, outgoing, uncaused } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';

/** How a gate changed: its breaker opened or closed, or people who never wrote are not written to. */
export type GateChange = 'opened' | 'closed' | 'cold';

const events: Readonly<Record<GateChange, { readonly action: string; readonly from?: string; readonly to?: string }>> =
  {
    opened: { action: 'breaker.opened', from: 'closed', to: 'open' },
    closed: { action: 'breaker.closed', from: 'half-open', to: 'closed' },
    cold: { action: 'breaker.new-chats-stopped' },
  };

interface ChangeRow {
  readonly tenant: string;
  readonly number: string;
  readonly instance: string;
  readonly change: GateChange;
  readonly reason: string | null;
  readonly at: Date;
}

const recordedMax = 100;

/** Makes the turn that records changes; it throws `database.unavailable`, `log.unavailable`. */
export function createGateChangeRecorder({ database, log }: Pick<Runtime, 'database' | 'log'>) {
  return (tenants: readonly string[]): Promise<void> =>
    database.transaction(tenants, async (sql) => {
      // Not skipped when it is locked: one process at a time keeps their order.
      const { rows } = await sql.query<ChangeRow>(
        `SELECT tenant, number, instance, change, reason, at FROM sending_gate_changes
         ORDER BY number LIMIT $1 FOR UPDATE`,
        [recordedMax],
      );
      if (rows.length === 0) return;
      await log.append(rows.map((row) => outgoing(recordOf(row))));
      await sql.query('DELETE FROM sending_gate_changes WHERE number = ANY ($1::bigint[])', [
        rows.map(({ number }) => number),
      ]);
    });
}

const recordOf = ({ tenant, number, instance, change, reason, at }: ChangeRow) =>
  auditRecord(
    uncaused(tenant, instance, derivedId('e', tenant, instance, 'gate', number, at.getTime()), at.getTime()),
    { ...events[change], instance, subject: instance, outcome: reason },
  );
