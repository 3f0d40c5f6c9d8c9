/**
 * Words that only one of the languages has, so that a text in the wrong one is noticed. Folded; none
 * of them may be a word of another language's texts that is right there.
 */
import { type PersonContext } from '../context.ts';
import { languageNames } from '../texts/catalogue.ts';
import { fold } from '../lexicon.ts';

const words = (list: string): ReadonlySet<string> => new Set(list.split(' '));

/** By locale. */
export const markers: Readonly<Record<string, ReadonlySet<string>>> = {
  'pt-BR': words('voce nao ola sim mande obrigado seu seus sua dados conversa uma pessoa responda em e um com'),
  en: words('the you your to and please hi here name data reply send in on go my this we if is it not'),
  es: words('hola gracias tu tus datos puedes puedo envia nombre una alguien informacion en si y el los ahora mis'),
};

/** What a text says, without the names of languages. */
export const wordsOf = (text: string): readonly string[] => {
  const named = new Set(languageNames.map(({ name }) => fold(name)));
  return fold(text)
    .split(' ')
    .filter((word) => !named.has(word));
};

/** Words of other languages in a text that is said in one; the person's own name may be anything. */
export function foreignIn(text: string, { locale, name }: Pick<PersonContext, 'locale' | 'name'>): readonly string[] {
  const own = new Set(wordsOf(name ?? ''));
  const others = Object.entries(markers).filter(([other]) => other !== locale);
  return wordsOf(text).filter((word) => !own.has(word) && others.some(([, marks]) => marks.has(word)));
}
