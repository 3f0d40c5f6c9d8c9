/**
 * The providers' files.
 *
 * WAHA: `media.url` points at WAHA itself and names whatever host it believes to have: only its path is taken, the rest
 * is the instance's `baseUrl`, where the key is presented. A URL of another form (files in S3) is somebody's address.
 * Cloud: an id leads to a URL that is good for five minutes; both ask for the token; the URL is Meta's.
 * Evolution: base64 in the body, or from the API as long as the message is stored; or an address (files in S3).
 * Baileys: an address at our own gateway, which nobody can guess.
 * Simulator: any address, or a `data:` URL.
 */
import { z } from 'zod';

import { graphHeaders, graphUrl } from '#runtime/cloud/graph.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import type { Outside } from '#runtime/net/outside.ts';

import { fetchFile, fetchJson, fileOfBase64 } from './fetch-file.ts';
import { type FoundFile, MediaFailure, type MediaSource, type WantedFile } from './source.ts';

/** What Meta serves media from. */
const metaHosts = ['facebook.com', 'fbsbx.com', 'fbcdn.net', 'whatsapp.net', 'cdninstagram.com'] as const;

/** Base64 of this many bytes is held in memory whole. */
const inlineBytesMax = 24 * 1_024 * 1_024;

const nowhere = (): MediaFailure => new MediaFailure('file.no-pointer', false);

/** The source of each provider, by its name. `trusted` are origins that our own configuration names, `gatewayUrl` is where the Baileys gateway is. */
export function mediaSources(
  outside: Outside,
  trusted: readonly string[],
  gatewayUrl: string,
): ReadonlyMap<string, MediaSource> {
  const byAddress = (url: string | undefined, { bytesMax }: WantedFile): Promise<FoundFile> => {
    if (url === undefined) throw nowhere();
    return fetchFile(outside, { url, bytesMax, trusted });
  };

  /** Files that lie at the instance's own server, under this path. */
  const ofServer =
    (path: string): MediaSource =>
    async (wanted) => {
      const { instance, media, bytesMax } = wanted;
      const own = ownUrl(instance, media.url, path);
      if (own === undefined) return byAddress(media.url, wanted);
      const { apiKey } = instance.credentials;
      return fetchFile(outside, {
        url: own.href,
        trusted: [own.origin],
        bytesMax,
        ...(apiKey === undefined ? {} : { headers: { 'x-api-key': apiKey } }),
      });
    };

  const cloud: MediaSource = async ({ instance, media, bytesMax }) => {
    // Ids are numbers; anything else would be another path of the Graph API.
    if (media.id === undefined || !/^\d{1,40}$/.test(media.id)) throw nowhere();
    const node = graphUrl(instance, media.id);
    const headers = graphHeaders(instance);
    // Their own configuration may name another Graph API (a proxy, a fake); then its files are there too.
    const rules =
      instance.settings.baseUrl === undefined
        ? { hosts: metaHosts }
        : { trusted: [node.origin, ...trusted], hosts: metaHosts };
    const found = cloudFile.safeParse(
      await fetchJson(outside, { url: node.href, headers, ...rules }).catch((caught: unknown) => {
        // An id that is no more is answered with 400, as one that never was.
        if (caught instanceof MediaFailure && caught.code === 'provider.refused')
          throw new MediaFailure('file.gone', false);
        throw caught;
      }),
    );
    if (!found.success) throw new MediaFailure('provider.answer-unreadable', true);
    const { url, file_size: size, sha256 = media.sha256 } = found.data;
    if (size !== undefined && size > bytesMax) throw new MediaFailure('file.too-large', false);
    const file = await fetchFile(outside, { url, headers, bytesMax, ...rules });
    return { ...file, ...(sha256 === undefined ? {} : { sha256 }) };
  };

  const evolution: MediaSource = async (wanted) => {
    const { instance, media } = wanted;
    const event = evolutionEvent.safeParse(await wanted.event());
    const inline = event.data?.data?.message?.base64;
    if (inline !== undefined) return fileOfBase64(inline, wanted.bytesMax);
    const id = event.data?.data?.key?.id;
    const { baseUrl, session } = instance.settings;
    // Addresses of WhatsApp itself lead to sealed bytes; others are of the bucket that Evolution keeps files in.
    if (media.url !== undefined && !isWhatsApp(media.url)) return byAddress(media.url, wanted);
    if (id === undefined || baseUrl === undefined || session === undefined) throw nowhere();
    const url = `${baseUrl.replace(/\/+$/, '')}/chat/getBase64FromMediaMessage/${encodeURIComponent(session)}`;
    const { apiKey } = instance.credentials;
    const answer = evolutionFile.safeParse(
      await fetchJson(outside, {
        method: 'POST',
        url,
        trusted: [new URL(url).origin],
        headers: { 'content-type': 'application/json', ...(apiKey === undefined ? {} : { apikey: apiKey }) },
        body: JSON.stringify({ message: { key: { id } }, convertToMp4: false }),
        bytesMax: Math.ceil((Math.min(wanted.bytesMax, inlineBytesMax) / 3) * 4) + 65_536,
      }).catch((caught: unknown) => {
        // 400 "Message not found": it is not stored, or not yet.
        if (caught instanceof MediaFailure && caught.code === 'provider.refused')
          throw new MediaFailure('file.gone', true);
        throw caught;
      }),
    );
    if (!answer.success) throw new MediaFailure('provider.answer-unreadable', true);
    return fileOfBase64(answer.data.base64, wanted.bytesMax);
  };

  const ofGateway: MediaSource = async ({ media, bytesMax }) => {
    const { origin } = new URL(gatewayUrl);
    if (media.url === undefined || URL.parse(media.url)?.origin !== origin) throw nowhere();
    return fetchFile(outside, { url: media.url, bytesMax, trusted: [origin] });
  };

  const simulator: MediaSource = async (wanted) => {
    const { url } = wanted.media;
    const inline = /^data:[^,]{0,200};base64,/.test(url ?? '') ? url : undefined;
    return inline === undefined ? byAddress(url, wanted) : fileOfBase64(inline, wanted.bytesMax);
  };

  return new Map<string, MediaSource>([
    ['waha', ofServer('/api/files/')],
    ['baileys', ofGateway],
    ['cloud', cloud],
    ['evolution', evolution],
    ['simulator', simulator],
  ]);
}

/** The same path at the server that the instance's settings name; undefined when it is not one of its paths. */
function ownUrl({ settings }: Instance, text: string | undefined, path: string): URL | undefined {
  const named = text === undefined ? null : URL.parse(text, settings.baseUrl);
  const base = settings.baseUrl === undefined ? null : URL.parse(settings.baseUrl);
  if (named === null || base === null || !/^https?:$/.test(named.protocol)) return undefined;
  const at = named.pathname.indexOf(path);
  if (at === -1) return undefined;
  const prefix = base.pathname.replace(/\/+$/, '');
  // What stands before it is a prefix of its own idea of itself.
  return new URL(`${base.origin}${prefix}${named.pathname.slice(at)}${named.search}`);
}

const isWhatsApp = (url: string): boolean => /(?:^|\.)whatsapp\.net$/.test(URL.parse(url)?.hostname ?? '');

const cloudFile = z.object({ url: z.string(), sha256: z.string().optional(), file_size: z.coerce.number().optional() });
const evolutionFile = z.object({ base64: z.string() });
const evolutionEvent = z.object({
  data: z
    .object({
      key: z.object({ id: z.string().optional() }).optional(),
      message: z.object({ base64: z.string().optional() }).optional(),
    })
    .optional(),
});
