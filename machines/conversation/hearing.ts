/**
 * What is being decided about: the person's latest message, or what a model proposed for it. A message is heard
 * once, in the question that is open; whoever uses it settles it.
 *
 * Pure readers of the context; the actions that hear, keep and settle are in `setup.ts`.
 */
import type { InboundContent } from '#schemas/content.ts';
import type { Means } from './asks.ts';
import type { ConversationContext } from './context.ts';
import { type Lexicon, fold, tokensOf } from './lexicon.ts';
import type { Row } from './numbered-list.ts';
import { languageOf } from './texts/catalogue.ts';
import type { Proposal, ToolName, Tools } from './tools.ts';
import { textOf } from './understanding.ts';

/** A message of the person, and what a model made of it. Plain JSON. */
export interface Heard {
  /** Id of the record that brought the message: the evidence of a yes. */
  readonly eventId: string;
  readonly at: number;
  /** Text, a button or a row; what was read out of a voice note or an image is text. */
  readonly content: InboundContent;
  readonly means: Means;
  /** What a model proposed for it; null while it is taken as it is. */
  readonly proposal: Proposal | null;
  /** Whether a model was asked. It is asked once. */
  readonly asked: boolean;
}

/** Messages that wait for the present one to be done with. The newest are kept. */
export const inboxMax = 20;

type Hearing = Pick<ConversationContext, 'heard' | 'locale'>;

/** Words of the language that is spoken. */
export const lexiconIn = ({ locale }: Pick<ConversationContext, 'locale'>): Lexicon => languageOf(locale).lexicon;

/** The message as it is; undefined when there is none, or a model has proposed what it means. */
export const contentIn = ({ heard }: Hearing): InboundContent | undefined =>
  heard?.proposal === null ? heard.content : undefined;

/** What the person wrote or said; undefined when there is nothing to be read, or a model has proposed what it means. */
export function saidIn(context: Hearing): string | undefined {
  const content = contentIn(context);
  return content === undefined ? undefined : textOf(content);
}

/** The words that the message is, whoever reads it: also while a proposal for it is weighed. */
export const wordsOf = ({ heard }: Hearing): string => (heard === null ? '' : (textOf(heard.content) ?? ''));

/** Id of the button or row that was pressed. */
export function pressedIn(context: Hearing): string | undefined {
  const content = contentIn(context);
  return content?.kind === 'button' || content?.kind === 'list' ? content.id : undefined;
}

/** What was written or said and not pressed, where there is something to be read. */
export const typedIn = (context: Hearing): string | undefined =>
  pressedIn(context) === undefined ? saidIn(context) : undefined;

/** Which of these it is: the row or button that was pressed, or one whose title was written out. */
export function rowIn<Shown extends Row>(context: Hearing, rows: readonly Shown[]): Shown | undefined {
  const pressed = pressedIn(context);
  if (pressed !== undefined) return rows.find(({ id }) => id === pressed);
  const said = fold(saidIn(context) ?? '');
  return said === '' ? undefined : rows.find(({ title }) => fold(title) === said);
}

/** What a model proposed, if it is of this tool. */
export function proposedIn<Name extends ToolName>({ heard }: Hearing, tool: Name): Tools[Name] | undefined {
  const proposal = heard?.proposal ?? null;
  // The tool is compared, which TypeScript does not follow through a type parameter.
  return proposal?.tool === tool ? (proposal.args as Tools[Name]) : undefined;
}

/** Asks something of the message as it is. */
export function ask<Answer>(
  context: Hearing,
  question: (content: InboundContent, lexicon: Lexicon) => Answer,
): Answer | undefined {
  const content = contentIn(context);
  return content === undefined ? undefined : question(content, lexiconIn(context));
}

/** Longest phrase that is looked for, and most words of a message that are looked at, in words. */
const phraseMax = 6;
const wordsMax = 40;

/** True if the message has one of these phrases in it, as whole words. `phrases` are folded. */
export function mentions(text: string, phrases: ReadonlySet<string>): boolean {
  const tokens = tokensOf(fold(text)).slice(0, wordsMax);
  for (let from = 0; from < tokens.length; from += 1)
    for (let length = 1; length <= phraseMax && from + length <= tokens.length; length += 1)
      if (phrases.has(tokens.slice(from, from + length).join(' '))) return true;
  return false;
}

/** Messages of one burst as one: texts a line each, up to the first that was pressed. */
export function joined(inbox: readonly Heard[]): { readonly heard: Heard | null; readonly rest: readonly Heard[] } {
  const [first, ...others] = inbox;
  if (first === undefined) return { heard: null, rest: [] };
  if (first.content.kind !== 'text') return { heard: first, rest: others };
  const pressed = others.findIndex(({ content }) => content.kind !== 'text');
  const burst = pressed < 0 ? inbox : inbox.slice(0, pressed + 1);
  const last = burst.at(-1) ?? first;
  const text = burst.map((one) => wordsOf({ heard: one, locale: '' })).join('\n');
  return { heard: { ...last, content: { kind: 'text', text } }, rest: inbox.slice(burst.length) };
}

/** Whether a model can help with what was heard. */
export function needsModel({ heard, settings, model }: ConversationContext): boolean {
  if (settings.model === undefined || heard === null || heard.asked || heard.proposal !== null) return false;
  if (wordsOf({ heard, locale: '' }) === '' || heard.content.kind !== 'text') return false;
  return model.pausedUntil === null || heard.at >= model.pausedUntil;
}
