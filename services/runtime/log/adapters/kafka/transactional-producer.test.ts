// Goal: an offset that was sent and not answered moves nothing once it arrives late. Method: a coordinator that is one
// object, and a network that keeps a request back.
import { expect, test } from 'vitest';

import type { KafkaClient } from './client.ts';
import { KafkaFailure, noAnswer } from './failure.ts';
import { TransactionalProducer } from './transactional-producer.ts';

/** A broker that has one group's offset and one transactional id. */
class Coordinator {
  committed = 0;
  epoch = -1;
  /** Set: the next offset arrives when this is called, and nobody hears of it. */
  arrive: (() => void) | undefined;
  keepsBack = false;
  #pending: number | undefined;

  readonly client = {
    coordinatorOf: () => Promise.resolve(1),
    reconsider: () => Promise.resolve(),
    send: (_: number, name: string, args: { readonly producerEpoch: number; readonly transactionResult?: boolean }) => {
      if (name === 'InitProducerId') return Promise.resolve({ producerId: '7', producerEpoch: (this.epoch += 1) });
      if (name === 'EndTxn') {
        if (args.transactionResult === true) this.committed = this.#pending ?? this.committed;
        this.#pending = undefined;
      }
      return Promise.resolve({});
    },
    sendOwn: () => {
      const { epoch, offset } = this.next;
      const move = (): void => {
        if (epoch === this.epoch) this.#pending = offset;
      };
      if (this.keepsBack) {
        this.keepsBack = false;
        this.arrive = move;
        return Promise.reject(new KafkaFailure(noAnswer, 'TxnOffsetCommit'));
      }
      move();
      return Promise.resolve();
    },
  } as unknown as KafkaClient;
  /** What the request holds, which is bytes by then. */
  next = { epoch: 0, offset: 0 };
}

const openProducer = async (coordinator: Coordinator): Promise<(offset: number) => Promise<string>> => {
  const timings = { transactionTimeoutMs: 1_000, requestTimeoutMs: 100 };
  const beforeEndOfTransaction = (): Promise<void> => {
    coordinator.arrive?.();
    return Promise.resolve();
  };
  const producer = new TransactionalProducer(coordinator.client, 't', timings, { beforeEndOfTransaction });
  await producer.fence(new AbortController().signal);
  const { epoch } = coordinator;
  return (offset) => {
    coordinator.next = { epoch, offset };
    const move = { groupId: 'g', memberId: 'm', generationId: 1, topic: 'events', partition: 0, offset };
    return producer.commit([], move).then(
      () => 'committed',
      (caught: unknown) => (caught as { readonly code: string }).code,
    );
  };
};

test('after an offset that was not answered nothing more is committed before another fence, and then it moves nothing', async () => {
  const coordinator = new Coordinator();
  const commit = await openProducer(coordinator);
  expect(await commit(5)).toBe('committed');
  coordinator.keepsBack = true;
  expect(await commit(10)).toBe('log.outcome-unknown');
  expect(coordinator.committed).toBe(10);
  const after = await openProducer(coordinator);
  expect(await after(20)).toBe('committed');
  expect(coordinator.committed).toBe(20);
});
