/**
 * What a person can ask for from anywhere, in the midst of whatever is being done: the menu, a person, another
 * agent, another language, to stop. An answer in free text is only one if it is none of these.
 */
import { type CommandWords, commandWordsIn } from './assisting-texts.ts';
import type { ConversationContext } from './context.ts';
import { ask, mentions, pressedIn, proposedIn, saidIn } from './hearing.ts';
import { fold, tokensOf } from './lexicon.ts';
import { itemsOf } from './menu.ts';
import type { Agent } from './tools.ts';
import { asksForLanguages, languageAskedIn, wordedChoiceOf } from './understanding.ts';

/** A command. `cancel` and `move` are of the person's own appointments. */
export type Command = Agent | 'cancel' | 'move' | 'menu' | 'person' | 'myData' | 'stop' | 'language' | 'languages';

/** In this order: what is said of an appointment one has goes before making one, a question about something before doing it. */
const worded = ['cancel', 'move', 'appointments', 'scheduling', 'information', 'registration'] as const;

/** A longer message tells something; it commands nothing by a word in it. */
const wordsMax = 25;

/** Which agent a command needs. */
const needs = (command: Command): Agent | undefined => {
  switch (command) {
    case 'cancel':
    case 'move':
      return 'appointments';
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
  const words = commandWordsIn(context);
  if (words.stop.has(tokensOf(fold(text)).join(' '))) return 'stop';
  if (choice !== undefined) return choice;
  if (tokensOf(fold(text)).length > wordsMax) return undefined;
  return worded.find((command) => isOffered(context, command) && mentions(text, wordsFor(words, command)));
}

const wordsFor = (words: CommandWords, command: (typeof worded)[number]): ReadonlySet<string> => words[command];

/** What was said, if it is no command: an answer in free text. */
export const answerIn = (context: ConversationContext): string | undefined =>
  commandIn(context) === undefined ? saidIn(context) : undefined;
