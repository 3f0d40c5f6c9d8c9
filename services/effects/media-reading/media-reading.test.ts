// Goal: a voice note or a picture of one's own conversation becomes text or a stable code. Method: the handlers over real
// files and HTTP, against the scripted server, which reads what the files of its own making say.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import type { AgentSettings, MediaSettings } from '#machines/conversation/agent-settings.ts';
import type { FileRead } from '#machines/conversation/asks.ts';
import { openFiles } from '#runtime/blobs/postgres-files.ts';
import { openModels } from '#runtime/models/models.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { echoConfiguration } from '#runtime/testing/echo-machine.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';

import { type ModelServer, startModelServer } from '../../../simulator/model/model-server.ts';
import { pictureOf, voiceNoteOf } from '../../../simulator/model/voice-note.ts';
import { EffectFailure } from '../handler.ts';
import type { OpenHandlers } from '../handlers.ts';
import { openMediaReading } from './handlers.ts';

let world: TestWorld;
let worker: Runtime;
let api: Runtime;
let server: ModelServer;
let reading: OpenHandlers;
let files = 0;
let clock = Date.UTC(2026, 10, 21, 12);

beforeAll(async () => {
  world = await openTestWorld({ now: () => clock });
  worker = world.runtime('prosa_worker', 'test-reading');
  api = world.runtime('prosa_api', 'test-settings');
  server = await startModelServer();
  reading = openMediaReading(
    worker,
    openModels(worker, {
      breakers: { failuresMax: 100, pauseMs: 1_000, pauseMsMax: 1_000 },
      sleep: () => Promise.resolve(),
    }),
  );
});
afterEach(() => {
  // A day of its own, and with it a budget.
  clock += 86_400_000;
  server.fault = undefined;
  server.transcriptions.length = 0;
  server.chats.length = 0;
});
afterAll(async () => {
  await server.close();
  await world.close();
});

type Source = 'speech.transcribe' | 'image.read';

/** What came of a file, or the code of the failure. */
async function readWhole(
  source: Source,
  file: string,
  media?: MediaSettings,
  { model, spentMicros = 0 }: { readonly model?: AgentSettings['model']; readonly spentMicros?: number } = {},
): Promise<FileRead | string> {
  const all: MediaSettings = { baseUrl: server.url, speechModel: 'ear', visionModel: 'eye', ...media };
  const settings: AgentSettings = { media: all, ...(model === undefined ? {} : { model }) };
  const revision = await api.tenants.configure(testTenant, {
    ...echoConfiguration,
    machines: { ...echoConfiguration.machines, conversation: { version: '1', settings: { ...settings } } },
  });
  const call = { tenant: testTenant, actor: 'c_1', effectId: 'f_1', attempt: 1, signal: new AbortController().signal };
  try {
    const input = { file, locale: 'pt-BR', spentMicros };
    return (await reading.handlers.get(source)?.run({ ...call, revision, input })) as FileRead;
  } catch (caught) {
    if (caught instanceof EffectFailure) return caught.code;
    throw caught;
  }
}

/** Its text, or the code. */
async function read(...asked: Parameters<typeof readWhole>): Promise<string> {
  const came = await readWhole(...asked);
  return typeof came === 'string' ? came : came.text;
}

async function kept(content: Buffer, mimetype: string, actor = 'c_1'): Promise<string> {
  const id = `f_${(files += 1).toString()}`;
  const chunks = (async function* () {
    yield await Promise.resolve(content);
  })();
  const about = { tenant: testTenant, actor, person: 'p_1', at: worker.now(), id, mimetype };
  await openFiles(worker).put({ ...about, content: chunks });
  return id;
}
const voice = (said: string, seconds?: number) => kept(voiceNoteOf(said, seconds), 'audio/ogg');

describe('a voice note', () => {
  test('is written down, with a hint of its language', async () => {
    expect(await read('speech.transcribe', await voice('quero marcar uma consulta amanhã'))).toBe(
      'quero marcar uma consulta amanhã',
    );
    expect(server.transcriptions).toEqual([
      { file: 'voice.ogg', model: 'ear', response_format: 'json', language: 'pt' },
    ]);
  });

  test('that says very much is cut, and what is not seen is left out', async () => {
    expect(await read('speech.transcribe', await voice('sim '.repeat(2_000)))).toHaveLength(2_000);
    expect(await read('speech.transcribe', await voice('si\u200bm\u202e\u0007'))).toBe('sim');
  });

  test('that is too long is not sent', async () => {
    expect(await read('speech.transcribe', await voice('oi', 181))).toBe('speech.too-long');
    expect(await read('speech.transcribe', await voice('oi', 20), { voiceSecondsMax: 10 })).toBe('speech.too-long');
    expect(await read('speech.transcribe', await voice('oi', 180))).toBe('oi');
    const heavy = Buffer.concat([voiceNoteOf('oi', 3), Buffer.alloc(10 * 32_000)]);
    expect(await read('speech.transcribe', await kept(heavy, 'audio/ogg'), { voiceSecondsMax: 10 })).toBe(
      'speech.too-long',
    );
    expect(server.transcriptions).toHaveLength(1);
  });

  test('that is no sound, or in which nothing is said, is unreadable', async () => {
    expect(await read('speech.transcribe', await kept(Buffer.from('hello'), 'audio/ogg'))).toBe('speech.unreadable');
    expect(await read('speech.transcribe', await voice(' '))).toBe('speech.unreadable');
  });

  test('of somebody else, or that nobody has, is gone', async () => {
    const foreign = await kept(voiceNoteOf('segredo'), 'audio/ogg', 'c_2');
    expect(await read('speech.transcribe', foreign)).toBe('speech.file-gone');
    expect(await read('speech.transcribe', 'f_unknown')).toBe('speech.file-gone');
    expect(server.transcriptions).toHaveLength(0);
  });

  test('is not read where no model is set, or none has a key', async () => {
    const file = await voice('oi');
    const noKey = { baseUrl: 'https://api.openai.com/v1' };
    expect(await read('speech.transcribe', file, noKey)).toBe('speech.not-configured');
  });

  test.each(['server-error', 'rate-limited', 'hangs-up', 'wrong-key'] as const)('meets the fault %s', async (fault) => {
    server.fault = fault;
    expect(await read('speech.transcribe', await voice('oi'))).toBe('speech.unavailable');
    expect(server.transcriptions).toHaveLength(fault === 'wrong-key' ? 1 : 3);
  });
});

describe('a picture', () => {
  const picture = (text: string) => kept(pictureOf(text), 'image/png');

  test('is read', async () => {
    expect(await read('image.read', await picture('CRM 12345 Dra. Souza'))).toBe('CRM 12345 Dra. Souza');
    expect(JSON.stringify(server.chats[0]?.body)).toContain('data:image/png;base64,');
    expect(server.chats[0]?.body).not.toHaveProperty('tools');
  });

  test('without words, of a kind that no model takes, or too large, is not', async () => {
    expect(await read('image.read', await picture(''))).toBe('image.unreadable');
    expect(await read('image.read', await kept(Buffer.from('x'), 'image/heic'))).toBe('image.unreadable');
    const large = Buffer.concat([pictureOf('x'), Buffer.alloc(8 * 1_024 * 1_024)]);
    expect(await read('image.read', await kept(large, 'image/png'))).toBe('image.too-large');
    expect(await read('image.read', await kept(pictureOf('x'), 'image/png', 'c_2'))).toBe('image.file-gone');
    expect(server.chats).toHaveLength(1);
  });

  test('meets a fault', async () => {
    server.fault = 'server-error';
    expect(await read('image.read', await picture('x'))).toBe('image.unavailable');
  });
});

describe('what reading costs', () => {
  const prices = { speechPrice: 0.03, visionPrice: { input: 1, output: 4 } };
  const spent = async () => {
    const { rows } = await worker.database.query<{ spent: string; reserved: string }>(
      [testTenant],
      'SELECT spent, reserved FROM model_spending WHERE tenant = $1 ORDER BY day DESC LIMIT 1',
      [testTenant],
    );
    return { spent: Number(rows[0]?.spent), reserved: Number(rows[0]?.reserved) };
  };

  test('is on its record: by the minute of a voice note, by the token of a picture', async () => {
    expect(await readWhole('speech.transcribe', await voice('oi', 30), prices)).toMatchObject({
      text: 'oi',
      model: 'ear',
      parameters: { language: 'pt' },
      seconds: 30,
      costMicros: 15_000,
      latencyMs: expect.any(Number) as number,
      requestHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    const picture = await readWhole('image.read', await kept(pictureOf('Sala 4'), 'image/png'), prices);
    expect(picture).toMatchObject({
      model: 'eye',
      parameters: { temperature: 0, max_completion_tokens: 800 },
      requestHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    const { usage, costMicros = 0 } = picture as FileRead;
    expect(costMicros).toBe((usage?.inputTokens ?? 0) + 4 * (usage?.outputTokens ?? 0));
    expect(costMicros).toBeGreaterThan(0);
    expect(await spent()).toEqual({ spent: 15_000 + costMicros, reserved: 0 });
    // Without a price nothing is counted.
    expect(await readWhole('speech.transcribe', await voice('oi', 30))).toMatchObject({ costMicros: 0 });
  });

  test('is no more than the budget, of the day and of the conversation, and then nothing is sent', async () => {
    const [note, photo] = [await voice('oi', 60), await kept(pictureOf('x'), 'image/png')];
    const budget = { perDay: 0.06, perConversation: 1 };
    const ends: string[] = [];
    for (let i = 0; i < 3; i += 1) ends.push(await read('speech.transcribe', note, { ...prices, budget }));
    expect(ends).toEqual(['oi', 'oi', 'speech.budget-spent']);
    expect(await read('image.read', photo, { ...prices, budget })).toBe('image.budget-spent');
    expect([server.transcriptions.length, server.chats.length]).toEqual([2, 0]);
    clock += 86_400_000;
    expect(await read('speech.transcribe', note, { ...prices, budget })).toBe('oi');
    const spentMicros = 980_000;
    expect(await read('speech.transcribe', note, { ...prices, budget }, { spentMicros })).toBe('speech.budget-spent');
    expect(await read('image.read', photo, { ...prices, budget }, { spentMicros })).toBe('image.budget-spent');
  });

  test('is held to the budget of the model where there is no other', async () => {
    const model = { model: 'm', price: { input: 1, output: 1 }, budget: { perDay: 0.01 } };
    expect(await read('speech.transcribe', await voice('oi', 60), prices, { model })).toBe('speech.budget-spent');
    const own = { ...prices, budget: { perDay: 1 } };
    expect(await read('speech.transcribe', await voice('oi', 60), own, { model })).toBe('oi');
  });

  test('is nothing when nothing was answered', async () => {
    server.fault = 'server-error';
    await read('speech.transcribe', await voice('oi', 60), prices);
    expect(await spent()).toEqual({ spent: 0, reserved: 0 });
  });
});
