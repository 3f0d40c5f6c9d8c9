/** Every language is complete, can be sent, and is understood by its own words. */
import { describe, expect, it } from 'vitest';
import { buttonIds, answerOf, choiceOf, optsOut } from '../understanding.ts';
import { languageOf } from './catalogue.ts';
import type { ConsentOccasion } from './language.ts';

const languages = ['pt-BR'].map(languageOf);
const occasions: readonly ConsentOccasion[] = ['first', 'refused', 'withdrawn', 'renewed'];
const controller = { businessName: 'Clínica Aurora', privacyUrl: 'https://aurora.example' };
const written = (text: string) => ({ kind: 'text', text }) as const;

describe('the catalogue', () => {
  it('finds a language by tag, by its first part, and falls back', () => {
    expect(languageOf('pt-BR').locale).toBe('pt-BR');
    expect(languageOf('PT-br')).toBe(languageOf('pt-BR'));
    expect(languageOf('pt')).toBe(languageOf('pt-BR'));
    expect(languageOf('pt-PT')).toBe(languageOf('pt-BR'));
    expect(languageOf('tlh')).toBe(languageOf('pt-BR'));
    expect(languageOf('')).toBe(languageOf('pt-BR'));
    expect(languageOf('__proto__')).toBe(languageOf('pt-BR'));
  });
});

describe.each(languages)('$locale', ({ texts, buttons, lexicon }) => {
  it('names the controller, the way out and the notice in every question for consent', () => {
    for (const occasion of occasions) {
      const question = texts.consentQuestion({ ...controller, occasion });
      for (const part of ['Clínica Aurora', 'https://aurora.example', 'PARAR']) expect(question).toContain(part);
    }
    expect(texts.consentQuestion({ ...controller, privacyUrl: undefined, occasion: 'first' })).not.toContain(
      'undefined',
    );
  });

  it('has titles that fit on a button and mean what the button means', () => {
    for (const title of Object.values({ ...buttons })) expect(title.length).toBeLessThanOrEqual(20);
    expect(answerOf(written(buttons.yes), lexicon)).toBe('yes');
    expect(answerOf(written(buttons.no), lexicon)).toBe('no');
    expect(choiceOf(written(buttons.information), lexicon)).toBe('information');
    expect(choiceOf(written(buttons.myData), lexicon)).toBe('myData');
    expect(choiceOf(written(buttons.person), lexicon)).toBe('person');
  });

  it('understands every word in capitals that its texts tell the person to send', () => {
    const told = new Set(
      [
        ...occasions.map((occasion) => texts.consentQuestion({ ...controller, occasion })),
        ...[texts.nameUnclear, texts.menuHint, texts.personWaiting, texts.consentReminder, texts.consentUnclearLast],
      ].flatMap((text) => [...text.matchAll(/\*(\p{Lu}[\p{Lu} ]+)\*/gu)].map(([, word = '']) => word)),
    );
    expect([...told].sort()).toEqual(['MENU', 'NÃO', 'PARAR', 'PULAR', 'SABER MAIS', 'SIM']);
    expect(optsOut(written('PARAR'), lexicon)).toBe(true);
    expect(choiceOf(written('MENU'), lexicon)).toBe('menu');
  });

  it('has no words in two minds', () => {
    const { yes, no, fillers, optOut } = lexicon.words;
    for (const word of [...yes, ...no]) expect(optOut).not.toContain(word);
    expect(yes.filter((word) => no.includes(word) || fillers.includes(word))).toEqual([]);
  });

  it('has an id for every button, each of its own', () => {
    expect(new Set(Object.values(buttonIds)).size).toBe(Object.values(buttonIds).length);
  });
});
