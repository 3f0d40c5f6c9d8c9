/**
 * QR codes (ISO/IEC 18004): bytes, error correction level L, the smallest version that holds them. Pure.
 *
 * The codes that link a phone are some 240 characters of ASCII; a screen needs no more correction.
 */

/** Error correction codewords per block, and blocks, by version from 1, of level L (table 9). */
const correctionPerBlock = [
  7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26, 28, 30, 30, 30, 30,
  30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
];
const blockCounts = [
  1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19,
  20, 21, 22, 24, 25,
];
const versionMax = 40;
/** Level L in the format information. */
const levelBits = 1;

type Grid = boolean[][];

/** Dark modules by row and column. Throws when the text is too long for any version. */
export function qrModules(text: string): readonly (readonly boolean[])[] {
  const data = Buffer.from(text);
  let version = 1;
  while (version <= versionMax && bitsNeeded(version, data.length) > dataCodewords(version) * 8) version += 1;
  if (version > versionMax) throw new Error('the text is too long for a QR code');
  const codewords = interleaved(version, padded(version, data));
  const [modules, reserved] = patterns(version);
  place(modules, reserved, codewords);
  const masked = masks.map((mask, number) => {
    const grid = modules.map((row, y) => row.map((dark, x) => dark !== (reserved[y]?.[x] === false && mask(x, y))));
    drawFormat(grid, number);
    return grid;
  });
  const [first = modules, ...others] = masked;
  return others.reduce((best, grid) => (penaltyOf(grid) < penaltyOf(best) ? grid : best), first);
}

// ------------------------------------------------------------------ codewords

const lengthBits = (version: number): number => (version < 10 ? 8 : 16);
const bitsNeeded = (version: number, bytes: number): number => 4 + lengthBits(version) + bytes * 8;

/** Modules that hold data and correction. */
function rawModules(version: number): number {
  let count = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const aligned = Math.floor(version / 7) + 2;
    count -= (25 * aligned - 10) * aligned - 55;
    if (version >= 7) count -= 36;
  }
  return count;
}

const at = (table: readonly number[], version: number): number => table[version - 1] ?? 0;
const dataCodewords = (version: number): number =>
  Math.floor(rawModules(version) / 8) - at(correctionPerBlock, version) * at(blockCounts, version);

function padded(version: number, data: Buffer): readonly number[] {
  const bits: number[] = [];
  const push = (value: number, length: number): void => {
    for (let i = length - 1; i >= 0; i -= 1) bits.push((value >>> i) & 1);
  };
  // Byte mode.
  push(4, 4);
  push(data.length, lengthBits(version));
  for (const byte of data) push(byte, 8);
  const capacity = dataCodewords(version) * 8;
  push(0, Math.min(4, capacity - bits.length));
  push(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < capacity; pad ^= 0xec ^ 0x11) push(pad, 8);
  return Array.from({ length: bits.length / 8 }, (_, i) =>
    bits.slice(i * 8, i * 8 + 8).reduce((byte, bit) => (byte << 1) | bit, 0),
  );
}

/** Product in the field of 256 elements over x⁸ + x⁴ + x³ + x² + 1. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let i = 7; i >= 0; i -= 1) {
    product = (product << 1) ^ ((product >>> 7) * 0x11d);
    product ^= ((b >>> i) & 1) * a;
  }
  return product;
}

/** The generator polynomial's coefficients but the first, highest power first. */
function generatorOf(degree: number): readonly number[] {
  const coefficients = [...Array.from({ length: degree - 1 }, () => 0), 1];
  let root = 1;
  for (let i = 0; i < degree; i += 1) {
    for (let j = 0; j < degree; j += 1)
      coefficients[j] = multiply(coefficients[j] ?? 0, root) ^ (coefficients[j + 1] ?? 0);
    root = multiply(root, 2);
  }
  return coefficients;
}

function correctionOf(data: readonly number[], generator: readonly number[]): readonly number[] {
  const rest = generator.map(() => 0);
  for (const byte of data) {
    const factor = byte ^ (rest.shift() ?? 0);
    rest.push(0);
    generator.forEach((coefficient, i) => {
      rest[i] = (rest[i] ?? 0) ^ multiply(coefficient, factor);
    });
  }
  return rest;
}

/** Blocks with their correction, column by column; the short blocks come first. */
function interleaved(version: number, data: readonly number[]): readonly number[] {
  const blocks = at(blockCounts, version);
  const correction = at(correctionPerBlock, version);
  const generator = generatorOf(correction);
  const shortLength = Math.floor(data.length / blocks);
  const shortBlocks = blocks - (data.length % blocks);
  let taken = 0;
  const made = Array.from({ length: blocks }, (_, i) => {
    const block = data.slice(taken, (taken += shortLength + (i < shortBlocks ? 0 : 1)));
    return { block, checks: correctionOf(block, generator) };
  });
  const out: number[] = [];
  for (let i = 0; i <= shortLength; i += 1) for (const { block } of made) out.push(...block.slice(i, i + 1));
  for (let i = 0; i < correction; i += 1) for (const { checks } of made) out.push(...checks.slice(i, i + 1));
  return out;
}

// ----------------------------------------------------------------------- grid

/** The function patterns, and which modules they take. */
function patterns(version: number): [Grid, Grid] {
  const size = version * 4 + 17;
  const grid = (): Grid => Array.from({ length: size }, () => Array.from({ length: size }, () => false));
  const [modules, reserved] = [grid(), grid()];
  const set = (x: number, y: number, dark: boolean): void => {
    const [row, taken] = [modules[y], reserved[y]];
    if (row === undefined || taken === undefined || x < 0 || x >= size) return;
    row[x] = dark;
    taken[x] = true;
  };
  for (let i = 0; i < size; i += 1) {
    set(6, i, i % 2 === 0);
    set(i, 6, i % 2 === 0);
  }
  for (const [x, y] of [
    [3, 3],
    [size - 4, 3],
    [3, size - 4],
  ] as const) {
    for (let dy = -4; dy <= 4; dy += 1)
      for (let dx = -4; dx <= 4; dx += 1) {
        const ring = Math.max(Math.abs(dx), Math.abs(dy));
        set(x + dx, y + dy, ring !== 2 && ring !== 4);
      }
  }
  const centres = alignmentCentres(version, size);
  const last = centres.length - 1;
  centres.forEach((x, i) => {
    centres.forEach((y, j) => {
      // Where the three finders are, there is none.
      if ((i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0)) return;
      for (let dy = -2; dy <= 2; dy += 1)
        for (let dx = -2; dx <= 2; dx += 1) set(x + dx, y + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
    });
  });
  // Kept free; written when the mask is known.
  formatPlaces(size).forEach((places) => {
    for (const [x, y] of places) set(x, y, false);
  });
  set(8, size - 8, true);
  if (version >= 7) drawVersion(version, size, set);
  return [modules, reserved];
}

function alignmentCentres(version: number, size: number): readonly number[] {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = Math.floor((version * 8 + count * 3 + 5) / (count * 4 - 4)) * 2;
  return [6, ...Array.from({ length: count - 1 }, (_, i) => size - 7 - (count - 2 - i) * step)];
}

function drawVersion(version: number, size: number, set: (x: number, y: number, dark: boolean) => void): void {
  let rest = version;
  for (let i = 0; i < 12; i += 1) rest = (rest << 1) ^ ((rest >>> 11) * 0x1f25);
  const bits = (version << 12) | rest;
  for (let i = 0; i < 18; i += 1) {
    const dark = ((bits >>> i) & 1) === 1;
    const [a, b] = [size - 11 + (i % 3), Math.floor(i / 3)];
    set(a, b, dark);
    set(b, a, dark);
  }
}

/** Where each of the 15 bits of the format is, twice; the least significant first. */
const formatPlaces = (size: number): readonly (readonly (readonly [number, number])[])[] =>
  Array.from({ length: 15 }, (_, i) => [
    i < 6 ? [8, i] : i < 8 ? [8, i + 1] : i === 8 ? [7, 8] : [14 - i, 8],
    i < 8 ? [size - 1 - i, 8] : [8, size - 15 + i],
  ]);

function drawFormat(grid: Grid, mask: number): void {
  const data = (levelBits << 3) | mask;
  let rest = data;
  for (let i = 0; i < 10; i += 1) rest = (rest << 1) ^ ((rest >>> 9) * 0x537);
  const bits = ((data << 10) | rest) ^ 0x5412;
  formatPlaces(grid.length).forEach((places, i) => {
    for (const [x, y] of places) {
      const row = grid[y];
      if (row !== undefined) row[x] = ((bits >>> i) & 1) === 1;
    }
  });
}

/** Two columns at a time from the right, up and down in turns; column 6 is the timing pattern's. */
function place(modules: Grid, reserved: Grid, codewords: readonly number[]): void {
  const size = modules.length;
  let bit = 0;
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step += 1) {
      const upward = ((right + 1) & 2) === 0;
      const y = upward ? size - 1 - step : step;
      for (const x of [right, right - 1]) {
        const row = modules[y];
        if (row === undefined || reserved[y]?.[x] !== false || bit >= codewords.length * 8) continue;
        row[x] = (((codewords[bit >>> 3] ?? 0) >>> (7 - (bit & 7))) & 1) === 1;
        bit += 1;
      }
    }
  }
}

const masks: readonly ((x: number, y: number) => boolean)[] = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** What makes a code hard to read: long runs, blocks, false finders, an imbalance. */
function penaltyOf(grid: Grid): number {
  const columns = grid.map((_, x) => grid.map((row) => row[x] === true));
  const lines = [...grid, ...columns].map((line) => line.map((dark) => (dark ? '1' : '0')).join(''));
  let penalty = 0;
  for (const line of lines) {
    for (const [run] of line.matchAll(/0{5,}|1{5,}/g)) penalty += run.length - 2;
    penalty += 40 * [...line.matchAll(/(?=10111010000|00001011101)/g)].length;
  }
  grid.forEach((row, y) => {
    row.forEach((dark, x) => {
      const square = [row[x + 1], grid[y + 1]?.[x], grid[y + 1]?.[x + 1]];
      if (square.every((other) => other === dark)) penalty += 3;
    });
  });
  const dark = grid.flat().filter(Boolean).length;
  return penalty + 10 * Math.floor(Math.abs(dark * 20 - grid.length ** 2 * 10) / grid.length ** 2);
}
