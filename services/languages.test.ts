// Goal: the tenant's language is set from outside, and a person changes it by a word, for good.
// Method: the program as a process, spoken to over HTTP.
import { afterAll, beforeAll, expect, test } from 'vitest';

import { locales } from '#machines/conversation/texts/catalogue.ts';
import { readConfig } from '#runtime/config.ts';
import { eventually } from '#runtime/testing/person.ts';

import { Program } from './testing/program.ts';

const phone = '5511999990002';

let program: Program;

beforeAll(async () => {
  program = await Program.start({ PROSA_LOCALE: 'en' });
});

afterAll(() => program.close());

const texts = async () => (await program.phone(phone)).map(({ text }) => text);

/** Says it and gives the answer. */
async function answerTo(said: string): Promise<string> {
  const before = (await texts()).length;
  await program.says(phone, said);
  return (await eventually(texts, (all) => all.length === before + 1)).at(-1) ?? '';
}

test('a tenant that speaks English is answered in, and a person goes on in Spanish', async () => {
  expect(await answerTo('Hi')).toMatch(/^Hi! .*LGPD.*\*YES\* or \*NO\*/su);
  expect(await answerTo('yes')).toMatch(/What's your name\?$/u);
  expect(await answerTo('español, por favor')).toMatch(/^¡Perfecto, seguimos en español!.*¿Cómo te llamas\?/su);
  expect(await answerTo('me llamo Ana Souza')).toMatch(/^¡Mucho gusto, Ana!/u);
  // Withdrawn by a word of a third language; the next conversation is in the person's own.
  expect(await answerTo('PARAR')).toMatch(/^¡Listo!/u);
  expect(await answerTo('Hi')).toMatch(/^¡Hola de nuevo!/u);
  // Auditors read a moment later.
  const chosen = await eventually(
    async () => (await program.api('GET', '/v1/audit?type=language.chosen')).body as { items: { subject: string }[] },
    ({ items }) => items.length > 0,
  );
  expect(chosen.items.map(({ subject }) => subject)).toEqual(['es']);
});

test('every language that there is can be the demo tenant’s, and no other', () => {
  for (const locale of locales) expect(readConfig({ PROSA_LOCALE: locale }).demoLocale).toBe(locale);
  expect(() => readConfig({ PROSA_LOCALE: 'tlh' })).toThrow(/PROSA_LOCALE/u);
});
