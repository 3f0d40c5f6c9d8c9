import { type Everywhere, type Lexicon, lexiconOf } from '../lexicon.ts';
import { en } from './en.ts';
import { es } from './es.ts';
import type { Language } from './language.ts';
import { ptBr } from './pt-br.ts';

/** Every language there is; the first is the one to fall back to. */
const languages: readonly [Language, ...Language[]] = [ptBr, en, es];

/** A language with its words made ready for look-up. */
export interface SpokenLanguage extends Language {
  readonly lexicon: Lexicon;
}

/** BCP 47 tags of the languages there are. */
export const locales: readonly string[] = languages.map(({ locale }) => locale);

/** What those who speak it call each language. */
export const languageNames: readonly Pick<Language, 'locale' | 'name'>[] = languages.map(({ locale, name }) => ({
  locale,
  name,
}));

/** Nobody is kept in a language, or in a conversation, for want of its words. */
const everywhere: Everywhere = {
  optOut: languages.flatMap(({ words }) => words.optOut),
  optOutLeads: languages.flatMap(({ words }) => words.optOutLeads),
  fillers: languages.flatMap(({ words }) => words.fillers),
  languages: languages.flatMap(({ words }) => words.languages),
  languageNames: languages.flatMap(({ locale, words }) =>
    words.thisLanguage.map((phrase): [string, string] => [phrase, locale]),
  ),
};

const spoken = (language: Language): SpokenLanguage => ({
  ...language,
  lexicon: lexiconOf(language.words, everywhere),
});

const fallback = spoken(languages[0]);
const byLocale: ReadonlyMap<string, SpokenLanguage> = new Map(
  languages.map((language) => [language.locale.toLowerCase(), language === languages[0] ? fallback : spoken(language)]),
);

/** The language for a BCP 47 tag: that tag, else one that shares its first part (`pt` is pt-BR), else pt-BR. */
export function languageOf(locale: string): SpokenLanguage {
  const wanted = locale.toLowerCase();
  const exact = byLocale.get(wanted);
  if (exact !== undefined) return exact;
  const base = wanted.split('-', 1)[0] ?? '';
  for (const [tag, language] of byLocale) if (tag.split('-', 1)[0] === base) return language;
  return fallback;
}
