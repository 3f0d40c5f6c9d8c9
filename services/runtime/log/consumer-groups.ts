/** Consumer groups and the topics they read. Set-up gives each its first offsets; their lag is measured. */
import { parkedTopicOf, topics } from '#schemas/topics.ts';

/** A group on a topic. */
export interface ConsumerGroup {
  /** The folder of its service. */
  readonly group: string;
  readonly topic: string;
}

/** All of them. */
export const consumerGroups: readonly ConsumerGroup[] = [
  { group: 'conversation', topic: topics.events },
  { group: 'timers', topic: topics.timers },
  { group: 'effects', topic: topics.effects },
  { group: 'sender', topic: topics.replies },
  { group: 'projection', topic: topics.events },
  { group: 'projection', topic: topics.replies },
  { group: 'projection', topic: parkedTopicOf(topics.events) },
  { group: 'media', topic: topics.events },
  { group: 'webhooks', topic: topics.events },
  { group: 'compliance', topic: topics.audit },
];
