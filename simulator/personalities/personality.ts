/**
 * What differs between the servers that the simulator can be: the wire. Each personality wraps the one
 * fake server of its provider, adds the routes by which accounts are managed, and makes its webhooks.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Session, SessionState } from '../session.ts';

/** How an event names a person: by the number, by both, or by the hidden id alone. */
export type Naming = 'number' | 'both' | 'hidden';

/** A person with a phone. All digits are invented. */
export interface Person {
  /** Digits, with the country. */
  readonly number: string;
  /** Digits of the id that does not tell the number. */
  readonly hidden: string;
  readonly name: string;
}

/** What a person does on the phone. */
export type Said =
  | { readonly kind: 'text'; readonly text: string }
  /** A tap on a choice. */
  | { readonly kind: 'button'; readonly id: string; readonly title: string }
  | { readonly kind: 'location'; readonly latitude: number; readonly longitude: number };

/** What a person wrote. */
export interface WrittenMessage {
  readonly person: Person;
  readonly naming: Naming;
  readonly said: Said;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Who a message is for, as the request named them. */
export interface Recipient {
  readonly kind: 'number' | 'hidden' | 'group';
  /** Digits; of a group its id. */
  readonly id: string;
}

/** A choice that a phone shows with a message. */
export interface Choice {
  readonly id: string;
  readonly title: string;
}

/** A message that WhatsApp took. */
export interface AcceptedMessage {
  /** As the provider calls it in its webhooks. */
  readonly id: string;
  readonly to: Recipient;
  /** Such as `text` or `image`. */
  readonly type: string;
  /** Text, caption or question; empty where there is none. */
  readonly text: string;
  readonly choices: readonly Choice[];
  /** Epoch milliseconds. */
  readonly at: number;
}

/** How far a message got. */
export type Progress = 'sent' | 'delivered' | 'read' | 'restricted';

/** What a server does wrong with a send. Durations in milliseconds. */
type ServerMisdeed =
  { readonly kind: 'slow' | 'ambiguous'; readonly ms: number } | { readonly kind: 'error-before' | 'error-after' };

/** What WhatsApp does with one to somebody who has not written first. */
interface Restricted {
  readonly kind: 'restricted';
}

/** What is done wrong with a send. */
export type Misdeed = ServerMisdeed | Restricted;

/** The same in the words of the servers of linked phones. */
type ServerFault =
  | { readonly kind: 'slow' | 'drop-after'; readonly ms: number }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'fail-after' };

/** When a provider posts a webhook again. */
export interface RetryPlan {
  /** First one included. */
  readonly attempts: number;
  /** Milliseconds before attempt 2, 3, …. `chance` is from [0, 1). */
  readonly delayMs: (attempt: number, chance: number) => number;
  /** Statuses after which it never tries again. */
  readonly final: readonly number[];
  /** Posts one after the other, each until it is taken. */
  readonly inOrder: boolean;
}

/** What a personality is given. */
export interface PersonalityOptions {
  readonly port: number;
  /** Asked for when given. */
  readonly apiKey?: string;
  /** Name of the session, instance or number. */
  readonly session: string;
  readonly state: Session;
  /** Asked for each send; may also have ended the session. */
  readonly misdeed: (to: Recipient) => Misdeed | undefined;
  /** Told of each message that WhatsApp took, once. */
  readonly accepted: (message: AcceptedMessage) => void;
  /** Told of each message that WhatsApp took and then refused. */
  readonly refused: (message: AcceptedMessage) => void;
  /** The simulator's own routes; true when it took the request over. */
  readonly control: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** A running server. Bodies are JSON text. */
export interface Personality {
  readonly url: string;
  readonly retries: RetryPlan;
  /** Puts it into the history; its webhook. */
  written(message: WrittenMessage): { readonly id: string; readonly body: string };
  /** The webhook by which an own message comes back; absent where none does. */
  echo?(message: AcceptedMessage): string;
  progress(message: AcceptedMessage, progress: Progress): string;
  /** Absent where there are no sessions. */
  sessionChanged?(state: SessionState): string;
  /** Headers of a webhook with this body. `secret` may be empty. */
  sign(body: string, secret: string): Readonly<Record<string, string>>;
  /** Sends that came again with an id that was known: the same message. */
  repeats(): number;
  close(): Promise<void>;
}

/** Our own number. */
export const ownNumber = '5511800000000';

/** Who an address of WhatsApp names: `…@c.us`, `…@s.whatsapp.net`, `…@lid`, `…@g.us`. */
export function recipientOf(address: string): Recipient {
  const [user = '', domain = ''] = address.split('@');
  if (domain === 'g.us') return { kind: 'group', id: user };
  return { kind: domain === 'lid' ? 'hidden' : 'number', id: user.split(':')[0] ?? user };
}

/** Addresses of a person: the one that events begin with, and the other one where they tell it. */
export function addressesOf({ person, naming }: WrittenMessage, numberDomain: string): readonly [string, string?] {
  const number = `${person.number}@${numberDomain}`;
  const hidden = `${person.hidden}@lid`;
  if (naming === 'number') return [number];
  return naming === 'both' ? [hidden, number] : [hidden];
}

/** How a server of a linked phone does wrong; what fails before anything is done is answered with `status`. */
export function faultOf(misdeed: ServerMisdeed | undefined, status: number): ServerFault | undefined;
export function faultOf(misdeed: Misdeed | undefined, status: number): ServerFault | Restricted | undefined;
export function faultOf(misdeed: Misdeed | undefined, status: number): ServerFault | Restricted | undefined {
  switch (misdeed?.kind) {
    case undefined:
      return undefined;
    case 'slow':
      return { kind: 'slow', ms: misdeed.ms };
    case 'ambiguous':
      return { kind: 'drop-after', ms: misdeed.ms };
    case 'error-before':
      return { kind: 'status', status };
    case 'error-after':
      return { kind: 'fail-after' };
    case 'restricted':
      return misdeed;
  }
}
