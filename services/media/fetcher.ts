/**
 * One file from claim to result.
 *
 * Its record is written before its row goes, always with the same id: whoever does it again writes the same.
 */
import { createHash } from 'node:crypto';

import { openBlobs } from '#runtime/blobs/postgres-blobs.ts';
import { type MediaKind, peeked, typeOf } from '#runtime/blobs/file-type.ts';
import type { Files } from '#runtime/blobs/files.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import { OutsideError } from '#runtime/net/outside.ts';
import { causedBy, derivedId, outgoing } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';
import type { Chunks } from '#runtime/vault/frames.ts';
import type { SealedMedia, SealedMessage } from '#schemas/content.ts';
import type { MediaFailed, MediaStored } from '#schemas/records.ts';

import type { Fetch, Fetches } from './fetches.ts';
import { bytesMax, pointerLife, retryDelay } from './limits.ts';
import { MediaFailure, type MediaSource, type WantedFile } from './sources/source.ts';

/** What a fetcher works with. */
export interface FetcherParts {
  readonly runtime: Runtime;
  readonly files: Files;
  readonly fetches: Fetches;
  readonly sources: ReadonlyMap<string, MediaSource>;
}

/** A part of ours is away: not the file's fault. */
const awayDelayMs = 2_000;
/** A defect of ours is met again: after so many attempts it is said. */
const defectAttemptsMax = 3;

/** Fetches one file and settles it, or puts it off. Throws `database.unavailable`: then its lease brings it back. */
export type Fetcher = (fetch: Fetch) => Promise<void>;

/** Makes the fetcher. */
export function createFetcher({ runtime, files, fetches, sources }: FetcherParts): Fetcher {
  const { vault, directory, instances, log, logger, metrics, now } = runtime;
  const blobs = openBlobs(runtime.database, vault);

  /** The event as the provider sent it. */
  const eventOf = async ({ tenant, actor }: Fetch, { raw, rawBlob }: SealedMessage): Promise<unknown> => {
    const kept = rawBlob === undefined ? undefined : await blobs.read({ tenant, actor }, rawBlob);
    try {
      return JSON.parse((kept?.state === 'open' ? kept.value : raw) ?? '') as unknown;
    } catch {
      return undefined;
    }
  };

  const store = async (
    fetch: Fetch,
    person: string,
    instance: Instance,
    message: SealedMessage,
  ): Promise<MediaStored> => {
    const { tenant, actor, event_id: messageEventId } = fetch;
    const { content } = message;
    const source = sources.get(instance.provider);
    if (!('media' in content) || source === undefined) throw new MediaFailure('file.no-pointer', false);
    const { kind, media } = content;
    const wanted: WantedFile = {
      instance,
      kind,
      media,
      messageId: message.messageId,
      event: () => eventOf(fetch, message),
      bytesMax: bytesMax[kind],
    };
    const found = await source(wanted);
    const { head, all } = await peeked(found.content);
    const looked = typeOf(head, kind, media.mimetype);
    if ('refused' in looked) {
      await all.return(undefined);
      throw new MediaFailure(looked.refused, false);
    }
    const named = media.filename === undefined ? {} : { filename: media.filename };
    const kept = await files.put({
      tenant,
      actor,
      person,
      at: now(),
      id: derivedId('f', tenant, actor, messageEventId),
      mimetype: looked.mimetype,
      ...named,
      content: found.sha256 === undefined ? all : verified(all, found.sha256),
    });
    const header = headerOf(fetch, now());
    const sealed: SealedMedia = { sha256: kept.sha256, ...named };
    return {
      ...header,
      type: 'media.stored',
      instance: instance.id,
      messageEventId,
      kind,
      fileId: kept.id,
      bytes: kept.bytes,
      mimetype: kept.mimetype,
      sealed: await vault.seal({ ...header, type: 'media.stored' }, person, header.occurredAt, sealed),
    };
  };

  const failed = (fetch: Fetch, reason: string): MediaFailed => ({
    ...headerOf(fetch, now()),
    type: 'media.failed',
    instance: fetch.instance,
    messageEventId: fetch.event_id,
    kind: fetch.kind,
    reason,
  });

  /** The record of the result; undefined when there is nobody to tell. */
  const attempt = async (
    fetch: Fetch,
    instance: Instance | undefined,
  ): Promise<MediaStored | MediaFailed | undefined> => {
    const { tenant, actor, type, event_id: eventId } = fetch;
    const person = (await directory.read(tenant, actor))?.person;
    const opened = await vault.open<SealedMessage>({ tenant, actor, type, eventId }, fetch.sealed);
    if (opened.state === 'erased' || person === undefined) return undefined;
    if (instance === undefined) return failed(fetch, 'instance.unknown');
    if (now() - fetch.occurred_at.getTime() > pointerLife(instance.provider)) return failed(fetch, 'file.expired');
    return store(fetch, person, instance, opened.value);
  };

  const count = (provider: string, outcome: string): void => {
    metrics.mediaFetches.inc({ provider, outcome });
  };

  /** What is done about anything thrown: a record, or another attempt. */
  const afterFailure = async (fetch: Fetch, provider: string, caught: unknown): Promise<MediaFailed | undefined> => {
    const { tenant, actor, event_id: eventId, attempts } = fetch;
    if (caught instanceof OperatingError) {
      // Erased while it was fetched: nothing is kept, nobody is told.
      if (caught.code === 'vault.key-erased') return undefined;
      if (caught.disposition === 'park') return failed(fetch, 'message.unreadable');
      if (caught.disposition !== 'retry') throw caught;
      await fetches.putOff(fetch, awayDelayMs, false);
      throw new PutOff();
    }
    const known = caught instanceof MediaFailure || caught instanceof OutsideError;
    if (!known)
      logger.error('a file could not be fetched by a defect', {
        tenant,
        actor,
        eventId,
        attempt: attempts,
        error: caught,
      });
    const code = known ? reasonOf(caught) : 'internal';
    const mayPass = known ? caught.mayPass : attempts < defectAttemptsMax;
    const delayMs = retryDelay(attempts);
    const lateAt = fetch.occurred_at.getTime() + pointerLife(provider);
    if (!mayPass || now() + delayMs > lateAt) return failed(fetch, code);
    logger.warn('a file is tried again later', { tenant, actor, eventId, attempt: attempts, code });
    count(provider, 'retry');
    await fetches.putOff(fetch, delayMs, true);
    throw new PutOff();
  };

  return async (fetch) => {
    try {
      const instance = await instances.read(fetch.tenant, fetch.instance);
      const provider = instance?.provider ?? 'none';
      const result = await attempt(fetch, instance).catch((caught: unknown) => afterFailure(fetch, provider, caught));
      if (result !== undefined) {
        await log.append([outgoing(result)]);
        count(provider, result.type === 'media.stored' ? 'stored' : 'failed');
      }
      await fetches.remove(fetch);
    } catch (caught) {
      if (!(caught instanceof PutOff)) throw caught;
    }
  };
}

/** It was put off: nothing more is done about it now. */
class PutOff extends Error {}

const headerOf = (fetch: Fetch, at: number) => {
  const { tenant, actor, event_id: eventId, revision } = fetch;
  return causedBy({ tenant, actor, eventId, revision }, derivedId('e', tenant, actor, 'media', eventId), at);
};

/** The outside's codes in the words of files. */
const reasonOf = ({ code }: MediaFailure | OutsideError): string =>
  code === 'answer.too-large' ? 'file.too-large' : code;

/** Passes a stream on; throws at its end when it is not what the provider said. */
async function* verified(chunks: Chunks, sha256: string): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
  const digest = hash.digest();
  // Webhooks of the Cloud API say it in base64, its media node in hexadecimal.
  if (digest.toString('hex') !== sha256.toLowerCase() && digest.toString('base64') !== sha256)
    throw new MediaFailure('file.hash-differs', true);
}

/** Whether content of this kind has a file. */
export const isMediaKind = (kind: string): kind is MediaKind => Object.hasOwn(bytesMax, kind);
