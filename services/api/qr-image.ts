/** A QR code as a picture. */
import { deflateSync, crc32 } from 'node:zlib';

import { qrModules } from './qr-modules.ts';

/** Pixels of a module, and modules of the quiet zone (ISO/IEC 18004 asks for four). */
const scale = 6;
const quiet = 4;

/** The QR code of a text as a `data:` URL of a PNG, black on white. Throws when the text is longer than a code holds. */
export function qrImage(text: string): string {
  const modules = qrModules(text);
  const side = (modules.length + 2 * quiet) * scale;
  const rowBytes = Math.ceil(side / 8);
  // One bit per pixel, 1 is white; each row begins with its filter, 0.
  const rows = Array.from({ length: side }, (_, y) => {
    const row = Buffer.alloc(1 + rowBytes, 0xff);
    row[0] = 0;
    for (let x = 0; x < side; x += 1) {
      const at = [y, x].map((pixel) => Math.floor(pixel / scale) - quiet) as [number, number];
      if (modules[at[0]]?.[at[1]] === true) row[1 + (x >> 3)] = (row[1 + (x >> 3)] ?? 0) & ~(0x80 >> (x & 7));
    }
    return row;
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  // One bit of grey.
  header[8] = 1;
  const png = Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
  return `data:image/png;base64,${png.toString('base64')}`;
}

function chunk(name: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const framed = Buffer.alloc(8);
  framed.writeUInt32BE(data.length, 0);
  framed.writeUInt32BE(crc32(named), 4);
  return Buffer.concat([framed.subarray(0, 4), named, framed.subarray(4)]);
}
