// Goal: a file is what its bytes say. Method: heads of real formats, the polyglots and lies of the security reference.
import { describe, expect, test } from 'vitest';

import { type MediaKind, typeOf } from './file-type.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const ftyp = (brand: string): Buffer => bytes(`\0\0\0\x20ftyp${brand}\0\0\0\0`);
const jpeg = bytes('\xff\xd8\xff\xe0\0\x10JFIF');
const zip = bytes('PK\x03\x04\x14\0[Content_Types].xml');
const docx = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';

describe('what is taken', () => {
  const taken: readonly (readonly [MediaKind, Buffer, string | undefined, string])[] = [
    ['image', jpeg, 'image/jpeg', 'image/jpeg'],
    ['image', bytes('\x89PNG\r\n\x1a\n...'), 'image/jpeg', 'image/png'],
    ['image', bytes('GIF89a...'), undefined, 'image/gif'],
    ['image', ftyp('heic'), 'image/heic', 'image/heic'],
    ['sticker', bytes('RIFF\x10\0\0\0WEBPVP8 '), 'image/webp', 'image/webp'],
    ['sticker', zip, 'application/was', 'application/was'],
    ['audio', bytes('OggS\0\x02'), 'audio/ogg; codecs=opus', 'audio/ogg'],
    ['audio', bytes('ID3\x04'), 'audio/mpeg', 'audio/mpeg'],
    ['audio', bytes('\xff\xf1\x50'), 'audio/aac', 'audio/aac'],
    ['audio', bytes('#!AMR\n'), 'audio/amr', 'audio/amr'],
    ['audio', bytes('RIFF\x10\0\0\0WAVEfmt '), 'audio/wav', 'audio/wav'],
    ['audio', ftyp('M4A '), 'audio/mp4', 'audio/mp4'],
    ['audio', ftyp('isom'), 'audio/mp4', 'audio/mp4'],
    ['audio', bytes('\x1a\x45\xdf\xa3'), 'audio/webm', 'audio/webm'],
    ['video', ftyp('isom'), 'video/mp4', 'video/mp4'],
    ['video', ftyp('3gp5'), 'video/3gpp', 'video/3gpp'],
    ['video', ftyp('qt  '), 'video/mp4', 'video/quicktime'],
    ['document', bytes('%PDF-1.7'), 'application/pdf', 'application/pdf'],
    ['document', zip, docx, docx],
    ['document', zip, 'application/pdf', 'application/zip'],
    ['document', bytes('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'), 'application/msword', 'application/msword'],
    ['document', jpeg, 'application/pdf', 'image/jpeg'],
    ['document', bytes('a;b\r\n1;2'), 'text/csv', 'text/csv'],
    ['document', Buffer.from('olá'), undefined, 'text/plain'],
    ['document', Buffer.from('<svg onload="alert(1)">'), 'image/svg+xml', 'text/plain'],
    ['document', Buffer.from('<script>alert(1)</script>'), 'text/html', 'text/plain'],
    ['document', bytes('\0\x01\x02'), 'text/plain', 'application/octet-stream'],
  ];
  test.each(taken)('%s %j, called %s, is %s', (kind, head, declared, mimetype) => {
    expect(typeOf(head, kind, declared)).toEqual({ mimetype });
  });

  test('text whose last character is cut by the end of the head', () => {
    expect(typeOf(Buffer.from('ação').subarray(0, 5), 'document')).toEqual({ mimetype: 'text/plain' });
  });
});

describe('what is not', () => {
  const refused: readonly (readonly [MediaKind, Buffer, string])[] = [
    ['image', bytes('MZ\x90\0'), 'image/jpeg'],
    ['document', bytes('MZ\x90\0'), 'application/pdf'],
    ['document', bytes('\x7fELF\x02'), 'application/octet-stream'],
    ['document', bytes('\xcf\xfa\xed\xfe'), 'application/octet-stream'],
    ['document', bytes('#!/bin/sh\n'), 'text/plain'],
    ['document', bytes('L\0\0\0\x01\x14\x02\0'), 'application/pdf'],
    ['image', Buffer.from('<svg xmlns="x"/>'), 'image/svg+xml'],
    ['image', Buffer.from('<html>'), 'image/png'],
    ['image', bytes('%PDF-1.7'), 'image/png'],
    ['image', ftyp('isom'), 'image/jpeg'],
    ['audio', jpeg, 'audio/ogg'],
    ['video', bytes('OggS'), 'video/mp4'],
    ['sticker', bytes('%PDF-1.7'), 'image/webp'],
    ['image', bytes('not an image'), 'image/jpeg'],
  ];
  test.each(refused)('%s %j, called %s', (kind, head, declared) => {
    expect(typeOf(head, kind, declared)).toEqual({ refused: 'file.type-refused' });
  });

  test('nothing', () => {
    expect(typeOf(Buffer.alloc(0), 'document', 'application/pdf')).toEqual({ refused: 'file.empty' });
  });
});
