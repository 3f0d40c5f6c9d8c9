/** Searching the audit table. It holds no personal data, so that searching it is no sight of any. */
import { z } from 'zod';

import { pageOf, placeOf, placeOfTime, timeOfPlace, timePlace } from '../cursors.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { type Route, defineRoute } from '../route.ts';
import { cursor, filterText, instant, limit, listOf, time } from '../shapes.ts';

const auditEvent = z
  .object({
    id: z.string(),
    type: z.string().describe('What was done, such as consent.given'),
    at: time,
    conversationId: z.string().describe('The conversation, instance or key concerned'),
    causationId: z.string().nullable().describe('The event that caused it'),
    revision: z.string().nullable().describe('Revision of the configuration'),
    machine: z.string().nullable(),
    machineVersion: z.string().nullable(),
    trigger: z.string().nullable().describe('Type of the record that caused a transition'),
    from: z.string().nullable(),
    to: z.string().nullable(),
    instanceId: z.string().nullable(),
    subject: z.string().nullable().describe('What it was done to, when that is not the conversation'),
    outcome: z.string().nullable(),
    actedBy: z.string().nullable().describe('Id of the API key that was used'),
    episode: z.number().nullable(),
  })
  .meta({ id: 'AuditEvent', description: 'Something that was done. Holds no personal data.' });

/** An audit event as it is answered. */
export type AuditEvent = z.output<typeof auditEvent>;

const example: z.input<typeof auditEvent> = {
  id: 'a_3C8YXQSYRZJ7586XRXP4E5NVG3',
  type: 'actor.transitioned',
  at: '2026-11-21T02:12:13.351Z',
  conversationId: exampleIds.conversation,
  causationId: exampleIds.event,
  revision: exampleIds.revision,
  machine: 'conversation',
  machineVersion: '1',
  trigger: 'message.received',
  from: 'consent',
  to: 'name',
  instanceId: exampleIds.instance,
  subject: null,
  outcome: null,
  actedBy: null,
  episode: 1,
};

interface AuditRow {
  readonly event_id: string;
  readonly actor: string;
  readonly causation_id: string | null;
  readonly occurred_at: Date;
  readonly place: string;
  readonly revision: string | null;
  readonly action: string;
  readonly machine: string | null;
  readonly machine_version: string | null;
  readonly trigger: string | null;
  readonly from_state: string | null;
  readonly to_state: string | null;
  readonly instance: string | null;
  readonly subject: string | null;
  readonly outcome: string | null;
  readonly acted_by: string | null;
  readonly episode: number | null;
}

/** The routes of audit. */
export function auditRoutes({ runtime }: ApiContext): readonly Route[] {
  return [
    defineRoute({
      name: 'audit.search',
      method: 'GET',
      path: '/v1/audit',
      summary: 'Audit events, newest first',
      description: 'What happened, and who saw what. Events arrive within moments of what they tell of.',
      query: z.strictObject({
        conversation: filterText.optional().describe('The conversation, instance or key concerned'),
        type: filterText.optional().describe('Such as conversation.transitioned or consent.given'),
        from: instant.optional().describe('Inclusive'),
        to: instant.optional().describe('Exclusive'),
        limit,
        cursor,
      }),
      status: 200,
      response: listOf(auditEvent),
      example: {
        query: { conversation: exampleIds.conversation, type: 'actor.transitioned', limit: 20 },
        answer: { items: [example], next: null },
      },
      async handler({ key, query }) {
        const after = placeOf(query.cursor, timePlace);
        const found = await runtime.database.transaction([key.tenant], (sql) =>
          sql.query<AuditRow>(
            `SELECT event_id, actor, causation_id, occurred_at, ${placeOfTime('occurred_at')} AS place, revision, action, machine,
                    machine_version, trigger, from_state, to_state, instance, subject, outcome, acted_by, episode
             FROM audit_events
             WHERE tenant = $1 AND ($2::text IS NULL OR actor = $2) AND ($3::text IS NULL OR action = $3)
               AND ($4::timestamptz IS NULL OR occurred_at >= $4) AND ($5::timestamptz IS NULL OR occurred_at < $5)
               AND ($6::bigint IS NULL OR (occurred_at, event_id) < (${timeOfPlace('$6')}, $7))
             ORDER BY occurred_at DESC, event_id DESC LIMIT $8`,
            [
              key.tenant,
              query.conversation ?? null,
              query.type ?? null,
              query.from === undefined ? null : new Date(query.from),
              query.to === undefined ? null : new Date(query.to),
              after?.[0] ?? null,
              after?.[1] ?? null,
              query.limit + 1,
            ],
          ),
        );
        return pageOf(found.rows, query.limit, eventOf, (row) => [Number(row.place), row.event_id]);
      },
    }),
  ];
}

const eventOf = (row: AuditRow): z.input<typeof auditEvent> => ({
  id: row.event_id,
  type: row.action,
  at: row.occurred_at.toISOString(),
  conversationId: row.actor,
  causationId: row.causation_id,
  revision: row.revision,
  machine: row.machine,
  machineVersion: row.machine_version,
  trigger: row.trigger,
  from: row.from_state,
  to: row.to_state,
  instanceId: row.instance,
  subject: row.subject,
  outcome: row.outcome,
  actedBy: row.acted_by,
  episode: row.episode,
});
