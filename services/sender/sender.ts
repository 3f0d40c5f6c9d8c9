/**
 * The sender: replies from the log become durable deliveries, deliveries become messages at a
 * provider, and what became of them becomes a record of the conversation.
 *
 * S1 A reply is queued before its offset is committed: none is lost, and its id makes it one delivery
 *    however often it is read. `queue_progress` moves with it: where Postgres was set back, what is missing is read
 *    again first, and looked up like what a crash left behind (S3).
 * S2 Order within a chat is the order of its replies on the log; a delivery that is not settled holds
 *    up its own chat only.
 * S3 A message is sent once. Where the outcome of a call is not known (a crash, a timeout) the provider
 *    is asked; a repeat is made only where it cannot make a second message; otherwise the delivery is
 *    `unknown`, which is shown and never repeated by itself.
 * S4 A result is reported at least once, always with the same ids.
 */
import { topics } from '#schemas/topics.ts';

import { openFiles } from '#runtime/blobs/postgres-files.ts';
import { type ClaimPump, startClaimPump } from '#runtime/claim-pump.ts';
import { OperatingError } from '#runtime/errors.ts';
import { type ReadSlice, consumeRecords } from '#runtime/log/consume-records.ts';
import { createFollower } from '#runtime/log/queue-progress.ts';
import { openRouting } from '#runtime/instances/routing.ts';
import { newUlid } from '#runtime/records.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { openSimulatorPhone } from '#runtime/simulator/simulator-phone.ts';
import { openTemplates } from '#runtime/templates/templates.ts';

import { openBaileysSender } from './adapters/baileys.ts';
import { openCloud } from './adapters/cloud.ts';
import { openEvolution } from './adapters/evolution.ts';
import { openSimulator } from './adapters/simulator.ts';
import { providerHttpDefaults } from '#runtime/net/adapters/provider-http.ts';
import { openWaha } from './adapters/waha.ts';
import { createBroadcastFeeder } from './broadcasts/feeder.ts';
import { confirmationFinder } from './confirmations.ts';
import { openClaims } from './claims.ts';
import type { Arrived } from './arrivals.ts';
import { createCourier } from './courier.ts';
import { createCourtesies } from './courtesies.ts';
import { openDeliveries } from './deliveries.ts';
import { type Chore, startDispatcher } from './dispatcher.ts';
import { type DueWork, dueWorkFinder } from './due-work.ts';
import { openEndpoints } from './endpoints.ts';
import { createEvidence } from './evidence.ts';
import { FairShares } from './fair-shares.ts';
import { createFallbacks } from './fallback.ts';
import { createGateChangeRecorder } from './gate-changes.ts';
import { type GateOptions, gateDefaults, openGates } from './gates.ts';
import { createHandOver } from './hand-over.ts';
import { createHeldRelief } from './held.ts';
import { createNotices } from './notices.ts';
import { openRateWindows } from './open-windows.ts';
import { objectionFinder } from './objections.ts';
import { fileReader } from './outgoing-files.ts';
import { addressFinder, personFinder } from './people.ts';
import { callsAtOnce } from './limits.ts';
import { createPermits } from './permits.ts';
import { createPlacement, policyFinder } from './placement.ts';
import { createReporter } from './reporter.ts';
import { openRoutes } from './routes.ts';
import { lookupDelaysMsDefault, retryDelaysMsDefault } from './schedule.ts';
import type { RateWindows } from './rate-windows.ts';
import { createStepRecorder } from './steps.ts';
import { createVerdicts } from './verdicts.ts';

/** How to send. Times in milliseconds. */
export interface SenderOptions {
  /**
   * True when no other sender works on these data (one process, one data directory): what an
   * earlier run left half done is taken up at once, without waiting for leases.
   */
  readonly soleOwner?: boolean;
  /** How often retries, leases and reports are looked for. */
  readonly pollMs?: number;
  /** Most deliveries in flight in this process. */
  readonly concurrency?: number;
  /** And of one instance; as many as its limits need when absent. */
  readonly perInstance?: number;
  /** Before the first, second, … attempt; its length is the number of attempts. */
  readonly retryDelaysMs?: readonly number[];
  /** Before the first, second, … look-up of an unknown outcome; its length is their number. */
  readonly lookupDelaysMs?: readonly number[];
  /** A whole call to a provider. */
  readonly callTimeoutMs?: number;
  /** A claim whose process has not settled it after this is looked up by others; longer than a call. */
  readonly leaseMs?: number;
  /** For how long the rest of a chat waits when the provider refuses the chat. */
  readonly chatPauseMs?: number;
  /** Bounds shared with other senders of this process, who closes them; what the configuration asks for otherwise. */
  readonly windows?: RateWindows;
  /** When an account is left alone. */
  readonly gates?: GateOptions;
  /** In [0, 1), for the spread of retries. */
  readonly random?: () => number;
}

const group = 'sender';
const slice = { sliceRecordsMax: 500, sliceBytesMax: 4 * 1024 * 1024 } as const;

const defaults = {
  soleOwner: false,
  concurrency: 320,
  retryDelaysMs: retryDelaysMsDefault,
  lookupDelaysMs: lookupDelaysMsDefault,
  callTimeoutMs: providerHttpDefaults.callTimeoutMs,
  leaseMs: 15_000,
  chatPauseMs: 60_000,
  gates: gateDefaults,
  random: Math.random,
} as const satisfies Required<Omit<SenderOptions, 'pollMs' | 'windows' | 'perInstance'>>;

/** Half as often where no other process puts anything off or leaves anything behind. */
const pollMsOf = ({ soleOwner }: SenderOptions): number => (soleOwner === true ? 1_000 : 500);

/** Broadcasts that are looked at together. */
const broadcastsAtOnce = 4;

/** Polls after which broadcasts are looked for, due or not. */
const forgottenEvery = 10;

/** Polls after which accounts that are shut, and notices, are looked after. */
const relievedEvery = 4;

/** Of the time between claim and call, what reading a file may take. */
const fileReadShare = 0.8;

/** Time that `stop` gives to calls in flight; the process has 10 s for everything. */
const stopGraceMs = 7_000;
/** Time to write down what calls that were cut off have become. */
const settleGraceMs = 1_000;

/** Starts the sender. Resolves when it consumes. */
export async function startSender(runtime: Runtime, options: SenderOptions = {}): Promise<RunningService> {
  const chosen = { ...defaults, pollMs: pollMsOf(options), ...options };
  if (chosen.leaseMs <= chosen.callTimeoutMs)
    throw new OperatingError('config.invalid', 'the lease of a delivery must be longer than a call');
  const deliveries = openDeliveries(runtime.database);
  const providers = {
    waha: openWaha({ ...providerHttpDefaults, callTimeoutMs: chosen.callTimeoutMs }),
    evolution: openEvolution({ ...providerHttpDefaults, callTimeoutMs: chosen.callTimeoutMs }),
    cloud: openCloud(openTemplates(runtime.database), {
      ...providerHttpDefaults,
      callTimeoutMs: chosen.callTimeoutMs,
      // All numbers are at one server, whose calls take long, and come in many.
      connectionsPerServer: chosen.concurrency,
    }),
    baileys: openBaileysSender(runtime, { ...providerHttpDefaults, callTimeoutMs: chosen.callTimeoutMs }),
    simulator: openSimulator(openSimulatorPhone(runtime.database, runtime.vault), runtime.now),
  };
  const files = openFiles(runtime);
  const owner = `sender-${newUlid(runtime.now())}`;
  const personOf = personFinder(runtime.directory);
  const policyOf = policyFinder(runtime);
  const routes = openRoutes(runtime.directory, openRouting(runtime.database, runtime.tenants, runtime.now));
  const { routeOf } = routes;
  const confirmationOf = confirmationFinder(runtime);
  const gates = openGates(runtime.database, chosen.gates, chosen.random, ({ tenant, instance }, to, reason) => {
    runtime.metrics.breakerChanges.inc({ state: to });
    runtime.logger.warn('an account was let go or stopped', {
      tenant,
      instance,
      ...(reason === null ? {} : { code: reason }),
    });
  });
  const windows = options.windows ?? openRateWindows(runtime, owner);
  const closeWindows = async () => (windows === options.windows ? undefined : windows.close());
  const { adminEmails } = runtime.config;
  const fallbackOf = createFallbacks({ ...chosen, policyOf, routes, adminEmails });
  const courier = createCourier({
    runtime,
    deliveries,
    providers,
    personOf,
    addressOf: addressFinder(runtime.directory, runtime.now),
    routeOf,
    endpoints: openEndpoints(runtime.now),
    confirmationOf,
    courtesies: createCourtesies(runtime, providers),
    readFile: fileReader(files, (chosen.leaseMs - chosen.callTimeoutMs) * fileReadShare),
    objectionTo: objectionFinder(runtime.database),
    policyOf,
    verdicts: createVerdicts({ ...chosen, runtime, gates, personOf, policyOf, fallbackOf }),
    startWithinMs: chosen.leaseMs - chosen.callTimeoutMs,
  });
  const feeder = createBroadcastFeeder(runtime, policyOf);
  const broadcasts = startClaimPump({
    logger: runtime.logger,
    claim: (count) => feeder.claim(count),
    work: (broadcast) => feeder.turn(broadcast),
    concurrency: broadcastsAtOnce,
    // The dispatcher's look wakes it.
    pollMs: chosen.pollMs * forgottenEvery,
  });
  // Whoever waits for the service is told below.
  broadcasts.finished.catch(() => undefined);
  const chores: readonly Chore[] = [
    quietly(createHandOver(runtime), 'hand-over'),
    quietly(createStepRecorder(runtime), 'steps'),
    quietly(createGateChangeRecorder(runtime), 'gate-changes'),
    { when: 'broadcasts', turn: wakes(broadcasts) },
    quietly(createHeldRelief({ runtime, policyOf, routes, everyMs: chosen.pollMs * relievedEvery })),
    quietly(createNotices({ runtime, policyOf, everyMs: chosen.pollMs * relievedEvery })),
    { when: 'doubted', turn: createEvidence(runtime, deliveries, confirmationOf) },
  ];
  const dispatcher = startDispatcher({
    ...chosen,
    perInstance: callsFinder(runtime.instances, chosen.perInstance),
    runtime,
    deliveries,
    claims: openClaims(runtime.database),
    gates,
    permits: createPermits({
      runtime,
      windows,
      // C2 of courier.ts.
      callWithinMs: chosen.leaseMs,
      limited: ({ provider }, limit) => runtime.metrics.sendLimited.inc({ provider, limit }),
    }),
    shares: new FairShares(),
    courier,
    place: createPlacement(runtime, policyOf, routeOf),
    report: createReporter(runtime, deliveries, personOf),
    dueWork: dueWorkFinder(runtime.database, runtime.now),
    chores,
    owner,
  });
  const closeProviders = () => Promise.all(Object.values(providers).map((provider) => provider.close()));

  const topic = topics.replies;
  const consumer = await consumeRecords(runtime, {
    group,
    topic,
    ...slice,
    ...createFollower(runtime, {
      group,
      topic,
      write: async (slices, again) => {
        await dispatcher.accept(arrivedIn(slices, again));
        return false;
      },
    }),
  }).catch(async (caught: unknown) => {
    await broadcasts.stop(settleGraceMs);
    await dispatcher.stop(0);
    await closeProviders();
    await closeWindows();
    await files.close();
    throw caught;
  });

  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await consumer.stop();
    await Promise.all([dispatcher.stop(stopGraceMs), broadcasts.stop(stopGraceMs)]);
    // Calls still in flight end as unknown, which is written down if there is time.
    await closeProviders();
    await dispatcher.stop(settleGraceMs);
    await closeWindows();
    await files.close();
  };
  const finished = Promise.race([dispatcher.finished, consumer.finished, broadcasts.finished]).then(() => stopping);
  finished.catch(() => undefined);
  return {
    name: group,
    finished,
    stop: () => (stopping ??= stop()),
  };
}

/** A chore that leads to no reports. */
const quietly = (work: (tenants: readonly string[]) => Promise<void>, when?: DueWork): Chore => ({
  ...(when === undefined ? {} : { when }),
  async turn(tenants) {
    await work(tenants);
    return [];
  },
});

/** The turn of a chore that others do. */
const wakes =
  (pump: ClaimPump): Chore['turn'] =>
  () => {
    pump.wake();
    return Promise.resolve([]);
  };

/** Most calls in flight of an instance. Of one that nobody knows one: what is sent with it finds out. */
const callsFinder =
  (instances: Pick<Runtime['instances'], 'read'>, fixed: number | undefined) =>
  async (tenant: string, id: string): Promise<number> => {
    if (fixed !== undefined) return fixed;
    const instance = await instances.read(tenant, id);
    return instance === undefined ? 1 : callsAtOnce(instance);
  };

/** What the sender acts on. */
function arrivedIn(slices: readonly ReadSlice[], again: boolean): Arrived {
  const records = slices.flatMap((slice) => slice.records);
  return {
    group,
    slices,
    again,
    replies: records.flatMap(({ record, position: { partition, offset } }) =>
      record.type === 'reply.requested' ? [{ reply: record, partition, offset }] : [],
    ),
    declined: records.flatMap(({ record }) => (record.type === 'reply.declined' ? [record] : [])),
  };
}
