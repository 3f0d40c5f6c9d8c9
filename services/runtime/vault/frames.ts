/**
 * Sealing of content of any length, in frames: each is opened before more is read, and none can be changed,
 * moved, left out or added without notice.
 *
 * F1 Every file has a key of its own, made of the data key and a random salt, so that nonces can count.
 * F2 A frame's nonce is its number and whether it is the last: one out of its place, or an end that is none, does
 *    not open. (STREAM of Hoang, Reyhanitabar, Rogaway and Vizár, 2015, as in age: C2SP/C2SP age.md, "Payload".)
 * F3 Every frame authenticates what the whole belongs to.
 *
 * Sealed bytes: version (1 byte, 2) · key id (16) · salt (16) · frames of 64 KiB of AES-256-GCM ciphertext and a tag
 * (16); only the last may be shorter, and it may be empty only when all is.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

import { OperatingError } from '../errors.ts';

const formatVersion = 2;
const keyIdBytes = 16;
const saltBytes = 16;
const tagBytes = 16;
const headBytes = 1 + keyIdBytes + saltBytes;
/** Of plain content. */
export const frameBytes = 65_536;
const sealedFrameBytes = frameBytes + tagBytes;
const algorithm = 'aes-256-gcm';

/** Bytes that come in pieces of any size. */
export type Chunks = AsyncIterable<Uint8Array>;

/** What is before the frames. */
export interface FramesHead {
  readonly keyId: Buffer;
  readonly salt: Buffer;
}

/** Seals content under a data key. `aad` says what it belongs to. */
export async function* sealFrames(secret: Buffer, keyId: Buffer, aad: Buffer, plain: Chunks): AsyncGenerator<Buffer> {
  const salt = randomBytes(saltBytes);
  yield Buffer.concat([Buffer.of(formatVersion), keyId, salt]);
  const key = fileKey(secret, salt);
  for await (const { frame, number, last } of framesOf(plain, frameBytes)) {
    const cipher = createCipheriv(algorithm, key, nonceOf(number, last), { authTagLength: tagBytes });
    cipher.setAAD(aad);
    const sealed = cipher.update(frame);
    cipher.final();
    yield Buffer.concat([sealed, cipher.getAuthTag()]);
  }
}

/** Splits sealed bytes into what is before the frames and these. Throws `vault.tampered`. */
export async function headOf(sealed: Chunks): Promise<FramesHead & { readonly frames: Chunks }> {
  const pieces = sealed[Symbol.asyncIterator]();
  let start = Buffer.alloc(0);
  while (start.length < headBytes) {
    const piece = await pieces.next();
    if (piece.done === true) throw new OperatingError('vault.tampered', 'not sealed frames');
    start = Buffer.concat([start, piece.value]);
  }
  if (start[0] !== formatVersion) {
    await pieces.return?.();
    throw new OperatingError('vault.tampered', 'not sealed frames');
  }
  return {
    keyId: start.subarray(1, 1 + keyIdBytes),
    salt: start.subarray(1 + keyIdBytes, headBytes),
    frames: rest(start.subarray(headBytes), pieces),
  };
}

async function* rest(first: Buffer, pieces: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield first;
    for (let piece = await pieces.next(); piece.done !== true; piece = await pieces.next()) yield piece.value;
  } finally {
    await pieces.return?.();
  }
}

/** Opens frames. Throws `vault.tampered` at the first that is not what was sealed; what was given out before it was. */
export async function* openFrames(secret: Buffer, salt: Buffer, aad: Buffer, sealed: Chunks): AsyncGenerator<Buffer> {
  const key = fileKey(secret, salt);
  for await (const { frame, number, last } of framesOf(sealed, sealedFrameBytes)) {
    // An empty last frame behind others would be a second spelling of the same content.
    if (frame.length < tagBytes || (frame.length === tagBytes && number > 0))
      throw new OperatingError('vault.tampered');
    const decipher = createDecipheriv(algorithm, key, nonceOf(number, last), { authTagLength: tagBytes });
    decipher.setAAD(aad);
    decipher.setAuthTag(frame.subarray(frame.length - tagBytes));
    try {
      const plain = decipher.update(frame.subarray(0, frame.length - tagBytes));
      decipher.final();
      yield plain;
    } catch (caught) {
      throw new OperatingError('vault.tampered', undefined, caught);
    }
  }
}

/** Bytes cut into frames of one size; a frame is the last when nothing comes after it. At least one. */
async function* framesOf(
  bytes: Chunks,
  size: number,
): AsyncGenerator<{ readonly frame: Buffer; readonly number: number; readonly last: boolean }> {
  let pending: Uint8Array[] = [];
  let length = 0;
  let number = 0;
  for await (const chunk of bytes) {
    pending.push(chunk);
    length += chunk.length;
    if (length <= size) continue;
    // One byte more than a frame: so that it is known not to be the last.
    let joined = Buffer.concat(pending);
    while (joined.length > size) {
      yield { frame: joined.subarray(0, size), number, last: false };
      number += 1;
      joined = joined.subarray(size);
    }
    pending = [joined];
    length = joined.length;
  }
  yield { frame: Buffer.concat(pending), number, last: true };
}

const fileKey = (secret: Buffer, salt: Buffer): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, salt, 'prosa/frames', 32));

/** Eleven bytes of number, one that is 1 in the last frame. */
function nonceOf(number: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(number, 5, 6);
  nonce[11] = last ? 1 : 0;
  return nonce;
}
