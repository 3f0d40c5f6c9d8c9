/** The handlers of `speech.transcribe` and `image.read`: what voice notes and pictures say, as text. */
import { mediaSettingsOf } from '#machines/conversation/agent-settings.ts';
import type { Asks } from '#machines/conversation/asks.ts';
import { openFiles } from '#runtime/blobs/postgres-files.ts';
import type { Models } from '#runtime/models/models.ts';
import { SpeechError, transcribe, voiceBytesMax } from '#runtime/models/transcription.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { type EffectCall, EffectFailure, type EffectHandler } from '../handler.ts';
import type { OpenHandlers } from '../handlers.ts';
import { agentSettingsOf } from '../model/asker.ts';
import { imageBytesMax, imageTypes, readImage } from './image.ts';

/** A call of a model changes nothing outside. A second attempt is for a process that died. */
const bound = { timeoutMs: 45_000, retryDelaysMs: [0, 0], concurrency: 8, repeatable: true } as const;

type Run<Source extends keyof Asks> = (input: Asks[Source][0], call: EffectCall) => Promise<Asks[Source][1]>;

/** Opens them. */
export function openMediaReading(runtime: Runtime, models: Models): OpenHandlers {
  const hear: Run<'speech.transcribe'> = async ({ file, locale, spentMicros = 0 }, call) => {
    const settings = mediaSettingsOf(await agentSettingsOf(runtime.tenants, call));
    const { content } = await contentOf(runtime, call, file, voiceBytesMax, 'speech');
    try {
      return await transcribe(models, { tenant: call.tenant, content, locale, settings, spentMicros }, call.signal);
    } catch (caught) {
      throw caught instanceof SpeechError ? new EffectFailure(caught.code) : caught;
    }
  };
  const see: Run<'image.read'> = async ({ file, locale, spentMicros = 0 }, call) => {
    const media = mediaSettingsOf(await agentSettingsOf(runtime.tenants, call));
    if (media.visionModel === undefined) throw new EffectFailure('image.not-configured');
    const { content, mimetype } = await contentOf(runtime, call, file, imageBytesMax, 'image');
    if (!imageTypes.has(mimetype)) throw new EffectFailure('image.unreadable');
    return readImage(models, { tenant: call.tenant, content, mimetype, locale, media, spentMicros }, call.signal);
  };
  const handler = <Source extends keyof Asks>(source: Source, run: Run<Source>) =>
    // The machine's own form: `asks.ts`.
    [source, { ...bound, run: (call) => run(call.input as Asks[Source][0], call) }] as readonly [string, EffectHandler];
  return {
    handlers: new Map([handler('speech.transcribe', hear), handler('image.read', see)]),
    close: () => Promise.resolve(),
  };
}

/** A file of the asker's own conversation. */
async function contentOf(
  runtime: Runtime,
  { tenant, actor }: EffectCall,
  id: string,
  bytesMax: number,
  kind: 'speech' | 'image',
): Promise<{ readonly content: Buffer; readonly mimetype: string }> {
  const file = await openFiles(runtime).read(tenant, id);
  if (file?.state !== 'open') throw new EffectFailure(`${kind}.file-gone`);
  if (file.actor !== actor || file.bytes > bytesMax) {
    file.content.destroy();
    throw new EffectFailure(file.actor === actor ? `${kind}.too-large` : `${kind}.file-gone`);
  }
  const parts: Buffer[] = [];
  for await (const part of file.content as AsyncIterable<Buffer>) parts.push(part);
  return { content: Buffer.concat(parts), mimetype: file.mimetype };
}
