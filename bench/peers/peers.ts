/**
 * Prosa and its peers on the same work, one after the other, each alone on the machine: the same
 * conversation (`conversation.ts`), the same texts, every reply and every final state compared.
 *
 * Of each: a filled log drained (where there is one), a closed loop, messages at a fixed rate, and a worker
 * killed under that rate. What is compared with aims is the work done per second of processor time, of the
 * worker and of its servers together.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { hasProcessTable } from '../process-table.ts';
import { type Aim, type Measure, type Outcome, measure, percentilesOf } from '../result.ts';
import type { Scope, Stage } from '../stage.ts';
import { type Accounted, type Parts, memoryOfParts, total, watchParts } from './accounting.ts';
import { bullmqPeer, dbosPeer, restatePeer } from './http-peers.ts';
import { passThroughPeer } from './pass-through-peer.ts';
import type { Backlog, Peer, PeerKind, Worker } from './peer.ts';
import { People } from './people.ts';
import { prosaPeer } from './prosa-peer.ts';
import { streamsPeer } from './streams-peer.ts';

/** In the order in which they run. */
const peerKinds: readonly PeerKind[] = [
  prosaPeer('kafka'),
  prosaPeer('postgres'),
  passThroughPeer,
  streamsPeer,
  restatePeer,
  bullmqPeer,
  dbosPeer,
];

/** Of the closed loop. */
export const inFlight = 64;
/** How much further than the peer Prosa is to get with a second of processor time. */
const aims: Readonly<Record<string, Aim>> = {
  restate: { atLeast: 5 },
  bullmq: { atLeast: 5 },
  dbos: { atLeast: 5 },
  'kafka-streams': { atLeast: 1 },
  'pass-through': { atLeast: 0.8 },
};
const eventsPerShare = 10_000;
const lookIntervalMs = 50;
/** A drain without progress for this long is stuck. */
const patienceMs = 60_000;

/** Sizes of a run. */
interface Sizes {
  readonly people: number;
  /** Messages of each in the filled log; the first third warms up. */
  readonly rounds: number;
  readonly warmUpSeconds: number;
  readonly closedSeconds: number;
  readonly perSecond: number;
  readonly openSeconds: number;
  /** Under the same rate, from the kill on. */
  readonly recoverySeconds: number;
}

const sizesOf = (stage: Stage): Sizes => ({
  people: stage.size(1_000, 200),
  rounds: stage.size(30, 6),
  warmUpSeconds: stage.size(3, 1),
  closedSeconds: stage.size(12, 2),
  perSecond: stage.size(100, 50),
  openSeconds: stage.size(15, 2),
  recoverySeconds: stage.size(20, 3),
});

/** A throughput with what it cost. */
interface Work {
  readonly perSecond: number;
  readonly events: number;
  /** Processor seconds of each part. */
  readonly cpu: Parts;
}

/** What was found of one peer. */
interface Finding {
  readonly kind: PeerKind;
  readonly drained: Work | undefined;
  readonly closed: Work;
  readonly measures: readonly Measure[];
}

/** Runs it. */
export async function benchPeers(stage: Stage): Promise<Outcome> {
  if (!hasProcessTable) return { measures: [], notes: ['processor time is measured on Linux only'] };
  const sizes = sizesOf(stage);
  const notes = [
    `${sizes.people} conversations, messages and replies of 400 bytes; every reply and final state was compared with what it must be`,
    `drained: a filled log of ${sizes.people * sizes.rounds} messages, from the first third on; closed loop: ${inFlight} in flight, each person waits for the reply`,
    'processor time is that of the worker and of its servers; the load, which seals, sends and reads, is in the process of the bench and not counted',
  ];
  const findings: Finding[] = [];
  const failures: string[] = [];
  for (const kind of await chosenKinds(stage, notes)) {
    try {
      findings.push(await stage.scoped((scope) => find(stage, scope, kind, sizes)));
      notes.push(`${kind.title}: ${kind.note}`);
    } catch (caught) {
      failures.push(`${kind.title}: ${caught instanceof Error ? caught.message : 'unknown failure'}`);
    }
  }
  return { measures: [...findings.flatMap(({ measures }) => measures), ...comparisons(findings)], notes, failures };
}

/** Those that were asked for; all without. Throws when one was asked for that does not exist. */
export async function chosenKinds(stage: Stage, notes: string[]): Promise<readonly PeerKind[]> {
  const names = peerKinds.map(({ name }) => name);
  const unknown = stage.peers.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`there is no peer ${unknown.join(', ')}; there are ${names.join(', ')}`);
  const chosen = peerKinds.filter(({ name }) => stage.peers.length === 0 || stage.peers.includes(name));
  if (!chosen.some(needsBroker) || (await stage.broker()) !== undefined) return chosen;
  notes.push('no broker here: what needs one is left out');
  return chosen.filter((kind) => !needsBroker(kind));
}

const needsBroker = ({ servers }: PeerKind): boolean => servers.includes('Kafka');

async function find(stage: Stage, scope: Scope, kind: PeerKind, sizes: Sizes): Promise<Finding> {
  const { title } = kind;
  stage.say(`peers: ${title}`);
  const peer = await kind.open(stage, scope);
  const people = new People(peer);
  await people.meet(sizes.people);
  const drained = peer.backlog === undefined ? undefined : await drain(kind, peer, peer.backlog, people, sizes);
  const worker = await peer.startWorker();
  stage.say(`peers: ${title}, closed loop`);
  await people.closed({ inFlight, seconds: sizes.warmUpSeconds, messagesMax: Infinity });
  await peer.warm?.();
  const closed = await closedLoop({ kind, worker: worker.pid }, people, sizes);
  stage.say(`peers: ${title}, ${sizes.perSecond}/s`);
  const steady = await openLoop({ kind, worker: worker.pid }, people, sizes);
  const memory = await memoryOfParts({ kind, worker: worker.pid });
  const recovery = kind.keepsState ? await recover(stage, peer, worker, people, sizes, title) : [];
  await people.check();
  await peer.backlog?.settled();
  return {
    kind,
    drained,
    closed,
    measures: [
      ...(drained === undefined ? [] : workMeasures(`${title}, drained`, drained)),
      ...workMeasures(`${title}, closed loop`, closed),
      measure(`${title}, ${sizes.perSecond}/s: p50`, steady.p50, 'ms'),
      measure(`${title}, ${sizes.perSecond}/s: p99`, steady.p99, 'ms'),
      ...costMeasures(`${title}, ${sizes.perSecond}/s`, steady.work),
      ...[...memory].map(([part, megabytes]) => measure(`${title}: memory, ${part}`, megabytes, 'MB')),
      ...recovery,
    ],
  };
}

/** Drains a filled log; what the first third costs does not count. */
async function drain(kind: PeerKind, peer: Peer, backlog: Backlog, people: People, { rounds }: Sizes): Promise<Work> {
  const records = people.count * rounds;
  const accepting = await watchParts({ kind });
  await backlog.fill(people.next(people.all(), rounds));
  const accepted = await accepting();
  const worker = await peer.startWorker();
  await reach(backlog, records / 6);
  await peer.warm?.();
  const from = await reach(backlog, records / 3);
  const cpu = await watchParts({ kind, worker: worker.pid });
  const to = await reach(backlog, records);
  const spent = await cpu();
  const events = to.done - from.done;
  await worker.stop();
  await backlog.settled();
  await people.check();
  // Of the servers; whoever is asked by HTTP accepts messages within the measured time.
  const accept = (total(accepted) / records) * events;
  const all = new Map([...spent, ['servers to accept them', accept]]);
  return { perSecond: (events / (to.at - from.at)) * 1_000, events, cpu: all };
}

async function reach(backlog: Backlog, wanted: number): Promise<{ readonly at: number; readonly done: number }> {
  let moved = { at: performance.now(), done: 0 };
  for (;;) {
    const now = { done: await backlog.done(), at: performance.now() };
    if (now.done >= wanted) return now;
    if (now.done > moved.done) moved = now;
    if (now.at - moved.at > patienceMs) throw new Error(`stuck at ${now.done} of ${wanted} messages`);
    await sleep(lookIntervalMs);
  }
}

async function closedLoop(accounted: Accounted, people: People, { closedSeconds }: Sizes): Promise<Work> {
  const cpu = await watchParts(accounted);
  const loop = await people.closed({ inFlight, seconds: closedSeconds, messagesMax: Infinity });
  return { perSecond: loop.messages / loop.seconds, events: loop.messages, cpu: await cpu() };
}

async function openLoop(accounted: Accounted, people: People, { perSecond, openSeconds }: Sizes) {
  const cpu = await watchParts(accounted);
  const loop = await people.open({ perSecond, messages: perSecond * openSeconds });
  const work = { perSecond: loop.messages / loop.seconds, events: loop.messages, cpu: await cpu() };
  const { p50, p99 } = percentilesOf(loop.latencies);
  return { p50, p99, work };
}

/** Kills the worker under load and starts it again at once, as whoever keeps processes would. */
async function recover(
  stage: Stage,
  peer: Peer,
  worker: Worker,
  people: People,
  { perSecond, openSeconds, recoverySeconds }: Sizes,
  title: string,
): Promise<readonly Measure[]> {
  stage.say(`peers: ${title}, killed under load`);
  const beforeMs = (openSeconds / 3) * 1_000;
  const loop = people.open({ perSecond, messages: Math.ceil(perSecond * (recoverySeconds + beforeMs / 1_000)) });
  // Its failure is thrown below, when it is awaited.
  loop.catch(() => undefined);
  await sleep(beforeMs);
  const killedAt = performance.now();
  await worker.kill();
  await peer.startWorker();
  const { repliedAt, latencies } = await loop;
  const sentAt = repliedAt.map((at, i) => at - (latencies[i] ?? 0));
  const first = Math.min(...repliedAt.filter((_, i) => (sentAt[i] ?? 0) > killedAt));
  // Whoever wrote until the first reply had to wait; it is over when the last of them has theirs.
  const caughtUp = Math.max(...repliedAt.filter((_, i) => (sentAt[i] ?? 0) <= first));
  return [
    measure(`${title}, kill -9: first reply to a later message`, (first - killedAt) / 1_000, 's'),
    measure(`${title}, kill -9: all answered who waited`, (caughtUp - killedAt) / 1_000, 's'),
  ];
}

const perCpuSecond = ({ events, cpu }: Work): number => events / total(cpu);

const workMeasures = (title: string, work: Work): readonly Measure[] => [
  measure(`${title}: events`, work.perSecond, 'per s'),
  ...costMeasures(title, work),
  measure(`${title}: events`, perCpuSecond(work), 'per CPU s'),
];

/** Processor seconds of 10 000 events, by part. */
const costMeasures = (title: string, { events, cpu }: Work): readonly Measure[] =>
  [...cpu]
    .filter(([, seconds]) => seconds > 0)
    .map(([part, seconds]) => measure(`${title}: CPU of 10 000, ${part}`, (seconds / events) * eventsPerShare, 's'));

/** Prosa beside each peer: at its best (drained, where there is a log), and in the same closed loop. */
function comparisons(findings: readonly Finding[]): readonly Measure[] {
  const prosa = findings.filter(({ kind }) => kind.name.startsWith('prosa'));
  const peers = findings.filter(({ kind }) => !kind.name.startsWith('prosa'));
  return prosa.flatMap((ours) =>
    peers.flatMap((peer) => {
      const what = `${ours.kind.title} to ${peer.kind.title}, per CPU s`;
      const best = perCpuSecond(ours.drained ?? ours.closed) / perCpuSecond(peer.drained ?? peer.closed);
      const same = perCpuSecond(ours.closed) / perCpuSecond(peer.closed);
      return [
        measure(`${what}, each at its best`, best, 'ratio', aims[peer.kind.name]),
        measure(`${what}, both in the closed loop`, same, 'ratio'),
      ];
    }),
  );
}
