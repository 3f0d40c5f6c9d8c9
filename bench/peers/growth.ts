/**
 * Prosa and its peers as they grow: throughput and memory with a thousand, ten thousand and a hundred
 * thousand conversations that have begun; Prosa on to a million. Every conversation begins with its
 * person's greeting; the last step of Prosa is written to its store instead, as the host would have written it.
 */
import { hasProcessTable } from '../process-table.ts';
import { type Measure, type Outcome, measure } from '../result.ts';
import type { Stage } from '../stage.ts';
import { memoryOfParts, total, watchParts } from './accounting.ts';
import type { Peer, PeerKind, Worker } from './peer.ts';
import { People } from './people.ts';
import { chosenKinds, inFlight } from './peers.ts';

/** People who greet before it is looked whether there is time for more: on a log at once, else one after the other. */
const newcomersMax = { log: 5_000, calls: 1_000 } as const;
/** Conversations whose states are compared at the end; replies are all compared. */
const checkedMax = 1_000;

/** Sizes of a run. */
interface Sizes {
  readonly steps: readonly number[];
  /** Reached by writing to the store, where a peer can. */
  readonly seeded: number;
  /** For all of the greeting; whoever needs longer ends where it is then. */
  readonly greetingSeconds: number;
  readonly measuredSeconds: number;
}

const sizesOf = (stage: Stage): Sizes => ({
  steps: stage.short ? [200, 1_000] : [1_000, 10_000, 100_000],
  seeded: stage.size(1_000_000, 3_000),
  greetingSeconds: stage.size(60, 5),
  measuredSeconds: stage.size(5, 1),
});

/** Runs it. */
export async function benchPeersGrowth(stage: Stage): Promise<Outcome> {
  if (!hasProcessTable) return { measures: [], notes: ['memory is measured on Linux only'] };
  const sizes = sizesOf(stage);
  const notes = [
    `throughput in a closed loop with ${inFlight} in flight, by people from all over them`,
    `greeting may take ${sizes.greetingSeconds} s in all: who needs longer is measured where it is then`,
  ];
  const measures: Measure[] = [];
  const failures: string[] = [];
  for (const kind of (await chosenKinds(stage, notes)).filter(({ keepsState }) => keepsState)) {
    try {
      measures.push(...(await grow(stage, kind, sizes, notes)));
    } catch (caught) {
      failures.push(`${kind.title}: ${caught instanceof Error ? caught.message : 'unknown failure'}`);
    }
  }
  return { measures, notes, failures };
}

function grow(stage: Stage, kind: PeerKind, sizes: Sizes, notes: string[]): Promise<readonly Measure[]> {
  return stage.scoped(async (scope) => {
    stage.say(`peers-growth: ${kind.title}`);
    const peer = await kind.open(stage, scope);
    const people = new People(peer);
    const worker = await peer.startWorker();
    const measures: Measure[] = [];
    const until = performance.now() + sizes.greetingSeconds * 1_000;
    for (const step of sizes.steps) {
      await greet(peer, people, step, until);
      stage.say(`peers-growth: ${kind.title}, ${people.count} conversations`);
      measures.push(...(await measureAt(kind, peer, worker, people, sizes)));
      if (people.count === step) continue;
      notes.push(`${kind.title} came to ${people.count} conversations in ${sizes.greetingSeconds} s`);
      break;
    }
    if (peer.seed !== undefined) {
      await peer.seed(sizes.seeded);
      people.seeded(sizes.seeded);
      stage.say(`peers-growth: ${kind.title}, ${people.count} conversations`);
      measures.push(...(await measureAt(kind, peer, worker, people, sizes)));
    }
    await people.check(Math.min(people.count, checkedMax));
    return measures;
  });
}

/** Newcomers greet until there are `wanted` people, or the time is over. */
async function greet(peer: Peer, people: People, wanted: number, until: number): Promise<void> {
  const newcomers = peer.backlog === undefined ? newcomersMax.calls : newcomersMax.log;
  while (people.count < wanted && performance.now() < until) {
    const known = people.count;
    await people.meet(Math.min(wanted, known + newcomers));
    const fresh = people.all().slice(known);
    if (peer.backlog === undefined) await people.greet(fresh, inFlight);
    else {
      await peer.backlog.fill(people.next(fresh));
      await peer.backlog.settled();
    }
  }
}

async function measureAt(
  kind: PeerKind,
  peer: Peer,
  worker: Worker,
  people: People,
  { measuredSeconds }: Sizes,
): Promise<readonly Measure[]> {
  await peer.warm?.();
  people.mix();
  const cpu = await watchParts({ kind, worker: worker.pid });
  const loop = await people.closed({ inFlight, seconds: measuredSeconds, messagesMax: Infinity });
  const spent = total(await cpu());
  const what = `${kind.title}, ${people.count.toLocaleString('en-US')} conversations`;
  return [
    measure(`${what}: events`, loop.messages / loop.seconds, 'per s'),
    measure(`${what}: events`, loop.messages / spent, 'per CPU s'),
    ...[...(await memoryOfParts({ kind, worker: worker.pid }))].map(([part, megabytes]) =>
      measure(`${what}: memory, ${part}`, megabytes, 'MB'),
    ),
  ];
}
