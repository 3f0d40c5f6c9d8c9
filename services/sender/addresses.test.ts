/**
 * By which of a chat's addresses a message is sent, when its line was served by providers of both kinds: the Cloud
 * API knows numbers and BSUIDs, the unofficial ones numbers and LIDs.
 */
import { expect, test } from 'vitest';

import { startFakeCloud } from '#runtime/testing/fake-cloud.ts';
import { startFakeEvolution } from '#runtime/testing/fake-evolution.ts';

import { type Chat, apiKey, tenant, useSenderWorld } from './testing/sender-world.ts';

const here = useSenderWorld();
const { sender, waha, chatOn, ask, outcome } = here;
const bsuid = 'BR.13491208655302741918';
const lid = '98765432109876@lid';

/** An account of each kind; what they sent, by address. */
async function accounts() {
  const { fake, instance } = await waha();
  const meta = await startFakeCloud({ token: apiKey });
  const evolution = await startFakeEvolution({ apiKey });
  here.cleanups.push(
    () => meta.close(),
    () => evolution.close(),
  );
  const create = (provider: 'cloud' | 'evolution', settings: object) =>
    here.api.instances.create({ tenant, provider, name: `${provider}-${Date.now()}`, settings, apiKey }, Date.now());
  return {
    instances: {
      waha: instance,
      evolution: await create('evolution', { baseUrl: evolution.url, session: 'clinica' }),
      cloud: await create('cloud', { baseUrl: meta.url, phoneNumberId: '106540352242922' }),
    },
    sent: () => ({
      waha: fake.messages.map(({ chatId }) => chatId),
      evolution: evolution.messages.map(({ remoteJid }) => remoteJid),
      cloud: meta.messages.map(({ body }) => body['recipient'] ?? body['to']),
    }),
  };
}

test('after a switch each provider sends to the address that it has a form for', async () => {
  const { instances, sent } = await accounts();
  const chat = await chatOn(instances.waha, bsuid, lid);
  await sender();
  for (const instance of Object.values(instances)) {
    const [row] = await outcome(await ask({ ...chat, instance }, 'Oi'));
    expect([instance.provider, row?.status]).toEqual([instance.provider, 'sent']);
  }
  expect(sent()).toEqual({ waha: [lid], evolution: [lid], cloud: [bsuid] });
});

test('a number is what all send to, and of several the newest', async () => {
  const { instances, sent } = await accounts();
  const chat = await chatOn(instances.waha, bsuid, lid, '5511940000901');
  await new Promise((resolve) => setTimeout(resolve, 5));
  await chatOn(instances.waha, lid, '5511940000902@c.us');
  await sender();
  for (const instance of Object.values(instances)) await outcome(await ask({ ...chat, instance }, 'Oi'));
  expect(sent()).toEqual({
    waha: ['5511940000902@c.us'],
    evolution: ['5511940000902@s.whatsapp.net'],
    cloud: ['5511940000902'],
  });
});

test('a chat that the provider has no form for is refused with that cause, and nothing is sent', async () => {
  const { instances, sent } = await accounts();
  const byLid = await chatOn(instances.cloud, '11122233344455@lid');
  const byUserId = await chatOn(instances.waha, 'BR.99991208655302741918');
  await sender();
  const wrong: readonly Chat[] = [
    { ...byLid, instance: instances.cloud },
    { ...byUserId, instance: instances.waha },
    { ...byUserId, instance: instances.evolution },
  ];
  for (const chat of wrong) {
    expect(await outcome(await ask(chat, 'Oi'))).toMatchObject([
      { status: 'failed', reason: 'address.unsupported', attempts: 1 },
    ]);
  }
  expect(sent()).toEqual({ waha: [], evolution: [], cloud: [] });
});
