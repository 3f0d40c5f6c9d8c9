/**
 * What was decrypted, stored in the batch that moves the keys past it.
 *
 * WhatsApp's encryption decrypts a message once: after that its key is gone. Baileys stores the new keys,
 * acknowledges, and only then tells the message, so a process that ends in between has lost it. Here the
 * plaintext and the stanza that it came in are one more entry of the batch of keys (`../key-store.ts`, K3),
 * by the two places that Baileys lets its users into: `makeSignalRepository` of its configuration and the
 * raw stanzas of `ws.on('CB:message', …)`.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';

import { Lru } from '#runtime/lru.ts';

import { type KeyStore, type ReceivedPart, type WebMessage, receivedKind } from '../ports/whatsapp-library.ts';

/** `BinaryNode`. */
export interface Stanza {
  readonly tag: string;
  readonly attrs: Readonly<Record<string, string>>;
  readonly content?: unknown;
}

/** `SignalKeyStoreWithTransaction`. */
interface TransactionKeys extends KeyStore {
  isInTransaction(): boolean;
  transaction<T>(work: () => Promise<T>, key: string): Promise<T>;
}

/** `SignalAuthState`. */
export interface SignalAuth {
  readonly creds: unknown;
  readonly keys: TransactionKeys;
}

/** `SignalRepositoryWithLIDStore`, as far as it is touched. */
export interface SignalRepository {
  decryptMessage(given: {
    readonly jid: string;
    readonly type: string;
    readonly ciphertext: Uint8Array;
  }): Promise<Uint8Array>;
  decryptGroupMessage(given: {
    readonly group: string;
    readonly authorJid: string;
    readonly msg: Uint8Array;
  }): Promise<Uint8Array>;
  readonly lidMapping: { getPNForLID(lid: string): Promise<string | null> };
}

/** Makes a repository, as `makeLibSignalRepository` does. */
export type MakeRepository<Repository extends SignalRepository> = (
  auth: SignalAuth,
  ...rest: readonly never[]
) => Repository;

/** What of Baileys turns stanzas into messages. */
export interface StanzaReader {
  encodeBinaryNode(node: Stanza): Buffer;
  decodeBinaryNode(bytes: Buffer): Promise<Stanza>;
  decryptMessageNode(
    stanza: Stanza,
    meId: string,
    meLid: string,
    repository: SignalRepository,
    logger: unknown,
  ): { readonly fullMessage: WebMessage & { messageStubType?: unknown }; decrypt(): Promise<void> };
  cleanMessage(message: WebMessage, meId: string, meLid: string): void;
}

/** Stanzas that wait to be decrypted; WhatsApp hands out a backlog at once. */
const stanzasMax = 20_000;

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The journal of one connection. */
export class ReceivedJournal {
  readonly #reader: StanzaReader;
  readonly #stanzas = new Lru<string, Stanza>(stanzasMax);
  /** The encrypted part that is being decrypted. */
  readonly #current = new AsyncLocalStorage<{ readonly hash: string } | undefined>();

  constructor(reader: StanzaReader) {
    this.#reader = reader;
  }

  /** A stanza arrived, and is not decrypted yet. */
  noteStanza(stanza: Stanza): void {
    for (const part of encryptedParts(stanza)) this.#stanzas.set(hashOf(part), stanza);
  }

  /** Makes repositories that journal what they decrypt. */
  journalled<Repository extends SignalRepository>(make: MakeRepository<Repository>): MakeRepository<Repository> {
    return (auth, ...rest) => {
      const repository = make({ ...auth, keys: this.#keys(auth.keys) }, ...rest);
      const decryptMessage = repository.decryptMessage.bind(repository);
      const decryptGroupMessage = repository.decryptGroupMessage.bind(repository);
      return Object.assign(repository, {
        decryptMessage: (given: Parameters<typeof decryptMessage>[0]) =>
          this.#current.run({ hash: hashOf(given.ciphertext) }, () => decryptMessage(given)),
        decryptGroupMessage: (given: Parameters<typeof decryptGroupMessage>[0]) =>
          this.#current.run({ hash: hashOf(given.msg) }, () => decryptGroupMessage(given)),
      });
    };
  }

  #keys(keys: TransactionKeys): TransactionKeys {
    return {
      ...keys,
      transaction: (work, key) => {
        const current = this.#current.getStore();
        if (current === undefined) return keys.transaction(work, key);
        return keys.transaction(async () => {
          // Transactions inside of this one are not the decryption.
          const result = await this.#current.run(undefined, work);
          if (result instanceof Uint8Array) await this.#note(keys, current.hash, result);
          return result;
        }, key);
      },
    };
  }

  async #note(keys: KeyStore, hash: string, plaintext: Uint8Array): Promise<void> {
    const stanza = this.#stanzas.get(hash);
    const messageId = stanza?.attrs['id'];
    // Not of a message stanza: nothing that a person wrote.
    if (stanza === undefined || messageId === undefined) return;
    const part: ReceivedPart = { messageId, stanza: this.#reader.encodeBinaryNode(stanza), hash, plaintext };
    await keys.set({ [receivedKind]: { [hash]: part } });
  }

  /** The messages of parts, as Baileys would have told them. A stanza that cannot be read any more is left out. */
  async recover(
    parts: readonly ReceivedPart[],
    given: {
      readonly meId: string;
      readonly meLid: string;
      readonly repository: SignalRepository;
      readonly logger: unknown;
    },
  ): Promise<readonly WebMessage[]> {
    const { lidMapping } = given.repository;
    const plain = new Map(parts.map(({ hash, plaintext }) => [hash, plaintext]));
    const known = (bytes: Uint8Array): Promise<Uint8Array> => {
      const found = plain.get(hashOf(bytes));
      return found === undefined ? Promise.reject(new Error('not decrypted')) : Promise.resolve(found);
    };
    const repository: SignalRepository = {
      ...given.repository,
      lidMapping,
      decryptMessage: ({ ciphertext }) => known(ciphertext),
      decryptGroupMessage: ({ msg }) => known(msg),
    };
    const messages: WebMessage[] = [];
    for (const part of new Map(parts.map((one) => [one.messageId, one])).values()) {
      const message = await this.#read(part, { ...given, repository });
      if (message !== undefined) messages.push(message);
    }
    return messages;
  }

  async #read(
    { stanza }: ReceivedPart,
    given: {
      readonly meId: string;
      readonly meLid: string;
      readonly repository: SignalRepository;
      readonly logger: unknown;
    },
  ): Promise<WebMessage | undefined> {
    try {
      const node = await this.#reader.decodeBinaryNode(Buffer.from(stanza));
      const { meId, meLid, repository, logger } = given;
      const read = this.#reader.decryptMessageNode(node, meId, meLid, repository, logger);
      await read.decrypt();
      const { fullMessage } = read;
      // Of some parts that belong together only the first was decrypted.
      if (fullMessage.message != null) delete fullMessage.messageStubType;
      this.#reader.cleanMessage(fullMessage, meId, meLid);
      return fullMessage;
    } catch {
      return undefined;
    }
  }
}

function encryptedParts({ content }: Stanza): readonly Uint8Array[] {
  if (!Array.isArray(content)) return [];
  return (content as readonly Stanza[]).flatMap(({ tag, content: part }) =>
    tag === 'enc' && part instanceof Uint8Array ? [part] : [],
  );
}
