/**
 * The sender: replies from the log become durable deliveries, deliveries become messages at a
 * provider, and what became of them becomes a record of the conversation.
 *
 * S1 A reply is queued before its offset is committed: none is lost, and its id makes it one delivery
 *    however often it is read.
 * S2 Order within a chat is the order of its replies on the log; a delivery that is not settled holds
 *    up its own chat only.
 * S3 A message is sent once. Where the outcome of a call is not known (a crash, a timeout) the provider
 *    is asked; a repeat is made only where it cannot make a second message; otherwise the delivery is
 *    `unknown`, which is shown and never repeated by itself.
 * S4 A result is reported at least once, always with the same ids.
 */
import { topics } from '#schemas/topics.ts';

import { OperatingError } from '#runtime/errors.ts';
import { consumeRecords, type ReadRecord } from '#runtime/log/consume-records.ts';
import { newUlid } from '#runtime/records.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { openSimulatorPhone } from '#runtime/simulator/simulator-phone.ts';

import type { Acceptance } from './acceptance.ts';
import { openSimulator } from './adapters/simulator.ts';
import { providerHttpDefaults } from './adapters/provider-http.ts';
import { openWaha } from './adapters/waha.ts';
import { createCourier } from './courier.ts';
import { openDeliveries } from './deliveries.ts';
import { startDispatcher } from './dispatcher.ts';
import { addressFinder, personFinder } from './people.ts';
import { createReporter } from './reporter.ts';
import { lookupDelaysMsDefault, retryDelaysMsDefault } from './schedule.ts';

/** How to send. Times in milliseconds. */
export interface SenderOptions {
  /**
   * True when no other sender works on these data (one process, one data directory): what an
   * earlier run left half done is taken up at once, without waiting for leases.
   */
  readonly soleOwner?: boolean;
  /** How often retries, leases and reports are looked for. */
  readonly pollMs?: number;
  /** Most deliveries in flight in this process, and of one instance. */
  readonly concurrency?: number;
  readonly perInstance?: number;
  /** Before the first, second, … attempt; its length is the number of attempts. */
  readonly retryDelaysMs?: readonly number[];
  /** Before the first, second, … look-up of an unknown outcome; its length is their number. */
  readonly lookupDelaysMs?: readonly number[];
  /** A whole call to a provider. */
  readonly callTimeoutMs?: number;
  /** A claim whose process has not settled it after this is looked up by others; longer than a call. */
  readonly leaseMs?: number;
  /** In [0, 1), for the spread of retries. */
  readonly random?: () => number;
}

const group = 'sender';
const slice = { sliceRecordsMax: 500, sliceBytesMax: 4 * 1024 * 1024 } as const;

const defaults = {
  soleOwner: false,
  pollMs: 500,
  concurrency: 64,
  perInstance: 8,
  retryDelaysMs: retryDelaysMsDefault,
  lookupDelaysMs: lookupDelaysMsDefault,
  callTimeoutMs: providerHttpDefaults.callTimeoutMs,
  leaseMs: 15_000,
  random: Math.random,
} as const satisfies Required<SenderOptions>;

/** Time that `stop` gives to calls in flight; the process has 10 s for everything. */
const stopGraceMs = 7_000;
/** Time to write down what calls that were cut off have become. */
const settleGraceMs = 1_000;

/** Starts the sender. Resolves when it consumes. */
export async function startSender(runtime: Runtime, options: SenderOptions = {}): Promise<RunningService> {
  const chosen = { ...defaults, ...options };
  if (chosen.leaseMs <= chosen.callTimeoutMs)
    throw new OperatingError('config.invalid', 'the lease of a delivery must be longer than a call');
  const deliveries = openDeliveries(runtime.database);
  const providers = {
    waha: openWaha({ ...providerHttpDefaults, callTimeoutMs: chosen.callTimeoutMs }),
    simulator: openSimulator(openSimulatorPhone(runtime.database, runtime.vault), runtime.now),
  };
  const personOf = personFinder(runtime.directory);
  const courier = createCourier({
    runtime,
    deliveries,
    providers,
    personOf,
    addressOf: addressFinder(runtime.directory, runtime.now),
    retryDelaysMs: chosen.retryDelaysMs,
    lookupDelaysMs: chosen.lookupDelaysMs,
    startWithinMs: chosen.leaseMs - chosen.callTimeoutMs,
    random: chosen.random,
  });
  const dispatcher = startDispatcher({
    ...chosen,
    runtime,
    deliveries,
    courier,
    report: createReporter(runtime, deliveries, personOf),
    owner: `sender-${newUlid(runtime.now())}`,
  });
  const closeProviders = () => Promise.all(Object.values(providers).map((provider) => provider.close()));

  const consumer = await consumeRecords(runtime, {
    group,
    topic: topics.replies,
    ...slice,
    handle: (records) => dispatcher.accept(arrivedIn(records)),
  }).catch(async (caught: unknown) => {
    await dispatcher.stop(0);
    await closeProviders();
    throw caught;
  });

  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await consumer.stop();
    await dispatcher.stop(stopGraceMs);
    // Calls still in flight end as unknown, which is written down if there is time.
    await closeProviders();
    await dispatcher.stop(settleGraceMs);
  };
  const finished = Promise.race([dispatcher.finished, consumer.finished]).then(() => stopping);
  finished.catch(() => undefined);
  return {
    name: group,
    finished,
    stop: () => (stopping ??= stop()),
  };
}

/** What the sender acts on of a slice. */
function arrivedIn(records: readonly ReadRecord[]): Pick<Acceptance, 'replies' | 'declined'> {
  return {
    replies: records.flatMap(({ record, position: { partition, offset } }) =>
      record.type === 'reply.requested' ? [{ reply: record, partition, offset }] : [],
    ),
    declined: records.flatMap(({ record }) => (record.type === 'reply.declined' ? [record] : [])),
  };
}
