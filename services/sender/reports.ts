/** Rows that settled, as their reports are made of them. */
import type { PendingReport, SettledStatus } from './deliveries.ts';

/** How long the process that settled a delivery has to report it before others do. */
export const reportLeaseMs = 10_000;

/** Of a row `d`. */
export const reportColumns = `d.tenant, d.id, d.conversation, d.instance, d.revision, d.status, d.reason, d.attempts, d.result,
  d.settled_at`;

/** A row of them. */
export interface ReportRow {
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

/** The report of a row. */
export const reportOf = ({ settled_at, status, ...row }: ReportRow): PendingReport => ({
  ...row,
  status: status as SettledStatus,
  settledAt: settled_at?.getTime() ?? 0,
});
