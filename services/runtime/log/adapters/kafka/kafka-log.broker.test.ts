import { describe } from 'vitest';
import { recordLogContract } from '#runtime/testing/record-log.contract.ts';
import { sharedBroker } from '#runtime/testing/shared-broker.ts';
import { kafkaHarness } from './harness.ts';

const broker = await sharedBroker();

describe.skipIf(broker === undefined)('the Kafka log', () => {
  recordLogContract('Kafka', (options) => {
    if (broker === undefined) throw new Error('no broker');
    return kafkaHarness(broker, options);
  });
});
