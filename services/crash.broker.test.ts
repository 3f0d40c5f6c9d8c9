// Goal: as crash.test.ts, with the log on a real broker: ten kills, or twenty with PROSA_KILLS=20.
import { describe, test } from 'vitest';

import { sharedBroker, uniquePrefix } from '#runtime/testing/shared-broker.ts';

import { surviveKills } from './crash.cases.ts';

const broker = await sharedBroker();
const seed = Number(process.env['PROSA_SEED'] ?? Date.now() % 1_000_000);
/** A kill at each message of the twenty, or at every second one. */
const every = process.env['PROSA_KILLS'] === '20' ? 1 : 2;

describe.skipIf(broker === undefined)('a program on Kafka', () => {
  test(`${20 / every} kills, seed ${seed}`, { timeout: 420_000 }, async () => {
    const environment = {
      KAFKA_BROKERS: broker?.brokers.join(',') ?? '',
      KAFKA_TOPIC_PREFIX: uniquePrefix(),
      KAFKA_SESSION_TIMEOUT_MS: '6000',
      PROSA_PARTITIONS: '3',
    };
    await surviveKills(environment, seed, every);
  });
});
