/** Every language is complete, can be sent, speaks no other, and is understood by its own words. */
import { describe, expect, it } from 'vitest';
import { foreignIn, markers, wordsOf } from '../testing/markers.ts';
import { fold, languageButtonOf, phraseTokensMax } from '../lexicon.ts';
import { conversationSettingsLimits } from '../settings.ts';
import {
  acceptsClearly,
  answerOf,
  asksForLanguages,
  asksWhy,
  buttonIds,
  choiceOf,
  languageAskedIn,
  optsOut,
  skipsName,
} from '../understanding.ts';
import { languageNames, languageOf, locales } from './catalogue.ts';
import type { ConsentOccasion, Texts } from './language.ts';

const languages = locales.map(languageOf);
const occasions: readonly ConsentOccasion[] = ['first', 'refused', 'withdrawn', 'renewed'];
const controller = { businessName: 'Aurora', privacyUrl: 'https://aurora.example' };
const written = (text: string) => ({ kind: 'text', text }) as const;

/** Words that each language tells a person to send: stop, menu, skip, why, yes, no. */
const told: Readonly<Record<string, Readonly<Record<'stop' | 'menu' | 'skip' | 'why' | 'yes' | 'no', string>>>> = {
  'pt-BR': { stop: 'PARAR', menu: 'MENU', skip: 'PULAR', why: 'SABER MAIS', yes: 'SIM', no: 'NÃO' },
  en: { stop: 'STOP', menu: 'MENU', skip: 'SKIP', why: 'LEARN MORE', yes: 'YES', no: 'NO' },
  es: { stop: 'BAJA', menu: 'MENÚ', skip: 'OMITIR', why: 'SABER MÁS', yes: 'SÍ', no: 'NO' },
};

/** Every text in every variant, filled as full as it may be and as empty. */
function rendered(texts: Texts): readonly (readonly [key: string, text: string])[] {
  const full = {
    businessName: 'A'.repeat(conversationSettingsLimits.businessName),
    privacyUrl: `https://${'a'.repeat(conversationSettingsLimits.privacyUrl - 8)}`,
    name: 'Z'.repeat(80),
    noticeVersion: '7'.repeat(conversationSettingsLimits.noticeVersion),
    consentAt: '9'.repeat(40),
    hadConsent: true,
  };
  const bare = { ...full, privacyUrl: undefined, name: null, hadConsent: false };
  const variants = occasions.flatMap((occasion) => [full, bare].map((of) => ({ ...of, occasion })));
  return Object.entries(texts as unknown as Readonly<Record<string, string | ((of: object) => string)>>).flatMap(
    ([key, text]): readonly (readonly [string, string])[] =>
      typeof text === 'string' ? [[key, text]] : variants.map((of) => [key, text(of)]),
  );
}

describe('the catalogue', () => {
  it('finds a language by tag, by its first part, and falls back', () => {
    expect(locales).toEqual(['pt-BR', 'en', 'es']);
    for (const locale of locales) expect(languageOf(locale).locale).toBe(locale);
    expect(languageOf('PT-br')).toBe(languageOf('pt-BR'));
    expect(languageOf('pt')).toBe(languageOf('pt-BR'));
    expect(languageOf('pt-PT')).toBe(languageOf('pt-BR'));
    expect(languageOf('en-GB')).toBe(languageOf('en'));
    expect(languageOf('es-419')).toBe(languageOf('es'));
    for (const none of ['tlh', '', '__proto__']) expect(languageOf(none)).toBe(languageOf('pt-BR'));
  });

  it('has an id for every button, each of its own', () => {
    const ids = [...Object.values(buttonIds), ...locales.map(languageButtonOf)];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('fits its languages on the buttons of one message', () => {
    // WhatsApp's limits: three buttons, twenty characters. A fourth language needs a list.
    expect(languageNames.length).toBeLessThanOrEqual(3);
    for (const { name } of languageNames) expect(name.length).toBeLessThanOrEqual(20);
  });

  it('asks for one language by one phrase', () => {
    const phrases = languages.flatMap(({ words }) => words.thisLanguage);
    expect(phrases.filter((phrase, index) => phrases.indexOf(phrase) !== index)).toEqual([]);
    const { lexicon } = languageOf('en');
    for (const { locale, words } of languages)
      for (const phrase of words.thisLanguage) expect(languageAskedIn(written(phrase), lexicon), phrase).toBe(locale);
    for (const { words } of languages)
      for (const phrase of words.languages) expect(languageAskedIn(written(phrase), lexicon), phrase).toBeUndefined();
  });
});

describe.each(languages)('$locale', ({ locale, name, texts, buttons, lexicon, momentOf }) => {
  it('has a text for every key, that can be sent, and is in this language and no other', () => {
    const all = rendered(texts);
    expect(all.length).toBeGreaterThan(50);
    for (const [key, text] of all) {
      expect(text.trim(), key).toBe(text);
      expect(text, key).not.toBe('');
      // The hint at other languages goes below.
      expect(text.length, key).toBeLessThan(4000);
      expect(text, key).not.toMatch(/undefined|null|\[object|function/u);
      expect(foreignIn(text, { locale, name: null }), `${key}: ${text}`).toEqual([]);
      expect(
        wordsOf(text).some((word) => markers[locale]?.has(word)),
        `${key}: ${text}`,
      ).toBe(true);
    }
  });

  it('names the controller, the way out, the law and the notice in every question for consent', () => {
    for (const occasion of occasions)
      for (const question of [texts.consentQuestion({ ...controller, occasion }), texts.consentExplained(controller)])
        for (const part of ['Aurora', 'https://aurora.example', `*${told[locale]?.stop ?? '?'}*`, 'LGPD'])
          expect(question).toContain(part);
  });

  it('has titles that fit on a button and mean what the button means', () => {
    for (const title of Object.values({ ...buttons })) expect(title.length).toBeLessThanOrEqual(20);
    expect(answerOf(written(buttons.yes), lexicon)).toBe('yes');
    expect(answerOf(written(buttons.no), lexicon)).toBe('no');
    expect(choiceOf(written(buttons.information), lexicon)).toBe('information');
    expect(choiceOf(written(buttons.myData), lexicon)).toBe('myData');
    expect(choiceOf(written(buttons.person), lexicon)).toBe('person');
    expect(languageAskedIn(written(name), lexicon)).toBe(locale);
  });

  it('understands every word in capitals that its texts tell the person to send', () => {
    const words = new Set(
      rendered(texts)
        .flatMap(([, text]) => [...text.matchAll(/\*(\p{Lu}[\p{Lu} ]+)\*/gu)].map(([, word = '']) => word))
        .filter((word) => !/^(.)\1+$/u.test(word)),
    );
    const { stop, menu, skip, why, yes, no } = told[locale] ?? fail(locale);
    expect([...words].sort()).toEqual([stop, menu, skip, why, yes, no].sort());
    expect(optsOut(written(stop), lexicon)).toBe(true);
    expect(choiceOf(written(menu), lexicon)).toBe('menu');
    expect(skipsName(written(skip), lexicon)).toBe(true);
    expect(asksWhy(written(why), lexicon)).toBe(true);
    expect(answerOf(written(yes), lexicon)).toBe('yes');
    expect(acceptsClearly(written(yes), lexicon)).toBe(true);
    expect(answerOf(written(no), lexicon)).toBe('no');
  });

  it('says the numbers of its menu in the order in which it understands them', () => {
    const lines = [...texts.menu.matchAll(/\*(\d)\* (.+)/gu)].map(([, number = '', title = '']) => [number, title]);
    expect(lines.map(([number]) => number)).toEqual(['1', '2', '3']);
    for (const [number = '', title = ''] of lines)
      expect(choiceOf(written(title), lexicon)).toBe(choiceOf(written(number), lexicon));
  });

  it('lets a person out, and change the language, by the words of every language', () => {
    for (const { words } of languages) {
      for (const phrase of words.optOut) expect(optsOut(written(phrase.toUpperCase()), lexicon), phrase).toBe(true);
      for (const phrase of words.thisLanguage)
        expect(languageAskedIn(written(phrase), lexicon), phrase).not.toBeUndefined();
      for (const phrase of words.languages) expect(asksForLanguages(written(phrase), lexicon), phrase).toBe(true);
    }
    for (const word of Object.values(told)) expect(optsOut(written(word.stop), lexicon)).toBe(true);
  });

  it('takes none of its own words for a way out or for a language', () => {
    const { words } = lexicon;
    const ordinary = [
      ...[words.yes, words.yesClearly, words.no, words.fillers, words.why, words.menu, words.information],
      ...[words.myData, words.person, words.skip, words.greetings, ...Object.values({ ...words.ordinals })],
    ].flat();
    for (const word of ordinary) {
      expect(optsOut(written(word), lexicon), word).toBe(false);
      expect(languageAskedIn(written(word), lexicon), word).toBeUndefined();
      expect(asksForLanguages(written(word), lexicon), word).toBe(false);
    }
  });

  it('has no words in two minds', () => {
    const { yes, yesClearly, no, fillers } = lexicon.words;
    expect(yes.filter((word) => no.includes(word) || fillers.includes(word))).toEqual([]);
    expect([...yesClearly, ...fillers].filter((word) => no.includes(word))).toEqual([]);
    for (const word of yesClearly) expect(acceptsClearly(written(word), lexicon), word).toBe(true);
    for (const word of yes) expect(answerOf(written(word), lexicon), word).toBe('yes');
    for (const word of no) expect(answerOf(written(word), lexicon), word).toBe('no');
  });

  it('has no phrase that is longer than what is looked up', () => {
    const { fillers, optOutLeads, greetings, nameLeads, nameTails } = lexicon.words;
    const phrases = [fillers, optOutLeads, greetings, nameLeads, nameTails].flat();
    expect(phrases.filter((phrase) => phrase.split(' ').length > phraseTokensMax)).toEqual([]);
  });

  it('folds its own words to themselves', () => {
    const { ordinals, ...lists } = lexicon.words;
    const words = [...Object.values({ ...lists }), ...Object.values({ ...ordinals })].flat();
    expect(words.length).toBeGreaterThan(300);
    // A word that folding changes could never be found.
    expect(words.filter((word) => fold(word) !== word)).toEqual([]);
  });

  it('tells a moment by its day, month, year and time', () => {
    const moment = momentOf({ day: '03', month: '04', year: '2025', hour: '09', minute: '05' });
    expect(moment).toBe(
      { 'pt-BR': '03/04/2025 às 09:05', en: '3 April 2025 at 09:05', es: '03/04/2025 a las 09:05' }[locale],
    );
  });
});

const fail = (locale: string): never => {
  throw new Error(`say here what ${locale} tells people to send`);
};
