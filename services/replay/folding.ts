/** The replays that fold: verify, rebuild, what-if. Which actors, from where, and what is found about each. */
import type { Envelope } from '#runtime/actor/envelope.ts';
import type { FindMachine, MachineRelease } from '#runtime/actor/machines.ts';
import { machineNameOf } from '#runtime/actor/actor-ids.ts';
import { OperatingError } from '#runtime/errors.ts';
import { type ReplayRequest, findingSealedIn } from '#runtime/replays/replays.ts';
import { type WhatIf, verdictsOf, whatIf } from '#runtime/replays/what-if.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { type Horizon, committedHorizon, tablesAt } from './horizon.ts';
import type { Job } from './job.ts';
import { recordedInJournal } from './journal-source.ts';
import { type Pass, recordedOnLog, sharesOf } from './log-source.ts';
import type { RecordedActor } from './recorded.ts';
import { repairSnapshot } from './snapshots.ts';
import { Throttle } from './throttle.ts';
import { ToldOnLog } from './told-on-log.ts';
import { type Verified, verify } from './verify.ts';

/** What folding needs. */
export type FoldingPorts = Pick<Runtime, 'database' | 'log' | 'logger' | 'now' | 'tenants' | 'vault'> & {
  readonly find: FindMachine;
};

type FoldRequest = Exclude<ReplayRequest, { readonly kind: 're-emit' }>;

/** Actors whose ids are read at once. */
const pageActors = 200;
/** Records of one conversation that a what-if takes. */
const whatIfRecordsMax = 20_000;

/** Runs a replay that folds, from its checkpoint on. Throws what is `retry` or `halt`, and `Ended`. */
export async function runFolding(ports: FoldingPorts, job: Job, request: FoldRequest): Promise<void> {
  const throttle = new Throttle(request.recordsPerSecond, job.signal);
  const folding = new Folding(ports, job, request, throttle);
  job.expect(await folding.countActors());
  const horizon = await committedHorizon(ports, job.signal);
  if (request.kind !== 'what-if' && request.source === 'log') {
    await folding.onLog(horizon);
    return;
  }
  await tablesAt(ports, job.signal);
  await folding.inJournal(horizon);
}

class Folding {
  readonly #ports: FoldingPorts;
  readonly #job: Job;
  readonly #request: FoldRequest;
  readonly #throttle: Throttle;

  constructor(ports: FoldingPorts, job: Job, request: FoldRequest, throttle: Throttle) {
    this.#ports = ports;
    this.#job = job;
    this.#request = request;
    this.#throttle = throttle;
  }

  async countActors(): Promise<number> {
    let count = 0;
    for await (const page of this.#actors('')) count += page.length;
    return count;
  }

  async inJournal(horizon: Horizon): Promise<void> {
    const { after } = (this.#job.place ?? { after: '' }) as { readonly after: string };
    for await (const page of this.#actors(after)) {
      for (const actor of page) {
        const end = horizon.get(this.#ports.log.partitionOf(actor)) ?? 0;
        await this.#look(await recordedInJournal(this.#ports, { tenant: this.#job.tenant, actor, end }));
        await this.#job.passed({ after: actor });
      }
    }
  }

  async onLog(horizon: Horizon): Promise<void> {
    const { log } = this.#ports;
    const { conversation } = this.#request;
    const only = conversation === undefined ? this.#request.partition : log.partitionOf(conversation);
    const told = new ToldOnLog(this.#ports, { tenant: this.#job.tenant, only: conversation });
    const place = (this.#job.place ?? { partition: only ?? 0, share: 0, shares: undefined }) as Omit<Pass, 'shares'> & {
      readonly shares?: number;
    };
    for (
      let partition = place.partition;
      partition < (only === undefined ? log.partitionCount : only + 1);
      partition++
    ) {
      const resumed = partition === place.partition ? place : { share: 0, shares: undefined };
      const shares = conversation === undefined ? (resumed.shares ?? (await sharesOf(this.#ports, partition))) : 1;
      for (let share = resumed.share; share < shares; share++) {
        const next =
          share + 1 < shares ? { partition, share: share + 1, shares } : { partition: partition + 1, share: 0 };
        await this.#pass({ partition, share, shares }, horizon.get(partition) ?? 0, told);
        await this.#job.passed(next);
      }
    }
  }

  async #pass(pass: Pass, end: number, told: ToldOnLog): Promise<void> {
    const { tenant } = this.#job;
    const only = this.#request.conversation;
    // Reading costs little beside folding, yet a pass reads for all actors of its partition.
    const read = async (records: number): Promise<void> => {
      await this.#throttle.take(Math.ceil(records / readsPerFold));
    };
    for await (const recorded of recordedOnLog(this.#ports, { ...pass, tenant, end, only }, read, told))
      await this.#look(recorded);
  }

  async #look(recorded: RecordedActor): Promise<void> {
    const request = this.#request;
    if (request.kind === 'what-if') await this.#tryMachine(recorded, request.machine);
    else await this.#verify(recorded, request.kind === 'rebuild' && request.repair);
    await this.#job.shown();
  }

  async #verify(recorded: RecordedActor, repair: boolean): Promise<void> {
    const verified = await verify(this.#ports, recorded, this.#throttle);
    const { verdict, records, divergence, wrong, missing, retainedFrom, outputsUnretained } = verified;
    const repairs = repair && wrong !== undefined;
    if (repairs) await repairSnapshot(this.#ports, recorded, wrong.place, wrong.envelope);
    const more = [...(repairs ? ['repaired'] : []), ...(outputsUnretained === undefined ? [] : ['outputs-unretained'])];
    this.#job.count(1, records, [verdict, ...more], verdict === 'diverged');
    if (verdict === 'same' && this.#request.conversation === undefined) return;
    await this.#job.find({
      actor: recorded.actor,
      verdict,
      body: {
        ...divergence,
        ...(missing === undefined ? {} : { machine: missing }),
        ...(retainedFrom === undefined ? {} : { offset: retainedFrom }),
        ...(outputsUnretained === undefined ? {} : { outputsUnretained }),
        ...(repairs ? { repaired: true } : {}),
      } satisfies Partial<Record<keyof BodyOfVerify, unknown>>,
      content: undefined,
    });
  }

  async #tryMachine(
    recorded: RecordedActor,
    wanted: { readonly name: string; readonly version: string },
  ): Promise<void> {
    const { actor } = recorded;
    if (machineNameOf(actor) !== wanted.name) {
      this.#job.count(1, 0, ['other-machine']);
      return;
    }
    const release = this.#ports.find(wanted.name, wanted.version);
    if (release === undefined) throw new OperatingError('actor.machine-unknown', `${wanted.name} ${wanted.version}`);
    const tried = await this.#tryRecords(recorded, release);
    if (typeof tried === 'string') {
      this.#job.count(1, 0, [tried]);
      await this.#job.find({ actor, verdict: tried, body: {}, content: undefined });
      return;
    }
    const verdicts = verdictsOf(tried);
    const [verdict = 'same-replies'] = verdicts;
    this.#job.count(1, tried.records, verdicts, verdict !== 'same-replies');
    if (verdict === 'same-replies' && this.#request.conversation === undefined) return;
    await this.#job.find({ actor, verdict, body: bodyOf(tried), content: await this.#sealed(recorded, tried) });
  }

  /** What came of it, or the word for why nothing can. */
  async #tryRecords(recorded: RecordedActor, release: MachineRelease): Promise<WhatIf | string> {
    const { tenants, find } = this.#ports;
    const records = [];
    for await (const told of recorded.records) {
      if (told.opened?.state === 'erased') return 'erased';
      if (records.push(told) > whatIfRecordsMax) return 'too-long';
    }
    const ports = {
      find,
      configuration: (tenant: string, revision: string) => tenants.configuration(tenant, revision),
      quarantines: recorded.quarantines,
      parked: recorded.parked,
      held: (envelope: Envelope) => recorded.held(envelope),
    };
    try {
      return await whatIf(records, ports, release, () => this.#throttle.take());
    } catch (caught) {
      if (!(caught instanceof OperatingError)) throw caught;
      if (caught.code === 'actor.machine-unknown') return 'unknown-version';
      if (caught.code === 'config.invalid') return 'unknown-revision';
      throw caught;
    }
  }

  async #sealed({ tenant, actor, person }: RecordedActor, { differences }: WhatIf): Promise<Buffer | undefined> {
    if (differences.length === 0) return undefined;
    const { vault, now } = this.#ports;
    return vault.seal(findingSealedIn(tenant, actor, this.#job.id), person, now(), differences);
  }

  /** Ids of the actors of the scope, in order, in pages. */
  async *#actors(after: string): AsyncGenerator<readonly string[]> {
    const { database, log } = this.#ports;
    const { conversation, partition } = this.#request;
    const { tenant } = this.#job;
    if (conversation !== undefined) {
      if (after === '') yield [conversation];
      return;
    }
    for (let last = after; ;) {
      this.#job.signal.throwIfAborted();
      const { rows } = await database.transaction([tenant], (sql) =>
        sql.query<{ actor: string }>(
          'SELECT actor FROM actors_begun WHERE tenant = $1 AND actor > $2 ORDER BY actor LIMIT $3',
          [tenant, last, pageActors],
        ),
      );
      const actors = rows.map(({ actor }) => actor);
      const wanted = actors.filter((actor) => partition === undefined || log.partitionOf(actor) === partition);
      if (wanted.length > 0) yield wanted;
      const end = actors.at(-1);
      if (end === undefined || actors.length < pageActors) return;
      last = end;
    }
  }
}

/** Records that are read for the price of one that is folded. */
const readsPerFold = 20;

type BodyOfVerify = NonNullable<Verified['divergence']> &
  Pick<Verified, 'outputsUnretained'> & { machine: string; repaired: boolean };

function bodyOf({ replies, differences, unreached, migration, unknownFrom, quarantine }: WhatIf) {
  const offset = quarantine?.offset ?? differences[0]?.offset;
  return {
    replies,
    unreached,
    ...(offset === undefined ? {} : { offset }),
    ...(migration === undefined ? {} : { migration }),
    ...(unknownFrom === undefined ? {} : { unknownFrom }),
    ...(quarantine === undefined ? {} : { code: quarantine.code }),
  };
}
