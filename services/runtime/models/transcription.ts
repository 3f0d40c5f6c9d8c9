/** Voice notes as text, by a model of the tenant's. The API and the effects do it alike. */
import { typeOf } from '../blobs/file-type.ts';
import { secondsOf } from './audio-duration.ts';
import type { ModelCallOptions } from './model-calls.ts';
import type { Models } from './models.ts';
import { type CallBounds, ModelError, type ModelServer } from './model-server.ts';

/** Who wants what written down. */
export interface Voice {
  readonly tenant: string;
  readonly content: Buffer;
  /** BCP 47 tag of the language that is expected; a hint. */
  readonly locale: string | undefined;
  readonly settings: VoiceSettings;
}

/** As a tenant sets it. */
export interface VoiceSettings {
  readonly speechModel?: string;
  readonly baseUrl?: string;
  readonly voiceSecondsMax?: number;
}

/** Why there is no text. Stable. */
export type SpeechFailure =
  | 'speech.not-configured'
  | 'speech.too-long'
  /** It is no sound, or nothing is said in it. */
  | 'speech.unreadable'
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
/** A note within its time is not larger than this: 256 kbit/s. Sound without compression has its length in its head. */
const bytesPerSecondMax = 32_000;

const callOptions: ModelCallOptions = { totalMs: 40_000, attemptsMax: 3, backoffMs: 400 };
const bounds: CallBounds = { firstByteMs: 30_000, idleMs: 10_000, bytesMax: 1_000_000 };

/** Resolves with what is said, never empty. Throws `SpeechError`, `database.unavailable`, `vault.unavailable`. */
export async function transcribe(
  { keys, server, calls }: Models,
  { tenant, content, locale, settings }: Voice,
  signal: AbortSignal,
): Promise<string> {
  const { speechModel: model, baseUrl, voiceSecondsMax = secondsMaxDefault } = settings;
  const endpoint = model === undefined ? undefined : await keys.endpointOf(tenant, { model, baseUrl });
  if (endpoint === undefined) throw new SpeechError('speech.not-configured');
  const looked = typeOf(content, 'audio');
  if ('refused' in looked || !looked.mimetype.startsWith('audio/')) throw new SpeechError('speech.unreadable');
  const { mimetype } = looked;
  const isLong = mimetype !== 'audio/wav' && content.length > voiceSecondsMax * bytesPerSecondMax;
  if (isLong || content.length > voiceBytesMax || secondsOf(content, mimetype) > voiceSecondsMax)
    throw new SpeechError('speech.too-long');
  const request: Parameters<ModelServer['transcribe']>[1] = { content, mimetype, language: locale?.split('-')[0] };
  try {
    const { answer } = await calls.call([endpoint], callOptions, signal, (to, within) =>
      server.transcribe(to, request, bounds, within),
    );
    const text = readText(answer);
    if (text === '') throw new SpeechError('speech.unreadable');
    return text;
  } catch (caught) {
    if (!(caught instanceof ModelError)) throw caught;
    const isContent = caught.failure === 'refused' || caught.failure === 'unreadable';
    throw new SpeechError(isContent ? 'speech.unreadable' : 'speech.unavailable');
  }
}

/** What a model read, as a person could have written it: bounded, nothing in it that is not seen. */
export const readText = (text: string): string =>
  text
    .replace(/[\p{Cf}\p{Co}\p{Cn}]/gu, '')
    .replace(/[\p{Cc}--\n]|[^\S\n]+/gv, ' ')
    .trim()
    .slice(0, readTextMax);
