/** A person's full name, as typed; by the rules of the conversation's `nameOf`. */
import { type Lexicon, fold, textLengthMax } from '../conversation/lexicon.ts';
import { languageOf } from '../conversation/texts/catalogue.ts';
import { nameOf } from '../conversation/understanding.ts';

/** What was read of a name, in title case with small particles where the person used no case. */
export type FullNameReading =
  | { readonly kind: 'ok'; readonly name: string }
  /** Only a first name: ask for the rest. */
  | { readonly kind: 'single-word'; readonly name: string }
  | { readonly kind: 'none' };

/**
 * The full name in a text, without lead-in ("me chamo …") and title ("Dra."): two words of two letters at
 * least besides particles, no digits or links, at most 80 characters; nothing that means something else in
 * the conversation ("não quero", "menu").
 */
export function readFullName(text: string, locale = 'pt-BR'): FullNameReading {
  const { lexicon } = languageOf(locale);
  const cased = nameIn(text.slice(0, textLengthMax), lexicon);
  // Where only a particle had capitals, the rest has no case of its own.
  const name = cased === cased?.toLowerCase() ? nameIn(cased ?? '', lexicon) : cased;
  if (name === undefined) return { kind: 'none' };
  const words = name.split(' ');
  const isLead = (word: string): boolean => lexicon.honorifics.has(word) || lexicon.nameLeads.has(word);
  while (words.length > 1 && isLead(fold(words[0] ?? ''))) words.shift();
  while (words.length > 1 && lexicon.particles.has(fold(words.at(-1) ?? ''))) words.pop();
  const whole = words.filter((word) => !lexicon.particles.has(fold(word)) && fold(word).length > 1);
  return { kind: whole.length > 1 ? 'ok' : 'single-word', name: words.join(' ').replace(/\.+$/u, '') };
}

const nameIn = (text: string, lexicon: Lexicon): string | undefined =>
  nameOf({ kind: 'text', text }, lexicon)
    ?.split(' ')
    .map((word, index) => (index > 0 && particles.has(fold(word)) ? word.toLowerCase() : word))
    .join(' ');

/** Those that are small whatever the person wrote; "E" and "La" may be an initial or a part of a name. */
const particles: ReadonlySet<string> = new Set(['de', 'da', 'do', 'das', 'dos']);
