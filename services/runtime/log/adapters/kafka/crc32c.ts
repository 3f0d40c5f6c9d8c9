/** CRC-32C (Castagnoli), the checksum of record batches. Node's own is CRC-32, another polynomial. */

/** Reversed form of the polynomial. */
const polynomial = 0x82f63b78;

type Tables = readonly [Table, Table, Table, Table, Table, Table, Table, Table];
type Table = Int32Array<ArrayBuffer>;

// Within bounds always. One function for each kind of array: the engine inlines what sees one kind alone.
const at = (table: Table, index: number): number => table[index] ?? 0;
const byteAt = (bytes: Buffer, index: number): number => bytes[index] ?? 0;

/** Table n: what a byte contributes when n zero bytes follow it ("slicing by eight"). */
const [t0, t1, t2, t3, t4, t5, t6, t7] = makeTables();

function makeTables(): Tables {
  const first = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    return crc;
  });
  const after = (table: Table): Table => table.map((crc) => (crc >>> 8) ^ at(first, crc & 0xff));
  const second = after(first);
  const third = after(second);
  const fourth = after(third);
  const fifth = after(fourth);
  const sixth = after(fifth);
  const seventh = after(sixth);
  return [first, second, third, fourth, fifth, sixth, seventh, after(seventh)];
}

/** The checksum of `bytes[from, to)`, unsigned. */
export function crc32c(bytes: Buffer, from = 0, to = bytes.length): number {
  let crc = -1;
  let i = from;
  // Eight bytes a turn: they do not wait for one another's look-up.
  for (; i + 8 <= to; i += 8) {
    const low =
      crc ^
      (byteAt(bytes, i) | (byteAt(bytes, i + 1) << 8) | (byteAt(bytes, i + 2) << 16) | (byteAt(bytes, i + 3) << 24));
    crc =
      at(t7, low & 0xff) ^
      at(t6, (low >>> 8) & 0xff) ^
      at(t5, (low >>> 16) & 0xff) ^
      at(t4, low >>> 24) ^
      at(t3, byteAt(bytes, i + 4)) ^
      at(t2, byteAt(bytes, i + 5)) ^
      at(t1, byteAt(bytes, i + 6)) ^
      at(t0, byteAt(bytes, i + 7));
  }
  for (; i < to; i += 1) crc = at(t0, (crc ^ byteAt(bytes, i)) & 0xff) ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}
