/**
 * What the gateway uses of Baileys, in Baileys' own names and shapes (7.0.0-rc14), so that a test can put
 * another object in its place. Only `../adapters/baileys.ts` imports the library.
 */

/** `AuthenticationCreds`: the gateway stores it and looks at nothing but `me`. */
export interface Credentials {
  me?: { id: string; lid?: string; name?: string };
  [name: string]: unknown;
}

/** `SignalDataSet`: values by kind and id; null deletes. */
export type KeyBatch = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;

/** `SignalKeyStore`. */
export interface KeyStore {
  get(kind: string, ids: readonly string[]): Promise<Record<string, unknown>>;
  /** One batch is stored whole or not at all. */
  set(batch: KeyBatch): Promise<void>;
}

/** `WAMessageKey`. */
export interface MessageKey {
  readonly remoteJid?: string | null;
  readonly remoteJidAlt?: string | null;
  readonly fromMe?: boolean | null;
  readonly id?: string | null;
  readonly participant?: string | null;
  readonly participantAlt?: string | null;
}

/** `WAMessage`, as far as the gateway looks into it. */
export interface WebMessage {
  readonly key: MessageKey;
  readonly message?: unknown;
  readonly messageTimestamp?: unknown;
  readonly messageStubType?: unknown;
}

/** `connection.update`. */
export interface ConnectionUpdate {
  readonly connection?: 'open' | 'connecting' | 'close';
  readonly qr?: string | undefined;
  readonly isNewLogin?: boolean;
  readonly receivedPendingNotifications?: boolean;
  /** The error is a Boom: its `output.statusCode` says why. */
  readonly lastDisconnect?: { readonly error?: unknown };
  readonly reachoutTimeLock?: unknown;
}

/** The events that are listened to. */
export interface SocketEvents {
  readonly 'connection.update': ConnectionUpdate;
  readonly 'creds.update': Partial<Credentials>;
  readonly 'messages.upsert': {
    readonly messages: readonly WebMessage[];
    readonly type: string;
    readonly requestId?: string;
  };
  readonly 'messages.update': readonly {
    readonly key: MessageKey;
    readonly update: Readonly<Record<string, unknown>>;
  }[];
  readonly 'messages.delete': unknown;
  readonly 'message-receipt.update': readonly { readonly key: MessageKey; readonly receipt: unknown }[];
  readonly 'lid-mapping.update': { readonly lid: string; readonly pn: string };
  readonly 'message-capping.update': unknown;
  readonly call: unknown;
}

/** A node of WhatsApp's binary protocol. */
export interface ProtocolNode {
  readonly attrs: Readonly<Record<string, string>>;
}

/** `WASocket`. Whatever it throws is a Boom or an Error whose words may hold numbers: they are not kept. */
export interface WhatsAppSocket {
  readonly ev: {
    on<Name extends keyof SocketEvents>(name: Name, listener: (value: SocketEvents[Name]) => void): void;
  };
  sendMessage(
    jid: string,
    content: Readonly<Record<string, unknown>>,
    options: { readonly messageId: string; readonly quoted?: WebMessage },
  ): Promise<WebMessage | undefined>;
  /** The first node of that id that arrives: of a message, the server's acknowledgement. Undefined when none does. */
  waitForMessage(id: string, timeoutMs: number): Promise<ProtocolNode | undefined>;
  sendPresenceUpdate(state: 'composing' | 'recording' | 'paused', jid: string): Promise<void>;
  readMessages(keys: readonly MessageKey[]): Promise<void>;
  onWhatsApp(
    ...numbers: readonly string[]
  ): Promise<readonly { readonly jid: string; readonly exists: unknown }[] | undefined>;
  requestPairingCode(phone: string): Promise<string>;
  logout(): Promise<void>;
  end(error: Error | undefined): unknown;
}

/** What a message was received as: its stanza, and what one encrypted part of it turned out to be. */
export interface ReceivedPart {
  readonly messageId: string;
  /** In WhatsApp's binary form. */
  readonly stanza: Uint8Array;
  /** SHA-256 of the encrypted part, hexadecimal. */
  readonly hash: string;
  readonly plaintext: Uint8Array;
}

/** The kind under which a key store is given `ReceivedPart`s, in the batch that moves the keys past them. */
export const receivedKind = 'received';

/** An open socket with what belongs to it. */
export interface Connection {
  readonly socket: WhatsAppSocket;
  /** The messages that parts make up, as `messages.upsert` would have given them. */
  recover(parts: readonly ReceivedPart[]): Promise<readonly WebMessage[]>;
  /** The phone-number address of a LID, where it is known here; asks nobody. */
  numberOf(lid: string): Promise<string | undefined>;
}

/** Where an encrypted file of a message lies. */
export interface FilePointer {
  /** As WhatsApp's keys are derived: `image`, `video`, `audio`, `ptt`, `document`, `sticker`. */
  readonly kind: string;
  readonly directPath: string;
  readonly mediaKey: Uint8Array;
  readonly mimetype?: string;
}

/** Baileys. */
export interface WhatsAppLibrary {
  newCredentials(): Credentials;
  /** Begins to connect. `messageOf` finds a message that was sent, for recipients who ask for it again. */
  open(given: {
    readonly credentials: Credentials;
    readonly keys: KeyStore;
    readonly messageOf: (key: MessageKey) => Promise<unknown>;
  }): Connection;
  /** Hashes (SHA-256) of the options that a vote chose. Throws when the key does not fit: of other addresses it may. */
  readVote(
    vote: { readonly encPayload: Uint8Array; readonly encIv: Uint8Array },
    poll: { readonly id: string; readonly secret: Uint8Array; readonly creator: string; readonly voter: string },
  ): readonly Uint8Array[];
  /** The decrypted file, from WhatsApp's own hosts. Throws when it is gone. */
  download(pointer: FilePointer): Promise<AsyncIterable<Uint8Array>>;
}
