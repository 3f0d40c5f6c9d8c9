/**
 * What ingest knows of a provider: how its webhooks prove where they come from, and what its bodies
 * mean. One file per wire shape; everything after `normalise` is the same for all.
 */
import type { IncomingHttpHeaders } from 'node:http';

import type { Instance } from '#runtime/instances/instances.ts';
import type { SealedChange, SealedMessage, SealedReport, SealedStatus } from '#schemas/content.ts';

import type { JsonObject } from './loose-json.ts';

/** A webhook body whose signature was right. */
export interface WebhookBody {
  readonly json: JsonObject;
  /** The body as received, JSON text. */
  readonly raw: string;
  /** Id of the HTTP request. */
  readonly requestId: string;
}

/** A chat, by every address that the event gives for it. */
export interface Chat {
  /** The one to send to first. */
  readonly addresses: readonly [string, ...string[]];
  readonly group: boolean;
  /** The event only says that these are names of one chat: where there is none, none is made. */
  readonly mustExist?: true;
}

interface About {
  /** The provider's clock, epoch milliseconds. */
  readonly providerAt: number | null;
  /** The event as received, JSON text. */
  readonly raw: string;
  /** The instance that it is of, where the token is of several (Cloud); else the token's own. */
  readonly instance?: Instance;
}

/** What can happen to an earlier message. */
export type Change = 'edited' | 'revoked' | 'reacted' | 'unreacted' | 'voted' | 'responded';

/** How far a message of ours got. */
export type Status = 'pending' | 'sent' | 'delivered' | 'read' | 'played' | 'failed';

/** State of an instance, in words that fit every provider. */
export type InstanceStatus = 'unknown' | 'stopped' | 'starting' | 'scanning' | 'working' | 'failed';

/** One event in our words. `deliveryId` is what is the same in every delivery of it. */
export type NormalisedEvent = About &
  (
    | { readonly type: 'message.received'; readonly chat: Chat; readonly message: SealedMessage }
    | {
        readonly type: 'message.echoed';
        readonly source: 'app' | 'api' | 'unknown';
        readonly chat: Chat;
        readonly message: SealedMessage;
      }
    | {
        readonly type: 'message.changed';
        readonly change: Change;
        readonly chat: Chat;
        readonly details: SealedChange;
      }
    | {
        readonly type: 'message.status';
        readonly status: Status;
        readonly reason: string | null;
        readonly chat: Chat;
        readonly details: SealedStatus;
      }
    /** Kept, needs no action. `chat` absent: it belongs to the instance. `event` is in a safe alphabet. */
    | {
        readonly type: 'webhook.other';
        readonly event: string;
        readonly chat: Chat | undefined;
        readonly deliveryId: string;
      }
    | {
        readonly type: 'instance.reported';
        readonly status: InstanceStatus;
        readonly deliveryId: string;
        readonly qr?: SealedReport['qr'];
        readonly restriction?: SealedReport['restriction'];
      }
  );

/** One wire shape. */
export interface WebhookProvider {
  /** True when the request proves that it comes from the instance's provider. Compares in constant time. */
  verify(rawBody: Buffer, headers: IncomingHttpHeaders, instance: Instance): boolean;
  /**
   * The events of a body, at least one. Pure. Whatever a provider may send is an event; only a shape
   * of our own (the simulator) throws, a `Problem` with status 400. `instances` are all that share the
   * token, this one first, where that can be more than one (Cloud).
   */
  normalise(body: WebhookBody, instance: Instance, instances?: readonly Instance[]): readonly NormalisedEvent[];
  /** False when the body names an account that none of the instances is: it may be new. Absent: tokens are of one. */
  knows?(body: WebhookBody, instances: readonly Instance[]): boolean;
  /**
   * What to answer a GET by which the provider checks that the webhook is ours; undefined when it does
   * not prove to be the provider. Absent: the provider makes no such check.
   */
  challenge?(query: unknown, instance: Instance): string | undefined;
  /** True when the answer names the events: the caller is ours. */
  readonly answersEvents: boolean;
  /** True when the caller may put the event's name behind the token in the path. */
  readonly takesEventPath?: boolean;
}

/** What a status says of a message; `failure` is why, should it have failed. */
interface Told {
  readonly status: Status;
  readonly failure: string;
  readonly chat: Chat;
  readonly messageId: string;
  /** Absent: the message id is stable itself. */
  readonly stableId?: string | undefined;
  readonly participant?: string | undefined;
  readonly deliveryId?: string | undefined;
}

/** How far a message of ours got, as an event. */
export function statusEvent(told: Told, about: About): NormalisedEvent {
  const { status, failure, chat, messageId, stableId = messageId, participant, deliveryId } = told;
  return {
    type: 'message.status',
    status,
    reason: status === 'failed' ? failure : null,
    chat,
    details: {
      messageId,
      stableId,
      chat: chat.addresses[0],
      ...(participant === undefined ? {} : { participant }),
      ...(deliveryId === undefined ? {} : { deliveryId }),
    },
    ...about,
  };
}

/** What is kept and needs no action, as an event; `chat` undefined: it belongs to the instance. */
export const otherEvent = (
  name: string,
  chat: Chat | undefined,
  deliveryId: string,
  about: About,
): Extract<NormalisedEvent, { readonly type: 'webhook.other' }> => ({
  type: 'webhook.other',
  event: safeEventName(name),
  chat,
  deliveryId,
  ...about,
});

/**
 * An event kind as a record's plain field may hold it: lower case letters, digits, dots, hyphens and
 * underscores, 64 of them; runs of digits that could be a number of somebody are taken out.
 */
const safeEventName = (name: string): string => {
  const safe = name
    .slice(0, 64)
    .toLowerCase()
    .replace(/[^a-z0-9._-]/g, '-')
    .replace(/(?:\d[._-]*){4,}/g, 'n');
  return safe === '' ? 'unknown' : safe;
};
