/**
 * The table of topics. Topic names occur here and nowhere else; broker set-up (partitions,
 * retention, clean-up) is generated from it.
 *
 * Names are lower case, dots between words of the path, hyphens inside a word, never an
 * underscore: Kafka folds `.` and `_` together in metric names.
 */

/** What happens to records of a topic as time passes. */
export type Retention = { readonly kind: 'unlimited' } | { readonly kind: 'days'; readonly days: number };

/** One topic as the broker is to hold it. */
export interface Topic {
  readonly name: string;
  readonly retention: Retention;
  /** True for topics that hold records which could not be processed, kept for redrive. */
  readonly parked: boolean;
}

/**
 * Partitions of every topic at the first set-up. A record's partition is a function of its key and
 * this number: other topics are written to after a growth. Many divisors (24) let consumer counts of 2, 3, 4, 6, 8 and 12 share evenly.
 */
export const partitionCountDefault = 24;

const topic = (name: string, retention: Retention): Topic => ({ name, retention, parked: name.endsWith('.parked') });

const names = {
  /** All that happens to an actor; the only input of actors; the source of truth. */
  events: 'conversation.events',
  /** Work asked of the outside world by an actor's `invoke`. */
  effects: 'conversation.effects',
  /** Timers set and cancelled by an actor's `after`. */
  timers: 'conversation.timers',
  /** What is to be sent to a person; written by the actor host alone. */
  replies: 'conversation.replies',
  /** Transitions, sends, accesses and admin acts; no personal data. */
  audit: 'audit.events',
} as const;

const parkedSuffix = '.parked';

/** Topic names by role. */
export const topics = names;

/** The topic for records of `name` that can never be processed as they are. */
export const parkedTopicOf = (name: string): string => `${name}${parkedSuffix}`;

/** Every topic of the system, in the order in which set-up creates them. */
export const topicTable: readonly Topic[] = [
  topic(names.events, { kind: 'unlimited' }),
  topic(names.effects, { kind: 'days', days: 30 }),
  topic(names.timers, { kind: 'unlimited' }),
  topic(names.replies, { kind: 'unlimited' }),
  topic(names.audit, { kind: 'unlimited' }),
  ...Object.values(names).map((name) => topic(parkedTopicOf(name), { kind: 'unlimited' })),
];

/** Name at the broker of a topic in an incarnation of the log: of the first, the name as it is. */
export const incarnationTopicOf = (name: string, incarnation: number): string =>
  incarnation === 1 ? name : `${name}.${incarnation}`;

/** Whether it is the name of a topic in some incarnation. */
export const isIncarnationOf = (broker: string, name: string): boolean =>
  broker === name || (broker.startsWith(`${name}.`) && /^\d+$/.test(broker.slice(name.length + 1)));

/** Names that an analyst may give to a topic of records written out again. */
export const analystTopicName = /^[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?$/;

/**
 * The topic that a tenant's records are written out to again, for analysts. It begins with the tenant,
 * so that no name that is given can be another tenant's topic or one of the system. Kept for ever.
 */
export function analystTopicOf(tenant: string, name: string): string {
  if (!analystTopicName.test(name)) throw new Error('a name of lower case letters, digits and hyphens is needed');
  return `analysts.${tenant}.${name}`;
}
