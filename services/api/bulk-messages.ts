/**
 * Many messages of one call.
 *
 * K1 Every message is accepted or refused by itself, and the answer says so in their order.
 * K2 All that are accepted are there together, to be handed over when they are due: nothing is half asked for.
 * K3 The same idempotency key is the same call: the same answer; with other messages it is refused.
 */
import { variableNames, withVariables } from '#runtime/broadcasts/variables.ts';
import { OperatingError } from '#runtime/errors.ts';
import { Problem } from '#runtime/http.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import { type DueRequest, insertDueRequests, sealRequest } from '#runtime/message-requests.ts';
import { derivedId, newUlid } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { chatOf, isChat } from './chats.ts';
import { contentSources, rememberTemplates } from './content-sources.ts';
import { type WantedContent, contentOf, contentShape } from './message-content.ts';

/** A message of a call. */
export interface BulkMessage extends WantedContent {
  readonly to: string;
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

/** What is asked for. */
export interface BulkCall {
  readonly instance: Instance;
  readonly messages: readonly BulkMessage[];
  readonly priority: 'high' | 'normal' | 'low';
  readonly due: { readonly at: number; readonly asked: string } | undefined;
  readonly idempotencyKey: string | undefined;
}

/** Why something of a list was not taken. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
}

/** A message as it was accepted, or not. */
export type BulkItem = { readonly id: string; readonly conversationId: string } | { readonly problem: Refusal };

/** A call as it was answered. */
export interface Batch {
  readonly id: string;
  readonly items: readonly BulkItem[];
  readonly createdAt: Date;
  /** False when an earlier call with the same key was meant. */
  readonly fresh: boolean;
}

/** Messages that are made ready together. */
const togetherMax = 50;

/** Does something for each, some together, and tells in their order what came of it: what was refused is no failure. */
export async function eachOrRefused<Item, Made>(
  items: readonly Item[],
  make: (item: Item, place: number) => Promise<Made>,
): Promise<readonly (Made | { readonly problem: Refusal })[]> {
  const made: (Made | { readonly problem: Refusal })[] = [];
  for (let from = 0; from < items.length; from += togetherMax)
    made.push(
      ...(await Promise.all(
        items
          .slice(from, from + togetherMax)
          .map((item, i) => make(item, from + i).catch((caught: unknown) => ({ problem: refusalOf(caught) }))),
      )),
    );
  return made;
}

/** Throws what is no refusal on. */
function refusalOf(caught: unknown): Refusal {
  const isErased = caught instanceof OperatingError && caught.code === 'vault.key-erased';
  const refused = isErased ? new Problem(410, 'recipient-erased', 'The person was erased.') : caught;
  if (!(refused instanceof Problem)) throw refused;
  return { status: refused.status, code: refused.code, detail: refused.message };
}

/** Throws `Problem` 422 when somebody cannot be written to. */
export function requireChat(to: string): void {
  if (!isChat(to)) throw new Problem(422, 'recipient-invalid', 'It is neither a phone number nor a chat address.');
}

/** Throws `Problem` 422 when a value for one of the variables is missing. */
export function requireVariables(names: readonly string[], given: Readonly<Record<string, string>> = {}): void {
  const missing = names.filter((name) => !Object.hasOwn(given, name));
  if (missing.length > 0) throw new Problem(422, 'variables-missing', 'A variable in the text has no value.');
}

/** Accepts a call. Throws `Problem` 409 (K3), `database.unavailable`, `vault.unavailable`. */
export async function requestBulk(runtime: Runtime, call: BulkCall): Promise<Batch> {
  const { instance, messages, priority, due, idempotencyKey } = call;
  const { tenant } = instance;
  const at = runtime.now();
  const id = idempotencyKey === undefined ? `mb_${newUlid(at)}` : derivedId('mb', tenant, idempotencyKey);
  const asked = JSON.stringify([instance.id, messages, priority, due?.asked ?? null]);
  const fingerprint = runtime.vault.index(tenant, 'message-batch', asked);
  const earlier = idempotencyKey === undefined ? undefined : await readRow(runtime, tenant, id);
  if (earlier !== undefined) return answeredBefore(earlier, fingerprint);

  const prepare = preparer(runtime, call, id, at);
  const prepared = await eachOrRefused(messages, prepare);
  const items = prepared.map((one): BulkItem =>
    'problem' in one ? one : { id: one.id, conversationId: one.conversation },
  );
  const isFresh = await runtime.database.transaction([tenant], async (sql) => {
    const inserted = await sql.query(
      `INSERT INTO message_batches (tenant, id, fingerprint, items, created_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (id) DO NOTHING`,
      [tenant, id, fingerprint, JSON.stringify(items), new Date(at)],
    );
    if (inserted.rowCount === 0) return false;
    await insertDueRequests(
      sql,
      prepared.flatMap((one) => ('problem' in one ? [] : [one])),
    );
    return true;
  });
  if (isFresh) return { id, items, createdAt: new Date(at), fresh: true };
  // The same call at the same time was faster.
  const faster = await readRow(runtime, tenant, id);
  if (faster === undefined) throw new Error('a batch is neither new nor there');
  return answeredBefore(faster, fingerprint);
}

/** A call that was answered; undefined when the tenant has none such. Throws `database.unavailable`. */
export const readBatch = async (runtime: Runtime, tenant: string, id: string): Promise<Batch | undefined> => {
  const row = await readRow(runtime, tenant, id);
  return row === undefined ? undefined : batchOf(row);
};

interface BatchRow {
  readonly id: string;
  readonly fingerprint: string;
  readonly items: readonly BulkItem[];
  readonly created_at: Date;
}

async function readRow({ database }: Runtime, tenant: string, id: string): Promise<BatchRow | undefined> {
  const found = await database.query<BatchRow>(
    [tenant],
    'SELECT id, fingerprint, items, created_at FROM message_batches WHERE tenant = $1 AND id = $2',
    [tenant, id],
  );
  return found.rows[0];
}

const batchOf = ({ id, items, created_at: createdAt }: BatchRow): Batch => ({ id, items, createdAt, fresh: false });

function answeredBefore(row: BatchRow, fingerprint: string): Batch {
  if (row.fingerprint === fingerprint) return batchOf(row);
  throw new Problem(409, 'idempotency-key-reused', 'The idempotency key was used for another message.');
}

/** Makes the function that makes one message ready; it throws the `Problem` that refuses it. */
function preparer(runtime: Runtime, { instance, priority, due }: BulkCall, batch: string, at: number) {
  const { tenant } = instance;
  const findTemplate = rememberTemplates(runtime, tenant);
  return async ({ to, variables, ...wanted }: BulkMessage, place: number): Promise<DueRequest> => {
    requireChat(to);
    requireVariables(variableNames(wanted), variables);
    const filled = contentShape.safeParse(withVariables(wanted, variables ?? {}));
    if (!filled.success)
      throw new Problem(422, 'content-invalid', 'With its variables put in, the content is too long.');
    const entry = await chatOf(runtime, instance, to);
    const content = await contentOf(filled.data, contentSources(runtime, tenant, entry.conversation, findTemplate));
    const message = { tenant, id: derivedId('m', tenant, batch, place), conversation: entry.conversation };
    return {
      ...message,
      instance: instance.id,
      priority,
      origin: 'api',
      dueAt: due?.at ?? at,
      content: await sealRequest(runtime.vault, { ...message, person: entry.person, content }, at),
    };
  };
}
