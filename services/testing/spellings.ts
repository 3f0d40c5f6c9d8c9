/** How a value could hide in bytes, for tests that search for what must not be there. */

/** A value in plain, base64, hexadecimal and URL-encoded. Base64 depends on the position in its group of three. */
export function spellings(value: string): string[] {
  const bytes = Buffer.from(value);
  const shifted = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    // Digits at the edges mix with neighbours.
    return text.slice(shift === 0 ? 0 : shift + 1, -4);
  });
  return [
    value,
    ...shifted,
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    encodeURIComponent(value),
    value.replaceAll(' ', '+'),
  ];
}
