/**
 * What a file is, by its first bytes. What its sender says of it is believed only where the bytes allow it, so that what
 * is served later is what it seems.
 *
 * Source of the magic numbers: WHATWG MIME Sniffing, section 6; for the rest the formats' own specifications.
 */
import type { Chunks } from '../vault/frames.ts';
import type { InboundContent, MediaReference } from '#schemas/content.ts';

/** Kinds of content that are files. */
export type MediaKind = Extract<InboundContent, { readonly media: MediaReference }>['kind'];

/** Bytes that are looked at. */
const headBytes = 4_096;

/** The verdict: a media type, or a stable code. */
export type Looked = { readonly mimetype: string } | { readonly refused: 'file.empty' | 'file.type-refused' };

interface Magic {
  readonly at?: number;
  /** Latin-1 text. */
  readonly bytes: string;
  readonly mimetype: string;
}

const magics: readonly Magic[] = [
  { bytes: '\xff\xd8\xff', mimetype: 'image/jpeg' },
  { bytes: '\x89PNG\r\n\x1a\n', mimetype: 'image/png' },
  { bytes: 'GIF87a', mimetype: 'image/gif' },
  { bytes: 'GIF89a', mimetype: 'image/gif' },
  { at: 8, bytes: 'WEBPVP', mimetype: 'image/webp' },
  { at: 4, bytes: 'ftypheic', mimetype: 'image/heic' },
  { at: 4, bytes: 'ftypheix', mimetype: 'image/heic' },
  { at: 4, bytes: 'ftypmif1', mimetype: 'image/heif' },
  { at: 4, bytes: 'ftypavif', mimetype: 'image/avif' },
  { at: 4, bytes: 'ftypM4A ', mimetype: 'audio/mp4' },
  { at: 4, bytes: 'ftypqt  ', mimetype: 'video/quicktime' },
  { at: 4, bytes: 'ftyp3g', mimetype: 'video/3gpp' },
  { at: 4, bytes: 'ftyp', mimetype: 'video/mp4' },
  { bytes: 'OggS', mimetype: 'audio/ogg' },
  { bytes: '#!AMR', mimetype: 'audio/amr' },
  { bytes: 'ID3', mimetype: 'audio/mpeg' },
  { bytes: '\xff\xfb', mimetype: 'audio/mpeg' },
  { bytes: '\xff\xf3', mimetype: 'audio/mpeg' },
  { bytes: '\xff\xf2', mimetype: 'audio/mpeg' },
  { bytes: '\xff\xf1', mimetype: 'audio/aac' },
  { bytes: '\xff\xf9', mimetype: 'audio/aac' },
  { at: 8, bytes: 'WAVEfmt', mimetype: 'audio/wav' },
  { bytes: '\x1a\x45\xdf\xa3', mimetype: 'video/webm' },
  { bytes: '%PDF-', mimetype: 'application/pdf' },
  { bytes: 'PK\x03\x04', mimetype: 'application/zip' },
  { bytes: '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', mimetype: 'application/x-ole-storage' },
  { bytes: '{\\rtf', mimetype: 'application/rtf' },
  { bytes: '\x1f\x8b\x08', mimetype: 'application/gzip' },
  { bytes: 'Rar!\x1a\x07', mimetype: 'application/vnd.rar' },
  { bytes: '7z\xbc\xaf\x27\x1c', mimetype: 'application/x-7z-compressed' },
];

/** What runs when it is opened: of no use in a conversation but to do harm. */
const programs: readonly string[] = [
  'MZ',
  '\x7fELF',
  '\xfe\xed\xfa\xce',
  '\xfe\xed\xfa\xcf',
  '\xce\xfa\xed\xfe',
  '\xcf\xfa\xed\xfe',
  '\xca\xfe\xba\xbe',
  'dex\n',
  'L\x00\x00\x00\x01\x14\x02\x00',
  '#!/',
];

/** What is inside a container only its name tells; these are believed. */
const believed: Readonly<Record<string, RegExp>> = {
  'application/zip':
    /^application\/(?:vnd\.openxmlformats-officedocument\.(?:wordprocessingml\.document|spreadsheetml\.sheet|presentationml\.presentation)|vnd\.oasis\.opendocument\.(?:text|spreadsheet|presentation)|epub\+zip|was)$/,
  'application/x-ole-storage': /^application\/(?:msword|vnd\.ms-(?:excel|powerpoint|outlook))$/,
  'text/plain': /^text\/(?:plain|csv|markdown|calendar|vcard)$|^application\/json$/,
};

/** Families that each kind may be of. */
const families: Readonly<Record<Exclude<MediaKind, 'document'>, RegExp>> = {
  image: /^image\//,
  // Animated ones with vectors are zip files.
  sticker: /^image\/|^application\/(?:was|zip)$/,
  audio: /^audio\//,
  video: /^video\/|^image\/gif$/,
};

/** Looks at the first bytes of a file that came as `kind`, called `declared` by its sender. */
export function typeOf(head: Buffer, kind: MediaKind, declared?: string): Looked {
  if (head.length === 0) return { refused: 'file.empty' };
  const text = head.toString('latin1');
  if (programs.some((start) => text.startsWith(start))) return { refused: 'file.type-refused' };
  const found = magics.find(({ at = 0, bytes }) => text.startsWith(bytes, at))?.mimetype;
  const named = declared?.split(';')[0]?.trim().toLowerCase() ?? '';
  const container = found ?? (isText(head) ? 'text/plain' : 'application/octet-stream');
  const precise = believed[container]?.test(named) === true ? named : container;
  const mimetype = kind === 'audio' ? asAudio(precise) : precise;
  return kind === 'document' || families[kind].test(mimetype) ? { mimetype } : { refused: 'file.type-refused' };
}

/** MP4, 3GPP and WebM hold sound alone, too. */
const asAudio = (mimetype: string): string => mimetype.replace(/^video\/(mp4|3gpp|webm)$/, 'audio/$1');

/** UTF-8 without control characters. A character may be cut at the end. */
function isText(head: Buffer): boolean {
  if (head.some((byte) => byte < 9 || (byte > 13 && byte < 32) || byte === 127)) return false;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** The first bytes of a stream, for `typeOf`, and all of it: to be read to its end, or returned. */
export async function peeked(
  chunks: Chunks,
): Promise<{ readonly head: Buffer; readonly all: AsyncGenerator<Uint8Array> }> {
  const pieces = chunks[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < headBytes) {
    const piece = await pieces.next();
    if (piece.done === true) break;
    first.push(piece.value);
    length += piece.value.length;
  }
  const all = (async function* () {
    try {
      yield* first;
      for (let piece = await pieces.next(); piece.done !== true; piece = await pieces.next()) yield piece.value;
    } finally {
      await pieces.return?.();
    }
  })();
  return { head: Buffer.concat(first).subarray(0, headBytes), all };
}
