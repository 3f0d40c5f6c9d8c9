/**
 * What the machine says: params of its `reply` and `audit` actions, made of context and event alone.
 */
import type { ActionParams, ConversationEvent } from '#machines/machine.ts';
import { type ConsentOccasion, type Controller } from './texts/language.ts';
import { type SpokenLanguage, languageNames, languageOf } from './texts/catalogue.ts';
import { type PersonContext } from './context.ts';
import { languageButtonOf } from './lexicon.ts';
import { informationIn, isTimeZone } from './settings.ts';
import { buttonIds, callNameOf, textOf } from './understanding.ts';

type Reply = ActionParams['reply'];
type Audit = ActionParams['audit'];
interface Of {
  readonly context: PersonContext;
}
interface Told extends Of {
  readonly event: ConversationEvent;
}

/** WhatsApp's longest text, in characters. */
const replyLengthMax = 4096;

/** How often a state says that it did not understand before it only does so after a pause. */
export const nudgesMax = { consent: 2, name: 4, menu: 4, waitingForPerson: 1 } as const;

const languageIn = (context: PersonContext): SpokenLanguage => languageOf(context.locale);
const bounded = (text: string): string =>
  text.length > replyLengthMax ? `${text.slice(0, replyLengthMax - 1)}…` : text;
const saying = (text: string): Reply => ({ content: { kind: 'text', text: bounded(text) } });

const controllerIn = ({ settings }: PersonContext): Controller => ({
  businessName: settings.businessName,
  privacyUrl: settings.privacyUrl,
});

const calledIn = (context: PersonContext): { readonly name: string | null } => ({
  name: context.name === null ? null : callNameOf(context.name, languageIn(context).lexicon),
});

/** Below a question: the other languages, each in its own words, so that whoever cannot read the rest finds theirs. */
const withLanguageHint = (text: string, { locale }: SpokenLanguage): string => {
  const others = languageNames.filter((language) => language.locale !== locale);
  return bounded(`${text}\n\n🌐 ${others.map(({ name }) => `*${name}*`).join(' · ')}`);
};

const withConsentButtons = (text: string, language: SpokenLanguage): Reply => ({
  content: {
    kind: 'buttons',
    optionsInText: true,
    text: withLanguageHint(text, language),
    buttons: [
      { id: buttonIds.yes, title: language.buttons.yes },
      { id: buttonIds.no, title: language.buttons.no },
    ],
  },
});

const withMenuButtons = (text: string, language: SpokenLanguage): Reply => ({
  content: {
    kind: 'buttons',
    optionsInText: true,
    text: withLanguageHint(text, language),
    buttons: [
      { id: buttonIds.information, title: language.buttons.information },
      { id: buttonIds.myData, title: language.buttons.myData },
      { id: buttonIds.person, title: language.buttons.person },
    ],
  },
});

/** Whether there is nothing in the message that could be read. */
const unreadable = (event: ConversationEvent): boolean =>
  event.type === 'message.received' && textOf(event.content) === undefined;

const occasionIn = ({ consent }: PersonContext): ConsentOccasion => {
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
export const inform = ({ context }: Of): Reply => {
  const { texts, locale } = languageIn(context);
  const information = informationIn(context.settings, locale) ?? texts.informationMissing;
  return saying(`${information}\n\n${texts.menuHint}`);
};

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

/** Every language by its own name, as buttons. */
export const offerLanguages = ({ context }: Of): Reply => {
  const names = languageNames.map(({ name }) => `*${name}*`).join('\n');
  return {
    content: {
      kind: 'buttons',
      optionsInText: true,
      text: `${languageIn(context).texts.languageQuestion}\n\n${names}`,
      buttons: languageNames.map(({ locale, name }) => ({ id: languageButtonOf(locale), title: name })),
    },
  };
};

/** The question for the name in the language just chosen. */
export const askNameInLanguage = ({ context }: Of): Reply => {
  const { texts } = languageIn(context);
  return saying(`${texts.languageSet}\n\n${texts.nameQuestionBriefly}`);
};

/** The menu in the language just chosen. */
export const showMenuInLanguage = ({ context }: Of): Reply => {
  const language = languageIn(context);
  return withMenuButtons(`${language.texts.languageSet}\n\n${language.texts.menu}`, language);
};

/** The reminder of a refusal in the language just chosen. */
export const remindOfRefusalInLanguage = ({ context }: Of): Reply => {
  const { texts } = languageIn(context);
  return saying(`${texts.languageSet}\n\n${texts.consentReminder}`);
};

/** The audit of a choice of language, made after the context has it. */
export const languageChosen = ({ context }: Of): Audit => ({ type: 'language.chosen', subject: context.locale });

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
 * A moment in a time zone (UTC if there is no such zone), as parts: unlike a finished pattern these do not change with the
 * runtime's locale data. `Intl` reads no clock.
 */
function localPartsOf(at: number, timeZone: string): LocalParts {
  const parts = new Map<string, string>(
    formatIn(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const part = (type: keyof LocalParts): string => parts.get(type) ?? '';
  return { day: part('day'), month: part('month'), year: part('year'), hour: part('hour'), minute: part('minute') };
}

/** By time zone, kept: making one takes many times as long as using it. */
const formats = new Map<string, Intl.DateTimeFormat>();
/** About as many as there are names of zones. */
const formatsMax = 600;

function formatIn(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const two = '2-digit';
  const made = new Intl.DateTimeFormat('en-GB', {
    ...{
      timeZone: isTimeZone(timeZone) ? timeZone : 'UTC',
      day: two,
      month: two,
      year: 'numeric',
      hour: two,
      minute: two,
      hourCycle: 'h23',
      calendar: 'gregory',
    },
  });
  if (formats.size >= formatsMax) formats.clear();
  formats.set(timeZone, made);
  return made;
}
