/** What is said during an inscription. */
import { wordedIn } from '#machines/conversation/agent-settings.ts';
import { type Confirmation, askToAgree } from '#machines/conversation/agreement.ts';
import { inLanguage } from '#machines/conversation/assisting-texts.ts';
import type { ConversationContext } from '#machines/conversation/context.ts';
import { numberedList } from '#machines/conversation/numbered-list.ts';
import type { Of } from '#machines/conversation/setup.ts';
import type { ActionParams } from '#machines/machine.ts';
import { maskCpf } from '#machines/understanding/brazilian-ids.ts';
import { fieldRow, profileRow, profilesOf } from './answers.ts';
import { type Field, fields } from './context.ts';
import { type RegistrationTexts, registrationTexts } from './texts.ts';

type Reply = ActionParams['reply'];

/** The texts of the conversation's language. */
export const textsIn = ({ locale }: { readonly locale: string }): RegistrationTexts =>
  inLanguage(registrationTexts, locale);

const eventIn = ({ settings, locale }: ConversationContext): string =>
  wordedIn(settings.registration?.eventName ?? '', locale);

/** Asks for a field, with what was wrong with the answer before. */
export const askFor =
  (field: Field) =>
  ({ context }: Of): Reply => {
    const texts = textsIn(context);
    const { problem, emailHint } = context.registration;
    const hint = field === 'email' && emailHint !== null ? texts.emailHint({ email: emailHint }) : undefined;
    const wrong = problem === 'none' ? texts.needed : problem === null ? undefined : texts.problems[field]?.[problem];
    return asking(hint ?? wrong ?? texts.ask[field], field, context);
  };

function asking(text: string, field: Field, context: ConversationContext): Reply {
  if (field !== 'profile') return { content: { kind: 'text', text } };
  const rows = profilesOf(context).map(({ id, name }) => ({
    id: profileRow(id),
    title: wordedIn(name, context.locale),
  }));
  return numberedList(text, rows, textsIn(context).open);
}

/** Asks for the first missing field, below the words that begin an inscription, or go on with it. */
export const begin =
  (field: Field) =>
  ({ context }: Of): Reply => {
    const texts = textsIn(context);
    const isNew = Object.keys(context.registration.fields).length === 0;
    const words = (isNew ? texts.begin : texts.goOn)({ event: eventIn(context) });
    return asking(`${words}\n\n${texts.ask[field]}`, field, context);
  };

/** A field as it is shown: never a whole CPF. */
function shown(context: ConversationContext, field: Field): string {
  const value = context.registration.fields[field] ?? '';
  if (field === 'cpf') return maskCpf(value);
  if (field !== 'profile') return value;
  const profile = profilesOf(context).find(({ id }) => id === value);
  return profile === undefined ? value : wordedIn(profile.name, context.locale);
}

/** A yes is bound to the summary that was shown; a no is a wish to correct it. */
export function confirmation(context: ConversationContext): Confirmation {
  const texts = textsIn(context);
  const summary = context.registration.summary.toString();
  return {
    yes: { id: `registration.yes.${summary}`, title: texts.yes },
    no: { id: `registration.correct.${summary}`, title: texts.no },
  };
}

/** Reads back everything. */
export function askToConfirm({ context }: Of): Reply {
  const texts = textsIn(context);
  const lines = fields.map((field) => `• ${texts.labels[field]}: ${shown(context, field)}`).join('\n');
  return askToAgree(texts.confirm({ event: eventIn(context), lines }), confirmation(context));
}

/** Which field is to be corrected? */
export function askField({ context }: Of): Reply {
  const texts = textsIn(context);
  const rows = fields.map((field) => ({ id: fieldRow(field), title: texts.labels[field] }));
  return numberedList(texts.whichField, rows, texts.open);
}

const saying =
  (words: (texts: RegistrationTexts, context: ConversationContext) => string) =>
  ({ context }: Of): Reply => ({ content: { kind: 'text', text: words(textsIn(context), context) } });

export const saySaved = saying((texts, context) => texts.saved({ event: eventIn(context) }));
export const sayMailed = saying((texts) => texts.mailed);
export const sayNotMailed = saying((texts) => texts.notMailed);
