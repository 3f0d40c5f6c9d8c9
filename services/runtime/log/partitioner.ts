/** Partition of a record key, by the function that Kafka's producers (Java and kafkajs alike) use for keyed records. */

const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;
const shift = 24;

/** MurmurHash2, 32 bits, signed, with Kafka's seed (org.apache.kafka.common.utils.Utils.murmur2). */
export function murmur2(data: Uint8Array): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let hash = seed ^ data.length;
  const wordsEnd = data.length & ~3;
  for (let at = 0; at < wordsEnd; at += 4) {
    let word = Math.imul(view.getInt32(at, true), multiplier);
    word ^= word >>> shift;
    hash = Math.imul(hash, multiplier) ^ Math.imul(word, multiplier);
  }
  if (wordsEnd < data.length) {
    for (let at = wordsEnd; at < data.length; at += 1) hash ^= view.getUint8(at) << (8 * (at - wordsEnd));
    hash = Math.imul(hash, multiplier);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, multiplier);
  return hash ^ (hash >>> 15);
}

/** Partition of `key` among `partitionCount`. The same for ever: stored data depends on it. */
export function partitionOfKey(key: string, partitionCount: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitionCount;
}
