/**
 * Messages that were asked for, as rows that wait until they are due: what the API, broadcasts and the
 * sender's hand-over (services/sender/hand-over.ts) agree on.
 */
import type { OutboundContent, SealedOutbound } from '#schemas/content.ts';

import type { Sql } from './database/database.ts';
import { type Columns, insertRows } from './database/rows.ts';
import { derivedId } from './records.ts';
import type { Vault } from './vault/vault.ts';

/** Event id of the `message.requested` of a message: the same however often it is appended. */
export const requestEventId = (tenant: string, id: string): string => derivedId('e', tenant, 'message.requested', id);

/** A message and whom it is to. */
interface Addressed {
  readonly tenant: string;
  readonly id: string;
  readonly conversation: string;
  readonly person: string;
  readonly content: OutboundContent;
}

/**
 * The content as the record of the request has it; `at` is now, epoch milliseconds. Throws
 * `vault.unavailable`, `vault.key-erased`.
 */
export function sealRequest(
  vault: Pick<Vault, 'seal'>,
  { tenant, id, conversation, person, content }: Addressed,
  at: number,
): Promise<Buffer> {
  const where = { tenant, actor: conversation, type: 'message.requested', eventId: requestEventId(tenant, id) };
  return vault.seal(where, person, at, { content } satisfies SealedOutbound);
}

/** A message to be handed to the log at some time. */
export interface DueRequest {
  readonly tenant: string;
  readonly id: string;
  readonly conversation: string;
  readonly instance: string;
  readonly priority: string;
  readonly origin: 'api' | 'broadcast';
  /** Epoch milliseconds. */
  readonly dueAt: number;
  /** As `sealRequest` makes it. */
  readonly content: Buffer;
}

const columns: Columns<DueRequest> = {
  tenant: ['text', ({ tenant }) => tenant],
  id: ['text', ({ id }) => id],
  conversation: ['text', ({ conversation }) => conversation],
  instance: ['text', ({ instance }) => instance],
  priority: ['text', ({ priority }) => priority],
  origin: ['text', ({ origin }) => origin],
  due_at: ['timestamptz', ({ dueAt }) => new Date(dueAt)],
  content: ['bytea', ({ content }) => content],
  status: ['text', () => 'scheduled'],
};

/** Writes many, in one statement. Idempotent by id. */
export async function insertDueRequests(sql: Sql, requests: readonly DueRequest[]): Promise<void> {
  await insertRows(sql, 'message_requests', columns, requests, '(tenant, id) DO NOTHING');
}
