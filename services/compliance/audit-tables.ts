/**
 * Rows of the audit topic. Append-only: what is there is never changed, so a repeated record does
 * nothing.
 */
import type { AuditRecorded } from '#schemas/records.ts';
import type { Sql } from '#runtime/database/database.ts';
import { type Columns, insertRows } from '#runtime/database/rows.ts';

const timeOf = (at: number | null): Date | null => (at === null ? null : new Date(at));

const auditColumns: Columns<AuditRecorded> = {
  tenant: ['text', (event) => event.tenant],
  event_id: ['text', (event) => event.eventId],
  actor: ['text', (event) => event.actor],
  causation_id: ['text', (event) => event.causationId],
  occurred_at: ['timestamptz', (event) => timeOf(event.occurredAt)],
  provider_at: ['timestamptz', (event) => timeOf(event.providerAt)],
  revision: ['text', (event) => event.revision],
  action: ['text', (event) => event.action],
  machine: ['text', (event) => event.machine],
  machine_version: ['text', (event) => event.machineVersion],
  trigger: ['text', (event) => event.trigger],
  from_state: ['text', (event) => event.from],
  to_state: ['text', (event) => event.to],
  instance: ['text', (event) => event.instance],
  subject: ['text', (event) => event.subject],
  outcome: ['text', (event) => event.outcome],
  acted_by: ['text', (event) => event.actedBy],
  episode: ['int', (event) => event.episode],
};

/** Audit actions that are links of a consent chain, and the status that each says. */
const consentStatuses: Readonly<Record<string, string>> = {
  'consent.requested': 'requested',
  'consent.given': 'given',
  'consent.refused': 'refused',
  'consent.withdrawn': 'withdrawn',
  'marketing.stopped': 'marketing-stopped',
  'marketing.resumed': 'marketing-resumed',
};

const isConsent = (event: AuditRecorded): boolean => Object.hasOwn(consentStatuses, event.action);

const consentColumns: Columns<AuditRecorded> = {
  tenant: ['text', (event) => event.tenant],
  conversation: ['text', (event) => event.actor],
  event_id: ['text', (event) => event.eventId],
  status: ['text', (event) => consentStatuses[event.action]],
  notice_version: ['text', (event) => event.subject],
  given_by: ['text', (event) => event.outcome],
  // What WhatsApp tells may come late, and out of order.
  at: ['timestamptz', (event) => timeOf(event.providerAt ?? event.occurredAt)],
  evidence_event_id: ['text', (event) => event.causationId],
};

/** Stores audit events and the consents among them. Idempotent by event id. */
export async function storeAudit(sql: Sql, events: readonly AuditRecorded[]): Promise<void> {
  await Promise.all([
    insertRows(sql, 'audit_events', auditColumns, events, 'DO NOTHING'),
    insertRows(sql, 'consents', consentColumns, events.filter(isConsent), 'DO NOTHING'),
  ]);
}
