/**
 * What a person's message means, without a model: folded text is looked up in the language's words.
 *
 * Pure, and linear in the input, which is cut to `textLengthMax` first. What is not recognised
 * surely is not guessed: consent has to be unambiguous.
 */
import type { InboundContent } from '#schemas/content.ts';
import {
  type Choice,
  type Lexicon,
  fold,
  phraseLengthAt,
  phraseTokensMax,
  textLengthMax,
  tokensOf,
  without,
} from './lexicon.ts';

/** Longest name, in code points. */
const nameLengthMax = 80;

/** Words and phrases of one sentence that are weighed at all; longer ones are free text. */
const tokensMax = 12;
const nameWordsMax = 8;

/** Ids of our buttons; they come back in `button` content. */
export const buttonIds = {
  yes: 'consent.yes',
  no: 'consent.no',
  optOut: 'consent.withdraw',
  information: 'menu.information',
  myData: 'menu.data',
  person: 'menu.person',
  menu: 'menu.show',
} as const;

/** What of a message can be read: its text, a button's title, a caption. Undefined if there is nothing. */
export function textOf(content: InboundContent): string | undefined {
  const text = writtenIn(content)?.slice(0, textLengthMax);
  return text === undefined || text.trim() === '' ? undefined : text;
}

function writtenIn(content: InboundContent): string | undefined {
  switch (content.kind) {
    case 'text':
      return content.text;
    case 'button':
    case 'list':
      return content.title;
    case 'image':
    case 'audio':
    case 'video':
    case 'document':
    case 'sticker':
      return content.caption;
    case 'form':
    case 'order':
    case 'unknown':
      return content.text;
    case 'location':
    case 'contacts':
    case 'poll':
      return undefined;
    default:
      // A kind newer than this version of the machine.
      content satisfies never;
      return undefined;
  }
}

const isEmoji = (token: string): boolean => /^\p{Extended_Pictographic}$/u.test(token);
const foldedOf = (content: InboundContent): string => readOf(content).folded;
const plainTokensOf = (content: InboundContent): readonly string[] => readOf(content).plainTokens;

interface Read {
  readonly text: string;
  readonly folded: string;
  /** Its words without emoji. */
  readonly plainTokens: readonly string[];
}

let lastRead: Read = { text: '', folded: '', plainTokens: [] };

/** Every guard of a state asks about the same message, so what was read last is kept. */
function readOf(content: InboundContent): Read {
  const text = textOf(content) ?? '';
  if (text !== lastRead.text) {
    const folded = fold(text);
    lastRead = { text, folded, plainTokens: tokensOf(folded).filter((token) => !isEmoji(token)) };
  }
  return lastRead;
}
const buttonOf = (content: InboundContent): string | undefined =>
  content.kind === 'button' || content.kind === 'list' ? content.id : undefined;

/** True if the whole message withdraws consent: "PARAR", "por favor, sair!". "Cancelar" alone does not. */
export function optsOut(content: InboundContent, lexicon: Lexicon): boolean {
  if (buttonOf(content) === buttonIds.optOut) return true;
  const isOptOut = (tokens: readonly string[]): boolean => lexicon.optOut.has(tokens.join(' '));
  const tokens = plainTokensOf(content);
  if (isOptOut(tokens)) return true;
  if (tokens.length > tokensMax) return false;
  const plain = without(tokens, (phrase) => lexicon.politeness.has(phrase));
  // "Quero sair" too; elsewhere "quero" is a yes.
  return isOptOut(plain) || isOptOut(without(plain, (phrase) => lexicon.optOutLeads.has(phrase)));
}

/** The locale of the language that the whole message asks for: "English, please", "podemos falar em espanhol?". */
export function languageAskedIn(content: InboundContent, lexicon: Lexicon): string | undefined {
  const pressed = lexicon.languageButtons.get(buttonOf(content) ?? '');
  return pressed ?? wholeMessageIn(content, lexicon, (said) => lexicon.languageNames.get(said));
}

/** True if the whole message asks which languages there are: "idioma", "change language". */
export const asksForLanguages = (content: InboundContent, lexicon: Lexicon): boolean =>
  wholeMessageIn(content, lexicon, (said) => lexicon.languages.has(said) || undefined) === true;

/** What the message means as it is, or else without politeness in whatever language. */
function wholeMessageIn<Meaning>(
  content: InboundContent,
  lexicon: Lexicon,
  meaningOf: (said: string) => Meaning | undefined,
): Meaning | undefined {
  const tokens = plainTokensOf(content);
  const exact = meaningOf(tokens.join(' '));
  if (exact !== undefined || tokens.length > tokensMax) return exact;
  return meaningOf(without(tokens, (phrase) => lexicon.politeness.has(phrase)).join(' '));
}

/** A yes or a no that leaves no doubt, written or pressed. */
export function answerOf(content: InboundContent, lexicon: Lexicon): 'yes' | 'no' | undefined {
  const button = buttonOf(content);
  if (button === buttonIds.yes) return 'yes';
  if (button === buttonIds.no) return 'no';
  const folded = foldedOf(content);
  // Where a transport shows buttons as a numbered list.
  if (folded === '1') return 'yes';
  if (folded === '2') return 'no';
  const leaning = leaningOf(tokensOf(folded), lexicon);
  // "Pode?" asks, it does not agree.
  return leaning === 'yes' && textOf(content)?.includes('?') === true ? undefined : leaning;
}

/** Every word has to be a known one; a single no outweighs ("claro que não", "não aceito"). */
function leaningOf(tokens: readonly string[], lexicon: Lexicon): 'yes' | 'no' | undefined {
  if (tokens.length > tokensMax) return undefined;
  let leaning: 'yes' | 'no' | undefined;
  for (let index = 0; index < tokens.length;) {
    const length = phraseLengthAt(tokens, index, (phrase) => lexicon.leanings.has(phrase));
    const found = lexicon.leanings.get(tokens.slice(index, index + length).join(' '));
    if (found === undefined && !isEmoji(tokens[index] ?? '')) return undefined;
    if (found === 'no' || (found === 'yes' && leaning === undefined)) leaning = found;
    index += Math.max(length, 1);
  }
  return leaning;
}

/** A yes that stands even after a refusal: "sim", "aceito", "quero", the button; not "ok" or 👍. */
export function acceptsClearly(content: InboundContent, lexicon: Lexicon): boolean {
  if (buttonOf(content) === buttonIds.yes) return true;
  if (answerOf(content, lexicon) === 'no') return false;
  const tokens = plainTokensOf(content);
  if (tokens.length === 0 || tokens.length > tokensMax) return false;
  if (lexicon.yesClearly.has(tokens.join(' '))) return true;
  const isFiller = (phrase: string): boolean => lexicon.fillers.has(phrase);
  const isYes = (phrase: string): boolean => lexicon.yesClearly.has(phrase);
  const rest = without(tokens, isFiller);
  if (rest.length === 0) return false;
  // Both ways, since a filler may be a part of a yes ("I" of "I agree").
  return (
    without(rest, isYes).length === 0 || without(tokens, (phrase) => isFiller(phrase) || isYes(phrase)).length === 0
  );
}

const questionLengthMax = 160;

/** True if the person asks what this is about: "por quê?", "saber mais", "?". */
export function asksWhy(content: InboundContent, lexicon: Lexicon): boolean {
  const text = textOf(content) ?? '';
  const folded = fold(text);
  if (folded === '') return text.includes('?') && /^[\s?¿!]+$/u.test(text);
  if (lexicon.why.has(folded)) return true;
  if (folded.length > questionLengthMax) return false;
  const tokens = tokensOf(folded);
  const question = tokens.slice(leadLength(tokens, (phrase) => lexicon.greetings.has(phrase))).join(' ');
  return (
    lexicon.why.has(question) ||
    lexicon.words.whyStarts.some((start) => question === start || question.startsWith(`${start} `))
  );
}

const choiceOfButton: ReadonlyMap<string, Choice> = new Map([
  [buttonIds.information, 'information'],
  [buttonIds.myData, 'myData'],
  [buttonIds.person, 'person'],
  [buttonIds.menu, 'menu'],
]);

/** What was chosen from the menu: by number, by words or by button. */
export function choiceOf(content: InboundContent, lexicon: Lexicon): Choice | undefined {
  return lookedUp(content, lexicon, lexicon.ordinals) ?? wordedChoiceOf(content, lexicon);
}

/** The same without numbers, which mean a choice only while the menu is what is being answered. */
export function wordedChoiceOf(content: InboundContent, lexicon: Lexicon): Choice | undefined {
  const pressed = choiceOfButton.get(buttonOf(content) ?? '');
  if (pressed !== undefined) return pressed;
  const exact = lookedUp(content, lexicon, lexicon.choices);
  if (exact !== undefined) return exact;
  const tokens = plainTokensOf(content);
  const signed = tokens.length <= tokensMax && tokens.some((token) => lexicon.personSigns.has(token));
  return signed && !tokens.some((token) => lexicon.negations.has(token)) ? 'person' : undefined;
}

function lookedUp(content: InboundContent, lexicon: Lexicon, choices: ReadonlyMap<string, Choice>): Choice | undefined {
  const tokens = plainTokensOf(content);
  if (tokens.length > tokensMax) return undefined;
  const kept = tokens.filter((token) => !lexicon.choiceFillers.has(token));
  return choices.get(tokens.join(' ')) ?? choices.get(kept.join(' '));
}

/** True if the whole message is a greeting: "Oi", "olá, bom dia, tudo bem?". */
export function greets(content: InboundContent, lexicon: Lexicon): boolean {
  const tokens = plainTokensOf(content);
  return tokens.length > 0 && onlyGreets(tokens, lexicon);
}

const onlyGreets = (tokens: readonly string[], lexicon: Lexicon): boolean =>
  tokens.length <= tokensMax && without(tokens, (phrase) => lexicon.greetings.has(phrase)).length === 0;

/** True if the person would rather not say the name. */
export const skipsName = (content: InboundContent, lexicon: Lexicon): boolean => lexicon.skip.has(foldedOf(content));

/**
 * The name in a message, without greeting and lead-in ("oi, me chamo"), in title case where the
 * person used none; undefined unless it is plausible: letters, 2 to 80 characters, none of the
 * words that mean something else here.
 */
export function nameOf(content: InboundContent, lexicon: Lexicon): string | undefined {
  const words = nameWordsOf(textOf(content) ?? '', lexicon);
  const name = trimPunctuation(words.join(' '));
  if (!isPlausible(name)) return undefined;
  const tokens = tokensOf(fold(name));
  if (tokens.length > nameWordsMax || tokens.some((token) => lexicon.notNames.has(token))) return undefined;
  const said: InboundContent = { kind: 'text', text: name };
  const meansSomethingElse =
    onlyGreets(tokens, lexicon) ||
    leaningOf(tokens, lexicon) !== undefined ||
    choiceOf(said, lexicon) !== undefined ||
    asksWhy(said, lexicon) ||
    skipsName(said, lexicon) ||
    asksForLanguages(said, lexicon) ||
    languageAskedIn(said, lexicon) !== undefined ||
    optsOut(said, lexicon);
  return meansSomethingElse ? undefined : inTitleCase(name, lexicon);
}

function nameWordsOf(text: string, lexicon: Lexicon): readonly string[] {
  const plain = text
    .normalize('NFC')
    .replace(/[\p{Cf}\p{Extended_Pictographic}\p{Emoji_Modifier}\p{RI}\uFE0F]/gu, '')
    .replace(/[\s\p{Cc}]+/gu, ' ');
  const words = plain.split(' ').filter((word) => /[\p{L}\p{N}]/u.test(word));
  const folded = words.map(fold);
  if (words.length > tokensMax) return [];
  const isLead = (phrase: string): boolean => lexicon.nameLeads.has(phrase) || lexicon.greetings.has(phrase);
  const from = leadLength(folded, isLead);
  return words.slice(from, words.length - tailLength(folded.slice(from), lexicon));
}

/** Tokens of the known phrases at the beginning, one after the other ("Oi! Bom dia, meu nome é"). */
function leadLength(folded: readonly string[], isLead: (phrase: string) => boolean): number {
  let from = 0;
  for (;;) {
    const length = phraseLengthAt(folded, from, isLead);
    if (length === 0) return from;
    from += length;
  }
}

/** Words after the name: the longest known one ("obrigada"). */
function tailLength(folded: readonly string[], lexicon: Lexicon): number {
  for (let length = Math.min(phraseTokensMax, folded.length); length > 0; length -= 1)
    if (lexicon.nameTails.has(folded.slice(-length).join(' '))) return length;
  return 0;
}

const trimPunctuation = (text: string): string =>
  text.replace(/^[^\p{L}\p{N}]{1,40}/u, '').replace(/[^\p{L}\p{M}\p{N}]{1,40}$/u, '');

/** Letters with the marks that names have; no digits, no address of a site. */
function isPlausible(name: string): boolean {
  if (!/^[\p{L}\p{M}'’.\- ]+$/u.test(name) || /\.\p{L}{2}/u.test(name)) return false;
  const characters = Array.from(name.normalize('NFC').toLowerCase());
  const letters = characters.filter((character) => /\p{L}/u.test(character));
  return characters.length <= nameLengthMax && letters.length >= 2 && new Set(letters).size >= 2;
}

/** Changes the case only of a name written all small or all capital. */
function inTitleCase(name: string, lexicon: Lexicon): string {
  if (name !== name.toLowerCase() && name !== name.toUpperCase()) return name;
  return name
    .toLowerCase()
    .split(' ')
    .map((word, index) => (index > 0 && lexicon.particles.has(word) ? word : capitalised(word)))
    .join(' ');
}

const capitalised = (word: string): string =>
  word.replace(/(^|[-'’.])(\p{L})/gu, (_, before: string, letter: string) => `${before}${letter.toUpperCase()}`);

/** How to call somebody by that name: the first name, with its title if there is one ("Dona Maria"). */
export function callNameOf(name: string, lexicon: Lexicon): string {
  const [first = name, second] = name.split(' ');
  return second !== undefined && lexicon.honorifics.has(fold(first)) ? `${first} ${second}` : first;
}
