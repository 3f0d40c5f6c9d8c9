/** Topics at the broker, as `schemas/topics.ts` has them. */
import { isIncarnationOf, topicTable, type Retention } from '#schemas/topics.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { KafkaClient } from './client.ts';
import { asUnavailable, errorType, KafkaFailure } from './failure.ts';
import { repeating } from './repeating.ts';

const createTimeoutMs = 15_000;
const dayMs = 86_400_000;
const replicasMax = 3;

/** What to create. */
export interface TopicSetup {
  /** Names as in the table, each with the broker's name. */
  readonly topics: readonly { readonly topic: string; readonly name: string }[];
  readonly partitionCount: number;
  /** Absent: three, or as many as there are brokers. */
  readonly replicationFactor: number | undefined;
}

const retentionMs = (retention: Retention | undefined): number =>
  retention?.kind === 'days' ? retention.days * dayMs : -1;

/** Settings of a topic, by its name without prefix. */
export function configOf(topic: string, replicas: number): { name: string; value: string }[] {
  const retention = topicTable.find(({ name }) => isIncarnationOf(topic, name))?.retention;
  const entries: Record<string, string | number> = {
    'cleanup.policy': 'delete',
    'retention.ms': retentionMs(retention),
    'retention.bytes': -1,
    // Search by time follows one clock, and goes forward only.
    'message.timestamp.type': 'LogAppendTime',
    'min.insync.replicas': replicas > 2 ? 2 : 1,
  };
  return Object.entries(entries).map(([name, value]) => ({ name, value: String(value) }));
}

/** Creates what is missing and waits until all of it has leaders. Throws `config.invalid` or `log.unavailable`. */
export async function createTopics(client: KafkaClient, setup: TopicSetup): Promise<void> {
  const deadline = Date.now() + createTimeoutMs;
  try {
    const existing = await Promise.all(setup.topics.map(({ name }) => partitionsOf(client, name, deadline)));
    setup.topics.forEach(({ name }, index) => {
      refuseOtherCount(name, existing[index] ?? 0, setup.partitionCount);
    });
    const missing = setup.topics.filter((_, index) => (existing[index] ?? 0) === 0);
    if (missing.length === 0) return;
    await repeating(client, { deadline }, () => create(client, { ...setup, topics: missing }));
    for (const { name } of missing)
      await repeating(client, { deadline }, async () => {
        const count = (await client.partitionsOf(name)).length;
        if (count === setup.partitionCount) return;
        await client.refresh();
        // Another process may have created it meanwhile, with another count; or leaders are still being chosen.
        if (count > setup.partitionCount) refuseOtherCount(name, count, setup.partitionCount);
        throw new KafkaFailure('LEADER_NOT_AVAILABLE', name);
      });
  } catch (caught) {
    throw asUnavailable(caught);
  }
}

/** Partitions of a topic; 0 when it does not exist. */
async function partitionsOf(client: KafkaClient, name: string, deadline: number): Promise<number> {
  return repeating(client, { deadline }, async () => {
    try {
      return (await client.partitionsOf(name)).length;
    } catch (caught) {
      if (caught instanceof KafkaFailure && caught.type === 'UNKNOWN_TOPIC_OR_PARTITION') return 0;
      throw caught;
    }
  });
}

function refuseOtherCount(name: string, count: number, wanted: number): void {
  if (count !== 0 && count !== wanted)
    throw new OperatingError('config.invalid', `Topic ${name} has ${count} partitions, not ${wanted}.`);
}

async function create(client: KafkaClient, setup: TopicSetup): Promise<void> {
  const node = await client.controllerNode();
  const replicationFactor = setup.replicationFactor ?? Math.max(1, Math.min(replicasMax, client.brokerCount));
  const answer = await client.sendUnchecked(
    node,
    'CreateTopics',
    {
      timeout: createTimeoutMs,
      validateOnly: false,
      topics: setup.topics.map(({ topic, name }) => ({
        topic: name,
        numPartitions: setup.partitionCount,
        replicationFactor,
        configEntries: configOf(topic, replicationFactor),
      })),
    },
    createTimeoutMs,
  );
  for (const { errorCode, topic } of answer.topicErrors) {
    const type = errorType(errorCode);
    if (errorCode !== 0 && type !== 'TOPIC_ALREADY_EXISTS') throw new KafkaFailure(type, topic);
  }
}
