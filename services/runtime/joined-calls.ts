/**
 * Calls done together, as a database does a group commit: while one batch is on its way, callers wait,
 * and the next batch takes all of them. Owns the queue.
 *
 * J1 One batch is on its way at a time, of at most `callsMax` calls and as many as their shares allow, in the order in which
 *    they came.
 * J2 One call's fault is not another's: a batch that failed for anything but a passing reason is done
 *    again one by one.
 */
import { OperatingError } from './errors.ts';

/** Bounds of a queue. */
export interface JoinOptions<In> {
  /** Most calls in a batch. */
  readonly callsMax: number;
  /** The share of a batch that a call takes up: a batch ends before the call that would make it more than 1. None without it. */
  readonly shareOf?: (call: In) => number;
  /** Most calls that wait; the next is refused with `database.unavailable`. */
  readonly waitingMax?: number;
  /** How long the first call of a batch waits for others, for work that nobody waits for. Milliseconds; none without it. */
  readonly lingerMs?: number;
}

const waitingMaxDefault = 20_000;

interface Waiting<In, Out> {
  readonly call: In;
  readonly resolve: (result: Out) => void;
  readonly reject: (error: unknown) => void;
}

/** Makes a function of one call from one of many. `work` gives one result per call, in their order. */
export function joinCalls<In, Out>(
  work: (calls: readonly In[]) => Promise<readonly Out[]>,
  { callsMax, shareOf = () => 0, waitingMax = waitingMaxDefault, lingerMs }: JoinOptions<In>,
): (call: In) => Promise<Out> {
  const waiting: Waiting<In, Out>[] = [];
  let isWorking = false;

  const workThrough = async (batch: readonly Waiting<In, Out>[]): Promise<void> => {
    try {
      const results = await work(batch.map(({ call }) => call));
      batch.forEach(({ resolve }, i) => resolve(results[i] as Out));
    } catch (caught) {
      const isPassing = caught instanceof OperatingError && caught.disposition === 'retry';
      if (isPassing || batch.length === 1) for (const { reject } of batch) reject(caught);
      else for (const one of batch) await workThrough([one]);
    }
  };

  /** How many of those that wait are the next batch. */
  const nextCount = (): number => {
    let [count, share] = [0, 0];
    for (const { call } of waiting) {
      share += shareOf(call);
      if (count === callsMax || (count > 0 && share > 1)) break;
      count += 1;
    }
    return count;
  };

  const workAll = async (): Promise<void> => {
    // One turn of the event loop first: callers of the same moment share a batch from the start.
    await new Promise((resolve) => (lingerMs === undefined ? setImmediate(resolve) : setTimeout(resolve, lingerMs)));
    while (waiting.length > 0) await workThrough(waiting.splice(0, nextCount()));
    isWorking = false;
  };

  return (call) => {
    if (waiting.length >= waitingMax)
      return Promise.reject(new OperatingError('database.unavailable', 'Too many calls are waiting.'));
    const { promise, resolve, reject } = Promise.withResolvers<Out>();
    waiting.push({ call, resolve, reject });
    if (!isWorking) {
      isWorking = true;
      void workAll();
    }
    return promise;
  };
}
