/** What can go wrong between us and the broker, by the broker's own names. */
import { errorCodes } from 'kafkajs/src/protocol/error.js';
import { OperatingError } from '#runtime/errors.ts';

/** Of no answer: the connection failed, was closed, or the answer took too long. What was asked may have happened. */
export const noAnswer = 'NO_ANSWER';

/** A request that was refused by the broker (`type` is its name for the error), or got no answer. */
export class KafkaFailure extends Error {
  override readonly name = 'KafkaFailure';
  readonly type: string;

  constructor(type: string, detail: string, cause?: unknown) {
    super(`${type}: ${detail}`, cause === undefined ? {} : { cause });
    this.type = type;
  }
}

/** Those that kafkajs 2.2.4 does not know yet. */
const laterCodes: readonly { readonly code: number; readonly type: string }[] = [
  { code: 89, type: 'THROTTLING_QUOTA_EXCEEDED' },
  { code: 90, type: 'PRODUCER_FENCED' },
  { code: 120, type: 'TRANSACTION_ABORTABLE' },
];

const typesByCode = new Map([...errorCodes, ...laterCodes].map(({ code, type }) => [code, type]));

/** The broker's name for an error code. */
export const errorType = (code: number): string => typesByCode.get(code) ?? `ERROR_${String(code)}`;

/** Errors that pass: repeating the same request is right, and safe for every request that we repeat. */
const passing = new Set([
  noAnswer,
  'CONCURRENT_TRANSACTIONS',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
  'KAFKA_STORAGE_ERROR',
  'LEADER_NOT_AVAILABLE',
  'LISTENER_NOT_FOUND',
  'NETWORK_EXCEPTION',
  'NOT_CONTROLLER',
  'NOT_COORDINATOR',
  'NOT_COORDINATOR_FOR_GROUP',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'NOT_LEADER_FOR_PARTITION',
  'OFFSET_NOT_AVAILABLE',
  'REPLICA_NOT_AVAILABLE',
  'REQUEST_TIMED_OUT',
  'THROTTLING_QUOTA_EXCEEDED',
  'UNKNOWN_LEADER_EPOCH',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNSTABLE_OFFSET_COMMIT',
]);

/** Errors that say where to ask was wrong: look up leaders and coordinators again before repeating. */
const misdirected = new Set([
  noAnswer,
  'COORDINATOR_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'LEADER_NOT_AVAILABLE',
  'NOT_CONTROLLER',
  'NOT_COORDINATOR',
  'NOT_COORDINATOR_FOR_GROUP',
  'NOT_LEADER_FOR_PARTITION',
  'UNKNOWN_LEADER_EPOCH',
  'UNKNOWN_TOPIC_OR_PARTITION',
]);

/**
 * Errors that say a later producer or group member took over, or that the broker gave up this one's
 * transaction or place. Brokers older than the request version say INVALID_PRODUCER_EPOCH for PRODUCER_FENCED.
 */
const ownershipGone = new Set([
  'FENCED_INSTANCE_ID',
  'ILLEGAL_GENERATION',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
  'INVALID_TXN_STATE',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'PRODUCER_FENCED',
  'REBALANCE_IN_PROGRESS',
  'UNKNOWN_MEMBER_ID',
  'UNKNOWN_PRODUCER_ID',
]);

const typeOf = (caught: unknown): string | undefined => (caught instanceof KafkaFailure ? caught.type : undefined);

/** Whether repeating the request may succeed. */
export const isPassing = (caught: unknown): boolean => passing.has(typeOf(caught) ?? '');

/** Whether leaders and coordinators must be looked up again. */
export const isMisdirected = (caught: unknown): boolean => misdirected.has(typeOf(caught) ?? '');

/** Whether it says that ownership of a partition, or the transaction, is gone for good. */
export const isOwnershipGone = (caught: unknown): boolean => ownershipGone.has(typeOf(caught) ?? '');

/** Whether the request may have taken effect although it failed. */
export const isUnanswered = (caught: unknown): boolean => typeOf(caught) === noAnswer;

/** A failure of the broker as the port's `log.unavailable`; what is not one is given back. */
export const asUnavailable = (caught: unknown): unknown =>
  caught instanceof KafkaFailure ? new OperatingError('log.unavailable', caught.type, caught) : caught;
