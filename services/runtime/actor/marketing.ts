/**
 * What a person said to marketing, not to us but to WhatsApp: by a setting of the chat (the Cloud API's `user_preferences`),
 * or found out when a message was refused for it (131050). An audit event, and so a link in the chain of their consents.
 */
import type { ActorEvent } from '#schemas/records.ts';

import type { Envelope } from './envelope.ts';
import { type Output, auditOf } from './outputs.ts';

/** Names of Meta's webhook, as `services/ingest/providers/cloud-events.ts` writes them. */
const preferences: ReadonlyMap<string, string> = new Map([
  ['user_preferences.marketing_messages.stop', 'marketing.stopped'],
  ['user_preferences.marketing_messages.resume', 'marketing.resumed'],
]);

const refusal = 'provider.marketing-opted-out';

function actionOf(record: ActorEvent): string | undefined {
  switch (record.type) {
    case 'webhook.other':
      return preferences.get(record.event);
    case 'message.status':
    case 'delivery.updated':
      return record.reason === refusal ? 'marketing.stopped' : undefined;
    default:
      return undefined;
  }
}

/** The audit event of a record that says so, with the provider's time: news of it may come late. */
export function marketingChoice(record: ActorEvent, envelope: Envelope): readonly Output[] {
  const action = actionOf(record);
  if (action === undefined) return [];
  const audit = auditOf(record, envelope, 'marketing', { action, trigger: record.type });
  return [{ ...audit, record: { ...audit.record, providerAt: record.providerAt } }];
}
