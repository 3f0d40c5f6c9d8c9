/** The hosts of a simulation: started, crashed, stopped for a while, started again. */
import { openHost } from '#runtime/actor/host.ts';
import type { FindMachine } from '#runtime/actor/machines.ts';
import type { Protection } from '#runtime/actor/apply.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { SimulatedLog } from '#runtime/log/adapters/simulated/simulated-log.ts';
import type { Consumer, RecordLog } from '#runtime/log/record-log.ts';
import type { Logger } from '#runtime/logger.ts';
import type { Metrics } from '#runtime/metrics.ts';
import type { Tenants } from '#runtime/tenants/tenants.ts';
import { topics } from '#schemas/topics.ts';

import { type Surroundings, VirtualProcess, sessionMs } from './process.ts';
import type { MemoryStore } from './store.ts';
import { plainVault } from './vault.ts';

/** Consumer group of the hosts. */
export const hostGroup = 'conversation';

/** What hosts are made of. */
export interface FleetOptions {
  readonly around: Surroundings;
  readonly log: SimulatedLog;
  readonly store: MemoryStore;
  readonly tenants: Tenants;
  readonly find: FindMachine;
  readonly metrics: Metrics;
  readonly without: Protection | undefined;
  readonly sliceRecordsMax: number;
  readonly actorsCachedMax: number;
  /** A host gave up, which none may. */
  readonly halted: (reason: string) => void;
}

interface Host {
  readonly process: VirtualProcess;
  readonly handle: RecordLog;
  consumer: Consumer | undefined;
}

const restartMs = 500;

/** All hosts. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #hosts: (Host | undefined)[] = [];
  #started = 0;

  constructor(options: FleetOptions, count: number) {
    this.#options = options;
    for (let place = 0; place < count; place += 1) this.#start(place);
  }

  /** Stops a host as an operator would, and starts another in its place. */
  replace(place: number): void {
    const host = this.#hosts[place];
    if (host?.consumer === undefined || !host.process.alive) return;
    this.#hosts[place] = undefined;
    void host.consumer.stop();
    this.#options.around.scheduler.after(restartMs, () => {
      this.#start(place);
    });
  }

  /** A host whose heartbeats do not arrive, while all else it says does: others take over, and it is told later. */
  cutOff(place: number): void {
    const host = this.#hosts[place];
    if (host?.process.alive !== true) return;
    const { around, log } = this.#options;
    log.faults.stall(host.handle);
    around.scheduler.after(around.chance.below(8_000), () => {
      if (host.process.alive) log.faults.rejoin(host.handle);
    });
  }

  #start(place: number): void {
    const { around, log, halted, sliceRecordsMax } = this.#options;
    this.#started += 1;
    const process = new VirtualProcess(`host-${place}.${this.#started}`, around, (how, ms) => {
      if (how === 'crashed') this.#crashed(place, host, ms);
      else this.#paused(host, ms);
    });
    const handle = log.open({ pace: (point) => process.point(point, 'log.unavailable') });
    const host: Host = { process, handle, consumer: undefined };
    this.#hosts[place] = host;
    around.scheduler.note(`${process.name} starts`);
    const ports = this.#portsOf(host);
    handle
      .consume({
        group: hostGroup,
        topic: topics.events,
        transactional: true,
        sliceRecordsMax,
        sliceBytesMax: 1_000_000,
        assigned: (assignment) => openHost(ports, assignment),
      })
      .then((consumer) => {
        host.consumer = consumer;
        return consumer.finished;
      })
      .catch((caught: unknown) => {
        if (!process.alive) return;
        if (!(caught instanceof OperatingError) || caught.disposition !== 'retry') {
          halted(caught instanceof Error ? (caught.stack ?? caught.message) : 'nothing was said');
          return;
        }
        around.scheduler.after(restartMs, () => {
          this.#start(place);
        });
      });
  }

  #portsOf({ process, handle }: Host) {
    const { store, tenants, find, metrics, without, actorsCachedMax } = this.#options;
    return {
      log: handle,
      store: store.of(process),
      vault: plainVault,
      tenants,
      find,
      logger: silent,
      metrics,
      actorsCachedMax,
      without,
    };
  }

  #crashed(place: number, host: Host, ms: number): void {
    const { around, log } = this.#options;
    this.#hosts[place] = undefined;
    around.scheduler.after(sessionMs, () => {
      log.faults.stall(host.handle);
    });
    around.scheduler.after(ms, () => {
      this.#start(place);
    });
  }

  /** The broker finds it gone, others take over; then it goes on, and only later hears of that. */
  #paused(host: Host, ms: number): void {
    const { around, log } = this.#options;
    around.scheduler.after(sessionMs, () => {
      if (host.process.alive) log.faults.stall(host.handle);
    });
    around.scheduler.after(ms + around.chance.below(2_000), () => {
      if (host.process.alive) log.faults.rejoin(host.handle);
    });
  }
}

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};
