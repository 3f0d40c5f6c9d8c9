/**
 * Random bytes of the system's generator, fetched many at a time: asking it for twelve bytes costs as
 * much as asking for thousands. Owns the pool; every byte of it is given out once and then overwritten.
 */
import { randomFillSync } from 'node:crypto';

const poolBytes = 8 * 1_024;
const pool = Buffer.allocUnsafeSlow(poolBytes);
let used = poolBytes;

/** Fills `target` from `from` on with `count` random bytes, at most 1024. For nonces and ids. */
export function fillRandom(target: Uint8Array, from: number, count: number): void {
  if (count > 1_024) throw new RangeError('more random bytes than the pool is for');
  if (used + count > poolBytes) {
    randomFillSync(pool);
    used = 0;
  }
  target.set(pool.subarray(used, used + count), from);
  pool.fill(0, used, used + count);
  used += count;
}
