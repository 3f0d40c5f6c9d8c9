/**
 * Goal and method as in `crashes.test.ts`, on a real broker: with `EVALS=all`, since each death there takes the time of a
 * session. Hosts that die at each moment of a commit on a broker: `chaos/chaos.broker.test.ts`.
 */
import { afterAll, beforeAll, describe, test } from 'vitest';

import { openKafkaLog } from '#runtime/log/adapters/kafka/kafka-log.ts';
import { sharedBroker, uniquePrefix } from '#runtime/testing/shared-broker.ts';

import { Mortals, deaths, nameOf } from './crashes.cases.ts';

const broker = process.env['EVALS'] === 'all' ? await sharedBroker() : undefined;
const topicPrefix = uniquePrefix();

describe.skipIf(broker === undefined)('a process that is killed, on a broker', () => {
  let mortals: Mortals;
  beforeAll(async () => {
    const brokers = broker?.brokers ?? [];
    const log = await openKafkaLog({ brokers, clientId: 'test', partitionCount: 1, topicPrefix, replicationFactor: 1 });
    mortals = await Mortals.open({
      // And one of each kind without a death.
      conversations: deaths.length + 2,
      log,
      environment: {
        KAFKA_BROKERS: brokers.join(','),
        KAFKA_TOPIC_PREFIX: topicPrefix,
        KAFKA_SESSION_TIMEOUT_MS: '6000',
      },
    });
  }, 240_000);
  afterAll(() => mortals.close());

  test.each(deaths.map((death) => [nameOf(death), death] as const))(
    '%s: one booking, one answer',
    (_, death) => mortals.survives(death),
    180_000,
  );

  test('and every conversation is what follows from its records', () => mortals.replays(), 60_000);
});
