/**
 * What a conversation asks of the outside world: the inputs and outputs of its effects, by source. Each is one
 * record, and its answer another. The handlers are in `services/effects/`. Times are epoch milliseconds.
 * What depends on the tenant (services, opening hours, models, sections) the handlers read from the
 * configuration revision of the asker; who asks they know by the actor.
 */
import { fromPromise } from 'xstate';

import type { Proposal, ToolName } from './tools.ts';

/** A message of this conversation, as a model is shown it. */
export interface Turn {
  readonly by: 'person' | 'us';
  readonly text: string;
  readonly at: number;
}

/** How what a person said reached us. */
export type Means = 'text' | 'voice' | 'image' | 'document';

/** One step of a model: what may it propose for what was said? */
export interface ModelQuestion {
  /** The question that is open, such as `scheduling.choosingTime`. */
  readonly step: string;
  /** What may be proposed: no other tool exists. */
  readonly tools: readonly ToolName[];
  readonly locale: string;
  readonly timeZone: string;
  /** Now, for the model. */
  readonly at: number;
  /** What was said, and how. Untrusted. */
  readonly said: string;
  readonly means: Means;
  /** Earlier messages, oldest first, pruned. */
  readonly turns: readonly Turn[];
  /** What has been shown and can be named, by its handle. */
  readonly handles: readonly { readonly handle: string; readonly label: string }[];
  /** What is known and is the model's business: no phone number, no CPF, no e-mail. */
  readonly facts: Readonly<Record<string, string>>;
  /** What this conversation has cost so far, in millionths of the tenant's currency unit. */
  readonly spentMicros: number;
}

/** What a step of a model took, as its record says. */
export interface ModelCall {
  /** Which model answered; `cache` when a kept answer did. */
  readonly model: string;
  /** What it was asked with, besides words, tools and files: by the names that the API has for them. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  /** In millionths of the tenant's currency unit. */
  readonly costMicros: number;
  readonly latencyMs: number;
  /** SHA-256 of the normalised request, hexadecimal. */
  readonly requestHash: string;
}

/** Tokens, as the server counts them. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** What a model proposed. */
export interface ModelAnswer extends ModelCall {
  /** The first valid call of a tool that was offered; null when there was none. */
  readonly proposal: Proposal | null;
  /** Calls beside it, of other tools, or not as the tool says: none of them is ever followed. */
  readonly refused: number;
  readonly usage: TokenUsage;
}

/** A file to be read. */
export interface FileToRead {
  readonly file: string;
  readonly locale: string;
  /** As in `ModelQuestion`; where the tenant says what reading costs. */
  readonly spentMicros?: number;
}

/** What was read of a file, and what that took. Records from before it was counted have the text alone. */
export interface FileRead extends Partial<ModelCall> {
  readonly text: string;
  /** Of a picture. */
  readonly usage?: TokenUsage;
  /** Length of a voice note. */
  readonly seconds?: number;
}

/** A time that can be booked. */
export interface Slot {
  readonly start: number;
  readonly end: number;
}

/** A booking of the person of this conversation. */
export interface Appointment {
  readonly id: string;
  /** Id of the service in the tenant's settings. */
  readonly service: string;
  readonly start: number;
  readonly end: number;
}

/** What a registration gathers; see `machines/registration/`. */
export interface Registration {
  readonly fullName: string;
  readonly email: string;
  /** Digits. */
  readonly cpf: string;
  /** E.164. */
  readonly phone: string;
  readonly city: string;
  /** UF. */
  readonly state: string;
  /** Id of the profile in the tenant's settings. */
  readonly profile: string;
}

/** A piece of what a tenant tells about its event. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  /** Other words for it, as people ask. */
  readonly aliases: readonly string[];
}

/** Input and output of every effect. */
export interface Asks {
  'model.propose': [ModelQuestion, ModelAnswer];
  /** Free slots within an interval, earliest first. `moving`: the appointment whose own time counts as free. */
  'calendar.find': [
    {
      readonly service: string;
      readonly from: number;
      readonly to: number;
      readonly max: number;
      readonly moving: string | null;
    },
    /** `closed`: the tenant has no opening hours in the interval. */
    { readonly slots: readonly Slot[]; readonly closed: boolean },
  ];
  /** Keeps a slot for this conversation for some minutes; an earlier hold of it is given up. */
  'calendar.hold': [
    { readonly service: string; readonly start: number; readonly moving: string | null },
    (
      | { readonly outcome: 'held'; readonly hold: string; readonly until: number }
      | { readonly outcome: 'taken'; readonly alternatives: readonly Slot[] }
    ),
  ];
  /** Makes a hold an appointment, or moves one there. `confirmedBy`: id of the record with the person's yes. */
  'calendar.book': [
    {
      readonly hold: string;
      readonly confirmedBy: string;
      readonly name: string | null;
      readonly moving: string | null;
    },
    (
      | { readonly outcome: 'booked'; readonly appointment: Appointment }
      | { readonly outcome: 'taken'; readonly alternatives: readonly Slot[] }
    ),
  ];
  /** Gives a hold back. Nobody waits for it. */
  'calendar.release': [{ readonly hold: string }, Record<string, never>];
  /** The person's appointments that are still to come, earliest first. */
  'calendar.list': [{ readonly max: number }, { readonly appointments: readonly Appointment[] }];
  'calendar.cancel': [
    { readonly appointment: string; readonly confirmedBy: string },
    { readonly outcome: 'cancelled' | 'gone' },
  ];
  /** Whether another person's inscription has it. */
  'participants.check': [{ readonly field: 'cpf' | 'email'; readonly value: string }, { readonly taken: boolean }];
  'participants.save': [
    { readonly registration: Registration; readonly confirmedBy: string },
    (
      | { readonly outcome: 'saved'; readonly participant: string }
      | { readonly outcome: 'taken'; readonly field: 'cpf' | 'email' }
    ),
  ];
  /** A confirmation by e-mail; an appointment comes as .ics too. */
  'mail.confirm': [
    {
      readonly to: string;
      readonly locale: string;
      readonly name: string | null;
      readonly about:
        | { readonly kind: 'registration'; readonly participant: string }
        | { readonly kind: 'appointment'; readonly appointment: Appointment };
    },
    { readonly sent: boolean },
  ];
  /** What is said in a voice note. */
  'speech.transcribe': [FileToRead, FileRead];
  /** What can be read and seen in an image. */
  'image.read': [FileToRead, FileRead];
  /** The sections of the tenant's event, from its settings, file or URL. */
  'information.read': [{ readonly locale: string }, { readonly sections: readonly Section[] }];
}

/** A name of an effect. */
export type AskSource = keyof Asks;

const stub = <Source extends AskSource>() =>
  fromPromise<Asks[Source][1], Asks[Source][0]>(() => Promise.reject(new Error('effects run elsewhere')));

/** For `setup`: the host turns each invoke into a record. */
export const asks = {
  'model.propose': stub<'model.propose'>(),
  'calendar.find': stub<'calendar.find'>(),
  'calendar.hold': stub<'calendar.hold'>(),
  'calendar.book': stub<'calendar.book'>(),
  'calendar.release': stub<'calendar.release'>(),
  'calendar.list': stub<'calendar.list'>(),
  'calendar.cancel': stub<'calendar.cancel'>(),
  'participants.check': stub<'participants.check'>(),
  'participants.save': stub<'participants.save'>(),
  'mail.confirm': stub<'mail.confirm'>(),
  'speech.transcribe': stub<'speech.transcribe'>(),
  'image.read': stub<'image.read'>(),
  'information.read': stub<'information.read'>(),
};
