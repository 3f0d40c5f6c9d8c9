/** Voice notes as text, by a model of the tenant's. The API and the effects do it alike. */
import { createHash } from 'node:crypto';

import { typeOf } from '../blobs/file-type.ts';
import { secondsOf } from './audio-duration.ts';
import type { ModelCallOptions } from './model-calls.ts';
import type { Models } from './models.ts';
import { type CallBounds, ModelError, type ModelFailure, type ModelParameters } from './model-server.ts';
import { type Budget, microsPerUnit } from './paid-calls.ts';

/** Who wants what written down. */
export interface Voice {
  readonly tenant: string;
  readonly content: Buffer;
  /** BCP 47 tag of the language that is expected; a hint. */
  readonly locale: string | undefined;
  readonly settings: VoiceSettings;
  /** What the conversation has cost so far; 0 where there is none. */
  readonly spentMicros: number;
}

/** What is said in it, and what that took. */
export interface Transcribed {
  readonly text: string;
  readonly model: string;
  readonly parameters: ModelParameters;
  readonly seconds: number;
  readonly costMicros: number;
  readonly latencyMs: number;
  /** SHA-256 of the recording and what was asked with it, hexadecimal. */
  readonly requestHash: string;
}

/** As a tenant sets it. */
export interface VoiceSettings {
  readonly speechModel?: string;
  readonly baseUrl?: string;
  readonly voiceSecondsMax?: number;
  /** Of a minute. */
  readonly speechPrice?: number;
  readonly budget?: Budget | undefined;
}

/** Why there is no text. Stable. */
export type SpeechFailure =
  | 'speech.not-configured'
  | 'speech.too-long'
  /** It is no sound, or nothing is said in it. */
  | 'speech.unreadable'
  | 'speech.budget-spent'
  | 'speech.unavailable';

/** A voice note that was not understood. */
export class SpeechError extends Error {
  override readonly name = 'SpeechError';
  readonly code: SpeechFailure;

  constructor(code: SpeechFailure) {
    super(code);
    this.code = code;
  }
}

/** Longest content that is looked at. */
export const voiceBytesMax = 16 * 1_024 * 1_024;
/** Longest text; what is beyond is cut. */
const readTextMax = 2_000;

const secondsMaxDefault = 180;
const secondsPerMinute = 60;
/** A note within its time is not larger than this: 256 kbit/s. Sound without compression has its length in its head. */
const bytesPerSecondMax = 32_000;

const callOptions: ModelCallOptions = { totalMs: 40_000, attemptsMax: 3, backoffMs: 400 };
const bounds: CallBounds = { firstByteMs: 30_000, idleMs: 10_000, bytesMax: 1_000_000 };

/** Resolves with what is said, never empty. Throws `SpeechError`, `database.unavailable`, `vault.unavailable`. */
export async function transcribe(
  { keys, server, calls }: Models,
  { tenant, content, locale, settings, spentMicros }: Voice,
  signal: AbortSignal,
): Promise<Transcribed> {
  const began = performance.now();
  const { speechModel: model, baseUrl, voiceSecondsMax = secondsMaxDefault, speechPrice = 0, budget } = settings;
  const endpoint = model === undefined ? undefined : await keys.endpointOf(tenant, { model, baseUrl });
  if (endpoint === undefined) throw new SpeechError('speech.not-configured');
  const { mimetype, seconds } = heardIn(content, voiceSecondsMax);
  const language = locale?.split('-')[0];
  const costMicros = Math.ceil((seconds / secondsPerMinute) * speechPrice * microsPerUnit);
  const bill = { tenant, budget, spentMicros, mostMicros: costMicros, lostMicros: costMicros };
  try {
    const { answer } = await calls.call(
      { ...bill, took: () => ({ costMicros }) },
      [endpoint],
      callOptions,
      signal,
      (to, within) => server.transcribe(to, { content, mimetype, language }, bounds, within),
    );
    const text = readText(answer);
    if (text === '') throw new SpeechError('speech.unreadable');
    const parameters: ModelParameters = language === undefined ? {} : { language };
    return {
      text,
      model: endpoint.model,
      parameters,
      seconds,
      costMicros,
      latencyMs: Math.round(performance.now() - began),
      requestHash: createHash('sha256').update(JSON.stringify(parameters)).update(content).digest('hex'),
    };
  } catch (caught) {
    if (!(caught instanceof ModelError)) throw caught;
    throw new SpeechError(codes[caught.failure] ?? 'speech.unavailable');
  }
}

const codes: Readonly<Partial<Record<ModelFailure, SpeechFailure>>> = {
  'over-budget': 'speech.budget-spent',
  refused: 'speech.unreadable',
  unreadable: 'speech.unreadable',
};

/** What it is and how long. Throws `SpeechError` when it is no sound, or too long. */
function heardIn(content: Buffer, secondsMax: number): { readonly mimetype: string; readonly seconds: number } {
  const looked = typeOf(content, 'audio');
  if ('refused' in looked || !looked.mimetype.startsWith('audio/')) throw new SpeechError('speech.unreadable');
  const { mimetype } = looked;
  const seconds = secondsOf(content, mimetype);
  const isHeavy = mimetype !== 'audio/wav' && content.length > secondsMax * bytesPerSecondMax;
  if (isHeavy || content.length > voiceBytesMax || seconds > secondsMax) throw new SpeechError('speech.too-long');
  return { mimetype, seconds };
}

/** What a model read, as a person could have written it: bounded, nothing in it that is not seen. */
export const readText = (text: string): string =>
  text
    .replace(/[\p{Cf}\p{Co}\p{Cn}]/gu, '')
    .replace(/[\p{Cc}--\n]|[^\S\n]+/gv, ' ')
    .trim()
    .slice(0, readTextMax);
