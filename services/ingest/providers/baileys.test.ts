// Goal: who may post for a Baileys instance, and two names of one person make no chat. What bodies mean is in the contract suite.
import { createHmac } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { openRecorder } from '../record.ts';
import { type IngestWorld, ingestWorld } from '../testing/ingest-world.ts';
import { baileysInstance } from './baileys.samples.ts';
import { baileys } from './baileys.ts';

const secret = baileysInstance.credentials.webhookSecret ?? '';
const body = Buffer.from('{"event":"messages.upsert"}');
const hmac = (key: string, bytes = body): string => createHmac('sha512', key).update(bytes).digest('hex');

describe('a body', () => {
  const verify = (headers: Record<string, string>, bytes = body) => baileys.verify(bytes, headers, baileysInstance);

  test('is taken when it is signed, or when the secret is presented', () => {
    expect(verify({ 'x-webhook-hmac': hmac(secret) })).toBe(true);
    expect(verify({ 'x-webhook-hmac': hmac(secret), 'x-webhook-hmac-algorithm': 'sha512' })).toBe(true);
    expect(verify({ authorization: `Bearer ${secret}` })).toBe(true);
  });

  test('is refused otherwise, a wrong signature also with the secret beside it', () => {
    const authorization = `Bearer ${secret}`;
    for (const headers of [
      {},
      { 'x-webhook-hmac': '' },
      { 'x-webhook-hmac': hmac('another') },
      { 'x-webhook-hmac': hmac(secret).slice(1) },
      { 'x-webhook-hmac': hmac(secret), 'x-webhook-hmac-algorithm': 'sha256' },
      { authorization: 'Bearer another' },
      { authorization, 'x-webhook-hmac': hmac('another') },
    ])
      expect(verify(headers)).toBe(false);
    expect(verify({ 'x-webhook-hmac': hmac(secret) }, Buffer.from('{"event":"messages.update"}'))).toBe(false);
  });
});

describe('two names of one person', () => {
  let world: IngestWorld;
  beforeAll(() => {
    world = ingestWorld();
  });
  afterAll(() => world.close());

  const lid = '977777777777777@lid';
  const number = '5511977777777@s.whatsapp.net';
  const record = async (id: string, event: string, data: unknown) => {
    const json = { id, event, data };
    const events = baileys.normalise({ json, raw: JSON.stringify(json), requestId: 'r' }, baileysInstance);
    const { events: recorded } = await openRecorder(world.runtime, world.window).record(events, baileysInstance);
    return recorded[0]?.conversationId;
  };
  const text = (messageId: string, remoteJid: string) => ({
    type: 'notify',
    messages: [{ key: { remoteJid, fromMe: false, id: messageId }, message: { conversation: 'Oi' } }],
  });

  test('make no chat of somebody who never wrote, and join the names of one that is there', async () => {
    expect(await record('1', 'lid-mapping.update', { lid, pn: number })).toBe(baileysInstance.id);
    const chat = await record('2', 'messages.upsert', text('A', number));
    expect(await record('3', 'lid-mapping.update', { lid, pn: number })).toBe(chat);
    expect(await record('4', 'messages.upsert', text('B', lid))).toBe(chat);
  });
});
