/** Media of our own store, from the reply to the provider. */
import { Readable } from 'node:stream';

import { expect, test } from 'vitest';

import type { OutboundContent } from '#schemas/content.ts';
import { openFiles } from '#runtime/blobs/postgres-files.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';

import { tenant, useSenderWorld } from './testing/sender-world.ts';

const here = useSenderWorld();
const { sender, waha, chatOn, ask, outcome, attemptsOf } = here;

const bytes = Buffer.from('the bytes of a picture');
const image = (blob: string): OutboundContent => ({ kind: 'image', media: { blob, mimetype: 'image/png' } });

async function keep(id: string): Promise<void> {
  const files = openFiles(here.worker);
  const of = { tenant, actor: tenantSubject(tenant), person: tenantSubject(tenant) };
  await files.put({ ...of, at: Date.now(), id, mimetype: 'image/png', content: Readable.from([bytes]) });
  await files.close();
}

test('a file is sent with its bytes', async () => {
  const { fake, instance } = await waha();
  await keep('f_1');
  await sender();
  expect(await outcome(await ask(await chatOn(instance), image('f_1')))).toMatchObject([{ status: 'sent' }]);
  expect(fake.messages).toMatchObject([
    { route: 'sendImage', file: { mimetype: 'image/png', data: bytes.toString('base64') } },
  ]);
});

test('a file that is gone fails its message and holds nobody up', async () => {
  const { fake, instance } = await waha();
  await sender();
  const ids = await ask(await chatOn(instance), image('f_none'), 'depois');
  expect(await outcome(ids)).toMatchObject([
    { status: 'failed', reason: 'content.file-missing', attempts: 1 },
    { status: 'sent' },
  ]);
  expect(fake.sends()).toHaveLength(1);
});

test('while the store is away it is tried again, and nothing is in doubt', async () => {
  const { fake, instance } = await waha();
  await keep('f_2');
  const s3 = { bucket: 'b', region: 'r', prefix: '', accessKeyId: 'a', secretAccessKey: 's' };
  const config = { ...here.worker.config, s3: { ...s3, endpoint: 'http://127.0.0.1:9' } };
  await sender({}, { ...here.worker, config });
  const [id = ''] = await ask(await chatOn(instance), image('f_2'));
  expect(await outcome([id])).toMatchObject([{ status: 'manual', reason: 'attempts-exhausted' }]);
  const attempts = await attemptsOf(id);
  expect(attempts.length).toBeGreaterThan(1);
  for (const attempt of attempts) expect(attempt.slice(1)).toEqual(['retry', 'files.unavailable', null]);
  expect(fake.sends()).toEqual([]);
});
