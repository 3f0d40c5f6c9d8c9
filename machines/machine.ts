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
  | (Told & {
      readonly type: 'delivery.updated';
      readonly deliveryId: string;
      readonly status: 'sent' | 'failed' | 'unknown' | 'manual' | 'cancelled';
      readonly reason?: string;
    });

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
}
