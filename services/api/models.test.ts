// Goal: a recording becomes text or a documented refusal, and a key for models is taken and never given back. Method: the
// API over HTTP, against the scripted server of models.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { echoConfiguration } from '#runtime/testing/echo-machine.ts';
import { testTenant } from '#runtime/testing/runtime.ts';

import { type ModelServer, startModelServer } from '../../simulator/model/model-server.ts';
import { voiceNoteOf } from '../../simulator/model/voice-note.ts';
import { type ApiWorld, openApiWorld } from './testing/api-world.ts';

let api: ApiWorld;
let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
  api = await openApiWorld({ models: { sleep: () => Promise.resolve() } });
});
afterEach(() => {
  server.fault = undefined;
});
afterAll(async () => {
  await api.close();
  await server.close();
});

const set = (media: object | undefined) =>
  api.runtime.tenants.configure(testTenant, {
    ...echoConfiguration,
    machines: {
      ...echoConfiguration.machines,
      conversation: { version: '1', settings: media === undefined ? {} : { media } },
    },
  });

/** The text, or the status and code of the refusal. */
async function transcribed(payload: Buffer, url = '/v1/transcriptions?locale=pt-BR', type = 'audio/ogg') {
  const headers = { authorization: `Bearer ${api.keys.operator}`, 'content-type': type };
  const answer = await api.server.inject({ method: 'POST', url, headers, payload });
  const { text, code } = answer.json<{ readonly text?: string; readonly code?: string }>();
  return text ?? `${answer.statusCode.toString()} ${code ?? ''}`;
}

describe('a recording', () => {
  test('is written down, whatever it is called', async () => {
    await set({ speechModel: 'ear', baseUrl: server.url });
    for (const type of ['audio/ogg', 'audio/ogg; codecs=opus', 'application/octet-stream', 'application/json'])
      expect(await transcribed(voiceNoteOf('quero marcar uma consulta'), undefined, type)).toBe(
        'quero marcar uma consulta',
      );
    expect(server.transcriptions.at(-1)).toMatchObject({ model: 'ear', language: 'pt' });
    expect(await transcribed(voiceNoteOf('hello'), '/v1/transcriptions')).toBe('hello');
    expect(server.transcriptions.at(-1)).not.toHaveProperty('language');
  });

  test('that cannot be is refused', async () => {
    await set({ speechModel: 'ear', baseUrl: server.url, voiceSecondsMax: 10 });
    expect(await transcribed(voiceNoteOf('oi', 11))).toBe('422 speech-too-long');
    expect(await transcribed(Buffer.from('hello'))).toBe('422 speech-unreadable');
    expect(await transcribed(Buffer.alloc(0))).toBe('422 speech-unreadable');
    expect(await transcribed(voiceNoteOf(''))).toBe('422 speech-unreadable');
    expect(await transcribed(Buffer.alloc(16 * 1_024 * 1_024 + 1))).toBe('413 body-too-large');
    expect(await transcribed(voiceNoteOf('oi'), '/v1/transcriptions?locale=x')).toBe('400 request-invalid');
    server.fault = 'server-error';
    expect(await transcribed(voiceNoteOf('oi'))).toBe('503 speech-unavailable');
    await set(undefined);
    expect(await transcribed(voiceNoteOf('oi'))).toBe('409 speech-not-configured');
  });
});

test('what recordings cost is counted, and when the day has cost its most they are refused until the next', async () => {
  await set({ speechModel: 'ear', baseUrl: server.url, speechPrice: 0.03, budget: { perDay: 0.03 } });
  const headers = { authorization: `Bearer ${api.keys.operator}`, 'content-type': 'audio/ogg' };
  const post = () =>
    api.server.inject({ method: 'POST', url: '/v1/transcriptions', headers, payload: voiceNoteOf('oi', 60) });
  expect((await post()).json()).toEqual({ text: 'oi', seconds: 60 });
  const refused = await post();
  expect([refused.statusCode, refused.json<{ code: string }>().code]).toEqual([429, 'model-budget-spent']);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(86_400);
});

describe('a key for models', () => {
  const put = (body: object, key = api.keys.admin) => api.call(key, 'PUT', '/v1/model-credentials', body);

  test('is sealed, and in no answer', async () => {
    const answer = await put({ baseUrl: 'https://models.example/v1/', apiKey: 'very-secret' });
    expect([answer.status, answer.body]).toEqual([200, { baseUrl: 'https://models.example/v1', set: true }]);
    const kept = async () =>
      (await api.runtime.database.query<{ sealed: Buffer }>([testTenant], 'SELECT sealed FROM model_credentials')).rows;
    expect((await kept()).map(({ sealed }) => sealed.includes('very-secret'))).toEqual([false]);
    expect((await put({ baseUrl: 'https://models.example/v1', apiKey: null })).body).toMatchObject({ set: false });
    expect(await kept()).toEqual([]);
  });

  test('is set by admins alone, for a plain address', async () => {
    expect((await put({ apiKey: 'k' }, api.keys.operator)).status).toBe(403);
    for (const baseUrl of [
      'ftp://models.example',
      'https://a:b@models.example/v1',
      'https://models.example/v1?key=1',
      'x',
    ])
      expect([baseUrl, (await put({ baseUrl, apiKey: 'k' })).status]).toEqual([baseUrl, 400]);
    expect((await put({ apiKey: 'with space' })).status).toBe(400);
  });

  test('is one of so many', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 21; i += 1)
      statuses.push((await put({ baseUrl: `https://m${i.toString()}.example/v1`, apiKey: 'k' })).status);
    expect(statuses.slice(-2)).toEqual([200, 409]);
    expect((await put({ baseUrl: 'https://m3.example/v1', apiKey: 'other' })).status).toBe(200);
  });
});
