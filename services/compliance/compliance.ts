/**
 * Compliance: the audit topic as tables that auditors can ask, and the chain of consents in it.
 *
 * Owns `audit_events` and `consents`. The log is read at least once; event ids make it once. Where Postgres
 * lost some, they are read again (`queue_progress`).
 */
import { topics } from '#schemas/topics.ts';
import { consumeRecords } from '#runtime/log/consume-records.ts';
import { type Stretch, createFollower, writeWithProgress } from '#runtime/log/queue-progress.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';

import { storeAudit } from './audit-tables.ts';

const group = 'compliance';
const sliceRecordsMax = 500;
const sliceBytesMax = 4 * 1024 * 1024;
/** Auditors do not wait for the moment. */
const patienceMs = 100;

/** Starts the service. */
export async function startCompliance(runtime: Runtime): Promise<RunningService> {
  const topic = topics.audit;
  const follow = createFollower(runtime, { group, topic, write: (stretch) => keepAudit(runtime, stretch) });
  const consumer = await consumeRecords(runtime, {
    group,
    topic,
    sliceRecordsMax,
    sliceBytesMax,
    patienceMs,
    handle: async (read, slice) => {
      await follow(read, slice);
    },
  });
  return { name: 'compliance', finished: consumer.finished, stop: () => consumer.stop() };
}

/** Stores the audit events of a stretch. Idempotent. */
async function keepAudit({ database, metrics }: Runtime, { records, ...slice }: Stretch): Promise<boolean> {
  const events = records.flatMap(({ record }) => (record.type === 'audit.recorded' ? [record] : []));
  const of = { slice, tenants: events.map(({ tenant }) => tenant) };
  const isKept = await writeWithProgress(database, group, of, (sql) => storeAudit(sql, events));
  if (isKept) metrics.auditRecords.inc(events.length);
  return isKept;
}
