import { topics } from './topics.ts';

/**
 * The record types, one per Avro schema in `records/`, as the rest of the code sees them.
 *
 * `type` is the dotted form of the Avro name (`MessageReceived` is `message.received`); it is the
 * event type that machines see, the CloudEvents type without its prefix, and the type in timelines.
 * Whatever is personal is inside `sealed` (see `content.ts` for its shapes), nothing outside is.
 * A test compares these interfaces' fields with the .avsc files.
 */

/** The plain fields that every record repeats. Times are epoch milliseconds. */
export interface RecordHeader {
  /** Tenant id. */
  readonly tenant: string;
  /** Opaque actor id and record key: `c_…` a conversation, `i_…` an instance, `q_…` a service queue. */
  readonly actor: string;
  /** ULID of an ingested event, hash id of a derived one; consumers deduplicate by it. */
  readonly eventId: string;
  /** Event id of the record that caused this one. */
  readonly causationId: string | null;
  /** Our ingest clock. */
  readonly occurredAt: number;
  /** The provider's clock, where it says so. */
  readonly providerAt: number | null;
  /** Configuration revision in force, where one was. */
  readonly revision: string | null;
}

/** A message written by a person (or by somebody in a group chat). */
export interface MessageReceived extends RecordHeader {
  readonly type: 'message.received';
  readonly instance: string;
  readonly kind: string;
  readonly group: boolean;
  readonly sealed: Uint8Array | null;
}

/** A message of our own account, seen at the provider: written on the phone by a human, or the echo of an API send. */
export interface MessageEchoed extends RecordHeader {
  readonly type: 'message.echoed';
  readonly instance: string;
  readonly kind: string;
  readonly source: string;
  readonly group: boolean;
  readonly sealed: Uint8Array | null;
}

/** Something happened to an earlier message: it was edited, revoked, reacted to or voted on. */
export interface MessageChanged extends RecordHeader {
  readonly type: 'message.changed';
  readonly instance: string;
  readonly change: string;
  readonly group: boolean;
  readonly sealed: Uint8Array | null;
}

/** The provider reports how far a message of ours got. */
export interface MessageStatus extends RecordHeader {
  readonly type: 'message.status';
  readonly instance: string;
  readonly status: string;
  readonly reason: string | null;
  readonly sealed: Uint8Array | null;
}

/** A webhook event that is kept but needs no action; the raw body is sealed. */
export interface WebhookOther extends RecordHeader {
  readonly type: 'webhook.other';
  readonly instance: string;
  readonly event: string;
  readonly sealed: Uint8Array | null;
}

/** The provider reports the state of an instance (session, QR). Key: the instance. */
export interface InstanceReported extends RecordHeader {
  readonly type: 'instance.reported';
  readonly instance: string;
  readonly status: string;
  readonly sealed: Uint8Array | null;
}

/** Somebody asks for something to be done with an instance. Key: the instance. */
export interface InstanceRequested extends RecordHeader {
  readonly type: 'instance.requested';
  readonly instance: string;
  readonly operation: string;
  readonly requestedBy: string | null;
  readonly sealed: Uint8Array | null;
}

/** Somebody outside the machine (API, operator, broadcast) asks for a message to be sent in this conversation. */
export interface MessageRequested extends RecordHeader {
  readonly type: 'message.requested';
  readonly instance: string;
  readonly messageId: string;
  readonly origin: string;
  readonly priority: string;
  readonly sealed: Uint8Array | null;
}

/** The sender reports what became of a reply. */
export interface DeliveryUpdated extends RecordHeader {
  readonly type: 'delivery.updated';
  readonly instance: string;
  readonly deliveryId: string;
  readonly status: string;
  readonly reason: string | null;
  readonly attempts: number;
  readonly sealed: Uint8Array | null;
}

/** The file of a message is kept; what is known of it. */
export interface MediaStored extends RecordHeader {
  readonly type: 'media.stored';
  readonly instance: string;
  readonly messageEventId: string;
  readonly kind: string;
  readonly fileId: string;
  readonly bytes: number;
  readonly mimetype: string;
  readonly sealed: Uint8Array | null;
}

/** The file of a message cannot be had. */
export interface MediaFailed extends RecordHeader {
  readonly type: 'media.failed';
  readonly instance: string;
  readonly messageEventId: string;
  readonly kind: string;
  readonly reason: string;
}

/** The answer of the outside world to an effect. */
export interface EffectCompleted extends RecordHeader {
  readonly type: 'effect.completed';
  readonly effectId: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly sealed: Uint8Array | null;
}

/** A timer is due. */
export interface TimerFired extends RecordHeader {
  readonly type: 'timer.fired';
  readonly timerId: string;
  readonly generation: string;
}

/** An operator releases a quarantined actor; its held records are applied in order. */
export interface ConversationReleased extends RecordHeader {
  readonly type: 'conversation.released';
  readonly requestedBy: string;
}

/** The host put the actor in quarantine for a reason that is not a function of its records. Folds obey it. */
export interface ConversationQuarantined extends RecordHeader {
  readonly type: 'conversation.quarantined';
  readonly code: string;
  readonly recordOffset: number;
}

/** A conversation turned out to be the same chat as an elder one, and shall go on there. Key: the younger. */
export interface MergeRequested extends RecordHeader {
  readonly type: 'merge.requested';
  readonly into: string;
  readonly requestedBy: string;
}

/** The state of a conversation that goes on in this one; from now on its records are forwarded here. Key: the elder. */
export interface ConversationMerged extends RecordHeader {
  readonly type: 'conversation.merged';
  readonly from: string;
  readonly sealed: Uint8Array | null;
}

/** A merged conversation is one of its own again. Key: the younger. */
export interface MergeUndone extends RecordHeader {
  readonly type: 'merge.undone';
  readonly requestedBy: string;
}

/** An actor tells another something. Key: the one that is told. */
export interface ActorTold extends RecordHeader {
  readonly type: 'actor.told';
  readonly from: string;
  readonly name: string;
  readonly details: Readonly<Record<string, string>>;
}

/** Somebody of the tenant takes a conversation over, or hands it back. */
export interface AttendanceRequested extends RecordHeader {
  readonly type: 'attendance.requested';
  readonly operation: string;
  readonly requestedBy: string;
}

/** An actor asks the outside world for something. */
export interface EffectRequested extends RecordHeader {
  readonly type: 'effect.requested';
  readonly effectId: string;
  readonly source: string;
  readonly sealed: Uint8Array | null;
}

/** An actor no longer waits for an effect. */
export interface EffectCancelled extends RecordHeader {
  readonly type: 'effect.cancelled';
  readonly effectId: string;
}

/** An actor sets a timer; its generation is this record’s event id. */
export interface TimerSet extends RecordHeader {
  readonly type: 'timer.set';
  readonly timerId: string;
  readonly dueAt: number;
}

/** An actor cancels a timer. */
export interface TimerCancelled extends RecordHeader {
  readonly type: 'timer.cancelled';
  readonly timerId: string;
  readonly generation: string;
}

/** A message to be sent to the person of this conversation. */
export interface ReplyRequested extends RecordHeader {
  readonly type: 'reply.requested';
  readonly instance: string;
  readonly messageId: string | null;
  readonly origin: string;
  readonly priority: string;
  readonly kind: string;
  readonly sealed: Uint8Array | null;
}

/** The machine refuses to send a requested message. */
export interface ReplyDeclined extends RecordHeader {
  readonly type: 'reply.declined';
  readonly instance: string;
  readonly messageId: string;
  readonly reason: string;
}

/** One audit event. Every field is an id, a code, a number or a time: free text has no field to be in. */
export interface AuditRecorded extends RecordHeader {
  readonly type: 'audit.recorded';
  readonly action: string;
  readonly machine: string | null;
  readonly machineVersion: string | null;
  readonly trigger: string | null;
  readonly from: string | null;
  readonly to: string | null;
  readonly instance: string | null;
  readonly subject: string | null;
  readonly outcome: string | null;
  readonly actedBy: string | null;
  readonly episode: number | null;
}

/** A record that can never be processed as it is, by reference: it stays where it is, whole, for redrive. */
export interface RecordParked extends RecordHeader {
  readonly type: 'record.parked';
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
}

/** Any record. */
export type ProsaRecord =
  | MessageReceived
  | MessageEchoed
  | MessageChanged
  | MessageStatus
  | WebhookOther
  | InstanceReported
  | InstanceRequested
  | MessageRequested
  | DeliveryUpdated
  | MediaStored
  | MediaFailed
  | EffectCompleted
  | TimerFired
  | ConversationReleased
  | ConversationQuarantined
  | MergeRequested
  | ConversationMerged
  | MergeUndone
  | ActorTold
  | AttendanceRequested
  | EffectRequested
  | EffectCancelled
  | TimerSet
  | TimerCancelled
  | ReplyRequested
  | ReplyDeclined
  | AuditRecorded
  | RecordParked;

/** The dotted type of any record. */
export type RecordType = ProsaRecord['type'];

/** The records of `conversation.events`: all that an actor can be told. */
export type ActorEvent =
  | MessageReceived
  | MessageEchoed
  | MessageChanged
  | MessageStatus
  | WebhookOther
  | InstanceReported
  | InstanceRequested
  | MessageRequested
  | DeliveryUpdated
  | MediaStored
  | MediaFailed
  | EffectCompleted
  | TimerFired
  | ConversationReleased
  | ConversationQuarantined
  | MergeRequested
  | ConversationMerged
  | MergeUndone
  | ActorTold
  | AttendanceRequested;

/** Topic of every record type; parked records go to the parked topic of the topic they were on. */
export const topicOf = {
  'message.received': topics.events,
  'message.echoed': topics.events,
  'message.changed': topics.events,
  'message.status': topics.events,
  'webhook.other': topics.events,
  'instance.reported': topics.events,
  'instance.requested': topics.events,
  'message.requested': topics.events,
  'delivery.updated': topics.events,
  'media.stored': topics.events,
  'media.failed': topics.events,
  'effect.completed': topics.events,
  'timer.fired': topics.events,
  'conversation.released': topics.events,
  'conversation.quarantined': topics.events,
  'merge.requested': topics.events,
  'conversation.merged': topics.events,
  'merge.undone': topics.events,
  'actor.told': topics.events,
  'attendance.requested': topics.events,
  'effect.requested': topics.effects,
  'effect.cancelled': topics.effects,
  'timer.set': topics.timers,
  'timer.cancelled': topics.timers,
  'reply.requested': topics.replies,
  'reply.declined': topics.replies,
  'audit.recorded': topics.audit,
} as const satisfies Record<Exclude<RecordType, 'record.parked'>, string>;

/** Avro name of a record type: `message.received` is `MessageReceived`. */
export const avroNameOf = (type: RecordType): string =>
  type.replace(/(?:^|\.)([a-z])/g, (_, letter: string) => letter.toUpperCase());
