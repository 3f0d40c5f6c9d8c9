/** What a message says of an inscription: each field read, validated and normalised. Pure readers of the context. */
import { namesOf } from '#machines/conversation/agent-settings.ts';
import type { Registration } from '#machines/conversation/asks.ts';
import { inLanguage } from '#machines/conversation/assisting-texts.ts';
import { answerIn } from '#machines/conversation/commands.ts';
import type { ConversationContext } from '#machines/conversation/context.ts';
import { ask, mentions, pressedIn, proposedIn, saidIn, wordsOf } from '#machines/conversation/hearing.ts';
import { fold } from '#machines/conversation/lexicon.ts';
import { answerOf } from '#machines/conversation/understanding.ts';
import { readCpf } from '#machines/understanding/brazilian-ids.ts';
import { readEmail } from '#machines/understanding/email.ts';
import { readChoice } from '#machines/understanding/number-choice.ts';
import { readFullName } from '#machines/understanding/person-name.ts';
import { readTypedPhone } from '#machines/understanding/phone.ts';
import { readCity, readState } from '#machines/understanding/places.ts';
import { registrationTexts } from './texts.ts';
import { type Field, type Problem, type RegistrationContext, fields } from './context.ts';

/** What an answer comes to: fields, or why not; undefined if it is no answer. */
export type Answer =
  { readonly fields: Partial<Registration> } | { readonly problem: Problem; readonly hint?: string } | undefined;

/** Ids of a profile's row, and of a field's. */
export const profileRow = (id: string): string => `profile.${id}`;
export const fieldRow = (field: Field): string => `registration.${field}`;

const textsIn = ({ locale }: ConversationContext) => inLanguage(registrationTexts, locale);

/** The tenant's profiles. */
export const profilesOf = ({ settings }: ConversationContext) => settings.registration?.profiles ?? [];

const readers: Readonly<Record<Field, (text: string, context: ConversationContext) => Answer>> = {
  fullName: (text, { locale }) => {
    const read = readFullName(text, locale);
    if (read.kind === 'ok') return { fields: { fullName: read.name } };
    return { problem: read.kind === 'single-word' ? 'single-word' : 'invalid' };
  },
  email: (text, { registration }) => {
    const read = readEmail(text);
    if (read.kind !== 'ok') return { problem: 'invalid' };
    // Written again after the hint, it is meant so.
    if (read.hint !== undefined && registration.emailHint === null) return { problem: 'hint', hint: read.hint };
    return { fields: { email: read.email } };
  },
  cpf: (text) => {
    const read = readCpf(text);
    return read.kind === 'ok' ? { fields: { cpf: read.digits } } : { problem: 'invalid' };
  },
  phone: (text) => {
    const read = readTypedPhone(text, { defaultCountry: 'BR' });
    if (read.kind === 'ok') return { fields: { phone: read.e164 } };
    return { problem: read.kind === 'incomplete' ? 'incomplete' : 'invalid' };
  },
  city: (text) => {
    const { city, state } = readCity(text) ?? {};
    if (city === undefined) return { problem: 'invalid' };
    return { fields: { city, ...(state === undefined ? {} : { state }) } };
  },
  state: (text) => {
    const state = readState(text);
    return state === undefined ? { problem: 'invalid' } : { fields: { state } };
  },
  profile: (text, context) => {
    const profiles = profilesOf(context);
    const number = readChoice(text, profiles.length);
    const named = profiles.filter((one) => mentions(text, new Set([one.id, ...namesOf(one)].map(fold))));
    const profile = number === undefined ? (named.length === 1 ? named[0] : undefined) : profiles[number - 1];
    return profile === undefined ? { problem: 'invalid' } : { fields: { profile: profile.id } };
  },
};

/** What the message answers to the question for a field. */
export function answerTo(context: ConversationContext, field: Field): Answer {
  const proposed = proposedIn(context, 'fill');
  if (proposed !== undefined) return filled(context, proposed);
  const pressed = pressedIn(context);
  if (pressed !== undefined) {
    const profile = profilesOf(context).find(({ id }) => profileRow(id) === pressed);
    return field === 'profile' && profile !== undefined ? { fields: { profile: profile.id } } : undefined;
  }
  const { emailHint } = context.registration;
  if (field === 'email' && emailHint !== null && ask(context, answerOf) === 'yes')
    return { fields: { email: emailHint } };
  // A field that is chosen among words is its words, whatever else they mean.
  const chosen = field === 'profile' || field === 'state' ? readers[field](saidIn(context) ?? '', context) : undefined;
  if (chosen !== undefined && 'fields' in chosen) return chosen;
  const said = answerIn(context);
  if (said !== undefined && textsIn(context).hasNone.test(fold(said))) return { problem: 'none' };
  return said === undefined ? undefined : readers[field](said, context);
}

/** What a model picked out: only what stands in the message, and passes as if it had been answered. */
function filled(context: ConversationContext, proposed: Readonly<Record<Field, string | null>>): Answer {
  const words = fold(wordsOf(context)).replace(/ /gu, '');
  const read = fields.flatMap((field) => {
    const value = proposed[field];
    if (value === null || !words.includes(fold(value).replace(/ /gu, ''))) return [];
    const answer = readers[field](value, context);
    return answer !== undefined && 'fields' in answer ? [answer.fields] : [];
  });
  return read.length === 0 ? undefined : { fields: Object.assign({}, ...read) as Partial<Registration> };
}

/** The inscription with an answer. What was checked stays as it is until it is answered anew. */
export function withAnswer({ registration }: ConversationContext, answer: Answer): RegistrationContext {
  if (answer === undefined) return registration;
  if ('problem' in answer) return { ...registration, problem: answer.problem, emailHint: answer.hint ?? null };
  const { cpf, email } = answer.fields;
  const checking = cpf === undefined ? (email === undefined ? null : 'email') : 'cpf';
  return {
    ...registration,
    fields: { ...registration.fields, ...answer.fields },
    problem: null,
    emailHint: null,
    checking,
  };
}

/** The first field that is not known. */
export const missingIn = ({ registration }: ConversationContext): Field | undefined =>
  fields.find((field) => registration.fields[field] === undefined);
