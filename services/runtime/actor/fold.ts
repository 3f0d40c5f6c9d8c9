/**
 * Folding an actor's records step by step, for timelines, time travel, replay and rebuilding. Uses
 * the same `applyNext` as the host, writes nothing; what lies outside of the records it is given
 * (revisions, held records) it asks for.
 */
import type { ActorEvent } from '#schemas/records.ts';

import { OperatingError } from '../errors.ts';
import type { Configuration } from '../tenants/tenants.ts';
import { type Outcome, type ToldRecord, applyNext } from './apply.ts';
import { type Envelope, stateText } from './envelope.ts';
import type { FindMachine } from './machines.ts';
import type { Output } from './outputs.ts';

/** One step of a fold. */
export interface FoldStep<Told extends ToldRecord = ToldRecord> {
  readonly told: Told;
  readonly outcome: Outcome;
  /** State before and after, as one text; `none` when there is no episode. */
  readonly from: string;
  readonly to: string;
  readonly before: Envelope | undefined;
  readonly after: Envelope;
  readonly outputs: readonly Output[];
}

/** What a fold asks for. */
export interface FoldPorts {
  readonly find: FindMachine;
  /** The content of a revision; undefined when it is not known. */
  readonly configuration: (tenant: string, revision: string) => Promise<Configuration | undefined>;
  /** Offsets of the records at which the host ordered a quarantine; the orders are behind them. */
  readonly quarantines: ReadonlySet<number>;
  /** Offsets of the records that the host set aside: never applied, though they may be readable by now. */
  readonly parked: ReadonlySet<number>;
  /** The records that an envelope holds, in that order. */
  readonly held: (envelope: Envelope) => Promise<readonly ToldRecord[]>;
}

/** Folds records of one actor in the order given, from `start` or from nothing. Throws `config.invalid`, `actor.machine-unknown` and what the ports throw. */
export async function* fold<Told extends ToldRecord>(
  records: AsyncIterable<Told> | Iterable<Told>,
  ports: FoldPorts,
  start?: Envelope,
): AsyncGenerator<FoldStep<Told>> {
  const { find, parked, quarantines } = ports;
  const revisions = new Map<string, Configuration>();
  const configuration = (tenant: string, revision: string): Configuration => {
    const found = revisions.get(`${tenant}/${revision}`);
    if (found === undefined) throw new OperatingError('config.invalid', `revision ${revision} is not known`);
    return found;
  };
  let envelope = start;
  for await (const told of records) {
    if (parked.has(told.offset)) continue;
    const before = envelope;
    const held = before !== undefined && releases(told.record, before) ? await ports.held(before) : [];
    for (const { record } of [told, ...held]) await loadRevision(record, before, ports, revisions);
    const ordered = quarantines.has(told.offset);
    const applied = applyNext(before, told, { find, configuration, ordered, held });
    envelope = applied.envelope;
    yield {
      told,
      outcome: applied.outcome,
      from: textOf(before),
      to: textOf(envelope),
      before,
      after: envelope,
      outputs: applied.outputs,
    };
  }
}

/** Whether a record makes the actor apply what it holds. */
export const releases = (record: ActorEvent, before: Envelope): boolean =>
  record.type === 'conversation.released' && before.quarantine !== null;

const textOf = (envelope: Envelope | undefined): string =>
  envelope?.episode == null ? 'none' : stateText(envelope.episode.snapshot.value);

async function loadRevision(
  { tenant, revision }: ActorEvent,
  envelope: Envelope | undefined,
  { configuration }: FoldPorts,
  revisions: Map<string, Configuration>,
): Promise<void> {
  for (const name of [revision, envelope?.episode?.configRevision]) {
    if (name == null || revisions.has(`${tenant}/${name}`)) continue;
    const found = await configuration(tenant, name);
    if (found !== undefined) revisions.set(`${tenant}/${name}`, found);
  }
}
