/**
 * Conversations without WhatsApp: a message is written into a conversation as a provider's would be, and the
 * replies that came of it are answered.
 *
 * H1 A session is a chat of the tenant's instance `chat`, a simulator that is made when it is first needed. No other
 *    conversation can be written into: nobody speaks here for a person of a provider.
 * H2 The replies are those of the fold of the conversation's own records (the machines decide the same again), so that
 *    nothing is waited for but the machine: neither sending nor what is read of it.
 * H3 With an idempotency key the message has an id that is derived from it: written again it is a duplicate, and its
 *    replies are the same.
 */
import { isDeepStrictEqual } from 'node:util';

import type { Envelope } from '#runtime/actor/envelope.ts';
import type { ConversationEntry } from '#runtime/directory/directory.ts';
import { OperatingError } from '#runtime/errors.ts';
import { Problem } from '#runtime/http.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import { derivedId, newUlid, outgoing, uncaused } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';
import type { InboundContent, OutboundContent, SealedMessage, SealedOutbound } from '#schemas/content.ts';
import type { MessageReceived } from '#schemas/records.ts';

import type { Actors } from './actors.ts';
import { notFound } from './route.ts';

/** A message of a chat. */
export interface ChatMessage {
  readonly tenant: string;
  /** The session, named by the caller, or the conversation that an earlier answer named. */
  readonly chat: { readonly session: string } | { readonly conversation: string };
  readonly content: InboundContent & { readonly kind: 'text' | 'button' };
  /** Language in which a new session begins. */
  readonly locale: string | undefined;
  readonly idempotencyKey: string | undefined;
}

/** What came of it. */
export interface ChatAnswer {
  readonly conversation: string;
  readonly eventId: string;
  readonly replies: readonly { readonly id: string; readonly content: OutboundContent }[];
  /** True when more may come: something is still waited for. */
  readonly pending: boolean;
}

type Ports = Pick<Runtime, 'instances' | 'directory' | 'vault' | 'tenants' | 'log' | 'database' | 'now'>;

/** Name of the instance whose chats these are. */
const instanceName = 'chat';

/** How long replies are waited for. */
const waitMs = 15_000;
const pausesMs = { first: 20, longest: 250, growth: 1.5 } as const;

/** Writes a message and waits for its replies. Throws `Problem` 404, 409, 410; `log.unavailable` and the like. */
export async function chat(ports: Ports, actors: Actors, message: ChatMessage): Promise<ChatAnswer> {
  const instance = await chatInstance(ports, message.tenant);
  const entry = await entryOf(ports, instance, message);
  const { conversation } = entry;
  const { eventId, offset } = await write(ports, instance, entry, message);
  const outcome = await settled(ports, actors, message.tenant, conversation, offset);
  const none = { conversation, eventId, replies: [], pending: true };
  if (outcome === 'late') return none;
  return {
    ...none,
    replies: await repliesTo(ports, actors, message, conversation, eventId),
    pending: outcome === 'busy',
  };
}

async function chatInstance({ instances, now }: Ports, tenant: string): Promise<Instance> {
  const find = async (): Promise<Instance | undefined> =>
    (await instances.list(tenant)).find(({ name, provider }) => name === instanceName && provider === 'simulator');
  const known = await find();
  if (known !== undefined) return known;
  try {
    return await instances.create({ tenant, provider: 'simulator', name: instanceName, settings: {} }, now());
  } catch (caught) {
    // Another call was faster.
    const made = await find();
    if (made === undefined) throw caught;
    return made;
  }
}

async function entryOf(
  { directory, vault, now }: Ports,
  { tenant, line }: Instance,
  { chat: of }: ChatMessage,
): Promise<ConversationEntry & { readonly address: string }> {
  if ('session' in of) {
    const address = `chat:${vault.index(tenant, 'chat-session', of.session)}`;
    const entry = await directory.resolve({ tenant, line, addresses: [address], group: false, at: now() });
    return { ...entry, address };
  }
  const entry = await directory.read(tenant, of.conversation);
  // H1: of another line it is somebody else's.
  if (entry?.line !== line) throw notFound();
  const address = await directory.addressOf(tenant, of.conversation);
  return { ...entry, address: address?.state === 'open' ? address.value : '' };
}

/** Appends the record. Throws `Problem` 410 when the person was erased. */
async function write(
  { vault, tenants, log, now }: Ports,
  instance: Instance,
  { conversation, person, address }: ConversationEntry & { readonly address: string },
  { tenant, content, locale, idempotencyKey }: ChatMessage,
): Promise<{ readonly eventId: string; readonly offset: number }> {
  const at = now();
  const eventId =
    idempotencyKey === undefined ? newUlid(at) : derivedId('e', tenant, conversation, 'chat', idempotencyKey);
  const sealed: SealedMessage = {
    messageId: eventId,
    stableId: eventId,
    chat: address,
    sender: { address },
    content,
    ...(locale === undefined ? {} : { locale }),
  };
  const header = uncaused(tenant, conversation, eventId, at, await tenants.currentRevision(tenant));
  const record: MessageReceived = {
    ...header,
    type: 'message.received',
    instance: instance.id,
    kind: content.kind,
    group: false,
    sealed: await vault.seal({ ...header, type: 'message.received' }, person, at, sealed).catch((caught: unknown) => {
      if (!(caught instanceof OperatingError) || caught.code !== 'vault.key-erased') throw caught;
      throw new Problem(410, 'recipient-erased', 'The person was erased.');
    }),
  };
  const [position] = await log.append([outgoing(record)]);
  if (position === undefined) throw new OperatingError('log.unavailable');
  return { eventId, offset: position.offset };
}

/**
 * Waits until the conversation was told the message and waits for nothing that is due soon. `busy` when it still
 * does, `late` when not even that is known.
 */
async function settled(
  { now }: Ports,
  actors: Actors,
  tenant: string,
  conversation: string,
  offset: number,
): Promise<'still' | 'busy' | 'late'> {
  let pauseMs: number = pausesMs.first;
  for (let waitedMs = 0; ; waitedMs += pauseMs) {
    const { nextOffset, envelope } = await actors.read(tenant, conversation);
    const known = nextOffset > offset && (await isJournalled(actors, conversation, nextOffset));
    if (known && (envelope === undefined || isStill(envelope, now() + waitMs - waitedMs))) return 'still';
    if (waitedMs >= waitMs) return known ? 'busy' : 'late';
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    pauseMs = Math.min(pausesMs.longest, pauseMs * pausesMs.growth);
  }
}

const isStill = ({ pendingEffects, timers, quarantine }: Envelope, until: number): boolean =>
  quarantine !== null || (pendingEffects.length === 0 && timers.every(({ dueAt }) => dueAt > until));

const isJournalled = (actors: Actors, conversation: string, before: number): Promise<boolean> =>
  actors.requireJournal(conversation, before).then(
    () => true,
    (caught: unknown) => {
      if (caught instanceof OperatingError && caught.code === 'actor.journal-behind') return false;
      throw caught;
    },
  );

/** What was replied from the message on, up to the next one of the person (H2, H3). Throws `Problem` 409. */
async function repliesTo(
  { database }: Ports,
  actors: Actors,
  { tenant, content }: ChatMessage,
  conversation: string,
  eventId: string,
): Promise<ChatAnswer['replies']> {
  const { rows } = await database.transaction([tenant], (sql) =>
    sql.query<{ first: string | null }>(
      'SELECT min(record_offset) AS first FROM journal WHERE tenant = $1 AND actor = $2 AND event_id = $3',
      [tenant, conversation, eventId],
    ),
  );
  const first = rows[0]?.first ?? null;
  if (first === null) return [];
  const replies: ChatAnswer['replies'][number][] = [];
  for await (const { told, outputs } of actors.steps(tenant, conversation, Number(first))) {
    const { record, opened } = told;
    if (record.type === 'message.received' && record.eventId !== eventId) break;
    if (record.eventId === eventId && opened?.state === 'open')
      requireSame((opened.value as SealedMessage).content, content);
    for (const { record: made, personal } of outputs)
      if (made.type === 'reply.requested')
        replies.push({ id: made.eventId, content: (personal as SealedOutbound).content });
  }
  return replies;
}

function requireSame(written: InboundContent, content: InboundContent): void {
  if (isDeepStrictEqual(written, content)) return;
  throw new Problem(409, 'idempotency-key-reused', 'The idempotency key was used for another message.');
}
