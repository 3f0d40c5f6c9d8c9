// Goal: how long sound is, as its container says it, whatever the container says.
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { voiceNoteOf } from '../../../simulator/model/voice-note.ts';
import { secondsOf } from './audio-duration.ts';

const mp4 = (scale: number, length: number): Buffer => {
  const head = Buffer.alloc(40);
  head.write('mvhd', 4, 'latin1');
  head.writeUInt32BE(scale, 20);
  head.writeUInt32BE(length, 24);
  return head;
};
const wav = (bytesPerSecond: number, seconds: number): Buffer => {
  const all = Buffer.alloc(44 + bytesPerSecond * seconds);
  all.write('RIFF');
  all.write('WAVEfmt ', 8);
  all.writeUInt32LE(bytesPerSecond, 28);
  return all;
};

test.each([
  ['one note', voiceNoteOf('oi', 7), 'audio/ogg', 7],
  ['two streams after another', Buffer.concat([voiceNoteOf('oi', 7), voiceNoteOf('oi', 5)]), 'audio/ogg', 12],
  ['a note that is cut', voiceNoteOf('oi', 7).subarray(0, 90), 'audio/ogg', 0],
  ['MP4', mp4(1_000, 4_500), 'audio/mp4', 4.5],
  ['WAVE', wav(16_000, 2), 'audio/wav', 2],
  ['MP3, by its size', Buffer.alloc(80_000), 'audio/mpeg', 10],
  ['Ogg without a stream, by its size', Buffer.from('OggS'), 'audio/ogg', 0.0005],
])('%s', (_, content, mimetype, seconds) => {
  expect(secondsOf(content, mimetype)).toBeCloseTo(seconds);
});

test('any bytes have a length', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom('audio/ogg', 'audio/mp4', 'audio/wav'),
      (bytes, type) => {
        const marked = Buffer.concat([voiceNoteOf('', 1), Buffer.from('OggS'), bytes, Buffer.from('mvhd'), bytes]);
        expect(secondsOf(marked, type)).toBeGreaterThanOrEqual(0);
      },
    ),
    { numRuns: 300 },
  );
});
