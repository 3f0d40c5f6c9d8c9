/** The menu: what a tenant offers, numbered; as buttons where there are three, else as a list. */
import type { ActionParams } from '#machines/machine.ts';
import { type AssistingTexts, type MenuItem, assistingTextsIn } from './assisting-texts.ts';
import type { ConversationContext } from './context.ts';
import { contentIn, lexiconIn, pressedIn, wordsOf } from './hearing.ts';
import { type Choice, fold, tokensOf } from './lexicon.ts';
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

/** The menu for one whose name has just been asked for. */
export const welcome = saying((texts, context) => texts.welcome(calledIn(context)));
/** The menu for one who comes back. */
export const welcomeBack = saying((texts, context) => texts.welcomeBack(calledIn(context)));
/** The menu for one who has just agreed and whose name is known. */
export const thankAndShowMenu = saying((texts, context) => texts.afterConsent(calledIn(context)));
/** The menu. */
export const showMenu = saying((texts) => texts.menu);
/** What was being done was given up; the menu. */
export const stopAndShowMenu = saying((texts) => texts.stopped);
/** It did not go through; the menu. */
export const failAndShowMenu = saying((texts) => texts.failed);
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
  if (content?.kind !== 'text') return undefined;
  const lexicon = lexiconIn(context);
  // The three that are always there have words for their numbers, too.
  if (items.length === buttonsMax) return threeOf(choiceOf(content, lexicon));
  const tokens = tokensOf(fold(content.text)).filter((token) => !lexicon.choiceFillers.has(token));
  const [only] = tokens;
  return tokens.length === 1 && only !== undefined && /^\d{1,2}$/u.test(only) ? items[Number(only) - 1] : undefined;
}

const threeOf = (choice: Choice | undefined): MenuItem | undefined => (choice === 'menu' ? undefined : choice);
