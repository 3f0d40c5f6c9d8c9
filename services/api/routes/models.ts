/** Language models: what is said in a recording, and the keys that models are called with. */
import type { Readable } from 'node:stream';

import { z } from 'zod';

import { type AgentSettings, mediaSettingsOf } from '#machines/conversation/agent-settings.ts';
import { Problem } from '#runtime/http.ts';
import { type Models, openModels } from '#runtime/models/models.ts';
import { SpeechError, type SpeechFailure, transcribe, voiceBytesMax } from '#runtime/models/transcription.ts';

import type { ApiContext } from '../deps.ts';
import { type Route, UploadedFile, defineRoute, fileBody } from '../route.ts';

const speechProblems: Readonly<Record<SpeechFailure, readonly [status: number, code: string, detail: string]>> = {
  'speech.not-configured': [409, 'speech-not-configured', 'The tenant has no model for it, or no key.'],
  'speech.too-long': [422, 'speech-too-long', 'The recording is longer than the tenant allows.'],
  'speech.unreadable': [422, 'speech-unreadable', 'It is no recording, or nothing is said in it.'],
  'speech.budget-spent': [429, 'model-budget-spent', 'Models have cost as much today as they may.'],
  'speech.unavailable': [503, 'speech-unavailable', 'The model that transcribes cannot be reached now; try again.'],
};
const retryAfterSeconds = 5;

/** Budgets are of a day of UTC. */
const secondsOfDayLeft = (now: number): number => Math.ceil((dayMs - (now % dayMs)) / 1_000);
const dayMs = 86_400_000;

/** The routes of models. */
export function modelRoutes({ runtime, deps, access }: ApiContext): readonly Route[] {
  // Opened by the first call: the documents are made without a runtime.
  let opened: Models | undefined;
  const models = (): Models => (opened ??= openModels(runtime, deps.models));

  return [
    defineRoute({
      name: 'transcriptions.create',
      method: 'POST',
      path: '/v1/transcriptions',
      summary: 'Writes down what is said in a recording',
      description:
        'The body is the recording, 16 MiB at most: Ogg, MP3, MP4, WAVE, AAC or AMR. It is as long as `media.voiceSecondsMax` of the conversation allows at most, 180 s unless said otherwise. Nothing of it is kept. What it costs counts in the tenant’s budget of the day (`media.speechPrice`, `media.budget`).',
      query: z.strictObject({
        locale: z
          .string()
          .regex(/^[a-z]{2}(?:-[A-Za-z]{2,4})?$/)
          .optional()
          .describe('Language that is expected, such as pt-BR; a hint'),
      }),
      body: fileBody,
      status: 200,
      response: z
        .object({
          text: z.string().describe('At most 2000 characters'),
          seconds: z.number().describe('How long the recording is'),
        })
        .meta({ id: 'Transcription', description: 'What is said in a recording.' }),
      problems: [
        'speech-not-configured',
        'speech-too-long',
        'speech-unreadable',
        'model-budget-spent',
        'speech-unavailable',
      ],
      example: {
        query: { locale: 'pt-BR' },
        // Nothing is read of an example.
        body: new UploadedFile('audio/ogg', undefined as unknown as Readable),
        answer: { text: 'Oi, quero marcar uma consulta para amanhã.', seconds: 4.2 },
      },
      async handler({ key, query: { locale }, body: { content } }) {
        const { tenant } = key;
        const recording = await wholeOf(content);
        const configuration = await runtime.tenants.configuration(
          tenant,
          await runtime.tenants.currentRevision(tenant),
        );
        const settings = (configuration?.machines['conversation']?.settings ?? {}) as AgentSettings;
        await access.record(key, [{ actor: key.id, action: 'speech.transcribed' }]);
        try {
          const voice = { tenant, content: recording, locale, settings: mediaSettingsOf(settings), spentMicros: 0 };
          return await transcribe(models(), voice, new AbortController().signal);
        } catch (caught) {
          if (!(caught instanceof SpeechError)) throw caught;
          const [status, code, detail] = speechProblems[caught.code];
          const after = { 429: secondsOfDayLeft(runtime.now()), 503: retryAfterSeconds }[status];
          throw new Problem(status, code, detail, after);
        }
      },
    }),

    defineRoute({
      name: 'models.set-key',
      method: 'PUT',
      path: '/v1/model-credentials',
      summary: 'Sets the key with which models are called at an address',
      description:
        'It is presented at this address and no other, by this tenant alone, and never given back. Takes effect within ten seconds. Idempotent.',
      body: z.strictObject({
        baseUrl: z
          .url({ protocol: /^https?$/ })
          .max(500)
          .refine((text) => {
            const url = URL.parse(text);
            return url?.username === '' && url.password === '' && url.search === '' && url.hash === '';
          }, 'has to be without user, query and fragment')
          .optional()
          .describe("Base URL of an OpenAI-compatible API; the installation's without it"),
        apiKey: z
          .string()
          .regex(/^[\x21-\x7e]{1,500}$/)
          .nullable()
          .describe('null forgets it'),
      }),
      status: 200,
      response: z
        .object({ baseUrl: z.string(), set: z.boolean() })
        .meta({ id: 'ModelCredentials', description: 'Where a key is presented.' }),
      problems: ['model-addresses-too-many'],
      example: {
        body: { baseUrl: 'https://models.clinic.example/v1', apiKey: 'an-invented-key' },
        answer: { baseUrl: 'https://models.clinic.example/v1', set: true },
      },
      async handler({ key, body: { baseUrl, apiKey } }) {
        await access.record(key, [{ actor: key.id, action: 'model-key.set' }]);
        const kept = await models().keys.set(key.tenant, baseUrl, apiKey);
        if (kept === undefined)
          throw new Problem(409, 'model-addresses-too-many', 'The tenant has keys for as many addresses as it may.');
        return { baseUrl: kept, set: apiKey !== null };
      },
    }),
  ];
}

async function wholeOf(content: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of content as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > voiceBytesMax) throw new Problem(413, 'body-too-large', 'The body is too large.');
    parts.push(part);
  }
  return Buffer.concat(parts);
}
