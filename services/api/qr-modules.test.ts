/** The codes are those that another implementation makes (python-qrcode 8, byte mode, level L, the same mask). */
import { createHash } from 'node:crypto';
import { inflateSync } from 'node:zlib';

import { describe, expect, test } from 'vitest';

import { qrImage } from './qr-image.ts';
import { qrModules } from './qr-modules.ts';

const drawn = (text: string): string =>
  qrModules(text)
    .map((row) => row.map((dark) => (dark ? '#' : '.')).join(''))
    .join('\n');

const hi = `
#######.##..#.#######
#.....#..#..#.#.....#
#.###.#.#.#.#.#.###.#
#.###.#.#..#..#.###.#
#.###.#.###...#.###.#
#.....#.......#.....#
#######.#.#.#.#######
.........##..........
####..#.#.#..#..###.#
.###.#..###.#..#.....
#.##..####..#####..##
###.#....#..##.....#.
#....###...#.#..#.#.#
........###..#.#..#.#
#######..##..##.#.#..
#.....#..#.####..#..#
#.###.#..###..#..#..#
#.###.#.#....#..#..#.
#.###.#.#..#.#..###..
#.....#.##.##.#.##..#
#######.#..##..#.#...`.trim();

describe('a QR code', () => {
  test('of the smallest version is drawn module by module', () => {
    expect(drawn('HI')).toBe(hi);
  });

  test.each([
    ['2@an-invented-code', 25, 'a4dd1c45481f98bc'],
    // Alignment patterns, then the version's own pattern, then several blocks.
    ['x'.repeat(100), 37, '17a5c5ec1f4b93f7'],
    [`2@${'AbC/+9'.repeat(40)}`, 57, 'f302c35a873d6931'],
    ['y'.repeat(600), 85, '5ab97b9df6b264ba'],
    ['z'.repeat(2_000), 149, '6a0e48c71bf4ab65'],
  ])('of more text is the other implementation’s, too (%#)', (text, side, digest) => {
    const seen = drawn(text);
    expect(seen.split('\n')).toHaveLength(side);
    expect(createHash('sha256').update(seen).digest('hex').slice(0, 16)).toBe(digest);
  });

  test('has an end', () => {
    expect(() => qrModules('x'.repeat(2_953))).not.toThrow();
    expect(() => qrModules('x'.repeat(2_954))).toThrow(/too long/u);
  });
});

test('the picture is a PNG with the modules in it, and four of white around', () => {
  const png = Buffer.from(qrImage('HI').replace('data:image/png;base64,', ''), 'base64');
  expect(png.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
  const side = png.readUInt32BE(16);
  expect(side).toBe((21 + 8) * 6);
  const length = png.readUInt32BE(33);
  const rows = inflateSync(png.subarray(41, 41 + length));
  const rowBytes = 1 + Math.ceil(side / 8);
  const isDark = (x: number, y: number): boolean =>
    (((rows[y * rowBytes + 1 + (x >> 3)] ?? 0) >> (7 - (x & 7))) & 1) === 0;
  const seen = Array.from({ length: 21 }, (_, y) =>
    Array.from({ length: 21 }, (_cell, x) => (isDark((x + 4) * 6 + 3, (y + 4) * 6 + 3) ? '#' : '.')).join(''),
  ).join('\n');
  expect(seen).toBe(hi);
  expect(isDark(3, 3)).toBe(false);
});
