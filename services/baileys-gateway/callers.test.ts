// Goal: those who call the gateway understand it: the sender's adapter and the one that cares for accounts, against a
// real gateway before a fake WhatsApp.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import type { Instance } from '#runtime/instances/instances.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { openBaileysAccounts } from '../effects/adapters/baileys-accounts.ts';
import type { AccountProvider } from '../effects/ports/accounts.ts';
import { openBaileysSender } from '../sender/adapters/baileys.ts';
import type { MessageProvider, OutboundMessage } from '../sender/ports/provider.ts';
import { type GatewayWorld, type Process, openGatewayWorld, testKey } from './testing/gateway-world.ts';

let world: GatewayWorld;
let gateway: Process;
let instance: Instance;
let accounts: AccountProvider;
let sender: MessageProvider;
const { signal } = new AbortController();

beforeAll(async () => {
  world = await openGatewayWorld();
  gateway = await world.start();
  instance = await world.instance();
  const opened = world.world.runtime('prosa_worker');
  const baileys = { ...opened.config.baileys, url: gateway.url, key: testKey };
  const runtime: Runtime = { ...opened, config: { ...opened.config, baileys } };
  accounts = openBaileysAccounts(runtime);
  sender = openBaileysSender(runtime);
});
afterAll(async () => {
  await Promise.all([accounts.close(), sender.close()]);
  await world.close();
});

const until = (look: () => unknown): Promise<unknown> => vi.waitFor(look, { timeout: 10_000, interval: 10 });

const message = (id: string): OutboundMessage => ({
  deliveryId: id,
  conversation: 'c_1',
  person: 'p_1',
  chat: '5511911111111@c.us',
  content: { kind: 'text', text: 'Olá' },
  clientMessageId: id,
  attempt: 1,
  firstAttemptAt: 0,
  isTaken: () => Promise.resolve(false),
  confirmed: () => Promise.resolve(undefined),
  readFile: () => Promise.resolve(undefined),
});

test('an account from its first look to its removal', { timeout: 30_000 }, async () => {
  expect(await accounts.look(instance, signal)).toEqual({ status: 'stopped' });
  expect(await sender.send(instance, message('EARLY00001'))).toMatchObject({ outcome: 'refused', scope: 'instance' });
  expect(await accounts.connect(instance, null, signal)).toEqual({ status: 'starting' });
  await until(() => gateway.whatsapp.socket);
  gateway.whatsapp.socket.emit('connection.update', { qr: '2@code' });
  expect(await accounts.look(instance, signal)).toEqual({ status: 'scanning', qr: { code: '2@code' } });
  expect(await accounts.connect(instance, '+55 11 90000-0000', signal)).toEqual({
    status: 'scanning',
    qr: { code: '2@code', pairingCode: 'ABCD1234' },
  });
  expect(await sender.send(instance, message('EARLY00002'))).toMatchObject({
    outcome: 'retry',
    code: 'provider.session-not-working',
    scope: 'instance',
  });

  gateway.whatsapp.socket.pair('5511900000000:7@s.whatsapp.net');
  await until(() => expect(gateway.whatsapp.sockets).toHaveLength(2));
  gateway.whatsapp.socket.open();
  await until(async () => expect(await accounts.look(instance, signal)).toEqual({ status: 'working' }));

  expect(await sender.send(instance, message('MESSAGE001'))).toMatchObject({ outcome: 'sent', stableId: 'MESSAGE001' });
  expect(await sender.resolve(instance, message('MESSAGE001'))).toMatchObject({ outcome: 'sent' });
  expect(await sender.resolve(instance, message('MESSAGE002'))).toEqual({ outcome: 'repeat' });
  gateway.whatsapp.socket.acknowledge = () => 463;
  expect(await sender.send(instance, message('MESSAGE003'))).toMatchObject({
    outcome: 'refused',
    code: 'provider.restricted',
    scope: 'cold-chats',
  });

  expect(await accounts.restart(instance, signal)).toMatchObject({
    status: expect.stringMatching(/start|stop/) as string,
  });
  await until(() => expect(gateway.whatsapp.sockets).toHaveLength(3));
  expect(gateway.whatsapp.socket.credentials.me?.id).toBe('5511900000000:7@s.whatsapp.net');
  gateway.whatsapp.socket.open();
  expect(await accounts.logout(instance, signal)).toEqual({ status: 'stopped' });
  expect(await accounts.look(instance, signal)).toMatchObject({ status: 'stopped' });
  expect(await accounts.remove(instance, signal)).toBe(true);
  expect(await accounts.remove({ ...instance, id: 'i_never' }, signal)).toBe(false);
});
