// Goal: the same works with one process per service on a real broker.
import { describe } from 'vitest';

import { sharedBroker, uniquePrefix } from '#runtime/testing/shared-broker.ts';

import { newcomerCases } from './newcomer.cases.ts';
import { Program } from './testing/program.ts';

const broker = await sharedBroker();

describe.skipIf(broker === undefined)('the cluster', () => {
  const cluster = {
    KAFKA_BROKERS: broker?.brokers.join(',') ?? '',
    KAFKA_TOPIC_PREFIX: uniquePrefix(),
    KAFKA_SESSION_TIMEOUT_MS: '6000',
    PROSA_PARTITIONS: '6',
  };
  newcomerCases((environment) => Program.start({ ...environment, ...cluster }, 'cluster.ts'));
});
