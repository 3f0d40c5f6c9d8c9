// Goal: files go in and out whole, to those who may, and nothing that comes from outside can act in a browser.
import { createHash, randomBytes } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { recordOf } from '#runtime/records.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { testTenant } from '#runtime/testing/runtime.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';
import { topics } from '#schemas/topics.ts';

import { type ApiWorld, openApiWorld } from './testing/api-world.ts';

let api: ApiWorld;
beforeAll(async () => {
  api = await openApiWorld();
});
afterAll(() => api.close());

const upload = async (payload: Buffer | string, type = 'image/png', key = api.keys.operator) => {
  const headers = { authorization: `Bearer ${key}`, ...(type === '' ? {} : { 'content-type': type }) };
  const answer = await api.server.inject({ method: 'POST', url: '/v1/files', headers, payload });
  return {
    status: answer.statusCode,
    body: answer.json<{ id: string; mimetype: string; bytes: number; code?: string }>(),
  };
};
const download = (id: string, key = api.keys.operator) =>
  api.server.inject({ url: `/v1/files/${id}`, headers: { authorization: `Bearer ${key}` } });

const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), randomBytes(300_000)]);

test('a file comes back as it went in, under the type that it is', async () => {
  const { status, body } = await upload(png, 'image/jpeg');
  expect([status, body]).toEqual([201, { id: body.id, mimetype: 'image/png', bytes: png.length }]);
  const answer = await download(body.id);
  expect(answer.statusCode).toBe(200);
  expect(createHash('sha256').update(answer.rawPayload).digest('hex')).toBe(
    createHash('sha256').update(png).digest('hex'),
  );
  expect(answer.headers).toMatchObject({
    'content-type': 'image/png',
    'content-length': png.length.toString(),
    'content-disposition': 'attachment',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
    'cache-control': 'no-store',
  });
});

test('every upload and every read is audited', async () => {
  const { body } = await upload(png);
  await download(body.id);
  const acts: string[] = [];
  for (let partition = 0; partition < api.world.log.partitionCount; partition += 1)
    for await (const batch of api.world.log.readRange({ topic: topics.audit, partition, from: 0 }))
      for (const logged of batch) {
        const record = recordOf(logged);
        if (record.type === 'audit.recorded' && record.subject === body.id) acts.push(record.action);
      }
  expect(acts).toEqual(['file.uploaded', 'access.file']);
});

test('JSON, forms and what has no type at all are files too', async () => {
  expect((await upload('{"a":1}', 'application/json')).body.mimetype).toBe('application/json');
  expect((await upload('{"a":', 'application/json')).body.mimetype).toBe('application/json');
  expect((await upload(png, '')).body.mimetype).toBe('image/png');
});

test.each([
  ['<script>alert(1)</script>', 'text/html', 'text/plain'],
  ['<svg onload="alert(1)" xmlns="http://www.w3.org/2000/svg"/>', 'image/svg+xml', 'text/plain'],
  ['\0\x01', 'text/html', 'application/octet-stream'],
])('%s, called %s, is served as %s', async (content, type, served) => {
  const { body } = await upload(content, type);
  expect((await download(body.id)).headers['content-type']).toMatch(new RegExp(`^${served}`));
});

test.each(['', 'MZ\x90', '#!/bin/sh'])('%j is refused', async (content) => {
  const { status, body } = await upload(content, 'application/pdf');
  expect([status, body.code]).toEqual([422, 'file-refused']);
});

test('more than 16 MiB are refused, and nothing of them is kept', async () => {
  const { status, body } = await upload(Buffer.concat([png, Buffer.alloc(16 * 1_024 * 1_024)]));
  expect([status, body.code]).toEqual([413, 'body-too-large']);
  const left = await api.runtime.database.query([testTenant], 'SELECT FROM file_leftovers');
  expect(left.rowCount).toBe(0);
});

test('an erased file is gone, an unknown one is not found', async () => {
  const { body } = await upload(png);
  await asOwner(
    api.world.databaseUrl,
    `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = '${tenantSubject(testTenant)}'`,
  );
  const { status, text } = await api.anotherProcess().call(api.keys.operator, 'GET', `/v1/files/${body.id}`);
  expect([status, (JSON.parse(text) as { code: string }).code]).toEqual([410, 'file-gone']);
  expect((await download('f_unknown')).statusCode).toBe(404);
});
