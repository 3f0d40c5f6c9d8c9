/**
 * What people say beside what they want: a greeting, thanks, an "ok", a goodbye, that it is enough. It is answered as a
 * person would, no more often than there is need, and no model is asked what it means.
 *
 * Transitions of `talking`, in their order; each settles what was heard.
 */
import { beginAppointments } from '#machines/appointments/states.ts';
import { assistingTextsIn } from './assisting-texts.ts';
import { commandWordsIn } from './command-words.ts';
import { asksWho, commandIn, emojiAlone, isUnwilling, isUpset, thanksIn } from './commands.ts';
import type { ConversationContext } from './context.ts';
import { ask, pressedIn, saidIn } from './hearing.ts';
import { fold, tokensOf } from './lexicon.ts';
import * as menu from './menu.ts';
import { aboveQuestion, questionOf } from './questions.ts';
import { type Of, audits, say, settled } from './setup.ts';
import { acceptsClearly, answerOf, greets } from './understanding.ts';

/** How often a question is asked again before a person is offered, and before there is a pause. */
export const nudgesMax = { offer: 2, pause: 4 } as const;

const when =
  (...all: readonly ((context: ConversationContext) => boolean)[]) =>
  ({ context }: Of): boolean =>
    context.heard !== null && all.every((one) => one(context));

const nudged = [{ type: 'countNudge' }, { type: 'settle' }] as const;

const inMenu = ({ step }: ConversationContext): boolean => step === 'menu';
const inMidst = (context: ConversationContext): boolean => !inMenu(context);
/** Nothing is being done, and something was said since the person came. */
const isEased = (context: ConversationContext): boolean => inMenu(context) && !context.fresh;

const saidAlone = (context: ConversationContext): string => tokensOf(fold(saidIn(context) ?? '')).join(' ');
const stopsIn = (context: ConversationContext): boolean => commandIn(context) === 'stop';
const givesUp = (context: ConversationContext): boolean => commandWordsIn(context).givesUp.has(saidAlone(context));
/** "Cancelar", where nothing is being done that could be given up, means an appointment. */
const cancelsAlone = (context: ConversationContext): boolean =>
  menu.itemsOf(context).includes('appointments') &&
  pressedIn(context) === undefined &&
  commandWordsIn(context).cancelAlone.has(saidAlone(context));

/** A no that the question has no use for: nothing more is wanted. A number is of a list. */
const refuses = (context: ConversationContext): boolean =>
  isUnwilling(context) || (ask(context, answerOf) === 'no' && !/\d/u.test(saidAlone(context)));

const stopped = {
  target: '#menu',
  actions: [...say(menu.stopAndShowMenu), ...settled, audits('dialogue.stopped')],
} as const;

/** Something is given up; or there is nothing that could be. */
export const stops = [
  { guard: when(inMidst, stopsIn), ...stopped },
  { guard: when(inMidst, refuses), ...stopped },
  { guard: when(inMenu, cancelsAlone), target: '#appointments', actions: beginAppointments.cancel },
  { guard: when(stopsIn, givesUp), actions: [...say(menu.tellOptOut), ...settled] },
  { guard: when(stopsIn), actions: [...say(menu.showMenu), ...settled] },
] as const;

/** Whether the message is a greeting and no more. */
export const greetsIn = (context: ConversationContext): boolean => ask(context, greets) === true;
/** An "ok", a "no", an emoji: nothing is wanted. A plain yes wants something. */
const acknowledges = (context: ConversationContext): boolean =>
  emojiAlone(context) ||
  isUnwilling(context) ||
  (ask(context, answerOf) !== undefined && ask(context, acceptsClearly) !== true);
const agrees = (context: ConversationContext): boolean => ask(context, answerOf) === 'yes';
const before =
  (nudges: number) =>
  (context: ConversationContext): boolean =>
    context.nudges < nudges;

const askAgain = say(({ context }) => questionOf(context).ask({ context }));
const introduction = say(
  aboveQuestion(({ context }) => assistingTextsIn(context).whoIAm({ business: context.settings.businessName })),
);
const comfort = say(aboveQuestion(({ context }) => assistingTextsIn(context).upset));

/** Greetings, thanks, an "ok", anger. */
export const courtesies = [
  { guard: when(greetsIn, before(nudgesMax.pause)), actions: [...askAgain, ...nudged] },
  // Thanks in the midst of something: the question stands.
  { guard: when(inMidst, thanksIn, before(nudgesMax.pause)), actions: [...askAgain, ...nudged] },
  { guard: when(isEased, thanksIn, before(nudgesMax.offer)), actions: [...say(menu.welcomeAnytime), ...nudged] },
  { guard: when(isEased, acknowledges, before(nudgesMax.offer)), actions: [...say(menu.sayAllRight), ...nudged] },
  { guard: when(asksWho, before(nudgesMax.pause)), actions: [...introduction, ...nudged] },
  { guard: when(isUpset, before(nudgesMax.pause)), actions: [...comfort, ...nudged] },
  // Enough was said.
  { guard: when(isEased, thanksIn), actions: 'settle' },
  { guard: when(isEased, acknowledges), actions: 'settle' },
  { guard: when(isEased, agrees), actions: [...say(menu.showMenu), 'settle'] },
] as const;
