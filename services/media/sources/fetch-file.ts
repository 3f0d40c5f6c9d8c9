/** The requests that sources make. */
import { Readable } from 'node:stream';

import type { Outside, OutsideAnswer, OutsideRequest } from '#runtime/net/outside.ts';

import { times } from '../limits.ts';
import { type FoundFile, MediaFailure, failureOf } from './source.ts';

type Given = Pick<OutsideRequest, 'url' | 'headers' | 'trusted' | 'hosts' | 'bytesMax'> &
  Partial<Pick<OutsideRequest, 'method' | 'body'>>;

const redirectsMax = 3;
/** JSON that only says where a file is. */
const pointerBytesMax = 65_536;

const answerOf = async (outside: Outside, given: Given): Promise<OutsideAnswer> => {
  const answer = await outside.request({ method: 'GET', redirectsMax, ...times, ...given });
  const failure = failureOf(answer.status);
  if (failure === undefined) return answer;
  answer.body.destroy();
  throw failure;
};

/** A file as it lies at an address. Throws `MediaFailure` and `OutsideError`. */
export async function fetchFile(outside: Outside, given: Given): Promise<FoundFile> {
  return { content: (await answerOf(outside, given)).body };
}

/** JSON. Throws `MediaFailure` and `OutsideError`. */
export async function fetchJson(
  outside: Outside,
  given: Omit<Given, 'bytesMax'> & { readonly bytesMax?: number },
): Promise<unknown> {
  const answer = await answerOf(outside, { bytesMax: pointerBytesMax, ...given });
  const chunks: Buffer[] = [];
  for await (const chunk of answer.body as AsyncIterable<Buffer>) chunks.push(chunk);
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw new MediaFailure('provider.answer-unreadable', true);
  }
}

/** A file that is base64 text. */
export function fileOfBase64(text: string, bytesMax: number): FoundFile {
  // Four letters are three bytes; the text may be a data URL.
  const payload = text.slice(text.startsWith('data:') ? text.indexOf(',') + 1 : 0);
  if (payload.length > (bytesMax / 3) * 4 + 4) throw new MediaFailure('file.too-large', false);
  const content = Buffer.from(payload, 'base64');
  return { content: Readable.from([content]) };
}
