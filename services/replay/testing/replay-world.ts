/** A world for tests of replays: conversations that were had, tables that have them, and a way to run a replay. */
import { topics } from '#schemas/topics.ts';
import type { FindMachine } from '#runtime/actor/machines.ts';
import {
  type Finding,
  type Replay,
  type ReplayRequest,
  createReplay,
  readFindings,
  readReplay,
} from '#runtime/replays/replays.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { findEcho } from '#runtime/testing/echo-machine.ts';
import { Person, eventually } from '#runtime/testing/person.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';

import { startCompliance } from '../../compliance/compliance.ts';
import { startConversation } from '../../conversation/conversation.ts';
import { startProjection } from '../../projection/projection.ts';
import { type ReplayPorts, startReplay } from '../replay.ts';

/** A replay that is over, with what it found. */
export interface Replayed extends Replay {
  readonly findings: readonly Finding[];
}

/** What a test is given. */
export interface ReplayWorld {
  readonly world: TestWorld;
  readonly worker: Runtime;
  meet(phone: string): Promise<Person>;
  /** Starts host, projection and compliance. */
  startServices(find?: FindMachine): Promise<void>;
  stopServices(): Promise<void>;
  /** Waits until the host has committed and the tables have all that is on the log. */
  caughtUp(): Promise<void>;
  ask(request: ReplayRequest): Promise<string>;
  read(id: string): Promise<Replayed>;
  /** Runs a replay to its end. */
  run(request: ReplayRequest, find?: FindMachine, ports?: ReplayPorts): Promise<Replayed>;
  close(): Promise<void>;
}

/** Opens it. */
export async function openReplayWorld(options: Parameters<typeof openTestWorld>[0] = {}): Promise<ReplayWorld> {
  const world = await openTestWorld({ partitionCount: 2, ...options });
  const worker = world.runtime('prosa_worker', 'test-worker');
  const ingest = world.runtime('prosa_ingest');
  const api = world.runtime('prosa_api');
  let services: RunningService[] = [];

  const stopServices = async (): Promise<void> => {
    await Promise.all(services.map((service) => service.stop()));
    services = [];
  };
  const read = (id: string): Promise<Replayed> =>
    api.database.transaction([testTenant], async (sql) => {
      const replay = await readReplay(sql, testTenant, id);
      if (replay === undefined) throw new Error('there is no such replay');
      return { ...replay, findings: await readFindings(sql, { tenant: testTenant, id, after: '', rowsMax: 100 }) };
    });
  const ask = async (request: ReplayRequest): Promise<string> => {
    const wanted = { tenant: testTenant, requestedBy: 'k_test', request, at: Date.now() };
    const made = await createReplay(api.database, wanted);
    if (made === undefined) throw new Error('too many replays');
    return made.id;
  };

  return {
    world,
    worker,
    meet: (phone) => Person.meet(world, ingest, phone),
    async startServices(find = findEcho) {
      const runtime = world.runtime('prosa_worker', 'test-services');
      services.push(
        await startConversation(runtime, find),
        await startProjection(runtime, find),
        await startCompliance(runtime),
      );
    },
    stopServices,
    async caughtUp() {
      const groups = [
        ['conversation', topics.events],
        ['projection', topics.events],
        ['projection', topics.replies],
        ['compliance', topics.audit],
      ] as const;
      for (const [group, topic] of groups)
        await eventually(
          () => world.log.lag(group, topic),
          (lags) => lags.every(({ lag }) => lag === 0),
          30_000,
        );
    },
    ask,
    read,
    async run(request, find = findEcho, ports = world.runtime('prosa_worker', 'test-replay')) {
      const id = await ask(request);
      const service = startReplay(ports, { find });
      try {
        const over = await eventually(
          () => read(id),
          ({ status }) => status !== 'queued' && status !== 'running',
          60_000,
        );
        return over;
      } finally {
        await service.stop();
      }
    },
    async close() {
      await stopServices();
      await world.close();
    },
  };
}
