/** A running world: an installation, its processes, the people who write, and the recorder. */
import type { LogKind } from '../bench/installation.ts';
import { Scope } from '../bench/stage.ts';
import { kafkaRawLog } from './adapters/kafka-raw-log.ts';
import { postgresRawLog } from './adapters/postgres-raw-log.ts';
import { Crew } from './crew.ts';
import type { History } from './history.ts';
import { type Installation, openInstallation } from './installation.ts';
import { People } from './people.ts';
import type { ProgramPlan } from './programs/plan.ts';
import { Random } from './random.ts';
import type { RawLog } from './raw-log.ts';
import { Recorder } from './recorder.ts';
import { type Settled, settle } from './settling.ts';
import type { Runtime } from '#runtime/runtime.ts';

/** How to open one. */
export interface WorldOptions {
  readonly log: LogKind;
  readonly seed: number;
  readonly say: (line: string) => void;
  readonly smallDisks?: boolean;
  /** People send photos, which are fetched, and the tenant is told what happens. */
  readonly outskirts?: boolean;
  /** Where what the processes say is kept, all of it, a file for each role; otherwise their last warnings are. */
  readonly logFolder?: string | undefined;
  /** What every process is told besides; protections that are out, say. */
  readonly plan?: Partial<ProgramPlan>;
}

/** One. */
export interface World {
  readonly installation: Installation;
  readonly crew: Crew;
  readonly people: People;
  readonly recorder: Recorder;
  readonly rawLog: RawLog;
  readonly random: Random;
  /** For looking, and for what a fault does to rows. */
  readonly runtime: Runtime;
  readonly say: (line: string) => void;
  /** Waits until there is nothing left to do. */
  settle(withinMs: number): Promise<Settled>;
  /** What there is to judge now. */
  history(repeatsAllowed: number): Promise<History>;
  /** Ends everything. Idempotent. */
  close(): Promise<void>;
}

/** Opens one in which every person has written once and was answered. */
export async function openWorld(options: WorldOptions): Promise<World> {
  const { log, seed, say, smallDisks = false, outskirts = false, logFolder, plan = {} } = options;
  const logLevel = logFolder === undefined ? 'warn' : 'debug';
  const scope = new Scope();
  try {
    const installation = await openInstallation(scope, { log, smallDisks, outskirts, logLevel, say });
    const { environment, instance, platform, config, postgres, sessionTimeoutMs, tenant } = installation;
    const random = new Random(seed);
    const rawLog = config.kafka === undefined ? postgresRawLog(postgres.url) : kafkaRawLog(config.kafka);
    const recorder = await Recorder.start(installation, rawLog);
    scope.defer(() => recorder.close());
    const crew = new Crew({ environment, seed, outskirts, logFolder, plan: { sessionTimeoutMs, ...plan } });
    scope.defer(() => crew.close());
    await crew.startAll();
    const mailbox = {
      url: () => crew.url('ingest'),
      webhook: instance.webhook,
      secret: instance.secret ?? '',
    };
    const people = new People(mailbox, random, installation.outskirts);
    scope.defer(() => people.leave());
    await people.greet();
    const runtime = platform.runtime('prosa_worker', 'chaos');
    const busy = (): string | undefined => {
      if (!crew.complete) return 'a process is not up';
      return people.inFlight > 0 ? `${people.inFlight} webhooks are not accepted` : undefined;
    };
    return {
      installation,
      crew,
      people,
      recorder,
      rawLog,
      random,
      runtime,
      say,
      settle: (withinMs) =>
        settle(
          {
            runtime,
            tenant,
            busy,
            outskirts,
            now: () => Date.now() + crew.clockOffsetMs,
            skip: (ms) => crew.setClocks(crew.clockOffsetMs + ms),
          },
          withinMs,
        ),
      history: async (repeatsAllowed) => ({ inputs: people.inputs, repeatsAllowed, ...(await recorder.observe()) }),
      close: () => scope.close(),
    };
  } catch (caught) {
    await scope.close();
    throw caught;
  }
}
