/**
 * Goal: a person who writes in WhatsApp Web is told from what we send ourselves through Evolution, whichever comes
 * first, the message or the answer to its send. Method: sender and ingest on a real Postgres against a fake
 * Evolution that posts every message of the account as `messages.upsert`. `AUTHORS_MESSAGES` is their number.
 */
import { randomBytes } from 'node:crypto';

import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createHttpServer } from '#runtime/http.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import { createLogger } from '#runtime/logger.ts';
import { recordOf } from '#runtime/records.ts';
import {
  type EvolutionMessage,
  type FakeEvolution,
  shapeOf,
  startFakeEvolution,
} from '#runtime/testing/fake-evolution.ts';
import { topics } from '#schemas/topics.ts';

import { processWindow } from '../ingest/duplicate-window.ts';
import { bodyBytesMax, ingestRoutes } from '../ingest/routes.ts';
import { type Chat, apiKey, eventually, tenant, useSenderWorld } from './testing/sender-world.ts';

const messagesMax = Number(process.env['AUTHORS_MESSAGES'] ?? 30);
const here = useSenderWorld();
const { sender, chatOn, ask, outcome } = here;
let server: FastifyInstance;
let serial = 0;

beforeAll(() => {
  server = createHttpServer({ logger: createLogger('silent'), bodyBytesMax });
  const ingest = here.world.runtime('prosa_ingest');
  ingestRoutes(server, ingest, processWindow(ingest.now));
});

afterAll(() => server.close());

interface Account {
  readonly fake: FakeEvolution;
  readonly instance: Instance;
  /** What is under way to ingest. */
  readonly posts: Promise<unknown>[];
  /** A message of the account as the phone tells Evolution of it. */
  readonly tell: (message: EvolutionMessage) => Promise<void>;
  /** A person writes in WhatsApp Web: the id looks like one of ours. */
  readonly byHand: (chat: Chat, text: string) => Promise<void>;
}

/** An account whose server tells of every message, at once unless `echoes` is false. */
async function open({ echoes = true } = {}): Promise<Account> {
  const posts: Promise<unknown>[] = [];
  const fake = await startFakeEvolution({
    apiKey,
    onMessage: (message) => {
      if (echoes) posts.push(tell(message));
    },
  });
  here.cleanups.push(() => fake.close());
  serial += 1;
  const settings = {
    baseUrl: fake.url,
    session: 'clinica',
    limits: { perChatPerMinute: null, initiatedPerMinute: null },
  };
  const wanted = { tenant, provider: 'evolution' as const, name: `authors-${serial}`, settings, apiKey };
  const instance = await here.api.instances.create(wanted, Date.now());
  const tell = async (message: EvolutionMessage): Promise<void> => {
    const answer = await server.inject({
      method: 'POST',
      url: `/webhooks/evolution/${instance.credentials.webhookToken}`,
      headers: { authorization: `Bearer ${instance.credentials.webhookSecret ?? ''}` },
      payload: { event: 'messages.upsert', instance: 'clinica', data: shapeOf(message) },
    });
    expect(answer.statusCode).toBe(200);
  };
  const byHand = async (chat: Chat, text: string): Promise<void> => {
    const id = `3EB0${randomBytes(9).toString('hex').toUpperCase()}`;
    const remoteJid = `${chat.phone}@s.whatsapp.net`;
    const message = { conversation: text };
    const post = tell({ instance: 'clinica', remoteJid, id, fromMe: true, message, source: 'web', at: Date.now() });
    posts.push(post);
    await post;
  };
  return { fake, instance, posts, tell, byHand };
}

/** Texts of the account's own messages in a chat, by who wrote them as the log has it. */
async function writtenBy(chat: Chat): Promise<Readonly<Record<string, readonly string[]>>> {
  const found: (readonly [string, string])[] = [];
  const { log } = here.world;
  const partition = log.partitionOf(chat.conversation);
  for await (const batch of log.readRange({ topic: topics.events, partition, from: 0 })) {
    for (const record of batch.map(recordOf)) {
      if (record.type !== 'message.echoed' || record.actor !== chat.conversation || record.sealed === null) continue;
      const { actor, type, eventId } = record;
      const opened = await here.worker.vault.open<{ readonly content: { readonly text: string } }>(
        { tenant, actor, type, eventId },
        record.sealed,
      );
      if (opened.state === 'open') found.push([record.source, opened.value.content.text]);
    }
  }
  const by = Map.groupBy(found, ([source]) => source);
  return Object.fromEntries([...by].map(([source, list]) => [source, list.map(([, text]) => text).sort()]));
}

test('our own message is ours, though it is told of before its send is answered', async () => {
  const { fake, instance, posts } = await open();
  const chat = await chatOn(instance);
  fake.fault({ kind: 'slow', ms: 250 });
  await sender();
  expect(await outcome(await ask(chat, 'nossa', 'outra nossa'))).toMatchObject([
    { status: 'sent' },
    { status: 'sent' },
  ]);
  await Promise.all(posts);
  expect(await writtenBy(chat)).toEqual({ api: ['nossa', 'outra nossa'] });
});

test('our own message is ours, though it is told of long after', async () => {
  const { fake, instance, tell } = await open({ echoes: false });
  const chat = await chatOn(instance);
  await sender();
  await outcome(await ask(chat, 'nossa'));
  for (const message of fake.messages) await tell({ ...message, at: message.at - 3_600_000 });
  expect(await writtenBy(chat)).toEqual({ api: ['nossa'] });
});

test('what a person writes in WhatsApp Web is theirs, also while something of ours is under way', async () => {
  const { fake, instance, posts, byHand } = await open();
  const chat = await chatOn(instance);
  await byHand(chat, 'sozinha');
  fake.fault({ kind: 'slow', ms: 250 });
  await sender();
  const ids = await ask(chat, 'nossa');
  await eventually(async () => (fake.messages.length === 1 ? true : undefined));
  await byHand(chat, 'no meio');
  await outcome(ids);
  await byHand(chat, 'depois');
  await Promise.all(posts);
  expect(await writtenBy(chat)).toEqual({ api: ['nossa'], app: ['depois', 'no meio', 'sozinha'] });
});

test('what may be a send that nobody answered is not taken for a person’s', async () => {
  const { fake, instance, tell } = await open({ echoes: false });
  const chat = await chatOn(instance);
  fake.fault({ kind: 'drop-after' });
  fake.fault({ kind: 'status', status: 500, on: 'history', times: 20 });
  await sender();
  expect(await outcome(await ask(chat, 'quem sabe'))).toMatchObject([{ status: 'unknown' }]);
  for (const message of fake.messages) await tell(message);
  expect(await writtenBy(chat)).toEqual({ unknown: ['quem sabe'] });
});

test('of many at once each has its author', { timeout: 60_000 + messagesMax * 100 }, async () => {
  const { fake, instance, posts, byHand } = await open();
  for (const ms of [120, 0, 60, 200]) fake.fault({ kind: 'slow', ms, times: Math.ceil(messagesMax / 8) });
  const chats = await Promise.all(Array.from({ length: 3 }, () => chatOn(instance)));
  await sender();
  const texts = Array.from({ length: Math.ceil(messagesMax / chats.length) }, (_, i) => String(i).padStart(4, '0'));
  const asked = await Promise.all(chats.map((chat) => ask(chat, ...texts.map((text) => `nossa ${text}`))));
  for (const text of texts) await Promise.all(chats.map((chat) => byHand(chat, `da pessoa ${text}`)));
  for (const ids of asked) await outcome(ids);
  await Promise.all(posts);
  for (const chat of chats) {
    const expected = { api: texts.map((text) => `nossa ${text}`), app: texts.map((text) => `da pessoa ${text}`) };
    expect(await writtenBy(chat)).toEqual(expected);
  }
});
