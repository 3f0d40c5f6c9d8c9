/** What is said during an inscription. */
import { inLanguage, wordedIn } from '#machines/conversation/assisting-texts.ts';
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
    const wrong = problem === null ? undefined : texts.problems[field]?.[problem];
    const text = hint ?? wrong ?? texts.ask[field];
    if (field !== 'profile') return { content: { kind: 'text', text } };
    const rows = profilesOf(context).map(({ id, name }) => ({
      id: profileRow(id),
      title: wordedIn(name, context.locale),
    }));
    return numberedList(text, rows, texts.open);
  };

/** Asks for the first missing field, below the words that begin an inscription. */
export const begin = ({ context }: Of): Reply => {
  const texts = textsIn(context);
  return { content: { kind: 'text', text: `${texts.begin({ event: eventIn(context) })}\n\n${texts.ask.fullName}` } };
};

/** A field as it is shown: never a whole CPF. */
function shown(context: ConversationContext, field: Field): string {
  const value = context.registration.fields[field] ?? '';
  if (field === 'cpf') return maskCpf(value);
  if (field !== 'profile') return value;
  const profile = profilesOf(context).find(({ id }) => id === value);
  return profile === undefined ? value : wordedIn(profile.name, context.locale);
}

/** Ids of the confirmation's buttons. */
export const confirmButton = ({ registration }: ConversationContext): string =>
  `registration.yes.${registration.summary.toString()}`;
export const correctButton = ({ registration }: ConversationContext): string =>
  `registration.correct.${registration.summary.toString()}`;

/** Reads back everything. */
export function askToConfirm({ context }: Of): Reply {
  const texts = textsIn(context);
  const lines = fields.map((field) => `• ${texts.labels[field]}: ${shown(context, field)}`).join('\n');
  return {
    content: {
      kind: 'buttons',
      optionsInText: true,
      text: texts.confirm({ event: eventIn(context), lines }),
      buttons: [
        { id: confirmButton(context), title: texts.yes },
        { id: correctButton(context), title: texts.no },
      ],
    },
  };
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
