/**
 * Voice notes and pictures that say their text to the stub: it stands in a comment, where real ones have the name of
 * the program that made them.
 */

const key = 'TRANSCRIPT=';
const opusHz = 48_000;

/** An Ogg Opus file (RFC 7845) of a length in seconds, silent, in which that was said. */
export function voiceNoteOf(said: string, seconds = 3): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 'latin1');
  head.writeUInt8(1, 8);
  head.writeUInt8(1, 9);
  head.writeUInt32LE(opusHz, 12);
  const comment = Buffer.from(`${key}${said}`);
  const tags = Buffer.alloc(20 + comment.length);
  tags.write('OpusTags', 'latin1');
  tags.writeUInt32LE(1, 12);
  tags.writeUInt32LE(comment.length, 16);
  comment.copy(tags, 20);
  return Buffer.concat([page(head, 0, 0n, 2), page(tags, 1, 0n, 0), page(silence, 2, BigInt(seconds * opusHz), 4)]);
}

/** A picture that reads so. */
export const pictureOf = (text: string): Buffer =>
  Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.from(`${key}${text}\0`)]);

/** What a file says; empty when it says nothing. */
export function textIn(content: Buffer): string {
  const at = content.indexOf(key);
  if (at < 0) return '';
  const rest = content.subarray(at + key.length);
  const ends = [rest.indexOf('\0'), rest.indexOf('OggS')].filter((end) => end >= 0);
  return rest.subarray(0, Math.min(rest.length, ...ends)).toString('utf8');
}

/** A frame of 20 ms. */
const silence = Buffer.from([0xf8, 0xff, 0xfe]);

/** A page of Ogg (RFC 3533). Checksums are left out: nothing here plays it. */
function page(body: Buffer, sequence: number, granule: bigint, flags: number): Buffer {
  const lacings = [...Array.from({ length: Math.floor(body.length / 255) }, () => 255), body.length % 255];
  const head = Buffer.alloc(27);
  head.write('OggS', 'latin1');
  head.writeUInt8(flags, 5);
  head.writeBigUInt64LE(granule, 6);
  head.writeUInt32LE(1, 14);
  head.writeUInt32LE(sequence, 18);
  head.writeUInt8(lacings.length, 26);
  return Buffer.concat([head, Buffer.from(lacings), body]);
}
