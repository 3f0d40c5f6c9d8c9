/** Comma-separated values (RFC 4180), as spreadsheets open them. */

/** Spreadsheets calculate what begins so (owasp.org/www-community/attacks/CSV_Injection). */
const formula = /^[=+\-@\t\r]/;
/** Tells spreadsheets that it is UTF-8. */
const byteOrderMark = '\uFEFF';

/** A file of a header and lines. */
export const csvOf = (header: readonly string[], lines: readonly (readonly string[])[]): Buffer =>
  Buffer.from(byteOrderMark + [header, ...lines].map((line) => `${line.map(fieldOf).join(',')}\r\n`).join(''));

function fieldOf(value: string): string {
  const harmless = formula.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
