/**
 * The conversation service against a raw kafkajs pass-through: both drain the same records of the same
 * topic on the same broker, each as one process, twice and in alternating order. The difference is what
 * decoding, opening, the machines, sealing and snapshots in Postgres cost.
 */
import { topicTable, topics } from '#schemas/topics.ts';

import { watchCommits } from './adapters/broker-admin.ts';
import { type Drain, watchDrain } from './drain.ts';
import { type Installation, openInstallation } from './installation.ts';
import type { PassThroughOutput, PassThroughPlan } from './pass-through-plan.ts';
import type { Platform } from '#runtime/platform.ts';
import { contentOf, populate } from './population.ts';
import { watchCpu } from './process-table.ts';
import { startProcess } from './processes.ts';
import { type Measure, type Outcome, measure } from './result.ts';
import type { Scope, Stage } from './stage.ts';

const partitionCount = 6;
const conversationCount = 500;
/** Those of services/conversation. */
const sliceRecords = 200;
const warmUpRecords = 2_000;
const group = 'conversation';

const aims = { ratioLeast: { atLeast: 0.5 }, ratio: { atLeast: 0.8 } } as const;

/** Consent, a name, then choices of the menu: a reply to every message. */
const textsOf = (rounds: number): readonly string[] =>
  Array.from({ length: rounds }, (_, i) => ['Oi', 'sim', 'Maria da Silva'][i] ?? (i % 2 === 0 ? '1' : '2'));

/** A prefilled log that nobody has drained yet. */
interface Filled {
  readonly installation: Installation;
  readonly platform: Platform;
  readonly records: number;
}

/** Runs it. */
export async function benchHost(stage: Stage): Promise<Outcome> {
  const measures: Measure[] = [];
  const rounds = stage.size(40, 4);
  const notes = [
    `${conversationCount * rounds} records of ${conversationCount} conversations, ${partitionCount} partitions, slices of ${sliceRecords}; one process each`,
    'from the first commit seen to the last: starting and joining do not count',
  ];
  if ((await stage.broker()) === undefined) notes.push('no broker here: no pass-through to compare with');
  else measures.push(...(await compare(stage, rounds, notes)));
  stage.say('host: postgres log');
  const postgres = await stage.scoped(async (scope) => {
    const filled = await fill(stage, scope, 'postgres', rounds);
    return drainByHost(scope, filled);
  });
  measures.push(measure('host on the postgres log', postgres.perSecond, 'per s'));
  return { measures, notes };
}

async function compare(stage: Stage, rounds: number, notes: string[]): Promise<readonly Measure[]> {
  const hosts: HostDrain[] = [];
  const peers: Drain[] = [];
  let outputs: readonly PassThroughOutput[] = [];
  for (const [round, order] of [['host', 'peer'] as const, ['peer', 'host'] as const].entries()) {
    await stage.scoped(async (scope) => {
      const filled = await fill(stage, scope, 'kafka', rounds);
      await warmUp(scope, filled);
      for (const who of order) {
        stage.say(`host: round ${round + 1}, ${who === 'host' ? 'the host' : 'the pass-through'} on Kafka`);
        if (who === 'host') {
          hosts.push(await drainByHost(scope, filled));
          outputs = await outputsOf(filled);
        } else peers.push(await stage.scoped((own) => drainByPeer(own, filled, `peer-${round}`, outputs)));
      }
    });
  }
  notes.push(`for each record the host wrote ${outputs.map(wordsOf).join(', ')}; the pass-through the same`);
  const [host, peer] = [mean(hosts), mean(peers)];
  const each = (drains: readonly Drain[]): string => drains.map(({ perSecond }) => Math.round(perSecond)).join(' and ');
  notes.push(`rounds: host ${each(hosts)}, pass-through ${each(peers)} per s`);
  const cpu = hosts.flatMap(({ cpuPercent }) => cpuPercent ?? []);
  return [
    measure('host on Kafka', host, 'per s'),
    measure('kafkajs pass-through', peer, 'per s'),
    measure('host to pass-through', host / peer, 'ratio', aims.ratioLeast),
    measure('host to pass-through', host / peer, 'ratio', aims.ratio),
    ...cpu.slice(0, 1).map((percent) => measure('host process on Kafka', percent, '% of a core')),
  ];
}

const mean = (drains: readonly Drain[]): number =>
  drains.reduce((sum, { perSecond }) => sum + perSecond, 0) / drains.length;

const wordsOf = ({ topic, recordsPerInput, bytes }: PassThroughOutput): string =>
  `${Number(recordsPerInput.toPrecision(3))} of ${bytes} bytes to ${topic.slice(topic.indexOf('.') + 1)}`;

async function fill(stage: Stage, scope: Scope, log: 'postgres' | 'kafka', rounds: number): Promise<Filled> {
  const installation = await openInstallation(stage, scope, log, { PROSA_PARTITIONS: String(partitionCount) });
  const platform = await installation.platform();
  const population = await populate(installation, platform, conversationCount);
  return { installation, platform, records: await population.say(textsOf(rounds)) };
}

/** A drain by the host, with its processor time. */
interface HostDrain extends Drain {
  readonly cpuPercent: number | undefined;
}

async function drainByHost(scope: Scope, filled: Filled): Promise<HostDrain> {
  const { installation } = filled;
  const done = await doneOf(scope, filled, group);
  const host = await installation.start('conversation');
  const cpu = await watchCpu(host.pid);
  const drain = await watchDrain(filled.records, done);
  const cpuPercent = await cpu();
  await host.stop();
  const lost = await contentOf(filled.platform.log, parkedEvents);
  if (lost.records > 0) throw new Error(`${lost.records} records were parked: the bench's records are not right`);
  return { ...drain, cpuPercent };
}

const parkedEvents = topicTable.find(({ name, parked }) => parked && name.startsWith(topics.events))?.name ?? '';

/** How many records a group has done, by what it committed. */
async function doneOf(scope: Scope, { installation, platform, records }: Filled, groupName: string) {
  const { kafka } = installation.config;
  if (kafka === undefined) {
    return async (): Promise<number> => {
      const lags = await platform.log.lag(groupName, topics.events);
      return records - lags.reduce((sum, { lag }) => sum + lag, 0);
    };
  }
  const watch = await watchCommits(kafka, kafka.topicPrefix + groupName, kafka.topicPrefix + topics.events);
  scope.defer(() => watch.close());
  return () => watch.committed();
}

/** What the host wrote for the records of a fill. */
async function outputsOf({ installation, platform, records }: Filled): Promise<readonly PassThroughOutput[]> {
  const prefix = installation.config.kafka?.topicPrefix ?? '';
  const outputs: PassThroughOutput[] = [];
  for (const { name } of topicTable) {
    if (name === topics.events) continue;
    const written = await contentOf(platform.log, name);
    if (written.records === 0) continue;
    outputs.push({
      topic: prefix + name,
      recordsPerInput: written.records / records,
      bytes: Math.round(written.bytes / written.records),
    });
  }
  return outputs;
}

/** Makes the broker's code hot and its coordinators known, in the same way before each round. */
async function warmUp(scope: Scope, filled: Filled): Promise<void> {
  const records = Math.min(warmUpRecords, filled.records);
  const outputs = [{ topic: 'warm-up', recordsPerInput: 1, bytes: 500 }];
  await drainByPeer(scope, { ...filled, records }, 'warm-up', outputs);
}

/** Drains by the pass-through, in a group of its own, into topics of its own. */
async function drainByPeer(
  scope: Scope,
  filled: Filled,
  name: string,
  outputs: readonly PassThroughOutput[],
): Promise<Drain> {
  const { installation, platform } = filled;
  const { kafka } = installation.config;
  if (kafka === undefined) throw new Error('the pass-through needs a broker');
  const own = outputs.map((output, i) => ({ ...output, plain: `${name}-output-${i}` }));
  await platform.log.createTopics(own.map(({ plain }) => plain));
  const plan: PassThroughPlan = {
    kafka,
    groupId: kafka.topicPrefix + name,
    topic: kafka.topicPrefix + topics.events,
    partitionCount,
    sliceRecords,
    outputs: own.map(({ plain, ...output }) => ({ ...output, topic: kafka.topicPrefix + plain })),
  };
  const done = await doneOf(scope, filled, name);
  const peer = await startProcess('bench/adapters/kafkajs-pass-through.ts', {
    environment: installation.environment,
    input: plan,
  });
  scope.defer(() => peer.stop());
  const drain = await watchDrain(filled.records, done);
  await peer.stop();
  return drain;
}
