/**
 * Votes in polls. They come encrypted, for who knows the secret that came with the poll: it is kept with the poll's
 * options when the poll goes by, in either direction, for as long as a file's address.
 *
 * U1 Reading a vote is no condition of passing it on: one that cannot be read goes as it came, "voted, for what is
 *    not known".
 * U2 Nothing here is done twice in vain: a step that failed with the database is made again whole, and no message is
 *    taken for seen before.
 */
import { createHash } from 'node:crypto';

import { OperatingError } from '#runtime/errors.ts';

import type { MessageKey, SocketEvents, WebMessage, WhatsAppLibrary } from './ports/whatsapp-library.ts';

/** What is kept of a poll. */
export interface KeptPoll {
  readonly secret: Uint8Array;
  readonly options: readonly string[];
  /** Addresses of who made it: the secret goes with one of them. */
  readonly creators: readonly string[];
}

/** What it works with. */
export interface PollParts {
  readonly readVote: WhatsAppLibrary['readVote'];
  readonly keep: (messageId: string, poll: KeptPoll) => Promise<void>;
  readonly find: (messageId: string) => Promise<KeptPoll | undefined>;
  /** Addresses of our own account. */
  readonly own: () => readonly string[];
}

type Upsert = SocketEvents['messages.upsert'];
type Loose = Readonly<Record<string, unknown>>;

const optionsMax = 100;

/** The messages with their votes as names where they can be read; keeps the polls among them. Throws what the parts throw. */
export async function withVotes(upsert: Upsert, parts: PollParts): Promise<Upsert> {
  if (!upsert.messages.some(({ message }) => pollIn(message) !== undefined || voteIn(message) !== undefined))
    return upsert;
  const messages: WebMessage[] = [];
  for (const message of upsert.messages) {
    await keepPoll(message, parts);
    messages.push(await withVote(message, parts));
  }
  return { ...upsert, messages };
}

async function keepPoll({ key, message }: WebMessage, { keep, own }: PollParts): Promise<void> {
  const poll = pollIn(message);
  if (poll !== undefined && key.id != null) await keep(key.id, { ...poll, creators: partiesOf(key, own()) });
}

/** U1 */
async function withVote(whole: WebMessage, { find, own, readVote }: PollParts): Promise<WebMessage> {
  const vote = voteIn(whole.message);
  const poll = vote === undefined ? undefined : await find(vote.pollId).catch(unreadable);
  if (vote === undefined || poll === undefined) return whole;
  const names = new Map(poll.options.map((name) => [createHash('sha256').update(name).digest('hex'), name]));
  for (const creator of poll.creators) {
    for (const voter of partiesOf(whole.key, own())) {
      const chosen = opened(() => readVote(vote, { id: vote.pollId, secret: poll.secret, creator, voter }));
      const options = chosen?.flatMap((hash) => names.get(Buffer.from(hash).toString('hex')) ?? []);
      if (options !== undefined && options.length === chosen?.length) return withOptions(whole, options);
    }
  }
  return whole;
}

/** What is kept of it does not open, and never will. */
function unreadable(caught: unknown): undefined {
  if (!(caught instanceof OperatingError) || caught.disposition !== 'park') throw caught;
}

/** Undefined when the key does not fit. */
function opened(read: () => readonly Uint8Array[]): readonly Uint8Array[] | undefined {
  try {
    return read();
  } catch {
    // Which of their addresses a phone used is not said: another may fit.
    return undefined;
  }
}

function withOptions(whole: WebMessage, selectedOptions: readonly string[]): WebMessage {
  const message = whole.message as Loose & { readonly pollUpdateMessage: Loose };
  return {
    ...whole,
    message: { ...message, pollUpdateMessage: { ...message.pollUpdateMessage, vote: { selectedOptions } } },
  };
}

/** Who wrote what a key names, by every address that it gives, without devices. */
function partiesOf(
  { fromMe, remoteJid, remoteJidAlt, participant, participantAlt }: MessageKey,
  own: readonly string[],
) {
  const theirs = participant == null ? [remoteJid, remoteJidAlt] : [participant, participantAlt];
  const parties = fromMe === true ? own : theirs.flatMap((one) => one ?? []);
  return [...new Set(parties.map((one) => one.replace(/:\d+(?=@)/, '')))];
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Loose)[name] : undefined;

const polls = ['pollCreationMessage', 'pollCreationMessageV2', 'pollCreationMessageV3', 'pollCreationMessageV5'];

function pollIn(message: unknown): Omit<KeptPoll, 'creators'> | undefined {
  const inner = member(member(message, 'ephemeralMessage'), 'message') ?? message;
  const poll = polls.map((name) => member(inner, name)).find((one) => one != null);
  const info = member(inner, 'messageContextInfo') ?? member(message, 'messageContextInfo');
  const secret = member(info, 'messageSecret');
  const options = member(poll, 'options');
  if (!(secret instanceof Uint8Array) || !Array.isArray(options)) return undefined;
  const names = options.slice(0, optionsMax).map((option) => member(option, 'optionName'));
  return { secret, options: names.filter((name) => typeof name === 'string') };
}

function voteIn(message: unknown) {
  const update = member(message, 'pollUpdateMessage');
  const pollId = member(member(update, 'pollCreationMessageKey'), 'id');
  const [encPayload, encIv] = ['encPayload', 'encIv'].map((name) => member(member(update, 'vote'), name));
  if (typeof pollId !== 'string' || !(encPayload instanceof Uint8Array) || !(encIv instanceof Uint8Array))
    return undefined;
  return { pollId, encPayload, encIv };
}
