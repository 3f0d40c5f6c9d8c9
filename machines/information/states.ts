/**
 * Questions about the event: its sections are read once, shown as a list, and told by number, by words, or
 * as a model puts them.
 *
 *   reading ──► choosing ◄─┐
 *                  └───────┘ a section, an answer
 */
import { inLanguage } from '#machines/conversation/assisting-texts.ts';
import type { Section } from '#machines/conversation/asks.ts';
import { commandIn, thanksIn } from '#machines/conversation/commands.ts';
import type { ConversationContext } from '#machines/conversation/context.ts';
import {
  ask,
  mentions,
  contentIn,
  needsModel,
  pressedIn,
  proposedIn,
  saidIn,
  wordsOf,
} from '#machines/conversation/hearing.ts';
import { fold, tokensOf } from '#machines/conversation/lexicon.ts';
import { failAndShowMenu, sayAllRight, welcomeAnytime } from '#machines/conversation/menu.ts';
import { numberedList } from '#machines/conversation/numbered-list.ts';
import type { Question } from '#machines/conversation/question.ts';
import { type Of, audits, conversation, knows, opens, say, sets, settled } from '#machines/conversation/setup.ts';
import { answerOf } from '#machines/conversation/understanding.ts';
import type { ActionParams } from '#machines/machine.ts';
import { readChoice } from '#machines/understanding/number-choice.ts';
import { beginRegistration } from '#machines/registration/states.ts';
import type { InformationContext } from './context.ts';
import { informationTexts } from './texts.ts';

type Reply = ActionParams['reply'];

/** What a model is shown of the sections, in characters, and of one; the most relevant first. */
const shownMax = 6_000;
const sectionMax = 1_500;
const wordLengthMin = 4;
const replyLengthMax = 3_500;

const textsIn = ({ locale }: ConversationContext) => inLanguage(informationTexts, locale);
const sectionsOf = ({ information }: ConversationContext): readonly Section[] => information.sections ?? [];
const sectionRow = ({ id }: Section): string => `section.${id}`;

function list({ context }: Of): Reply {
  const texts = textsIn(context);
  const rows = sectionsOf(context).map((section) => ({ id: sectionRow(section), title: section.title }));
  const closing = context.information.paused === null ? texts.howToAsk : texts.goOn;
  return numberedList(texts.list, rows, texts.open, closing);
}

/** How many of the words that matter in the message a section has; those of its title count for more. */
function scoreOf(context: ConversationContext, said: string, { title, text, aliases }: Section): number {
  const { commonWords } = textsIn(context);
  const asked = tokensOf(fold(said)).filter((word) => word.length >= wordLengthMin && !commonWords.has(word));
  const inTitle = stemsOf(title);
  const inText = stemsOf(text);
  return [...new Set(asked.map(stemOf))].reduce(
    (score, stem) => score + (inTitle.has(stem) ? 3 : 0) + (inText.has(stem) ? 1 : 0),
    mentions(said, new Set(aliases.map(fold))) ? 3 : 0,
  );
}

/** Plural and singular, masculine and feminine of a word count as one. */
const stemOf = (word: string): string => word.replace(/(?:oes|ao|os|as|es|s|o|a)$/u, '');
const stemsOf = (text: string): ReadonlySet<string> => new Set(tokensOf(fold(text)).map(stemOf));

/**
 * The sections that are meant: pressed, by its number, or the one whose words fit best by far. "Quanto custa e onde fica?"
 * asks for two.
 */
function sectionsIn(context: ConversationContext): readonly Section[] {
  const sections = sectionsOf(context);
  const pressed = pressedIn(context);
  if (pressed !== undefined) return sections.filter((section) => sectionRow(section) === pressed);
  const said = saidIn(context);
  if (said === undefined) return [];
  const number = readChoice(said, sections.length);
  if (number !== undefined) return sections.slice(number - 1, number);
  const [best, second, third] = ranked(context, said);
  if (best === undefined || best.score < scoreMin) return [];
  if (best.score > (second?.score ?? 0)) return [best.section];
  return second !== undefined && second.score > (third?.score ?? 0) ? [best.section, second.section] : [];
}
/** A title's word, or one of the other words for it. */
const scoreMin = 3;

const ranked = (context: ConversationContext, said: string) =>
  sectionsOf(context)
    .map((section) => ({ section, score: scoreOf(context, said, section) }))
    .sort((a, b) => b.score - a.score);

const told = ({ context }: Of): Reply => {
  const text = sectionsIn(context)
    .map((section) => `*${section.title}*\n\n${section.text}`)
    .join('\n\n');
  return { content: { kind: 'text', text: `${text.slice(0, replyLengthMax)}\n\n${nextIn(context)}` } };
};

/** What can be done then. */
const nextIn = (context: ConversationContext): string =>
  context.information.paused === null ? textsIn(context).more : textsIn(context).goOn;

/** A model's answer. What it may contain was checked before it became a record. */
const answered = ({ context }: Of): Reply => {
  const text = proposedIn(context, 'answer')?.text ?? textsIn(context).none;
  return { content: { kind: 'text', text: `${text.slice(0, replyLengthMax)}\n\n${nextIn(context)}` } };
};

const handleOf = (index: number): string => `e${(index + 1).toString()}`;

/** The sections as a model is shown them: those that fit the question best first, as many as there is room for. */
function handlesIn(context: ConversationContext): readonly { readonly handle: string; readonly label: string }[] {
  const sections = sectionsOf(context);
  let room = shownMax;
  return ranked(context, wordsOf(context)).flatMap(({ section }) => {
    const label = `${section.title}: ${section.text}`.slice(0, Math.min(sectionMax, room));
    room -= label.length;
    return label === '' ? [] : [{ handle: handleOf(sections.indexOf(section)), label }];
  });
}

/** What it asks. */
export const informationQuestions: Readonly<Record<string, Question>> = {
  'information.choosing': {
    ask: list,
    tools: ['answer'],
    handles: handlesIn,
  },
};

/** What is begun with. What was asked is heard once the sections are known: by a model anew, which had not seen them. */
export const beginInformation = [
  knows(({ heard, information, step }) => ({
    heard: heard?.proposal == null ? heard : { ...heard, asked: false, proposal: null },
    information: step.startsWith('information.') ? information : { ...information, paused: pausedAt(step) },
  })),
  { type: 'startAfresh' },
] as const;
/** The same where it was chosen from the menu: nothing was asked yet. */
export const beginInformationList = [
  sets('information', ({ information }) => ({ ...information, paused: null })),
  { type: 'startAfresh' },
  { type: 'settle' },
] as const;

function pausedAt(step: string): InformationContext['paused'] {
  if (step.startsWith('registration.')) return 'registration';
  return step.startsWith('scheduling.') && step !== 'scheduling.offeringMail' ? 'scheduling' : null;
}

const isHeard = ({ context }: Of): boolean => context.heard !== null;

/** Where it waits for the person. */
export const informationTalking = conversation.createStateConfig({
  id: 'information',
  initial: 'beginning',
  states: {
    beginning: { always: '#readingInformation' },
    choosing: {
      id: 'information.choosing',
      entry: opens('information.choosing'),
      always: [
        { guard: (of) => goesOn(of, 'registration'), target: '#registration', actions: beginRegistration },
        { guard: (of) => goesOn(of, 'scheduling'), target: '#scheduling', actions: settled },
        // They know now what they wanted to know.
        {
          guard: (of) => isHeard(of) && thanksIn(of.context),
          target: '#menu',
          actions: [...say(welcomeAnytime), ...settled],
        },
        {
          guard: (of) => isHeard(of) && ask(of.context, answerOf) === 'no' && sectionsIn(of.context).length === 0,
          target: '#menu',
          actions: [...say(sayAllRight), ...settled],
        },
        {
          guard: (of) => isHeard(of) && proposedIn(of.context, 'answer') !== undefined,
          actions: [...say(answered), audits('information.answered'), 'startAfresh', 'settle'],
        },
        {
          guard: (of) => isHeard(of) && sectionsIn(of.context).length > 0 && isQuestion(of.context),
          actions: [...say(told), audits('information.shown'), 'startAfresh', 'settle'],
        },
        {
          guard: (of) => isHeard(of) && commandIn(of.context) === 'information' && isForModel(of.context),
          target: '#thinking',
        },
        // The list again, when no more was said than that, or nobody can tell what.
        {
          guard: (of) => isHeard(of) && commandIn(of.context) === 'information',
          actions: [...say(list), 'startAfresh', 'settle'],
        },
      ],
    },
  },
});

const goesOn = ({ context }: Of, paused: InformationContext['paused']): boolean =>
  context.heard !== null &&
  context.information.paused === paused &&
  textsIn(context).goOnWords.has(fold(saidIn(context) ?? ''));

/** A command to go elsewhere is no question, though it may share words with a section. */
function isQuestion(context: ConversationContext): boolean {
  const command = commandIn(context);
  return pressedIn(context) !== undefined || command === undefined || command === 'information';
}

/** Whether the message says more than that something is wanted to be known. */
function asksSomething(context: ConversationContext): boolean {
  if (contentIn(context)?.kind !== 'text') return false;
  if (sectionsIn(context).length > 0 && isQuestion(context)) return true;
  return isForModel(context);
}

/** A question in words of its own, which a model has not seen yet. */
const isForModel = (context: ConversationContext): boolean =>
  needsModel(context) && tokensOf(fold(wordsOf(context))).length > 2;

const know = {
  type: 'know',
  params: ({
    context,
    event,
  }: Of & { readonly event: { readonly output: { readonly sections: readonly Section[] } } }) => ({
    known: { information: { ...context.information, sections: event.output.sections } },
  }),
} as const;

/** Where it waits for the sections. */
export const informationWorking = {
  readingInformation: conversation.createStateConfig({
    id: 'readingInformation',
    invoke: {
      id: 'information',
      src: 'information.read',
      input: ({ context }) => ({ locale: context.locale }),
      onDone: [
        {
          guard: ({ event }) => event.output.sections.length === 0,
          target: '#menu',
          actions: [...say(failAndShowMenu), 'settle'],
        },
        {
          // What brought the person here was a question: it is answered, where it can be.
          guard: ({ context, event }) =>
            asksSomething({ ...context, information: { ...context.information, ...event.output } }),
          target: '#information.choosing',
          actions: know,
        },
        { target: '#information.choosing', actions: [know, ...say(list), 'settle'] },
      ],
      onError: { target: '#menu', actions: [...say(failAndShowMenu), 'settle', audits('information.failed')] },
    },
  }),
};
