/**
 * A body's bytes as a JSON object, refused (400) where it is none: not JSON, too deep, no object.
 *
 * The depth is checked on the bytes before anything recurses over them: structural characters are
 * ASCII and never part of a multi-byte character in UTF-8.
 */
import { Problem } from '#runtime/http.ts';

import { type JsonObject, objectOf } from './providers/loose-json.ts';

/** Deepest nesting of objects and arrays taken. */
const depthMax = 64;

const ascii = {
  quote: 0x22,
  backslash: 0x5c,
  openBracket: 0x5b,
  closeBracket: 0x5d,
  openBrace: 0x7b,
  closeBrace: 0x7d,
} as const;

// A byte order mark is no part of JSON (RFC 8259, 8.1): it is left in and refused by the parser.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The object and its text. Of keys that occur twice the last counts. Throws a `Problem`:
 * `body-not-json`, `body-too-deep` or `body-not-object`, all 400.
 */
export function parseBody(bytes: Buffer): { readonly json: JsonObject; readonly raw: string } {
  if (isTooDeep(bytes)) {
    throw new Problem(400, 'body-too-deep', `The body is nested deeper than ${depthMax}.`);
  }
  const { value, raw } = parse(bytes);
  const json = objectOf(value);
  if (json === undefined) throw new Problem(400, 'body-not-object', 'The body is not a JSON object.');
  return { json, raw };
}

function parse(bytes: Buffer): { readonly value: unknown; readonly raw: string } {
  try {
    const raw = utf8.decode(bytes);
    return { value: JSON.parse(raw), raw };
  } catch {
    // The parser's message quotes the body, so it goes no further.
    throw new Problem(400, 'body-not-json', 'The body is not JSON.');
  }
}

/** One pass over the bytes; stops where it is too deep. Any answer will do for what is no JSON. */
function isTooDeep(bytes: Buffer): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === ascii.backslash) i++;
      else if (byte === ascii.quote) inString = false;
    } else if (byte === ascii.quote) inString = true;
    else if (byte === ascii.openBracket || byte === ascii.openBrace) {
      if (++depth > depthMax) return true;
    } else if (byte === ascii.closeBracket || byte === ascii.closeBrace) depth--;
  }
  return false;
}
