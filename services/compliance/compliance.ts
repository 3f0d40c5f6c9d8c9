/**
 * Compliance: the audit topic as tables that auditors can ask, and the chain of consents in it.
 *
 * Owns `audit_events` and `consents`. The log is read at least once; event ids make it once. Where Postgres
 * lost some, they are read again (`queue_progress`).
 */
import { topics } from '#schemas/topics.ts';
import { type ReadSlice, consumeRecords } from '#runtime/log/consume-records.ts';
import { createFollower, writeWithProgress } from '#runtime/log/queue-progress.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';

import { storeAudit } from './audit-tables.ts';

const group = 'compliance';
const sliceRecordsMax = 500;
const sliceBytesMax = 4 * 1024 * 1024;
/** Auditors do not wait for the moment. */
const patienceMs = 250;

/** Starts the service. */
export async function startCompliance(runtime: Runtime): Promise<RunningService> {
  const topic = topics.audit;
  const consumer = await consumeRecords(runtime, {
    group,
    topic,
    sliceRecordsMax,
    sliceBytesMax,
    patienceMs,
    ...createFollower(runtime, { group, topic, write: (slices) => keepAudit(runtime, slices) }),
  });
  return { name: 'compliance', finished: consumer.finished, stop: () => consumer.stop() };
}

/** Stores the audit events of slices, after which nothing is to be done. Idempotent. */
async function keepAudit({ database, metrics }: Runtime, slices: readonly ReadSlice[]): Promise<boolean> {
  const records = slices.flatMap((slice) => slice.records);
  const events = records.flatMap(({ record }) => (record.type === 'audit.recorded' ? [record] : []));
  const of = { slices, tenants: events.map(({ tenant }) => tenant) };
  await writeWithProgress(database, group, of, (sql) => storeAudit(sql, events));
  metrics.auditRecords.inc(events.length);
  return false;
}
