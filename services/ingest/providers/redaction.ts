/**
 * Credentials taken out of a body's text, before anything of it is kept. All else stays as it was,
 * to the digit: numbers too large for JavaScript, the order of names, names that occur twice.
 */

/** A JSON string, or another token that can be a value. Text is JSON already. */
const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}:,]|[^\s"[\]{}:,]+/gs;

/** What stands in place of a credential. */
const removed = '[removed]';

const textOf = (part: string): string => (part.includes('\\') ? (JSON.parse(part) as string) : part.slice(1, -1));

/** Shorter ones are taken out of their own places only: they would be found in words. */
const secretLengthMin = 8;

/**
 * The text without the values of the members that are named so (in any case), and without these
 * values and `secrets` wherever else they occur in it. `text` is valid JSON, and so is what comes back.
 */
export function withoutSecrets(
  text: string,
  isSecretName: (name: string) => boolean,
  secrets: readonly (string | undefined)[],
): string {
  const found = new Set(secrets.filter((secret) => secret !== undefined && secret.length >= secretLengthMin));
  const withoutMembers = withoutNamed(text, isSecretName, found);
  if (found.size === 0) return withoutMembers;
  // Longest first: one may be the beginning of another.
  const all = [...found].filter((secret) => secret !== undefined).sort((a, b) => b.length - a.length);
  return withoutMembers.replace(token, (part) => {
    if (!part.startsWith('"') || !mayHold(part, all)) return part;
    const value = textOf(part);
    const clean = all.reduce((rest, secret) => rest.replaceAll(secret, removed), value);
    return clean === value ? part : JSON.stringify(clean);
  });
}

/** Escapes may hide one. */
const mayHold = (part: string, secrets: readonly string[]): boolean =>
  part.includes('\\') || secrets.some((secret) => part.includes(secret));

/** Members by name; their values are added to `found`. */
function withoutNamed(text: string, isSecretName: (name: string) => boolean, found: Set<string | undefined>): string {
  // What stood before: the name of a member, then its colon.
  let name: string | undefined;
  let inMember = false;
  return text.replace(token, (part) => {
    if (part === ':') {
      inMember = name !== undefined && isSecretName(name);
      name = undefined;
      return part;
    }
    if (!inMember) {
      name = part.startsWith('"') ? textOf(part) : undefined;
      return part;
    }
    inMember = false;
    name = undefined;
    if (!part.startsWith('"')) return /^[[{]$/.test(part) ? part : 'null';
    const value = textOf(part);
    if (value.length >= secretLengthMin) found.add(value);
    return value === '' ? part : JSON.stringify(removed);
  });
}
