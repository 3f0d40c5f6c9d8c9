/**
 * What a language consists of: the texts that are sent and the words that are understood. One
 * file per language exports one `Language`; `catalogue.ts` lists them.
 */

/** Why consent is being asked for: the first time, again after an answer, or because the notice changed. */
export type ConsentOccasion = 'first' | 'refused' | 'withdrawn' | 'renewed';

/** Who asks, and where the notice can be read. */
export interface Controller {
  readonly businessName: string;
  readonly privacyUrl: string | undefined;
}

/** What is stored about a person, as it is told to the person. */
export interface StoredData extends Controller {
  readonly name: string | null;
  /** When consent was given, already in words. */
  readonly consentAt: string;
  readonly noticeVersion: string;
}

/**
 * Texts by key. Each says by itself which answers are possible, so that a transport without
 * buttons may send the text alone.
 */
export interface Texts {
  readonly consentQuestion: (of: Controller & { readonly occasion: ConsentOccasion }) => string;
  readonly consentExplained: (of: Controller) => string;
  readonly consentUnclear: string;
  /** The last one before the conversation goes quiet. */
  readonly consentUnclearLast: string;
  readonly consentTypePlease: string;
  readonly consentRefused: string;
  readonly consentReminder: string;
  readonly withdrawn: (of: { readonly hadConsent: boolean }) => string;
  readonly nameQuestion: string;
  /** For one who comes back with consent but without a name. */
  readonly nameQuestionOnReturn: string;
  /** The question alone, below something else. */
  readonly nameQuestionBriefly: string;
  readonly nameUnclear: string;
  readonly nameTypePlease: string;
  readonly menuWelcome: (of: { readonly name: string | null }) => string;
  readonly menuWelcomeBack: (of: { readonly name: string | null }) => string;
  /** For one whose name was known when consent was given anew. */
  readonly menuAfterConsent: (of: { readonly name: string | null }) => string;
  readonly menu: string;
  readonly menuUnclear: string;
  readonly menuTypePlease: string;
  /** Goes below an answer of the menu. */
  readonly menuHint: string;
  readonly myData: (of: StoredData) => string;
  readonly personRequested: (of: { readonly name: string | null }) => string;
  readonly personWaiting: string;
  /** Where the tenant has said nothing to be told. */
  readonly informationMissing: string;
  /** Goes above the names of all languages. */
  readonly languageQuestion: string;
  /** Says that the conversation goes on in this language. */
  readonly languageSet: string;
}

/** Titles of buttons: at most 20 characters, WhatsApp's limit. */
export interface ButtonTitles {
  readonly yes: string;
  readonly no: string;
  readonly information: string;
  readonly myData: string;
  readonly person: string;
}

/**
 * Words and phrases, as `fold` (understanding.ts) leaves them: lower case, no accents, no
 * punctuation, single blanks.
 */
export interface Words {
  readonly yes: readonly string[];
  /** Those that mean yes even after a refusal, where "ok" is only politeness. */
  readonly yesClearly: readonly string[];
  readonly no: readonly string[];
  /** Mean nothing by themselves beside a yes, a no, an opt-out or the name of a language. */
  readonly fillers: readonly string[];
  readonly why: readonly string[];
  /** A short message that begins so asks why. */
  readonly whyStarts: readonly string[];
  /** Withdraw consent, as a whole message, in any state and whatever the language of the conversation. */
  readonly optOut: readonly string[];
  /** "I want to": mean nothing beside an opt-out, whatever they mean elsewhere. */
  readonly optOutLeads: readonly string[];
  /** Ask for this language, as a whole message, in whatever language they are written and the conversation is. */
  readonly thisLanguage: readonly string[];
  /** Ask which languages there are, as a whole message, whatever the language of the conversation. */
  readonly languages: readonly string[];
  readonly menu: readonly string[];
  readonly information: readonly string[];
  readonly myData: readonly string[];
  readonly person: readonly string[];
  /** What the numbers of the menu are called; they count in the menu only. */
  readonly ordinals: Readonly<Record<'information' | 'myData' | 'person', readonly string[]>>;
  /** A short message with one of these and no negation asks for a person. */
  readonly personSigns: readonly string[];
  readonly negations: readonly string[];
  /** Mean nothing beside a choice of the menu. */
  readonly choiceFillers: readonly string[];
  readonly skip: readonly string[];
  readonly greetings: readonly string[];
  readonly nameLeads: readonly string[];
  readonly nameTails: readonly string[];
  /** One of these anywhere, and it is no name. */
  readonly notNames: readonly string[];
  readonly particles: readonly string[];
  readonly honorifics: readonly string[];
}

/** A language, complete. */
export interface Language {
  /** BCP 47 tag. */
  readonly locale: string;
  /** What those who speak it call it; also the title of its button. */
  readonly name: string;
  readonly texts: Texts;
  readonly buttons: ButtonTitles;
  readonly words: Words;
  /** "13/03/2025 às 15:00", from the parts of a local time, each two digits (the year four). */
  readonly momentOf: (parts: Readonly<Record<'day' | 'month' | 'year' | 'hour' | 'minute', string>>) => string;
}
