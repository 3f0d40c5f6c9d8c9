import { type Lexicon, lexiconOf } from '../understanding.ts';
import type { Language } from './language.ts';
import { ptBr } from './pt-br.ts';

/** Every language there is; the first is the one to fall back to. */
const languages: readonly [Language, ...Language[]] = [ptBr];

/** A language with its words made ready for look-up. */
export interface SpokenLanguage extends Language {
  readonly lexicon: Lexicon;
}

const optOutEverywhere = languages.flatMap(({ words }) => words.optOut);

const spoken = (language: Language): SpokenLanguage => ({
  ...language,
  lexicon: lexiconOf({ ...language.words, optOut: optOutEverywhere }),
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
