/**
 * What a machine is told and what it may ask for. Machines are ordinary XState v5 machines; the
 * actor host makes them durable. A machine has no clock, no randomness, no I/O and no hidden state:
 * time is the event's `at`, and everything it wants done is a named action, an `invoke` by string
 * `src`, or an `after`.
 */
import type { InboundContent, OutboundContent, RouteWish, SealedReport } from '#schemas/content.ts';

/** Input of the first transition of an episode. */
export interface ActorInput<Settings = unknown, Carried = unknown> {
  readonly tenant: string;
  readonly actor: string;
  /** Epoch milliseconds: the time of the record that starts the episode. */
  readonly at: number;
  /** The tenant's settings for this machine, of the revision in force at the start of the episode. */
  readonly settings: Settings;
  /** `output` of the episode before; absent in the first one. */
  readonly carried?: Carried;
  /** Language that the first message asks for, where its way in has a place for that. */
  readonly locale?: string;
}

/** Fields that every event has. */
interface Told {
  /** Epoch milliseconds: the largest ingest time seen so far in this actor. */
  readonly at: number;
  /** Id of the record that brought it. */
  readonly eventId: string;
}

/** What a conversation can be told. Completions and timers arrive as XState's own events. */
export type ConversationEvent =
  | (Told & {
      readonly type: 'message.received';
      readonly content: InboundContent;
      /** Name that the person chose at WhatsApp; a hint, never a fact. */
      readonly profileName?: string;
    })
  | (Told & {
      readonly type: 'message.requested';
      readonly messageId: string;
      readonly origin: 'api' | 'operator' | 'broadcast';
      readonly priority: Priority;
      readonly content: OutboundContent;
    })
  | (Told & { readonly type: 'message.echoed'; readonly source: 'app' | 'api' | 'unknown' })
  | (Told & { readonly type: 'message.changed'; readonly change: string; readonly text?: string })
  /** The file of an earlier message, `messageEventId`, is kept, or cannot be had. */
  | (Told & {
      readonly type: 'media.stored';
      readonly messageEventId: string;
      readonly kind: string;
      readonly fileId: string;
      readonly mimetype: string;
      readonly bytes: number;
    })
  | (Told & {
      readonly type: 'media.failed';
      readonly messageEventId: string;
      readonly kind: string;
      readonly reason: string;
    })
  /** How far a message of ours got; told only to machines that have a transition for it. */
  | (Told & {
      readonly type: 'message.status';
      readonly status: string;
      readonly reason?: string;
      /** Where the provider says our own name for it back. */
      readonly deliveryId?: string;
    })
  | (Told & {
      readonly type: 'delivery.updated';
      readonly deliveryId: string;
      readonly status: 'sent' | 'failed' | 'unknown' | 'manual' | 'cancelled';
      readonly reason?: string;
    })
  /** Somebody of the tenant takes the conversation over, or hands it back; `attendant` is the id of an API key. */
  | (Told & {
      readonly type: 'attendance.requested';
      readonly operation: 'takeover' | 'handback';
      readonly attendant: string;
    })
  | QueueAnswer;

/** What every event has that another actor told; details come as texts. */
interface ToldBy extends Told {
  /** The actor that tells it. */
  readonly from: string;
}

/** A conversation's place in a queue: the id of the record by which it joined. */
interface Ticketed extends ToldBy {
  readonly ticket: string;
}

/** What a service queue can be told by a conversation. */
export type QueueEvent =
  | (Ticketed & {
      readonly type: 'queue.joined';
      /** Name of the queue, and what the conversation's settings say of it; they are as new as `settingsAt`. */
      readonly queue: string;
      readonly capacity: string;
      readonly waitingMax: string;
      readonly minutesEach: string;
      readonly settingsAt: string;
    })
  | (Ticketed & { readonly type: 'queue.left' })
  /** An attendant wants to take the conversation. */
  | (Ticketed & { readonly type: 'queue.takeover'; readonly attendant: string });

/** What a service queue tells a conversation. */
export type QueueAnswer =
  /** Place from 1, and about how long the wait is. */
  | (Ticketed & { readonly type: 'queue.position'; readonly position: string; readonly minutes: string })
  | (Ticketed & { readonly type: 'queue.full' })
  | (Ticketed & { readonly type: 'queue.granted'; readonly attendant: string })
  /** `reason` is `capacity` or `unknown`. */
  | (Ticketed & { readonly type: 'queue.refused'; readonly attendant: string; readonly reason: string })
  /** The queue has heard nothing of it for too long, and no longer knows it. */
  | (Ticketed & { readonly type: 'queue.forgot' });

/** What a provider can say of an instance. */
export type InstanceStatus = 'unknown' | 'stopped' | 'starting' | 'scanning' | 'working' | 'failed';

/** What can be asked of an instance. `create` is that it was made. */
export type InstanceOperation = 'create' | 'connect' | 'restart' | 'recover' | 'logout' | 'delete' | 'switch' | 'split';

/** What an instance can be told. */
export type InstanceEvent =
  | (Told & {
      readonly type: 'instance.reported';
      readonly status: InstanceStatus;
      readonly qr?: SealedReport['qr'];
      readonly restriction?: SealedReport['restriction'];
    })
  | (Told & {
      readonly type: 'instance.requested';
      readonly operation: InstanceOperation;
      readonly phoneNumber?: string;
      readonly route?: RouteWish;
    });

/** Urgency of a message: urgent first, nobody starves. */
export type Priority = 'high' | 'normal' | 'low';

/**
 * The named actions that the host turns into records. Any other named action quarantines the actor.
 * Declare them in `setup({ actions })` as functions that do nothing.
 */
export interface ActionParams {
  /** A message to the person of this conversation: `conversation.replies`. */
  readonly reply: {
    readonly content: OutboundContent;
    readonly priority?: Priority;
    /** When it answers a `message.requested`: its id and origin. */
    readonly messageId?: string;
    readonly origin?: 'machine' | 'api' | 'operator' | 'broadcast';
  };
  /** Refuses a `message.requested`; `reason` is a stable code such as `consent.withdrawn`. */
  readonly decline: { readonly messageId: string; readonly reason: string };
  /** An audit event: codes and ids alone, nothing that a person wrote. */
  readonly audit: { readonly type: string; readonly subject?: string; readonly outcome?: string };
  /** Tells another actor something: to it, an event of that name, with the details as texts and `from`. */
  readonly tell: {
    /** An actor's id, or the name of one of the tenant's service queues. */
    readonly to: string | { readonly queue: string };
    /** `noun.participle`, as no record is called. */
    readonly name: string;
    /** Ids, codes and numbers; nothing that a person wrote. */
    readonly details: Readonly<Record<string, string | number>>;
  };
}
