import { expect, test } from 'vitest';

import { nameQueryIndexes, nameWordIndexes, wordsOf } from './contact-names.ts';
import type { Vault } from './vault/vault.ts';

/** Stands for the vault's keyed hash: readable, different per tenant and purpose. */
const vault = {
  index: (tenant: string, purpose: string, value: string) => `${value}/${tenant}/${purpose}`,
} as Vault;

const matches = (name: string, asked: string): boolean => {
  const stored = new Set(nameWordIndexes(vault, 't', name));
  const wanted = nameQueryIndexes(vault, 't', asked);
  return wanted.length > 0 && wanted.every((index) => stored.has(index));
};

test('case, accents and punctuation do not count', () => {
  expect(wordsOf("João d'Ávila-Souza 🎉")).toEqual(['joao', 'd', 'avila', 'souza']);
  expect(matches('João Conceição', 'joao CONCEICAO')).toBe(true);
});

test('words are found whole, by their beginnings and in any order', () => {
  expect(matches('Maria da Silva', 'silva maria')).toBe(true);
  expect(matches('Maria da Silva', 'sil')).toBe(true);
  expect(matches('Maria da Silva', 'ilva')).toBe(false);
  expect(matches('Maria da Silva', 'maria souza')).toBe(false);
});

test('one letter finds only a word of one letter', () => {
  expect(matches('Maria', 'm')).toBe(false);
  expect(matches('M Silva', 'm')).toBe(true);
});

test('a long word is found whole', () => {
  expect(matches('Wolfeschlegelsteinhausen', 'Wolfeschlegelsteinhausen')).toBe(true);
});

test('what has no word finds nothing', () => {
  expect(matches('Maria', '…')).toBe(false);
  expect(nameWordIndexes(vault, 't', '🎉')).toEqual([]);
});

test('the number of hashes of a name is bounded', () => {
  const longest = Array.from({ length: 50 }, (_, i) => `${i}`.padStart(60, 'a')).join(' ');
  expect(nameWordIndexes(vault, 't', longest).length).toBeLessThanOrEqual(6 * 12);
});
