/**
 * Event information from an address or a file that a tenant's settings name: JSON of sections.
 *
 * Owns: what was read lately, in this process.
 *
 * S1 An address is https, or an origin that our configuration trusts, and is called as anything that others name.
 * S2 A file is in the tenant's own folder, links followed.
 * S3 What an address gave serves for `freshMs`; then it is asked whether that still holds, and while it does not
 *    answer the old one serves for `staleMs`.
 */
import { open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';

import { z } from 'zod';

import { Lru } from '#runtime/lru.ts';
import { type Outside, OutsideError } from '#runtime/net/outside.ts';

import { EffectFailure } from '../handler.ts';

/** Bounds of what is taken; a source beyond them is refused as a whole. Characters, but for counts and bytes. */
const bounds = { bytes: 512 * 1_024, sections: 40, title: 120, text: 3_000, total: 40_000 } as const;

const freshMs = 300_000;
const staleMs = 86_400_000;
const call = { redirectsMax: 3, bytesMax: bounds.bytes, totalMs: 8_000, idleMs: 4_000 } as const;
const addressesKeptMax = 500;

const worded = (max: number) => {
  const text = z.string().trim().min(1).max(max);
  return z.union([text, z.record(z.string().max(20), text).refine((byLocale) => Object.keys(byLocale).length > 0)]);
};

const information = z.object({
  sections: z
    .array(
      z.object({
        id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/),
        title: worded(bounds.title),
        text: worded(bounds.text),
        aliases: z.array(z.string().trim().min(1).max(60)).max(30).default([]),
      }),
    )
    .max(bounds.sections)
    .refine((all) => new Set(all.map(({ id }) => id)).size === all.length),
});

/** Sections with their words in all their languages. */
export type WordedSections = z.infer<typeof information>['sections'];

/** Most characters of all sections in one language. */
export const charactersMax: number = bounds.total;

interface Read {
  readonly sections: WordedSections;
  readonly etag: string | undefined;
  readonly at: number;
}

/** What sources are read with. */
export interface SourceParts {
  readonly outside: Outside;
  readonly trusted: readonly string[];
  /** Holds a folder per tenant. */
  readonly folder: string | undefined;
  readonly now: () => number;
}

/** Reads sources. Throws `EffectFailure`. */
export type ReadSource = (tenant: string, source: string) => Promise<WordedSections>;

/** Opens them. */
export function openSources({ outside, trusted, folder, now }: SourceParts): ReadSource {
  const read = new Lru<string, Read>(addressesKeptMax);

  const fetched = async (url: string): Promise<WordedSections> => {
    const known = read.get(url);
    if (known !== undefined && now() - known.at < freshMs) return known.sections;
    try {
      const found = await fetchInformation(outside, trusted, url, known);
      read.set(url, { ...found, at: now() });
      return found.sections;
    } catch (caught) {
      if (known !== undefined && now() - known.at < staleMs) return known.sections;
      throw caught;
    }
  };

  return (tenant, source) => (/^[a-z][a-z\d+.-]*:/i.test(source) ? fetched(source) : readFrom(folder, tenant, source));
}

async function fetchInformation(
  outside: Outside,
  trusted: readonly string[],
  url: string,
  known: Read | undefined,
): Promise<Omit<Read, 'at'>> {
  const { protocol, origin } = URL.parse(url) ?? { protocol: '', origin: '' };
  if (protocol !== 'https:' && !trusted.includes(origin)) throw new EffectFailure('information.address-refused');
  const headers = { accept: 'application/json', ...(known?.etag === undefined ? {} : { 'if-none-match': known.etag }) };
  try {
    const answer = await outside.request({ method: 'GET', url, headers, trusted, ...call });
    const parts: Buffer[] = [];
    for await (const part of answer.body as AsyncIterable<Buffer>) parts.push(part);
    if (answer.status === 304 && known !== undefined) return known;
    if (answer.status !== 200) throw new EffectFailure('information.unavailable', { retry: answer.status >= 500 });
    const { etag } = answer.headers;
    return {
      sections: sectionsOf(Buffer.concat(parts)),
      etag: typeof etag === 'string' && etag.length <= 200 ? etag : undefined,
    };
  } catch (caught) {
    if (!(caught instanceof OutsideError)) throw caught;
    if (caught.mayPass) throw new EffectFailure('information.unavailable', { retry: true });
    throw new EffectFailure(caught.code === 'answer.too-large' ? 'information.invalid' : 'information.address-refused');
  }
}

/** S2: the folder is compared after links are followed. */
async function readFrom(folder: string | undefined, tenant: string, source: string): Promise<WordedSections> {
  if (folder === undefined) throw new EffectFailure('information.not-configured');
  let content: Buffer;
  try {
    const own = await realpath(join(folder, tenant));
    const path = await realpath(join(own, source));
    if (!path.startsWith(own + sep)) throw new EffectFailure('information.address-refused');
    content = await readBounded(path);
  } catch (caught) {
    if (caught instanceof EffectFailure) throw caught;
    throw new EffectFailure('information.unavailable');
  }
  return sectionsOf(content);
}

async function readBounded(path: string): Promise<Buffer> {
  await using file = await open(path);
  const { size } = await file.stat();
  if (size > bounds.bytes) throw new EffectFailure('information.invalid');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0);
  return buffer.subarray(0, bytesRead);
}

function sectionsOf(content: Buffer): WordedSections {
  let value: unknown;
  try {
    value = JSON.parse(content.toString('utf8'));
  } catch {
    throw new EffectFailure('information.invalid');
  }
  const parsed = information.safeParse(value);
  if (!parsed.success) throw new EffectFailure('information.invalid');
  return parsed.data.sections;
}
