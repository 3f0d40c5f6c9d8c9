/** The menu: what a tenant offers, numbered; as buttons where there are three, else as a list. */
import type { ActionParams } from '#machines/machine.ts';
import { readChoice } from '#machines/understanding/number-choice.ts';
import { type AssistingTexts, type Greeting, type MenuItem, assistingTextsIn } from './assisting-texts.ts';
import type { ConversationContext } from './context.ts';
import { contentIn, lexiconIn, pressedIn, wordsOf } from './hearing.ts';
import { type Choice } from './lexicon.ts';
import type { Of } from './setup.ts';
import { languageNames, languageOf } from './texts/catalogue.ts';
import { agents } from './tools.ts';
import { buttonIds, callNameOf, choiceOf } from './understanding.ts';

type Reply = ActionParams['reply'];

const buttonsMax = 3;
const replyLengthMax = 4096;

/** Ids of the menu's items as they come back. */
const idOf: Readonly<Record<MenuItem, string>> = {
  scheduling: 'menu.scheduling',
  appointments: 'menu.appointments',
  registration: 'menu.registration',
  information: buttonIds.information,
  myData: buttonIds.myData,
  person: buttonIds.person,
};

/** What is offered, in its order. Information is always there: without an agent it is the tenant's one text. */
export function itemsOf({ settings }: Pick<ConversationContext, 'settings'>): readonly MenuItem[] {
  const offered = (settings.agents ?? []).filter((agent) => agents.includes(agent));
  const rest = offered.includes('information') ? offered : [...offered, 'information' as const];
  return [...new Set<MenuItem>([...rest, 'myData', 'person'])];
}

/** How the person is called; null when no name is known. */
const calledIn = (context: ConversationContext): { readonly name: string | null } => ({
  name: context.name === null ? null : callNameOf(context.name, lexiconIn(context)),
});

const bounded = (text: string): string =>
  text.length > replyLengthMax ? `${text.slice(0, replyLengthMax - 1)}…` : text;

/** The menu below some words. */
export function menuBelow(words: string, context: ConversationContext): Reply {
  const texts = assistingTextsIn(context);
  const choices = itemsOf(context).map((item) => ({ id: idOf[item], title: texts.items[item] }));
  const numbered = choices.map(({ title }, index) => `*${(index + 1).toString()}* ${title}`).join('\n');
  const others = languageNames.filter(({ locale }) => locale !== languageOf(context.locale).locale);
  const hint = `🌐 ${others.map(({ name }) => `*${name}*`).join(' · ')}`;
  const text = bounded(`${words}\n\n${numbered}\n\n${hint}`);
  const content =
    choices.length <= buttonsMax
      ? ({ kind: 'buttons', optionsInText: true, text, buttons: choices } as const)
      : ({ kind: 'list', optionsInText: true, text, button: texts.openMenu, sections: [{ rows: choices }] } as const);
  return { content };
}

const saying =
  (words: (texts: AssistingTexts, context: ConversationContext) => string) =>
  ({ context }: Of): Reply =>
    menuBelow(words(assistingTextsIn(context), context), context);

/** A greeting with the menu; alone, where it is known already what the person wants. */
function greeting(words: (texts: AssistingTexts, called: { readonly name: string | null }) => Greeting) {
  return ({ context }: Of): Reply => {
    const { hello, question } = words(assistingTextsIn(context), calledIn(context));
    return context.inbox.length > 0
      ? { content: { kind: 'text', text: hello } }
      : menuBelow(`${hello} ${question}`, context);
  };
}

/** The menu for one whose name has just been asked for. */
export const welcome = greeting((texts, called) => texts.welcome(called));
/** The menu for one who comes back. */
export const welcomeBack = saying((texts, context) => texts.welcomeBack(calledIn(context)));
/** The menu for one who has just agreed and whose name is known. */
export const thankAndShowMenu = greeting((texts, called) => texts.afterConsent(called));
/** The menu. */
export const showMenu = saying((texts) => texts.menu);
/** What was being done was given up; the menu. */
export const stopAndShowMenu = saying((texts) => texts.stopped);
/** Nothing was being done; the menu. */
export const tellOptOut = saying((texts) => texts.howToOptOut);
/** It did not go through; the menu. */
export const failAndShowMenu = saying((texts) => texts.failed);
const courtesy =
  (words: 'welcomeAnytime' | 'allRight') =>
  ({ context }: Of): Reply => ({ content: { kind: 'text', text: assistingTextsIn(context)[words] } });

/** To thanks and goodbyes: without the menu, for nothing is wanted. */
export const welcomeAnytime = courtesy('welcomeAnytime');
/** To a "no", an "ok". */
export const sayAllRight = courtesy('allRight');
/** The menu, when the message was not understood, or could not be read at all. */
export const showMenuAgain = ({ context }: Of): Reply => {
  const texts = assistingTextsIn(context);
  if (wordsOf(context) !== '') return menuBelow(texts.menuUnclear, context);
  const means = context.heard?.means ?? 'text';
  return menuBelow(means === 'text' ? texts.menuTypePlease : texts.fileUnread[means], context);
};
/** What was chosen from the menu, by its number or by pressing it. Words are commands, which hold everywhere. */
export function chosenIn(context: ConversationContext): MenuItem | undefined {
  const items = itemsOf(context);
  const pressed = pressedIn(context);
  if (pressed !== undefined) return items.find((item) => idOf[item] === pressed);
  const content = contentIn(context);
  // A number of somebody who comes back is of what they were asked then.
  if (content?.kind !== 'text' || context.fresh) return undefined;
  const lexicon = lexiconIn(context);
  // The three that are always there have words for their numbers, too.
  if (items.length === buttonsMax) return threeOf(choiceOf(content, lexicon));
  const number = readChoice(content.text, items.length);
  return number === undefined ? undefined : items[number - 1];
}

const threeOf = (choice: Choice | undefined): MenuItem | undefined => (choice === 'menu' ? undefined : choice);
