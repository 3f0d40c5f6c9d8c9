/**
 * Consent at the moment of sending. The conversation's machine declines what somebody does not want when it is asked
 * for; what it let pass may wait long after that (limits, quiet hours, an account that is shut), and people change
 * their minds. Answers of machines and operators are not asked about: a person's no is confirmed by one.
 */
import type { Database } from '#runtime/database/database.ts';
import { joinCalls } from '#runtime/joined-calls.ts';

import type { ClaimedDelivery } from './deliveries.ts';

/** What is asked about. */
export type Objectionable = Pick<ClaimedDelivery, 'tenant' | 'conversation' | 'origin'>;

/** Why a person does not want a message, as a stable code; undefined when nothing is known against it. Throws `database.unavailable`. */
export type ObjectionFinder = (delivery: Objectionable) => Promise<string | undefined>;

interface Said {
  readonly agreement: string | null;
  readonly marketing: string | null;
}

const askedMax = 200;

/**
 * SQL for what a person last said, to everything or to marketing; null for nothing. By the one index of the chain, its
 * order included. `tenant` and `conversation` are SQL.
 */
export const newestConsent = (of: 'agreement' | 'marketing', tenant: string, conversation: string): string => `(
  SELECT k.status FROM consents k WHERE k.tenant = ${tenant} AND k.conversation = ${conversation}
    AND k.status ${of === 'marketing' ? '' : 'NOT '}LIKE 'marketing-%'
  ORDER BY k.at DESC, k.event_id DESC LIMIT 1)`;

// A conversation that was merged has its chain where it goes on.
const statement = `
  SELECT ${newestConsent('agreement', 'r.tenant', 'c.going_on')} AS agreement,
    ${newestConsent('marketing', 'r.tenant', 'c.going_on')} AS marketing
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS r (tenant, conversation, place) CROSS JOIN LATERAL (
    SELECT coalesce((SELECT m.merged_into FROM conversations m WHERE m.id = r.conversation), r.conversation) AS going_on
  ) c ORDER BY r.place`;

/** Makes the finder. What is asked in the same moment is asked together. */
export function objectionFinder(database: Database): ObjectionFinder {
  const ask = joinCalls(
    async (deliveries: readonly Objectionable[]) => {
      const { rows } = await database.query<Said>([...new Set(deliveries.map(({ tenant }) => tenant))], statement, [
        deliveries.map(({ tenant }) => tenant),
        deliveries.map(({ conversation }) => conversation),
      ]);
      return rows;
    },
    { callsMax: askedMax },
  );
  return async (delivery) => {
    if (delivery.origin !== 'api' && delivery.origin !== 'broadcast') return undefined;
    const { agreement, marketing } = await ask(delivery);
    if (agreement === 'refused' || agreement === 'withdrawn') return `consent.${agreement}`;
    return delivery.origin === 'broadcast' && marketing === 'marketing-stopped'
      ? 'consent.marketing-stopped'
      : undefined;
  };
}
