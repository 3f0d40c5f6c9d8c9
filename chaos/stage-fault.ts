/** Stages one fault in a world and judges what comes of it. */
import { check, countAnomalies } from './checker.ts';
import type { Fault, FaultRun } from './fault.ts';
import { expectedReplies } from './model.ts';
import type { World } from './world.ts';

/** Time to come to rest after a fault. The longest back-offs, leases and sessions are well within it. */
const settleWithinMs = 90_000;
const anomaliesShownMax = 20;

/** What a shared world carries from one staging to the next. */
export interface Excused {
  repeats: number;
}

/** Stages it and judges the whole history of the world so far. */
export async function stageFault(world: World, fault: Fault, seed: number, excused: Excused): Promise<FaultRun> {
  const { crew, people } = world;
  const [killsBefore, failuresBefore, begunAt] = [crew.kills, crew.failures, Date.now()];
  people.begin();
  const staged = await fault.stage(world);
  excused.repeats += staged.repeatsAllowed ?? 0;
  await people.fallSilent();
  await crew.startAll();
  const { settled, left } = await world.settle(settleWithinMs);
  if (!settled) {
    world.say(`did not come to rest: ${left}`);
    for (const note of crew.notes.slice(-anomaliesShownMax)) world.say(`  ${note}`);
  }
  const failures = crew.failures - failuresBefore;
  if (failures > 0) {
    world.say(`${failures} processes ended by themselves, and were started again`);
    for (const note of crew.notes.filter((one) => one.includes('by itself'))) world.say(`  ${note}`);
  }
  const history = await world.history(excused.repeats);
  if (!settled) {
    const later = await world.settle(settleWithinMs);
    world.say(later.settled ? 'came to rest later: slow, not stuck' : `stuck: ${later.left}`);
  }
  const anomalies = check(history, expectedReplies);
  return {
    seed,
    kills: crew.kills - killsBefore,
    recoveryMs: slowestAnswer(world, begunAt),
    records: history.log.length,
    counts: countAnomalies(anomalies),
    anomalies: anomalies.slice(0, anomaliesShownMax),
  };
}

/** Longest time from a message's acceptance to the arrival of its answer at the provider: what the fault cost people. */
function slowestAnswer({ people, installation }: World, since: number): number {
  const accepted = people.acceptedSince(since);
  let slowest = 0;
  for (const { text, at } of installation.waha.messages) {
    // An answer is its count, a hash, and the words that it answers.
    const acceptedAt = accepted.get(text.split(' ').slice(2).join(' '));
    if (acceptedAt !== undefined) slowest = Math.max(slowest, at - acceptedAt);
  }
  return slowest;
}
