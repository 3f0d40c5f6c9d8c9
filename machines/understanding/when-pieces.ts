/**
 * The phrases of a text that are about time, each with its tokens; or that there is something about time
 * in it that must not be guessed at: a negation, a number left over, a phrase nobody can be sure of.
 */
import { type FoundPhrase, Reader } from './when-patterns.ts';
import { type Token, isMidNumber } from './when-tokens.ts';
import type { PhraseMeaning, WhenWords } from './when-words.ts';

/** A phrase and where it stands: indices of tokens, half open. */
export interface Piece extends FoundPhrase {
  readonly start: number;
}

/** A piece that means that kind of thing. */
export type PieceOf<Is extends PhraseMeaning['is']> = Piece & {
  readonly meaning: Extract<PhraseMeaning, { is: Is }>;
};

/** Those of one kind. */
export const piecesOf = <Is extends PhraseMeaning['is']>(pieces: readonly Piece[], is: Is): readonly PieceOf<Is>[] =>
  pieces.filter((piece): piece is PieceOf<Is> => piece.meaning.is === is);

/** What of a text is about time. */
export interface FoundPieces {
  /** In the order of the text, "or" among them only where it stands between two. */
  readonly pieces: readonly Piece[];
  /** Tokens that belong to them. */
  readonly consumed: ReadonlySet<number>;
  /** True if it has to be asked, whatever the pieces say. */
  readonly isTroubled: boolean;
}

/** Words that may stand between two pieces that belong together. */
const apartMax = 3;

/** Finds what is about time. */
export function piecesIn(tokens: readonly Token[], words: WhenWords): FoundPieces {
  const sentence = new Sentence(tokens, words);
  const all = sentence.scanned();
  const times = withoutLooseEnds(sentence.withoutStrayWeak(all.filter((piece) => !isElsewhere(piece))));
  const doubtful = sentence.doubtfulBeside(times, all);
  return {
    pieces: times.filter(({ meaning }) => meaning.is !== 'filler'),
    consumed: new Set([...sentence.consumedBy(times), ...doubtful]),
    isTroubled: doubtful.size > 0 || times.some(({ meaning }) => meaning.is === 'trouble'),
  };
}

const isElsewhere = ({ meaning }: Piece): boolean => meaning.is === 'elsewhere';
const isWeak = ({ meaning }: Piece): boolean => 'isWeak' in meaning && meaning.isWeak;
const saysTime = ({ meaning }: Piece): boolean =>
  meaning.is !== 'or' && meaning.is !== 'filler' && meaning.is !== 'now';

/** "Or" only between two times; fillers and "now" only with, or without, other times. */
function withoutLooseEnds(pieces: readonly Piece[]): readonly Piece[] {
  const first = pieces.findIndex(saysTime);
  const last = pieces.findLastIndex(saysTime);
  if (first < 0) return pieces.filter(({ meaning }) => meaning.is === 'now').slice(0, 1);
  return pieces.filter(
    ({ meaning }, index) => (meaning.is !== 'or' || (index > first && index < last)) && meaning.is !== 'now',
  );
}

class Sentence {
  readonly #tokens: readonly Token[];
  readonly #words: WhenWords;
  readonly #reader: Reader;
  readonly #glue: ReadonlySet<string>;

  constructor(tokens: readonly Token[], words: WhenWords) {
    this.#tokens = tokens;
    this.#words = words;
    this.#reader = new Reader(tokens, words);
    this.#glue = new Set(words.glue);
  }

  /** Phrases from left to right, the longest at each place. */
  scanned(): readonly Piece[] {
    const pieces: Piece[] = [];
    for (let start = 0; start < this.#tokens.length;) {
      const phrase = isMidNumber(this.#tokens, start) ? undefined : this.#reader.phraseAt(start);
      const piece = phrase === undefined ? undefined : { ...phrase, start };
      if (piece !== undefined && !this.#counts(piece)) {
        pieces.push(piece);
        start = piece.end;
      } else start += 1;
    }
    return pieces;
  }

  /** "As 3 opções": a number of things. */
  #counts({ meaning, start, end }: Piece): boolean {
    if (meaning.is !== 'at') return false;
    const number = this.#tokens[end - 1];
    const thing = this.#tokens[end];
    const isNumber = number?.kind === 'number' || Object.hasOwn(this.#words.numbers, number?.folded ?? '');
    const isPlural = thing?.kind === 'word' && thing.folded.length > 3 && thing.folded.endsWith('s');
    if (!isNumber || !isPlural || this.#glue.has(thing.folded) || end - start > 2) return false;
    return this.#reader.phraseAt(end) === undefined;
  }

  /** Words that are often something else count only beside a time, or alone: "ter", "noite", "maio". */
  withoutStrayWeak(pieces: readonly Piece[]): readonly Piece[] {
    const isFirm = pieces.map((piece) => !isWeak(piece) && (saysTime(piece) || piece.meaning.is === 'filler'));
    // From left to right and back, since one may stand beside another.
    for (let index = 1; index < pieces.length; index += 1)
      if (isFirm[index - 1] === true && this.#areNear(pieces[index - 1], pieces[index])) isFirm[index] = true;
    for (let index = pieces.length - 2; index >= 0; index -= 1)
      if (isFirm[index + 1] === true && this.#areNear(pieces[index], pieces[index + 1])) isFirm[index] = true;
    const isAll = this.#isWhole(pieces);
    return pieces.filter((piece, index) => isAll || !isWeak(piece) || isFirm[index] === true);
  }

  #areNear(one: Piece | undefined, other: Piece | undefined): boolean {
    if (one === undefined || other === undefined || other.start - one.end > apartMax) return false;
    return this.#tokens.slice(one.end, other.start).every((token) => this.#isBetween(token));
  }

  #isBetween(token: Token): boolean {
    return token.kind === 'mark' || this.#glue.has(token.folded) || token.folded === this.#words.and;
  }

  #isWhole(pieces: readonly Piece[]): boolean {
    const covered = this.consumedBy(pieces);
    return this.#tokens.every((token, index) => covered.has(index) || token.kind === 'mark');
  }

  /** The tokens of the pieces, with the words before each that belong to it, and marks between two. */
  consumedBy(pieces: readonly Piece[]): ReadonlySet<number> {
    const consumed = new Set<number>();
    let before = 0;
    for (const { start, end } of pieces) {
      let from = start;
      while (from > before && this.#isGlue(from - 1)) from -= 1;
      const isNext = before > 0 && this.#tokens.slice(before, from).every((token) => token.kind === 'mark');
      for (let index = isNext ? before : from; index < end; index += 1) consumed.add(index);
      before = end;
    }
    return consumed;
  }

  /** The tokens beside these pieces that make them unsure. */
  doubtfulBeside(times: readonly Piece[], all: readonly Piece[]): ReadonlySet<number> {
    if (times.length === 0) return new Set();
    const owner = new Map<number, Piece>();
    for (const piece of all) for (let index = piece.start; index < piece.end; index += 1) owner.set(index, piece);
    return new Set([...this.#negating(times, owner), ...times.flatMap((piece) => this.#doubtfulBeside(piece, owner))]);
  }

  /** Negations in the clause of a time, or in one that only refuses behind it ("sexta, não posso"). */
  #negating(times: readonly Piece[], owner: ReadonlyMap<number, Piece>): readonly number[] {
    const found: number[] = [];
    let hadTime = false;
    for (const clause of this.#clauses(owner)) {
      const free = clause.filter((index) => !owner.has(index) && this.#tokens[index]?.kind === 'word');
      const negations = free.filter((index) => this.#isOneOf(index, this.#words.negations));
      const refuses = free.every((index) => this.#isOneOf(index, [...this.#words.negations, ...this.#words.refusals]));
      const hasTime = clause.some((index) => times.includes(owner.get(index) ?? nowhere));
      if (hasTime || (hadTime && refuses)) found.push(...negations);
      hadTime ||= hasTime;
    }
    return found;
  }

  /** Indices of tokens, clause by clause; a mark within a piece ends none. */
  #clauses(owner: ReadonlyMap<number, Piece>): readonly (readonly number[])[] {
    const clauses: number[][] = [[]];
    for (const [index, token] of this.#tokens.entries()) {
      if (!owner.has(index) && this.#startsClause(token)) clauses.push([]);
      else clauses.at(-1)?.push(index);
    }
    return clauses;
  }

  #isOneOf(index: number, words: readonly string[]): boolean {
    const token = this.#tokens[index];
    return token !== undefined && (words.includes(token.folded) || words.includes(token.lower));
  }

  #startsClause(token: Token): boolean {
    return /^[,.;!?\n]$/u.test(token.folded) || this.#words.clauseStarts.includes(token.folded);
  }

  /** Numbers left over beside a time ("sexta 15"), and words that change it ("última sexta"). */
  #doubtfulBeside({ start, end }: Piece, owner: ReadonlyMap<number, Piece>): readonly number[] {
    let before = start - 1;
    while (before >= 0 && !owner.has(before) && this.#isGlue(before)) before -= 1;
    let after = end;
    while (after < this.#tokens.length && !owner.has(after) && this.#joins(this.#tokens[after])) after += 1;
    const changing = [start - 1, before, end].filter((index) => this.#changes(index, owner));
    // "10, 11 ou 12 de abril" has three.
    const isListed = this.#tokens[start]?.kind === 'number' && this.#tokens[start - 1]?.folded === ',';
    const beside = isListed ? [before, after, start - 2] : [before, after];
    return [...changing, ...beside.filter((index) => this.#isLeftNumber(index, owner))];
  }

  #isGlue(index: number): boolean {
    return this.#glue.has(this.#tokens[index]?.folded ?? '');
  }

  #joins(token: Token | undefined): boolean {
    return token !== undefined && (this.#isBetween(token) || token.folded === 'ou' || token.folded === 'or');
  }

  #changes(index: number, owner: ReadonlyMap<number, Piece>): boolean {
    return !owner.has(index) && this.#isOneOf(index, this.#words.troubling);
  }

  /** A number that counts no things: nothing follows it, or a mark, or the words before another time. */
  #isLeftNumber(index: number, owner: ReadonlyMap<number, Piece>): boolean {
    const token = this.#tokens[index];
    if (token?.kind !== 'number' || token.folded.length > 2 || owner.has(index)) return false;
    const next = this.#tokens[index + 1];
    return next?.kind !== 'word' || owner.has(index + 1) || this.#isGlue(index + 1) || next.folded === this.#words.and;
  }
}

const nowhere: Piece = { meaning: { is: 'elsewhere' }, captures: { clocks: [], days: [] }, start: -1, end: -1 };
