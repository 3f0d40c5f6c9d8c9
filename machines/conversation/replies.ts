/**
 * What the machine says: params of its `reply` and `audit` actions, made of context and event alone.
 */
import type { ActionParams, ConversationEvent } from '#machines/machine.ts';
import { type ConsentOccasion, type Controller } from './texts/language.ts';
import { type SpokenLanguage, languageOf } from './texts/catalogue.ts';
import { type ConversationContext } from './context.ts';
import { buttonIds, callNameOf, textOf } from './understanding.ts';

type Reply = ActionParams['reply'];
type Audit = ActionParams['audit'];
interface Of {
  readonly context: ConversationContext;
}
interface Told extends Of {
  readonly event: ConversationEvent;
}

/** WhatsApp's longest text, in characters. */
const replyLengthMax = 4096;

/** How often a state says that it did not understand before it only does so after a pause. */
export const nudgesMax = { consent: 2, name: 4, menu: 4, waitingForPerson: 1 } as const;

const languageIn = (context: ConversationContext): SpokenLanguage => languageOf(context.locale);
const bounded = (text: string): string =>
  text.length > replyLengthMax ? `${text.slice(0, replyLengthMax - 1)}…` : text;
const saying = (text: string): Reply => ({ content: { kind: 'text', text: bounded(text) } });

const controllerIn = ({ settings }: ConversationContext): Controller => ({
  businessName: settings.businessName,
  privacyUrl: settings.privacyUrl,
});

const calledIn = (context: ConversationContext): { readonly name: string | null } => ({
  name: context.name === null ? null : callNameOf(context.name, languageIn(context).lexicon),
});

const withConsentButtons = (text: string, { buttons }: SpokenLanguage): Reply => ({
  content: {
    kind: 'buttons',
    optionsInText: true,
    text: bounded(text),
    buttons: [
      { id: buttonIds.yes, title: buttons.yes },
      { id: buttonIds.no, title: buttons.no },
    ],
  },
});

const withMenuButtons = (text: string, { buttons }: SpokenLanguage): Reply => ({
  content: {
    kind: 'buttons',
    optionsInText: true,
    text: bounded(text),
    buttons: [
      { id: buttonIds.information, title: buttons.information },
      { id: buttonIds.myData, title: buttons.myData },
      { id: buttonIds.person, title: buttons.person },
    ],
  },
});

/** Whether there is nothing in the message that could be read. */
const unreadable = (event: ConversationEvent): boolean =>
  event.type === 'message.received' && textOf(event.content) === undefined;

const occasionIn = ({ consent }: ConversationContext): ConsentOccasion => {
  switch (consent.status) {
    case 'refused':
    case 'withdrawn':
      return consent.status;
    case 'given':
      return 'renewed';
    case 'unknown':
    case 'requested':
      return 'first';
  }
};

/** The question for consent, the first thing that anybody reads. */
export const askConsent = ({ context }: Of): Reply => {
  const language = languageIn(context);
  const question = language.texts.consentQuestion({ ...controllerIn(context), occasion: occasionIn(context) });
  return withConsentButtons(question, language);
};

/** Who, what, why and which rights. */
export const explainConsent = ({ context }: Of): Reply => {
  const language = languageIn(context);
  return withConsentButtons(language.texts.consentExplained(controllerIn(context)), language);
};

/** The question for consent again, shorter; the last time it says that it will not insist. */
export const askConsentAgain = ({ context, event }: Told): Reply => {
  const language = languageIn(context);
  const { texts } = language;
  const last = context.nudges >= nudgesMax.consent;
  const unclear = last ? texts.consentUnclearLast : texts.consentUnclear;
  return withConsentButtons(unreadable(event) ? texts.consentTypePlease : unclear, language);
};

/** Thanks for a no, and how to come back. */
export const acceptRefusal = ({ context }: Of): Reply => saying(languageIn(context).texts.consentRefused);

/** The one reminder after a refusal. */
export const remindOfRefusal = ({ context }: Of): Reply => saying(languageIn(context).texts.consentReminder);

/** Confirms a withdrawal, before the context forgets that there was a consent. */
export const confirmWithdrawal = ({ context }: Of): Reply =>
  saying(languageIn(context).texts.withdrawn({ hadConsent: context.consent.status === 'given' }));

/** The question for the name. */
export const askName = ({ context }: Of): Reply => saying(languageIn(context).texts.nameQuestion);

/** The question for the name of one who comes back. */
export const askNameOnReturn = ({ context }: Of): Reply => saying(languageIn(context).texts.nameQuestionOnReturn);

/** The question for the name again. */
export const askNameAgain = ({ context, event }: Told): Reply => {
  const { texts } = languageIn(context);
  return saying(unreadable(event) ? texts.nameTypePlease : texts.nameUnclear);
};

/** The menu for one who has just arrived there. */
export const welcome = ({ context }: Of): Reply => {
  const language = languageIn(context);
  return withMenuButtons(language.texts.menuWelcome(calledIn(context)), language);
};

/** The menu for one who comes back. */
export const welcomeBack = ({ context }: Of): Reply => {
  const language = languageIn(context);
  return withMenuButtons(language.texts.menuWelcomeBack(calledIn(context)), language);
};

/** The menu for one who has just agreed and whose name is known. */
export const thankAndShowMenu = ({ context }: Of): Reply => {
  const language = languageIn(context);
  return withMenuButtons(language.texts.menuAfterConsent(calledIn(context)), language);
};

/** The menu. */
export const showMenu = ({ context }: Of): Reply => {
  const language = languageIn(context);
  return withMenuButtons(language.texts.menu, language);
};

/** The menu once more. */
export const showMenuAgain = ({ context, event }: Told): Reply => {
  const language = languageIn(context);
  const { texts } = language;
  return withMenuButtons(unreadable(event) ? texts.menuTypePlease : texts.menuUnclear, language);
};

/** The tenant's information. */
export const inform = ({ context }: Of): Reply =>
  saying(`${context.settings.information}\n\n${languageIn(context).texts.menuHint}`);

/** What is stored about the person, and how to withdraw. */
export const showMyData = ({ context }: Of): Reply => {
  const { texts, momentOf } = languageIn(context);
  const { consent, name, settings } = context;
  return saying(
    texts.myData({
      ...controllerIn(context),
      name,
      consentAt: momentOf(localPartsOf(consent.at ?? 0, settings.timeZone)),
      noticeVersion: consent.noticeVersion ?? settings.noticeVersion,
    }),
  );
};

/** A person will answer. */
export const promisePerson = ({ context }: Of): Reply =>
  saying(languageIn(context).texts.personRequested(calledIn(context)));

/** Still waiting for a person. */
export const promisePersonAgain = ({ context }: Of): Reply => saying(languageIn(context).texts.personWaiting);

/** A `message.requested`, passed on. */
export const relay = ({ event }: { readonly event: ConversationEvent & { type: 'message.requested' } }): Reply => ({
  content: event.content,
  priority: event.priority,
  messageId: event.messageId,
  origin: event.origin,
});

/** A `message.requested`, refused for the sake of the person's own no. */
export const refusal = ({
  context,
  event,
}: Of & { readonly event: ConversationEvent & { type: 'message.requested' } }): ActionParams['decline'] => ({
  messageId: event.messageId,
  reason: `consent.${context.consent.status}`,
});

/** The audit of a question for consent: which notice was shown. */
export const consentRequested = ({ context }: Of): Audit => ({
  type: 'consent.requested',
  subject: context.settings.noticeVersion,
});

/** The audit of an answer, made after the context has it: which notice, and button or text as evidence. */
export const consentAnswered = ({ context: { consent } }: Of): Audit => ({
  type: `consent.${consent.status}`,
  ...(consent.noticeVersion === null ? {} : { subject: consent.noticeVersion }),
  ...(consent.by === null ? {} : { outcome: consent.by }),
});

type LocalParts = Readonly<Record<'day' | 'month' | 'year' | 'hour' | 'minute', string>>;

/**
 * A moment in a time zone, as parts: unlike a finished pattern these do not change with the
 * runtime's locale data. `Intl` reads no clock.
 */
function localPartsOf(at: number, timeZone: string): LocalParts {
  const two = '2-digit';
  const format = new Intl.DateTimeFormat('en-GB', {
    ...{
      timeZone,
      day: two,
      month: two,
      year: 'numeric',
      hour: two,
      minute: two,
      hourCycle: 'h23',
      calendar: 'gregory',
    },
  });
  const parts = new Map<string, string>(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const part = (type: keyof LocalParts): string => parts.get(type) ?? '';
  return { day: part('day'), month: part('month'), year: part('year'), hour: part('hour'), minute: part('minute') };
}
