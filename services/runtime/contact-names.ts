/**
 * Names as they are searched: by the keyed hashes of their words and of the beginnings of these, so
 * that a name is found without being stored in the clear. Projection writes the hashes, the API asks
 * for them.
 */
import type { Vault } from './vault/vault.ts';

const wordsMax = 6;
/** Beginnings shorter than this would match nearly everybody. */
const prefixLengthMin = 2;
const prefixLengthMax = 12;

/** Words of a name without case, accents and punctuation: `João d'Ávila` is `joao`, `d`, `avila`. */
export function wordsOf(name: string): readonly string[] {
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return plain
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
    .slice(0, wordsMax);
}

/** The hashes under which a name is stored: of every word, whole and as every beginning. */
export function nameWordIndexes(vault: Vault, tenant: string, name: string): readonly string[] {
  const parts = new Set<string>();
  for (const word of wordsOf(name)) {
    const characters = Array.from(word);
    parts.add(word);
    for (let length = prefixLengthMin; length <= Math.min(characters.length, prefixLengthMax); length++) {
      parts.add(characters.slice(0, length).join(''));
    }
  }
  return [...parts].map((part) => indexOf(vault, tenant, part));
}

/** The hashes that a search asks for: a contact matches when it has all of them. Empty when nothing can be searched. */
export const nameQueryIndexes = (vault: Vault, tenant: string, asked: string): readonly string[] => [
  ...new Set(wordsOf(asked).map((word) => indexOf(vault, tenant, word))),
];

/** The hash of a whole name, by which a changed one is noticed. */
export const wholeNameIndex = (vault: Vault, tenant: string, name: string): string =>
  vault.index(tenant, 'contact-name', name);

// Half of the hash is enough to tell words apart and halves the table.
const indexOf = (vault: Vault, tenant: string, word: string): string =>
  vault.index(tenant, 'contact-word', word).slice(0, 32);
