/**
 * A language's words, ready for look-up, and how text is brought into the form in which they are
 * looked up. What a message means by them: `understanding.ts`.
 */
import type { Words } from './texts/language.ts';

/** What can be chosen from the menu; `menu` is the menu itself. */
export type Choice = 'information' | 'myData' | 'person' | 'menu';

/** Characters (UTF-16 units) of a message that are read. */
export const textLengthMax = 1000;

type Leaning = 'yes' | 'no' | 'filler';

/** Id of the button that asks for a language. */
export const languageButtonOf = (locale: string): string => `language.${locale}`;

/** The words of all languages that are understood in every conversation. */
export type Everywhere = Pick<Words, 'optOut' | 'optOutLeads' | 'fillers' | 'languages'> & {
  /** Phrases that ask for a language, each with its locale. */
  readonly languageNames: readonly (readonly [phrase: string, locale: string])[];
};

/** A language's words, ready for look-up. */
export interface Lexicon {
  readonly words: Words;
  readonly leanings: ReadonlyMap<string, Leaning>;
  readonly yesClearly: ReadonlySet<string>;
  readonly fillers: ReadonlySet<string>;
  readonly why: ReadonlySet<string>;
  readonly optOut: ReadonlySet<string>;
  readonly optOutLeads: ReadonlySet<string>;
  /** Fillers of all languages. */
  readonly politeness: ReadonlySet<string>;
  /** Phrases that ask for a language, and its locale. */
  readonly languageNames: ReadonlyMap<string, string>;
  readonly languageButtons: ReadonlyMap<string, string>;
  /** Phrases that ask which languages there are. */
  readonly languages: ReadonlySet<string>;
  readonly choices: ReadonlyMap<string, Choice>;
  readonly ordinals: ReadonlyMap<string, Choice>;
  readonly choiceFillers: ReadonlySet<string>;
  readonly personSigns: ReadonlySet<string>;
  readonly negations: ReadonlySet<string>;
  readonly skip: ReadonlySet<string>;
  readonly greetings: ReadonlySet<string>;
  readonly nameLeads: ReadonlySet<string>;
  readonly nameTails: ReadonlySet<string>;
  readonly notNames: ReadonlySet<string>;
  readonly particles: ReadonlySet<string>;
  readonly honorifics: ReadonlySet<string>;
}

/** Prepares words for look-up; done once per language. */
export function lexiconOf(words: Words, everywhere: Everywhere): Lexicon {
  const politeness = new Set(everywhere.fillers);
  // Fillers are taken out of what is looked up, so a phrase has to be known without its own as well.
  const bare = (phrase: string): string => without(tokensOf(phrase), (filler) => politeness.has(filler)).join(' ');
  const bareToo = (phrase: string): readonly string[] => (bare(phrase) === '' ? [phrase] : [phrase, bare(phrase)]);
  const all = <Value>(list: readonly string[], value: Value): [string, Value][] => list.map((word) => [word, value]);
  return {
    words,
    leanings: new Map([
      ...all<Leaning>(words.fillers, 'filler'),
      ...all<Leaning>(words.yes, 'yes'),
      ...all<Leaning>(words.yesClearly, 'yes'),
      ...all<Leaning>(words.no, 'no'),
    ]),
    yesClearly: new Set(words.yesClearly),
    fillers: new Set(words.fillers),
    why: new Set(words.why),
    optOut: new Set(everywhere.optOut.flatMap(bareToo)),
    optOutLeads: new Set(everywhere.optOutLeads),
    politeness,
    languageNames: new Map(
      everywhere.languageNames.flatMap(([phrase, locale]) =>
        bareToo(phrase).map((each): [string, string] => [each, locale]),
      ),
    ),
    languageButtons: new Map(everywhere.languageNames.map(([, locale]) => [languageButtonOf(locale), locale])),
    languages: new Set(everywhere.languages.flatMap(bareToo)),
    choices: new Map([
      ...all<Choice>(words.information, 'information'),
      ...all<Choice>(words.myData, 'myData'),
      ...all<Choice>(words.person, 'person'),
      ...all<Choice>(words.menu, 'menu'),
    ]),
    ordinals: new Map([
      ...all<Choice>(words.ordinals.information, 'information'),
      ...all<Choice>(words.ordinals.myData, 'myData'),
      ...all<Choice>(words.ordinals.person, 'person'),
    ]),
    choiceFillers: new Set(words.choiceFillers),
    personSigns: new Set(words.personSigns),
    negations: new Set(words.negations),
    skip: new Set(words.skip),
    greetings: new Set(words.greetings),
    nameLeads: new Set(words.nameLeads),
    nameTails: new Set(words.nameTails),
    notNames: new Set(words.notNames),
    particles: new Set(words.particles),
    honorifics: new Set(words.honorifics),
  };
}

/**
 * Text as it is looked up: lower case, no accents, no punctuation, single blanks, every emoji a
 * word of its own, letters that are held down ("siiim") once.
 */
export const fold = (text: string): string =>
  text
    .slice(0, textLengthMax)
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\p{M}\p{Cf}\p{Emoji_Modifier}]/gu, '')
    .replace(/\p{Extended_Pictographic}/gu, ' $& ')
    .replace(/[^\p{L}\p{N}\p{Extended_Pictographic}]+/gu, ' ')
    .replace(/(\p{L})\1{2,}/gu, '$1')
    .trim();

/** Words of folded text. */
export const tokensOf = (folded: string): readonly string[] => (folded === '' ? [] : folded.split(' '));

/** Words of the longest phrase. */
export const phraseTokensMax = 5;

/** Tokens of the longest known phrase at this place; 0 if there is none. */
export function phraseLengthAt(tokens: readonly string[], index: number, known: (phrase: string) => boolean): number {
  for (let length = Math.min(phraseTokensMax, tokens.length - index); length > 0; length -= 1)
    if (known(tokens.slice(index, index + length).join(' '))) return length;
  return 0;
}

/** Takes known phrases out, wherever they stand. */
export function without(tokens: readonly string[], known: (phrase: string) => boolean): readonly string[] {
  const rest: string[] = [];
  for (let index = 0; index < tokens.length;) {
    const length = phraseLengthAt(tokens, index, known);
    if (length === 0) rest.push(tokens[index] ?? '');
    index += Math.max(length, 1);
  }
  return rest;
}
