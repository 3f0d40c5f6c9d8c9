/**
 * Folding an actor's records step by step, for timelines, time travel and replay. Uses the same
 * `applyRecord` as the host, writes nothing and asks nothing of the outside.
 */
import type { ActorEvent } from '#schemas/records.ts';

import { OperatingError } from '../errors.ts';
import type { Configuration } from '../tenants/tenants.ts';
import { type Output, type Outcome, type ToldRecord, applyNext, orderedQuarantines } from './apply.ts';
import { type Envelope, stateText } from './envelope.ts';
import type { FindMachine } from './machines.ts';

/** One step of a fold. */
export interface FoldStep {
  readonly offset: number;
  readonly record: ActorEvent;
  readonly outcome: Outcome;
  /** State before and after, as one text; `none` when there is no episode. */
  readonly from: string;
  readonly to: string;
  readonly before: Envelope | undefined;
  readonly after: Envelope;
  readonly outputs: readonly Output[];
}

/** Folds records of one actor in the order given. The records of a quarantine ordered by the host must be among them. */
export async function* fold(
  records: readonly ToldRecord[],
  around: {
    readonly find: FindMachine;
    readonly configuration: (tenant: string, revision: string) => Promise<Configuration | undefined>;
  },
  start?: Envelope,
): AsyncGenerator<FoldStep> {
  const byOffset = new Map(records.map((told) => [told.offset, told]));
  const ordered = orderedQuarantines(records);
  const revisions = new Map<string, Configuration>();
  const surroundings = {
    find: around.find,
    configuration: (tenant: string, revision: string): Configuration => {
      const found = revisions.get(`${tenant}/${revision}`);
      if (found === undefined) throw new OperatingError('config.invalid', `revision ${revision} is not known`);
      return found;
    },
  };
  let envelope = start;
  for (const told of records) {
    await loadRevision(told, envelope, around.configuration, revisions);
    const before = envelope;
    const applied = applyNext(before, told, {
      ...surroundings,
      ordered: ordered.has(told.offset),
      held: (before?.held ?? []).flatMap(({ offset }) => byOffset.get(offset) ?? []),
    });
    envelope = applied.envelope;
    yield {
      offset: told.offset,
      record: told.record,
      outcome: applied.outcome,
      from: textOf(before),
      to: textOf(envelope),
      before,
      after: envelope,
      outputs: applied.outputs,
    };
  }
}

const textOf = (envelope: Envelope | undefined): string =>
  envelope?.episode == null ? 'none' : stateText(envelope.episode.snapshot.value);

async function loadRevision(
  told: ToldRecord,
  envelope: Envelope | undefined,
  configuration: (tenant: string, revision: string) => Promise<Configuration | undefined>,
  revisions: Map<string, Configuration>,
): Promise<void> {
  const { tenant, revision } = told.record;
  for (const name of [revision, envelope?.episode?.configRevision]) {
    if (name == null || revisions.has(`${tenant}/${name}`)) continue;
    const found = await configuration(tenant, name);
    if (found !== undefined) revisions.set(`${tenant}/${name}`, found);
  }
}
