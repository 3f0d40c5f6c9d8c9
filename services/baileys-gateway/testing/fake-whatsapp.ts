/**
 * WhatsApp behind Baileys' own interface, for tests: sockets whose events a test emits, and which keep what
 * they were asked to do. Differs from the real thing: nothing is encrypted, a socket opens when it is told
 * to, keys are touched when a test does so, and nothing is ever late by itself.
 */
import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';

import type {
  Connection,
  Credentials,
  KeyStore,
  MessageKey,
  ProtocolNode,
  ReceivedPart,
  SocketEvents,
  WebMessage,
  WhatsAppLibrary,
} from '../ports/whatsapp-library.ts';

/** A call that a socket received. */
export interface SocketCall {
  readonly method: string;
  readonly arguments: readonly unknown[];
}

/** A Boom as Baileys makes them. */
export const boom = (statusCode: number): Error => Object.assign(new Error('of WhatsApp'), { output: { statusCode } });

/** One socket. */
export class FakeSocket {
  readonly calls: SocketCall[] = [];
  readonly credentials: Credentials;
  readonly keys: KeyStore;
  readonly messageOf: (key: MessageKey) => Promise<unknown>;
  /** The server's word for each message; 'silence' for none. */
  acknowledge: (id: string) => 'ack' | 'silence' | number = () => 'ack';
  /** Thrown by `sendMessage`. */
  sendError: Error | undefined;
  isEnded = false;
  readonly #events = new EventEmitter();

  constructor(given: Parameters<WhatsAppLibrary['open']>[0]) {
    this.credentials = given.credentials;
    this.keys = given.keys;
    this.messageOf = given.messageOf;
  }

  readonly ev = {
    on: <Name extends keyof SocketEvents>(name: Name, listener: (value: SocketEvents[Name]) => void): void => {
      this.#events.on(name, listener);
    },
  };

  /** Tells an event. */
  emit<Name extends keyof SocketEvents>(name: Name, value: SocketEvents[Name]): void {
    this.#events.emit(name, value);
  }

  /** Logs in with the credentials that it has. */
  open(): void {
    this.emit('connection.update', { connection: 'open' });
  }

  /** A person scanned the code: credentials, then the restart that follows. */
  pair(id: string): void {
    this.emit('creds.update', { me: { id, lid: '900000000000001@lid', name: 'Clínica' }, registered: true });
    this.emit('connection.update', { isNewLogin: true, qr: undefined });
    this.close(515);
  }

  /** Ends as WhatsApp would end it. */
  close(code?: number): void {
    if (this.isEnded) return;
    this.isEnded = true;
    const error = code === undefined ? undefined : boom(code);
    this.emit('connection.update', { connection: 'close', lastDisconnect: { error } });
  }

  /** A message of somebody. */
  receive(id: string, text: string, more: Partial<WebMessage> & { readonly type?: string } = {}): void {
    const { type = 'notify', ...rest } = more;
    this.emit('messages.upsert', { type, messages: [webMessage(id, text, rest)] });
  }

  readonly sendMessage = async (...given: readonly unknown[]): Promise<WebMessage | undefined> => {
    this.#note('sendMessage', given);
    if (this.sendError !== undefined) throw this.sendError;
    const [remoteJid, content, { messageId }] = given as [string, unknown, { messageId: string }];
    return { key: { remoteJid, fromMe: true, id: messageId }, message: content };
  };

  readonly waitForMessage = async (id: string, timeoutMs: number): Promise<ProtocolNode | undefined> => {
    const said = this.acknowledge(id);
    if (said === 'silence') {
      await new Promise((resolve) => setTimeout(resolve, timeoutMs));
      return undefined;
    }
    return { attrs: { id, class: 'message', ...(said === 'ack' ? {} : { error: String(said) }) } };
  };

  readonly sendPresenceUpdate = async (...given: readonly unknown[]): Promise<void> =>
    this.#note('sendPresenceUpdate', given);
  readonly readMessages = async (...given: readonly unknown[]): Promise<void> => this.#note('readMessages', given);
  readonly onWhatsApp = async (...numbers: readonly string[]) => {
    this.#note('onWhatsApp', numbers);
    return numbers.filter((one) => !one.endsWith('0')).map((one) => ({ jid: `${one}@s.whatsapp.net`, exists: true }));
  };
  readonly requestPairingCode = async (phone: string): Promise<string> => {
    this.#note('requestPairingCode', [phone]);
    return 'ABCD1234';
  };
  readonly logout = async (): Promise<void> => {
    this.#note('logout', []);
    this.close(401);
  };
  readonly end = (): void => this.close();

  #note(method: string, given: readonly unknown[]): void {
    this.calls.push({ method, arguments: given });
  }
}

/** A text message as Baileys tells it. */
export const webMessage = (id: string, text: string, more: Partial<WebMessage> = {}): WebMessage => ({
  key: { remoteJid: '5511911111111@s.whatsapp.net', fromMe: false, id },
  message: { conversation: text },
  messageTimestamp: Math.floor(Date.now() / 1_000),
  ...more,
});

interface FakeVote {
  readonly key: string;
  readonly options: readonly string[];
}

type VotedPoll = Parameters<WhatsAppLibrary['readVote']>[1];

const fakeVoteKey = ({ id, secret, creator, voter }: VotedPoll): string =>
  [id, Buffer.from(secret).toString('hex'), creator, voter].join();

/** What a vote arrives as. */
export const fakeVote = (poll: VotedPoll, options: readonly string[]) => ({
  encPayload: Buffer.from(JSON.stringify({ key: fakeVoteKey(poll), options } satisfies FakeVote)),
  encIv: Buffer.alloc(12),
});

/** The library; `sockets` are those it opened, in their order. */
export class FakeWhatsApp implements WhatsAppLibrary {
  readonly sockets: FakeSocket[] = [];
  /** Phone numbers of LIDs that are known. */
  readonly numbers = new Map<string, string>();
  /** Files by their path. */
  readonly files = new Map<string, Buffer>();
  /** Called with each new socket. */
  onOpen: (socket: FakeSocket) => void = () => undefined;
  #serial = 0;

  /** The newest socket. */
  get socket(): FakeSocket {
    const newest = this.sockets.at(-1);
    if (newest === undefined) throw new Error('no socket was opened');
    return newest;
  }

  newCredentials(): Credentials {
    this.#serial += 1;
    return { noiseKey: Buffer.from(`noise-secret-${this.#serial}`), registrationId: this.#serial, registered: false };
  }

  open(given: Parameters<WhatsAppLibrary['open']>[0]): Connection {
    const socket = new FakeSocket(given);
    this.sockets.push(socket);
    this.onOpen(socket);
    return {
      socket,
      // Here a plaintext is the message's text.
      recover: async (parts: readonly ReceivedPart[]) =>
        parts.map(({ messageId, plaintext }) => webMessage(messageId, Buffer.from(plaintext).toString('utf8'))),
      numberOf: async (lid) => this.numbers.get(lid),
    };
  }

  /** Here a vote is JSON of who may read it and what was chosen. */
  readVote(...[{ encPayload }, poll]: Parameters<WhatsAppLibrary['readVote']>): readonly Uint8Array[] {
    const { key, options } = JSON.parse(Buffer.from(encPayload).toString()) as FakeVote;
    if (key !== fakeVoteKey(poll)) throw new Error('the key does not fit');
    return options.map((option) => createHash('sha256').update(option).digest());
  }

  async download({ directPath }: { readonly directPath: string }): Promise<AsyncIterable<Uint8Array>> {
    const file = this.files.get(directPath);
    if (file === undefined) throw new Error('gone');
    return (async function* () {
      yield file;
    })();
  }
}
