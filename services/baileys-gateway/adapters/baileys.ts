/**
 * Baileys itself. Its packages are apart from all others (`../packages/package.json`): only who runs the
 * gateway has them, so they are imported when it starts.
 */
import { OperatingError } from '#runtime/errors.ts';

import type { Connection, Credentials, KeyStore, WhatsAppLibrary, WhatsAppSocket } from '../ports/whatsapp-library.ts';
import {
  type MakeRepository,
  ReceivedJournal,
  type SignalAuth,
  type SignalRepository,
  type Stanza,
  type StanzaReader,
} from './received-journal.ts';

/** Baileys' own socket, with what the port leaves out. */
interface BaileysSocket extends WhatsAppSocket {
  readonly ws: { on(event: string, listener: (stanza: Stanza) => void): void };
  readonly signalRepository: SignalRepository;
}

/** What is used of the package, 7.0.0-rc14. */
export interface BaileysModule extends StanzaReader {
  makeWASocket(config: Readonly<Record<string, unknown>>): BaileysSocket;
  initAuthCreds(): Credentials;
  addTransactionCapability(keys: KeyStore, logger: unknown, options: object): SignalAuth['keys'];
  downloadContentFromMessage(
    pointer: { readonly mediaKey: Uint8Array; readonly directPath: string; readonly url?: string },
    kind: string,
    options: { readonly host: string },
  ): Promise<AsyncIterable<Uint8Array>>;
  decryptPollVote(
    vote: { readonly encPayload: Uint8Array; readonly encIv: Uint8Array },
    poll: {
      readonly pollMsgId: string;
      readonly pollEncKey: Uint8Array;
      readonly pollCreatorJid: string;
      readonly voterJid: string;
    },
  ): { readonly selectedOptions?: readonly Uint8Array[] | null };
  readonly DEFAULT_CONNECTION_CONFIG: { readonly makeSignalRepository: MakeRepository<SignalRepository> };
  readonly Browsers: { ubuntu(name: string): unknown };
  readonly proto: {
    readonly Message: {
      fromObject(value: unknown): unknown;
      readonly AppStateSyncKeyData: { fromObject(value: unknown): unknown };
    };
  };
}

/** The only place that files are fetched from: an address in a message may name any. */
const mediaHost = 'mmg.whatsapp.net';

const packageUrl = new URL('../packages/node_modules/baileys/lib/index.js', import.meta.url);

/** Says nothing: what Baileys logs names people and what they wrote. */
export const silentLogger = {
  level: 'silent',
  child: () => silentLogger,
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Loads the package. Throws `config.invalid` when it is not installed. */
export async function loadBaileys(): Promise<BaileysModule> {
  try {
    return (await import(packageUrl.href)) as BaileysModule;
  } catch (caught) {
    throw new OperatingError(
      'config.invalid',
      'Baileys is not installed; `npm run baileys-gateway` installs it, or `npm ci --ignore-scripts` in services/baileys-gateway/packages.',
      caught,
    );
  }
}

/** Opens the library. `webSocketUrl` is for tests. */
export async function openBaileys(given: { readonly webSocketUrl?: string } = {}): Promise<WhatsAppLibrary> {
  const baileys = await loadBaileys();
  return {
    newCredentials: () => baileys.initAuthCreds(),

    open({ credentials, keys, messageOf }): Connection {
      const journal = new ReceivedJournal(baileys);
      const socket = baileys.makeWASocket({
        ...(given.webSocketUrl === undefined ? {} : { waWebSocketUrl: given.webSocketUrl }),
        auth: { creds: credentials, keys: withProtocolTypes(baileys, keys) },
        logger: silentLogger,
        browser: baileys.Browsers.ubuntu('Prosa'),
        makeSignalRepository: journal.journalled(baileys.DEFAULT_CONNECTION_CONFIG.makeSignalRepository),
        // What we send is known to us already.
        emitOwnEvents: false,
        // The person's phone goes on ringing.
        markOnlineOnConnect: false,
        syncFullHistory: false,
        generateHighQualityLinkPreview: false,
        getMessage: async (key: Parameters<typeof messageOf>[0]) => {
          const found = await messageOf(key);
          return found === undefined ? undefined : baileys.proto.Message.fromObject(found);
        },
      });
      socket.ws.on('CB:message', (stanza) => journal.noteStanza(stanza));
      return {
        socket,
        recover: (parts) =>
          journal.recover(parts, {
            meId: credentials.me?.id ?? '',
            meLid: credentials.me?.lid ?? '',
            repository: socket.signalRepository,
            logger: silentLogger,
          }),
        numberOf: async (lid) => (await socket.signalRepository.lidMapping.getPNForLID(lid)) ?? undefined,
      };
    },

    readVote(vote, { id, secret, creator, voter }) {
      const poll = { pollMsgId: id, pollEncKey: secret, pollCreatorJid: creator, voterJid: voter };
      return baileys.decryptPollVote(vote, poll).selectedOptions ?? [];
    },

    download({ directPath, mediaKey, kind }) {
      if (!directPath.startsWith('/') || directPath.startsWith('//')) throw new Error('not a path');
      return baileys.downloadContentFromMessage({ directPath, mediaKey }, kind, { host: mediaHost });
    },
  };
}

/** Keys of one kind are protocol objects, which JSON does not bring back. */
function withProtocolTypes(baileys: Pick<BaileysModule, 'proto'>, keys: KeyStore): KeyStore {
  return {
    set: (batch) => keys.set(batch),
    async get(kind, ids) {
      const found = await keys.get(kind, ids);
      if (kind !== 'app-state-sync-key') return found;
      const typed = Object.entries(found).map(
        ([id, value]) => [id, baileys.proto.Message.AppStateSyncKeyData.fromObject(value)] as const,
      );
      return Object.fromEntries(typed);
    },
  };
}
