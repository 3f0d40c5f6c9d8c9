/**
 * What a person can ask for from anywhere, in the midst of whatever is being done: the menu, a person, another
 * agent, another language, to stop. An answer in free text is only one if it is none of these.
 */
import { saysMinor } from '#machines/understanding/minor.ts';
import type { InboundContent } from '#schemas/content.ts';
import { namesOf } from './agent-settings.ts';
import { type CommandWords, commandWordsIn } from './command-words.ts';
import { type ConversationContext, consentInForce } from './context.ts';
import { ask, lexiconIn, mentions, pressedIn, proposedIn, saidIn, typedIn } from './hearing.ts';
import { fold, tokensOf, without } from './lexicon.ts';
import { itemsOf } from './menu.ts';
import type { Agent } from './tools.ts';
import { asksForLanguages, languageAskedIn, textOf, wordedChoiceOf } from './understanding.ts';

/** A command. `cancel` and `move` are of the person's own appointments. */
export type Command =
  | Agent
  | 'cancel'
  | 'move'
  | 'unregister'
  | 'rights'
  | 'minor'
  | 'menu'
  | 'person'
  | 'myData'
  | 'stop'
  | 'language'
  | 'languages';

/** In this order: what is said of an appointment one has goes before making one, a question about something before doing it. */
const worded = [
  'rights',
  'cancel',
  'move',
  'unregister',
  'appointments',
  'scheduling',
  'information',
  'registration',
  'person',
] as const;

/** A longer message tells something; it commands nothing by a word in it. */
const wordsMax = 25;

/** Which agent a command needs. */
const needs = (command: Command): Agent | undefined => {
  switch (command) {
    case 'cancel':
    case 'move':
      return 'appointments';
    case 'unregister':
      return 'registration';
    case 'scheduling':
    case 'appointments':
    case 'registration':
    case 'information':
      return command;
    default:
      return undefined;
  }
};

/** Whether the tenant offers what a command needs. */
const isOffered = (context: ConversationContext, command: Command): boolean => {
  const agent = needs(command);
  return agent === undefined || itemsOf(context).includes(agent);
};

/** What the message asks for, by its words or as a model proposes; undefined if it is none of these. */
export function commandIn(context: ConversationContext): Command | undefined {
  const command = proposedCommandIn(context) ?? saidCommandIn(context);
  return command !== undefined && isOffered(context, command) ? command : undefined;
}

function proposedCommandIn(context: ConversationContext): Command | undefined {
  if (proposedIn(context, 'schedule') !== undefined) return 'scheduling';
  if (proposedIn(context, 'cancel_appointment') !== undefined) return 'cancel';
  if (proposedIn(context, 'move_appointment') !== undefined) return 'move';
  return proposedIn(context, 'route')?.to;
}

function saidCommandIn(context: ConversationContext): Command | undefined {
  if (ask(context, languageAskedIn) !== undefined) return 'language';
  if (ask(context, asksForLanguages) === true) return 'languages';
  const pressed = pressedIn(context);
  const choice = ask(context, wordedChoiceOf);
  if (pressed !== undefined) return choice;
  const text = saidIn(context);
  if (text === undefined) return undefined;
  if (saysMinor(text)) return 'minor';
  const words = commandWordsIn(context);
  if (words.stop.has(tokensOf(fold(text)).join(' '))) return 'stop';
  if (choice !== undefined) return choice;
  if (tokensOf(fold(text)).length > wordsMax) return undefined;
  const named = mentions(text, namesOfServices(context));
  if (named && isOffered(context, 'cancel') && mentions(text, words.cancelVerbs)) return 'cancel';
  if (named && isOffered(context, 'move') && mentions(text, words.moveVerbs)) return 'move';
  const wanted = worded.find((command) => isOffered(context, command) && mentions(text, wordsFor(words, command)));
  // "Não quero marcar nada" begins nothing.
  const begins = wanted === 'scheduling' || wanted === 'registration';
  return begins && isUnwilling(context) ? undefined : wanted;
}

/** "Não quero marcar", "não preciso de nada"; what is longer may want something else instead. */
export function isUnwilling(context: ConversationContext): boolean {
  const said = fold(typedIn(context) ?? '');
  return (
    tokensOf(said).length <= unwillingWordsMax &&
    commandWordsIn(context).unwilling.some((start) => `${said} `.startsWith(`${start} `))
  );
}
const unwillingWordsMax = 5;

/** What the tenant's services are called, folded. */
const namesOfServices = ({ settings }: ConversationContext): ReadonlySet<string> =>
  new Set((settings.scheduling?.services ?? []).flatMap(namesOf).map(fold));

/** Whether it is asked who is speaking. */
export const asksWho = (context: ConversationContext): boolean =>
  mentions(typedIn(context) ?? '', commandWordsIn(context).whoAreYou);

/** Whether somebody is angry with us. */
export function isUpset(context: ConversationContext): boolean {
  const said = typedIn(context) ?? '';
  return tokensOf(fold(said)).length <= upsetWordsMax && mentions(said, commandWordsIn(context).upset);
}
const upsetWordsMax = 12;

const wordsFor = (words: CommandWords, command: (typeof worded)[number]): ReadonlySet<string> => words[command];

/** Whether it is a whole message of thanks or goodbye: "ok, muito obrigada! 🙏". */
export function thanksIn(context: ConversationContext): boolean {
  const { thanks } = commandWordsIn(context);
  const tokens = tokensOf(fold(typedIn(context) ?? ''));
  if (tokens.length === 0 || tokens.length > thanksWordsMax) return false;
  const rest = without(tokens, (phrase) => thanks.has(phrase));
  return rest.length < tokens.length && rest.every((token) => isCourtesy(context, token));
}
const thanksWordsMax = 12;

/** What goes with thanks and says nothing more: fillers, an ok, emoji. */
function isCourtesy(context: ConversationContext, token: string): boolean {
  const lexicon = lexiconIn(context);
  return lexicon.leanings.has(token) || lexicon.greetings.has(token) || /^\p{Extended_Pictographic}$/u.test(token);
}

/** Whether the message is nothing but emoji. */
export function emojiAlone(context: ConversationContext): boolean {
  const tokens = tokensOf(fold(typedIn(context) ?? ''));
  return tokens.length > 0 && tokens.every((token) => /^\p{Extended_Pictographic}$/u.test(token));
}

/**
 * Whether words of an opt-out mean what is being done, once there is a consent: an inscription that is cancelled, a
 * dialogue that is given up. "PARAR" never does.
 */
export function givesUpHere(context: ConversationContext, content: InboundContent): boolean {
  if (!consentInForce(context)) return false;
  const text = textOf(content) ?? '';
  const { unregister, givesUp } = commandWordsIn(context);
  if (givesUp.has(tokensOf(fold(text)).join(' '))) return true;
  return isOffered(context, 'unregister') && mentions(text, unregister);
}

/** What was said, if it is no command: an answer in free text. */
export const answerIn = (context: ConversationContext): string | undefined =>
  commandIn(context) === undefined ? saidIn(context) : undefined;
