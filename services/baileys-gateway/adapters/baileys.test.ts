/**
 * The real Baileys, as far as it goes without WhatsApp: two accounts that encrypt for each other, and a
 * process that ends between the decryption and the message. Skipped where its packages are not installed
 * (`npm ci --ignore-scripts` in ../packages).
 */
import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import type { Runtime } from '#runtime/runtime.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';

import { type SessionKeys, openKeys } from '../key-store.ts';
import { openLeases } from '../leases.ts';
import { codeOf } from '../reconnect.ts';
import { type BaileysModule, loadBaileys, openBaileys, silentLogger } from './baileys.ts';
import { ReceivedJournal, type SignalRepository, type Stanza } from './received-journal.ts';

const isInstalled = existsSync(new URL('../packages/node_modules/baileys', import.meta.url));

describe.skipIf(!isInstalled)('Baileys', () => {
  let world: TestWorld;
  let runtime: Runtime;
  let baileys: BaileysModule;

  beforeAll(async () => {
    baileys = await loadBaileys();
    world = await openTestWorld();
    runtime = world.runtime('prosa_worker');
  });
  afterAll(async () => {
    await world.close();
  });

  interface Pair {
    readonly public: Uint8Array;
    readonly private: Uint8Array;
  }
  interface Account {
    readonly signedIdentityKey: Pair;
    readonly signedPreKey: { readonly keyPair: Pair; readonly signature: Uint8Array; readonly keyId: number };
    readonly registrationId: number;
  }
  interface Crypto extends SignalRepository {
    injectE2ESession(given: object): Promise<void>;
    encryptMessage(given: { readonly jid: string; readonly data: Uint8Array }): Promise<{
      readonly type: string;
      readonly ciphertext: Uint8Array;
    }>;
  }
  const tools = () => baileys as BaileysModule & { encodeWAMessage(message: unknown): Uint8Array };

  const alice = '5511911111111@s.whatsapp.net';
  const bob = '5511900000000@s.whatsapp.net';

  async function keysOf(name: string): Promise<SessionKeys> {
    const api = world.runtime('prosa_api');
    const wanted = { tenant: testTenant, provider: 'baileys' as const, name, settings: {} };
    const { id } = await api.instances.create(wanted, Date.now());
    const leases = openLeases(runtime.database, { owner: 'o', ownerUrl: () => 'http://x', leaseMs: 60_000 });
    await leases.want(testTenant, id);
    const lease = (await leases.takeThis(testTenant, id)) ?? expect.fail('not taken');
    return openKeys(runtime.database, runtime.vault, lease, Date.now);
  }

  /** A process: its own repository over the keys in Postgres. */
  function processOf(credentials: unknown, keys: SessionKeys) {
    const journal = new ReceivedJournal(baileys);
    const options = { maxCommitRetries: 1, delayBetweenTriesMs: 1 };
    const auth = { creds: credentials, keys: baileys.addTransactionCapability(keys, silentLogger, options) };
    const make = journal.journalled(baileys.DEFAULT_CONNECTION_CONFIG.makeSignalRepository) as unknown as (
      auth: unknown,
      logger: unknown,
    ) => Crypto;
    return { journal, repository: make(auth, silentLogger) };
  }

  test('a message whose process ended after the decryption is recovered; nothing else could read it again', async () => {
    const [aliceCredentials, bobCredentials] = [baileys.initAuthCreds(), baileys.initAuthCreds()];
    const [aliceKeys, bobKeys] = [await keysOf('alice'), await keysOf('bob')];
    const bobAccount = bobCredentials as unknown as Account;
    const sender = processOf(aliceCredentials, aliceKeys).repository;
    const { signedPreKey } = bobAccount;
    await sender.injectE2ESession({
      jid: bob,
      session: {
        registrationId: bobAccount.registrationId,
        identityKey: Buffer.concat([Buffer.of(5), bobAccount.signedIdentityKey.public]),
        signedPreKey: {
          keyId: signedPreKey.keyId,
          publicKey: Buffer.concat([Buffer.of(5), signedPreKey.keyPair.public]),
          signature: signedPreKey.signature,
        },
      },
    });
    const message = baileys.proto.Message.fromObject({ conversation: 'só uma vez' });
    const { type, ciphertext } = await sender.encryptMessage({ jid: bob, data: tools().encodeWAMessage(message) });
    const stanza: Stanza = {
      tag: 'message',
      attrs: { id: '3A5F0E3C7B1D2A4F6E80', from: alice, t: '1763640000', type: 'text', notify: 'Ana' },
      content: [{ tag: 'enc', attrs: { v: '2', type }, content: ciphertext }],
    };

    const first = processOf(bobCredentials, bobKeys);
    first.journal.noteStanza(stanza);
    await first.repository.decryptMessage({ jid: alice, type, ciphertext });

    // The process ended here, before anybody was told.
    const second = processOf(bobCredentials, bobKeys);
    await expect(second.repository.decryptMessage({ jid: alice, type, ciphertext })).rejects.toThrow();
    const parts = await bobKeys.received();
    expect(parts).toHaveLength(1);
    const found = await second.journal.recover(parts, {
      meId: bob,
      meLid: '',
      repository: second.repository,
      logger: silentLogger,
    });
    expect(found).toMatchObject([
      {
        key: { remoteJid: alice, fromMe: false, id: '3A5F0E3C7B1D2A4F6E80' },
        message: { conversation: 'só uma vez' },
        messageTimestamp: 1_763_640_000,
        pushName: 'Ana',
      },
    ]);
    expect(found[0]?.messageStubType).toBeUndefined();
  });

  test('credentials and every kind of key come back from Postgres as Baileys had them', async () => {
    const keys = await keysOf('kinds');
    const credentials = baileys.initAuthCreds();
    await keys.saveCredentials(credentials);
    expect(await keys.credentials()).toEqual(JSON.parse(JSON.stringify(credentials), revived));
    const kept = {
      session: { a: Buffer.from('session') },
      'sender-key-memory': { g: { [alice]: true } },
      'device-list': { '55': ['0', '7'] },
      tctoken: { [alice]: { token: Buffer.from('t'), timestamp: '1' } },
      'app-state-sync-version': {
        critical: { version: 3, hash: Buffer.alloc(4), indexValueMap: { x: { valueMac: Buffer.of(1) } } },
      },
    };
    await keys.set(kept);
    for (const [kind, values] of Object.entries(kept)) {
      expect(await keys.get(kind, Object.keys(values))).toEqual(values);
    }
    await keys.forget();
    expect(await keys.credentials()).toBeUndefined();
  });

  test('a socket is made with what we give it, and tells its end with a code', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const library = await openBaileys({ webSocketUrl: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` });
    const keys = await keysOf('socket');
    const { socket } = library.open({
      credentials: library.newCredentials(),
      keys,
      messageOf: () => Promise.resolve(undefined),
    });
    const updates: { connection?: string; lastDisconnect?: { error?: unknown } }[] = [];
    socket.ev.on('connection.update', (update) => updates.push(update));
    await vi.waitFor(() => expect(updates.map(({ connection }) => connection)).toContain('close'), { timeout: 5_000 });
    expect(codeOf(updates.at(-1)?.lastDisconnect?.error)).toBeGreaterThanOrEqual(400);
    for (const method of [
      'sendMessage',
      'waitForMessage',
      'sendPresenceUpdate',
      'readMessages',
      'onWhatsApp',
      'requestPairingCode',
      'logout',
      'end',
    ])
      expect(socket).toHaveProperty(method, expect.any(Function));
    await new Promise((resolve) => server.close(resolve));
  });

  test('files are asked of WhatsApp alone', async () => {
    const library = await openBaileys();
    const asked = vi.spyOn(globalThis, 'fetch').mockRejectedValue(new Error('no network in tests'));
    const pointer = { kind: 'image', directPath: '/v/t62?x=1', mediaKey: Buffer.alloc(32) };
    await expect(library.download(pointer)).rejects.toThrow();
    expect(asked.mock.calls.map(([url]) => new URL(url instanceof Request ? url.url : url).host)).toEqual([
      'mmg.whatsapp.net',
    ]);
    for (const directPath of ['https://evil.example/x', '//evil.example/x', '@evil.example/x'])
      await expect(async () => library.download({ ...pointer, directPath })).rejects.toThrow('not a path');
    asked.mockRestore();
  });

  test('a vote is read by who has the secret of its poll, and by nobody else', async () => {
    const [id, secret] = ['3EB0POLL', Buffer.alloc(32, 5)];
    const chosen = createHash('sha256').update('Terça').digest();
    const hmac = (key: Uint8Array, data: Uint8Array) => createHmac('sha256', key).update(data).digest();
    const sign = Buffer.concat([Buffer.from(`${id}${alice}${bob}Poll Vote`), Buffer.from([1])]);
    const encIv = Buffer.alloc(12, 3);
    const cipher = createCipheriv('aes-256-gcm', hmac(hmac(Buffer.alloc(32), secret), sign), encIv);
    cipher.setAAD(Buffer.from(`${id}\0${bob}`));
    // `PollVoteMessage { repeated bytes selectedOptions = 1; }`
    const plain = Buffer.concat([Buffer.from([0x0a, chosen.length]), chosen]);
    const encPayload = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    const library = await openBaileys();
    const poll = { id, secret, creator: alice, voter: bob };
    expect(library.readVote({ encPayload, encIv }, poll).map((one) => Buffer.from(one))).toEqual([chosen]);
    expect(() => library.readVote({ encPayload, encIv }, { ...poll, voter: alice })).toThrow();
  });
});

const revived = (_name: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value
    ? Buffer.from(value.data as number[])
    : value;
