/** A text in words, numbers and marks, each with its place. */
import { textLengthMax } from '../conversation/lexicon.ts';

/** A word, a number or a mark of a text. */
export interface Token {
  readonly kind: 'word' | 'number' | 'mark';
  /** Lower case without accents; digits as ASCII. */
  readonly folded: string;
  /** Lower case with its accents. */
  readonly lower: string;
  /** Of a number; NaN for other tokens and for more digits than any time has. */
  readonly value: number;
  /** Places in the text, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** True if nothing stands between it and the token before. */
  readonly isGlued: boolean;
}

/** Digits of the longest number that may be a part of a time: a year. */
const digitsMax = 4;

/** What of a text is read: no more than the bound, and no half word at its end. */
export function boundedText(text: string): { readonly text: string; readonly isCut: boolean } {
  if (text.length <= textLengthMax) return { text, isCut: false };
  const cut = text.slice(0, textLengthMax);
  const blank = Math.max(cut.lastIndexOf(' '), cut.lastIndexOf('\n'));
  return { text: cut.slice(0, Math.max(blank, 0)), isCut: true };
}

/** The tokens of a text; a new line is a mark too. */
export function tokensIn(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let end = -1;
  for (const { 0: written, index } of text.matchAll(/\p{Nd}+|[\p{L}\p{M}]+|\n|\S/gu)) {
    const token = tokenOf(written, index, index === end);
    if (token.folded !== '') tokens.push(token);
    end = index + written.length;
  }
  return tokens;
}

function tokenOf(written: string, start: number, isGlued: boolean): Token {
  const folded = foldedWord(written);
  const isNumber = /^\d+$/u.test(folded);
  return {
    kind: isNumber ? 'number' : /^[\p{L}]/u.test(folded) ? 'word' : 'mark',
    folded,
    lower: written.normalize('NFC').toLowerCase(),
    value: isNumber && folded.length <= digitsMax ? Number(folded) : Number.NaN,
    start,
    end: start + written.length,
    isGlued,
  };
}

/** One word as `fold` leaves it; dashes and apostrophes of all kinds are one. */
export const foldedWord = (written: string): string =>
  written
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\p{M}\p{Cf}]/gu, '')
    .replace(/[‐-―−]/u, '-')
    .replace(/[’‘´`]/u, "'")
    .replace(/(\p{L})\1{2,}/gu, '$1');

const marks: ReadonlySet<string> = new Set(['.', ',', ':', '/', '-']);

/**
 * True within "99999-0001", "1.500" and other numbers with marks, where nothing begins or ends; behind
 * the first number of "14-16h" a time of day does end.
 */
export function isMidNumber(tokens: readonly Token[], index: number, isDashApart = false): boolean {
  const [first, before, token, next] = [tokens[index - 2], tokens[index - 1], tokens[index], tokens[index + 1]];
  const isMark = (mark: Token | undefined): boolean =>
    mark?.isGlued === true && marks.has(mark.folded) && !(isDashApart && mark.folded === '-');
  if (isMark(token)) return before?.kind === 'number' && next?.kind === 'number' && next.isGlued;
  return token?.kind === 'number' && token.isGlued && isMark(before) && first?.kind === 'number';
}
