/** JSON with bytes in it, in the form that Baileys uses too: `{"type": "Buffer", "data": base64}`. */

/** The value as JSON text. */
export function jsonWithBytes(value: unknown): string {
  return JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, name: string, own: unknown) {
    // Buffers have turned themselves into lists of numbers by now.
    const original = this[name];
    return original instanceof Uint8Array
      ? { type: 'Buffer', data: Buffer.from(original).toString('base64') }
      : typeof own === 'bigint'
        ? String(own)
        : own;
  });
}

/** What `jsonWithBytes` was given, bytes as buffers. */
export const valueWithBytes = (text: string): unknown =>
  JSON.parse(text, (_name, value: unknown) => (isBytes(value) ? Buffer.from(value.data, 'base64') : value));

const isBytes = (value: unknown): value is { readonly data: string } =>
  typeof value === 'object' &&
  value !== null &&
  'type' in value &&
  value.type === 'Buffer' &&
  'data' in value &&
  typeof value.data === 'string';
