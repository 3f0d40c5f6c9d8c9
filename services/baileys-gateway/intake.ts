/**
 * Baileys' events as events of ours: what is passed on, and what of it is left out.
 *
 * N1 A message is passed on whether it came while we were there (`notify`) or not (`append`); what is older
 *    than a linked device may be away is history.
 * N2 What Baileys tells twice is passed on once: edits and revocations as the messages that they are, not
 *    also as updates; reactions as messages. A message that follows its placeholder is passed on, too.
 * N3 Bodies stay well under what ingest takes.
 * N4 Keys that phones tell each other inside of messages go no further.
 */
import { Lru } from '#runtime/lru.ts';

import { jsonWithBytes } from './bytes-in-json.ts';
import type { NewEvent } from './events.ts';
import type { ReceivedFile } from './messages.ts';
import type { MessageKey, SocketEvents, WebMessage } from './ports/whatsapp-library.ts';

/** WhatsApp keeps messages for a device that is away for about this long. */
const historyMs = 30 * 24 * 60 * 60_000;
const rememberedMax = 10_000;
const messagesPerEvent = 50;
/** Of one message; ingest takes six times as much. */
const messageBytesMax = 1_024 * 1_024;

/** Stub of a message that could not be decrypted (`StubType.CIPHERTEXT`). */
const undecryptableStub = 2;
const revokedStub = 1;

/** Events with what they are made from. */
export interface Taken {
  readonly events: readonly NewEvent[];
  /** Ids of the messages that are in them, or were left out for good. */
  readonly messageIds: readonly string[];
  readonly files: readonly ReceivedFile[];
}

/** What a session's intake is given. */
export interface IntakeParts {
  readonly now: () => number;
  readonly numberOf: (lid: string) => Promise<string | undefined>;
  /** Address under which the file of a message is fetched. */
  readonly fileUrl: (messageId: string) => string;
  readonly sentByUs: (messageId: string) => boolean;
}

type Upsert = SocketEvents['messages.upsert'];
type Updates = SocketEvents['messages.update'];
type Receipts = SocketEvents['message-receipt.update'];

/** Takes Baileys' events of one session. */
export class Intake {
  readonly #parts: IntakeParts;
  /** Messages that were passed on. */
  readonly #seen = new Lru<string, true>(rememberedMax);
  /** Messages whose changes come as messages of their own (N2). */
  readonly #changed = new Lru<string, true>(rememberedMax);

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** `messages.upsert`, and what was recovered. */
  async messages({ messages, type, requestId }: Upsert): Promise<Taken> {
    const messageIds = messages.flatMap(({ key }) => key.id ?? []);
    const fresh = messages.filter((message) => this.#isNew(message));
    for (const message of fresh) this.#noteChange(message);
    const files = fresh.flatMap((message) => fileIn(message) ?? []);
    const withFile = new Set(files.map(({ messageId }) => messageId));
    const told = await Promise.all(
      fresh.map(async (message) => {
        const { id } = message.key;
        const plain = this.#plain(message);
        return {
          ...plain,
          key: await this.#withNumber(message.key),
          ...(id != null && withFile.has(id) ? { fileUrl: this.#parts.fileUrl(id) } : {}),
          ...(id != null && message.key.fromMe === true && this.#parts.sentByUs(id) ? { sentByUs: true } : {}),
        };
      }),
    );
    const common = { type, ...(requestId === undefined ? {} : { requestId }) };
    return {
      events: chunks(told).map((chunk) => ({ event: 'messages.upsert', data: { ...common, messages: chunk } })),
      messageIds,
      files,
    };
  }

  /** `messages.update`. */
  async updates(updates: Updates): Promise<Taken> {
    const told = await Promise.all(
      updates
        .filter(({ key, update }) => !(isChange(update) && this.#changed.get(key.id ?? '') === true))
        .map(async ({ key, update }) => ({ key: await this.#withNumber(key), update: this.#plain(update) })),
    );
    return { ...nothing, events: chunks(told).map((chunk) => ({ event: 'messages.update', data: chunk })) };
  }

  /** `message-receipt.update`. */
  async receipts(receipts: Receipts): Promise<Taken> {
    const told = await Promise.all(
      receipts.map(async ({ key, receipt }) => ({ key: await this.#withNumber(key), receipt })),
    );
    return { ...nothing, events: chunks(told).map((chunk) => ({ event: 'message-receipt.update', data: chunk })) };
  }

  /** N1, N2, N4 */
  #isNew(message: WebMessage): boolean {
    const { id, remoteJid } = message.key;
    if (isBetweenDevices(message.message)) return false;
    if (id == null || remoteJid == null) return true;
    const at = secondsOf(message.messageTimestamp) * 1_000;
    if (at > 0 && at < this.#parts.now() - historyMs) return false;
    const isStub = message.messageStubType === undecryptableStub || message.messageStubType === 'CIPHERTEXT';
    const name = JSON.stringify([remoteJid, message.key.fromMe === true, id, isStub]);
    if (this.#seen.get(name) === true) return false;
    this.#seen.set(name, true);
    return true;
  }

  #noteChange({ message }: WebMessage): void {
    const target = changedBy(message);
    if (target !== undefined) this.#changed.set(target, true);
  }

  /** A LID alone would be taken for a chat that nobody knows. */
  async #withNumber(key: MessageKey): Promise<MessageKey> {
    const { remoteJid, remoteJidAlt } = key;
    if (remoteJid?.endsWith('@lid') !== true || remoteJidAlt != null) return key;
    const number = await this.#parts.numberOf(remoteJid);
    return number === undefined ? key : { ...key, remoteJidAlt: number };
  }

  /** As JSON has it; without its content when that is beyond all measure (N3). */
  #plain(value: WebMessage | Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    const text = jsonWithBytes(withoutKeys(value));
    const parsed = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return text.length <= messageBytesMax ? parsed : { ...parsed, message: null, tooLarge: text.length };
  }
}

const nothing = { messageIds: [], files: [] } as const;

function chunks<T>(items: readonly T[]): readonly (readonly T[])[] {
  const found: T[][] = [];
  let bytes = 0;
  for (const item of items) {
    const size = JSON.stringify(item).length;
    const last = found.at(-1);
    if (last === undefined || last.length >= messagesPerEvent || bytes + size > messageBytesMax) {
      found.push([item]);
      bytes = size;
    } else {
      last.push(item);
      bytes += size;
    }
  }
  return found;
}

const isChange = (update: Readonly<Record<string, unknown>>): boolean =>
  update['status'] === undefined && ('message' in update || update['messageStubType'] === revokedStub);

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;

const textIn = (value: unknown, name: string): string | undefined => {
  const found = member(value, name);
  return typeof found === 'string' && found !== '' ? found : undefined;
};

/** `ProtocolMessage.Type` REVOKE and MESSAGE_EDIT: what people do. The others are between devices. */
const changeTypes: readonly unknown[] = [0, 14, 'REVOKE', 'MESSAGE_EDIT', undefined, null];
const keyMember = 'senderKeyDistributionMessage';

/** N4: sync keys, history, and keys of groups that come alone. */
function isBetweenDevices(message: unknown): boolean {
  const protocol = member(message, 'protocolMessage');
  if (protocol != null) return !changeTypes.includes(member(protocol, 'type'));
  if (typeof message !== 'object' || message === null) return false;
  const said = Object.keys(message).filter((name) => member(message, name) != null && name !== 'messageContextInfo');
  return said.length > 0 && said.every((name) => name === keyMember);
}

/** N4: without the group key that may come with a message. */
function withoutKeys<Value extends object>(value: Value): object {
  const message = member(value, 'message');
  if (typeof message !== 'object' || message === null || member(message, keyMember) == null) return value;
  // Through JSON: the library's own objects turn themselves into it.
  const { [keyMember]: _keys, ...rest } = JSON.parse(jsonWithBytes(message)) as Record<string, unknown>;
  return { ...value, message: rest };
}

/** Id of the message that this one edits or revokes. */
function changedBy(message: unknown): string | undefined {
  const inner = member(member(message, 'editedMessage'), 'message') ?? message;
  const protocol = member(inner, 'protocolMessage');
  return textIn(member(protocol, 'key'), 'id');
}

/** Seconds of a time that may be a 64-bit number. */
function secondsOf(value: unknown): number {
  const low = member(value, 'low');
  const seconds = Number(typeof low === 'number' ? low >>> 0 : value);
  return Number.isFinite(seconds) ? seconds : 0;
}

const wrappers = ['ephemeralMessage', 'viewOnceMessage', 'viewOnceMessageV2', 'documentWithCaptionMessage'] as const;
const fileKinds: readonly (readonly [string, string])[] = [
  ['imageMessage', 'image'],
  ['videoMessage', 'video'],
  ['ptvMessage', 'ptv'],
  ['audioMessage', 'audio'],
  ['documentMessage', 'document'],
  ['stickerMessage', 'sticker'],
];

/** Where the file of a message lies. */
function fileIn({ key, message }: WebMessage): ReceivedFile | undefined {
  let inner = message;
  for (const wrapper of wrappers) inner = member(member(inner, wrapper), 'message') ?? inner;
  for (const [name, kind] of fileKinds) {
    const file = member(inner, name);
    const directPath = textIn(file, 'directPath');
    const mediaKey = member(file, 'mediaKey');
    if (key.id == null || directPath === undefined || !(mediaKey instanceof Uint8Array)) continue;
    const mimetype = textIn(file, 'mimetype');
    const pointer = { kind, directPath, mediaKey, ...(mimetype === undefined ? {} : { mimetype }) };
    return { messageId: key.id, pointer };
  }
  return undefined;
}
