/** A contact as WhatsApp passes it on. */
export interface Contact {
  readonly name: string;
  /** In any spelling, with country code. */
  readonly phone: string;
}

/**
 * The contact as a vCard 3.0 (RFC 2426), escaped. `waid` is WhatsApp's own parameter: with it the card has a
 * button to write to the contact.
 */
export function contactCard({ name, phone }: Contact): string {
  const digits = phone.replace(/\D/g, '');
  const text = name.replace(/[\\,;]/g, '\\$&').replace(/\r\n|\r|\n/g, '\\n');
  return [
    'BEGIN:VCARD',
    'VERSION:3.0',
    `N:;${text};;;`,
    `FN:${text}`,
    `TEL;type=CELL;type=VOICE;waid=${digits}:+${digits}`,
    'END:VCARD',
  ].join('\n');
}
