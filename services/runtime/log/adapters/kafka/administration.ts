/**
 * `LogAdministration` on Kafka. A topic is held by asking for more replicas in sync than there are: the
 * broker refuses what is appended with `acks=all`, as all of ours is, and as passing.
 */
import kafkajs, { type Admin, Kafka, type SASLOptions, logLevel } from 'kafkajs';
import type { ConnectionOptions } from 'node:tls';

import { OperatingError } from '#runtime/errors.ts';
import type { LogAdministration } from '../../administration.ts';
import './connection-repair.ts';
import { configOf } from './topic-setup.ts';

// Node does not see this name among the exports of a CommonJS module.
const { ConfigResourceTypes } = kafkajs;

const minInSync = 'min.insync.replicas';
/** More than any topic has replicas. */
const heldMinInSync = 1_000;

/** How to reach the brokers. */
export interface KafkaAdministrationOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly topicPrefix?: string;
  readonly ssl?: boolean | ConnectionOptions;
  readonly sasl?: SASLOptions;
}

/** Connects at the first question. */
export function openKafkaAdministration(options: KafkaAdministrationOptions): LogAdministration {
  const { brokers, clientId, topicPrefix = '', ssl, sasl } = options;
  const admin = new Kafka({
    brokers: [...brokers],
    clientId,
    logLevel: logLevel.NOTHING,
    ...(ssl === undefined ? {} : { ssl }),
    ...(sasl === undefined ? {} : { sasl }),
  }).admin();
  let connecting: Promise<void> | undefined;
  const ask = async <T>(work: (admin: Admin) => Promise<T>): Promise<T> => {
    try {
      await (connecting ??= admin.connect());
      return await work(admin);
    } catch (caught) {
      throw new OperatingError('log.unavailable', undefined, caught);
    }
  };
  const existing = async (topics: readonly string[]): Promise<readonly string[]> => {
    const known = new Set(await ask(() => admin.listTopics()));
    return topics.filter((topic) => known.has(topicPrefix + topic));
  };
  const configure = async (topics: readonly string[], isHeld: boolean): Promise<void> => {
    const there = await existing(topics);
    if (there.length === 0) return;
    const { topics: described } = await ask(() =>
      admin.fetchTopicMetadata({ topics: there.map((topic) => topicPrefix + topic) }),
    );
    const replicasOf = new Map(described.map(({ name, partitions }) => [name, partitions[0]?.replicas.length ?? 1]));
    const resources = there.map((topic) => ({
      type: ConfigResourceTypes.TOPIC,
      name: topicPrefix + topic,
      // Every entry is said, for what is not said falls back to the broker's default.
      configEntries: configOf(topic, replicasOf.get(topicPrefix + topic) ?? 1).map((entry) =>
        isHeld && entry.name === minInSync ? { ...entry, value: String(heldMinInSync) } : entry,
      ),
    }));
    await ask(() => admin.alterConfigs({ validateOnly: false, resources }));
  };
  return {
    async members(groups) {
      const { groups: described } = await ask(() => admin.describeGroups(groups.map((group) => topicPrefix + group)));
      return described.reduce((sum, { members }) => sum + members.length, 0);
    },
    hold: (topics) => configure(topics, true),
    release: (topics) => configure(topics, false),
    async areHeld(topics) {
      const there = await existing(topics);
      if (there.length === 0) return false;
      const { resources } = await ask(() =>
        admin.describeConfigs({
          includeSynonyms: false,
          resources: there.map((topic) => ({
            type: ConfigResourceTypes.TOPIC,
            name: topicPrefix + topic,
            configNames: [minInSync],
          })),
        }),
      );
      return resources.some(({ configEntries }) =>
        configEntries.some(({ configValue }) => Number(configValue) >= heldMinInSync),
      );
    },
    async close() {
      if (connecting !== undefined) await admin.disconnect().catch(() => undefined);
    },
  };
}
