/**
 * The replay service: folds what happened again, compares, tries other machines, writes records out
 * again.
 *
 * Replays are rows (`#runtime/replays/replays.ts`). The service takes them one at a time, oldest first;
 * it goes on at a checkpoint after a crash, and gives a replay up whose process ended three times in a
 * row without getting to one. It has no way to the outside: no provider, no calendar, no model; on the log
 * it writes to analysts' topics alone.
 */
import { setTimeout } from 'node:timers/promises';

import { findMachine } from '#machines/registry.ts';
import type { FindMachine } from '#runtime/actor/machines.ts';
import { OperatingError } from '#runtime/errors.ts';
import { newUlid } from '#runtime/records.ts';
import type { Finding } from '#runtime/replays/replays.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';

import { runFolding } from './folding.ts';
import { Ended, type Job, claimJob, releaseJobs } from './job.ts';
import { type EmitPlace, type Emitted, reEmit } from './re-emit.ts';
import { Throttle } from './throttle.ts';

/** Between two looks for a replay. */
const turnMs = 1_000;
/** After a look that failed. */
const backOffMs = 3_000;

/** How to start it. */
export interface ReplayOptions {
  /** Machines that folds may name. */
  readonly find?: FindMachine;
  /** True when no other process works on replays: what an earlier life left is gone on with at once. */
  readonly soleOwner?: boolean;
}

/** What of a runtime a replay uses: nothing that reaches a provider. */
export type ReplayPorts = Pick<Runtime, 'database' | 'log' | 'logger' | 'now' | 'tenants' | 'vault'>;

/** Starts the service. */
export function startReplay(runtime: ReplayPorts, options: ReplayOptions = {}): RunningService {
  const worker = new Worker(runtime, options.find ?? findMachine);
  const finished = worker.run(options.soleOwner ?? false);
  return {
    name: 'replay',
    finished,
    async stop() {
      worker.stop();
      await finished;
    },
  };
}

class Worker {
  readonly #ports: ReplayPorts & { readonly find: FindMachine };
  readonly #id = newUlid(Date.now());
  readonly #stopped = new AbortController();
  #job: Job | undefined;

  constructor(ports: ReplayPorts, find: FindMachine) {
    this.#ports = { ...ports, find };
  }

  stop(): void {
    this.#stopped.abort();
    this.#job?.end('stopped');
  }

  async run(soleOwner: boolean): Promise<void> {
    let releases = soleOwner;
    while (!this.#stopped.signal.aborted) {
      try {
        if (releases) await releaseJobs(this.#ports);
        releases = false;
        if (!(await this.#turn())) await this.#sleep(turnMs);
      } catch (caught) {
        if (!(caught instanceof OperatingError) || caught.disposition !== 'retry') throw caught;
        this.#ports.logger.warn('replays wait for a part that is away', { code: caught.code });
        await this.#sleep(backOffMs);
      }
    }
  }

  /** Works on one replay; false when there is none. */
  async #turn(): Promise<boolean> {
    const job = await claimJob(this.#ports, this.#id);
    if (job === undefined) return false;
    this.#job = job;
    // It may have been asked to stop while it claimed.
    if (this.#stopped.signal.aborted) job.end('stopped');
    try {
      await this.#work(job);
    } finally {
      job.close();
      this.#job = undefined;
    }
    return true;
  }

  async #work(job: Job): Promise<void> {
    const { logger } = this.#ports;
    const { tenant } = job;
    try {
      job.signal.throwIfAborted();
      if (job.hopeless) {
        await job.finish('failed', 'actor.killed-process');
        return;
      }
      logger.info('replay begun', { tenant, part: job.request.kind });
      if (job.request.kind === 're-emit') await this.#emit(job, job.request);
      else await runFolding(this.#ports, job, job.request);
      await job.finish('done');
      logger.info('replay done', { tenant, part: job.request.kind });
    } catch (caught) {
      await this.#end(job, caught);
    }
  }

  async #end(job: Job, caught: unknown): Promise<void> {
    if (caught instanceof Ended) {
      if (caught.why === 'cancelled') await job.finish('cancelled');
      // What was done since the checkpoint is done again.
      if (caught.why === 'stopped') await job.giveBack(null);
      return;
    }
    const code = caught instanceof OperatingError ? caught.code : 'internal';
    if (caught instanceof OperatingError && caught.disposition === 'retry') {
      this.#ports.logger.warn('replay waits', { tenant: job.tenant, code });
      await job.giveBack(code);
      return;
    }
    this.#ports.logger.error('replay failed', { tenant: job.tenant, code, error: caught });
    await job.finish('failed', code);
  }

  async #emit(job: Job, request: Extract<Job['request'], { readonly kind: 're-emit' }>): Promise<void> {
    const place = (job.place ?? { stretch: 0, offset: undefined }) as EmitPlace;
    const throttle = new Throttle(request.recordsPerSecond, job.signal);
    const { tenant, id: replay } = job;
    await reEmit(this.#ports, { tenant, replay, request, place }, throttle, async (emitted) => {
      const { written, gone, next, fraction } = emitted;
      job.count(written, written, gone === undefined ? [] : ['unretained']);
      if (gone !== undefined) await job.find(unretained(gone));
      await job.passed(next, fraction);
    });
  }

  async #sleep(ms: number): Promise<void> {
    await setTimeout(ms, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
  }
}

/** Nobody's: in the place of an actor stands the partition, with the offset that says of which incarnation. */
const unretained = ({ topic, partition, offset }: NonNullable<Emitted['gone']>): Finding => ({
  actor: `${topic}/${partition}/${offset}`,
  verdict: 'unretained',
  body: { partition, offset },
  content: undefined,
});
