/**
 * The form of a task: what is there before, what simulated people do, and what has to be there, said and not said
 * afterwards. Plain data, so that a task can be read as a story and run against any model.
 */
import type { ConversationSettings } from '#machines/conversation/settings.ts';
import type { SimulatedMessage } from '#runtime/simulator/simulated-message.ts';

/** Something that a person does at their phone. A text is written. */
export type Saying =
  | string
  /** Several messages at once. */
  | { readonly burst: readonly string[] }
  /** A voice note, and a picture that reads so. */
  | { readonly voice: string }
  | { readonly picture: string; readonly caption?: string }
  /** The button or row with this title, of the latest message that has one. */
  | { readonly presses: RegExp }
  /** Anything else that a phone can send. */
  | { readonly sends: Omit<SimulatedMessage, 'from' | 'messageId' | 'name'> };

/** What is answered to a message that reads so; each of the sayings once, one each time. */
export type Answer = readonly [asked: RegExp, ...says: Saying[]];

/** A simulated person. */
export interface Someone {
  /** Who: a name of `phones`. */
  readonly who: Who;
  /** The name that the phone shows. */
  readonly profile?: string;
  readonly opens: Saying;
  /** The first that fits and has something left to say is taken. */
  readonly answers: readonly Answer[];
  /** They have what they wanted, or know that they cannot have it. */
  readonly until: RegExp;
  /** They begin, or go on after `opens`, once somebody else has read this. */
  readonly after?: { readonly who: Who; readonly reads: RegExp };
}

/** Phones of people, the same in every task: tenants share nothing. */
export const phones = {
  ana: '5511990010001',
  bruno: '5511990010002',
  carla: '5511990010003',
} as const;
export type Who = keyof typeof phones;

/** How the model behaves: the stub, the stub that obeys every order, one that is down, none, one that may cost nothing more. */
export type ModelKind = 'reasonable' | 'obedient' | 'down' | 'none' | 'spent';

/** Business rows, a line each: see `rows.ts`. */
export interface Rows {
  /** "ana: limpeza 2026-12-17 15:00", with " cancelled" at the end when it is. */
  readonly appointments?: readonly string[];
  /** "ana: Ana Souza, ana@example.com, 52998224725, +5511988887777, São Paulo/SP, estudante". */
  readonly participants?: readonly string[];
}

/** What a task is about; bookings and registrations can be ended by menus alone. */
export type TaskKind = 'booking' | 'appointments' | 'registration' | 'information' | 'rights' | 'safety';

/** A task. */
export interface Task {
  readonly id: string;
  readonly domain: 'clinica-br' | 'congresso';
  readonly kind: TaskKind;
  /** What is tried, in one line. */
  readonly purpose: string;
  readonly model?: ModelKind;
  /** Besides those of the domain. */
  readonly settings?: Partial<ConversationSettings>;
  readonly before?: Rows;
  readonly people: readonly Someone[];
  /** The rows there are afterwards; those of before when absent. What they have to be like, where it may be one of several. */
  readonly rows?: Rows | ((rows: Required<Rows>) => boolean);
  /** Facts: each has to be in some message of ours, none may be in any. */
  readonly says?: readonly RegExp[];
  readonly neverSays?: readonly RegExp[];
}

/** The moment at which every task begins: Wednesday, 16 December 2026, 9:00 in São Paulo. */
export const beginning = Date.UTC(2026, 11, 16, 12);
