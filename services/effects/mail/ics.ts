/** Calendar files (RFC 5545) with one appointment, as it is published (RFC 5546, 3.2.1). Pure. */

/** What is written. */
export interface CalendarFile {
  /** The same in every version of the appointment. */
  readonly uid: string;
  /** Grows with every change. */
  readonly sequence: number;
  readonly status: 'CONFIRMED' | 'CANCELLED';
  /** Epoch milliseconds; seconds are written. */
  readonly start: number;
  readonly end: number;
  /** When it is written. */
  readonly at: number;
  readonly summary: string;
  readonly description: string;
  readonly organizer: { readonly name: string; readonly email: string };
}

const lineOctetsMax = 75;

/** The file. Lines end in CRLF and have at most 75 octets. */
export function calendarFileOf(file: CalendarFile): string {
  const { uid, sequence, status, start, end, at, summary, description, organizer } = file;
  const lines = [
    'BEGIN:VCALENDAR',
    'PRODID:-//Prosa//Prosa//EN',
    'VERSION:2.0',
    'CALSCALE:GREGORIAN',
    'METHOD:PUBLISH',
    'BEGIN:VEVENT',
    `UID:${escaped(uid)}`,
    `DTSTAMP:${timeOf(at)}`,
    `DTSTART:${timeOf(start)}`,
    `DTEND:${timeOf(end)}`,
    `SEQUENCE:${sequence}`,
    `STATUS:${status}`,
    `SUMMARY:${escaped(summary)}`,
    `DESCRIPTION:${escaped(description)}`,
    `ORGANIZER;CN=${quoted(organizer.name)}:mailto:${organizer.email}`,
    'TRANSP:OPAQUE',
    'END:VEVENT',
    'END:VCALENDAR',
  ];
  return lines.map((line) => `${folded(line)}\r\n`).join('');
}

/** 2026-11-23T11:00:00.000Z → 20261123T110000Z. */
const timeOf = (at: number): string => new Date(at).toISOString().replace(/\.\d+/, '').replaceAll(/[-:]/g, '');

// Controls have no place in a line, and a line's end would begin another property.
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

/** A text value (RFC 5545, 3.3.11). */
const escaped = (text: string): string =>
  text
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(controls, '')
    .replaceAll(/[\\;,]/g, (character) => `\\${character}`)
    .replaceAll('\n', '\\n');

/** A parameter value: it cannot hold quotes (RFC 5545, 3.2). */
const quoted = (text: string): string =>
  `"${text
    .replaceAll(/[\r\n\t]/g, ' ')
    .replaceAll(controls, '')
    .replaceAll('"', "'")}"`;

/** Lines of at most 75 octets, those that go on begin with a space (RFC 5545, 3.1). No character is cut in two. */
function folded(line: string): string {
  let written = '';
  let octets = 0;
  for (const character of line) {
    const length = Buffer.byteLength(character);
    if (octets + length > lineOctetsMax) {
      written += '\r\n ';
      octets = 1;
    }
    written += character;
    octets += length;
  }
  return written;
}
