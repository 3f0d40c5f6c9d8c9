/**
 * Compliance: the audit topic as tables that auditors can ask, and the chain of consents in it.
 *
 * Owns `audit_events` and `consents`. The log is read at least once; event ids make it once.
 */
import type { AuditRecorded, ProsaRecord } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';
import { consumeRecords } from '#runtime/log/consume-records.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';

import { storeAudit } from './audit-tables.ts';

const group = 'compliance';
const sliceRecordsMax = 500;
const sliceBytesMax = 4 * 1024 * 1024;
/** Auditors do not wait for the moment. */
const patienceMs = 100;

/** Starts the service. */
export async function startCompliance(runtime: Runtime): Promise<RunningService> {
  const consumer = await consumeRecords(runtime, {
    group,
    topic: topics.audit,
    sliceRecordsMax,
    sliceBytesMax,
    patienceMs,
    handle: (read) =>
      keepAudit(
        runtime,
        read.map(({ record }) => record),
      ),
  });
  return { name: 'compliance', finished: consumer.finished, stop: () => consumer.stop() };
}

/** Stores the audit events among some records. Idempotent. */
export async function keepAudit(runtime: Runtime, records: readonly ProsaRecord[]): Promise<void> {
  const events = records.filter((record): record is AuditRecorded => record.type === 'audit.recorded');
  if (events.length === 0) return;
  const tenants = [...new Set(events.map(({ tenant }) => tenant))];
  await runtime.database.transaction(tenants, (sql) => storeAudit(sql, events));
  runtime.metrics.auditRecords.inc(events.length);
}
