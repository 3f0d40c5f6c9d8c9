/**
 * Folds what is on record of an actor and finds the first thing that is otherwise: an output that the
 * log has not or has otherwise, a state, a snapshot.
 */
import { isDeepStrictEqual } from 'node:util';

import type { Output } from '#runtime/actor/outputs.ts';
import { type Envelope, openEnvelope, plainOf, stateText } from '#runtime/actor/envelope.ts';
import { type FoldStep, fold } from '#runtime/actor/fold.ts';
import type { FindMachine } from '#runtime/actor/machines.ts';
import { isActorEvent } from '#runtime/actor/told-records.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { type RecordedActor, type RecordedOutput, begunOffset, differenceOf, likenessOf } from './recorded.ts';
import { type SnapshotPlace, readSnapshot, snapshotPlaces } from './snapshots.ts';
import type { Throttle } from './throttle.ts';

/** How a fold came out; fields are those of a finding's body. */
export interface Verified {
  readonly verdict: 'same' | 'diverged' | 'erased' | 'unretained' | 'unknown-version' | 'unknown-revision';
  /** Records folded. */
  readonly records: number;
  readonly divergence?: Divergence;
  /** The snapshot that is otherwise, and what the fold came to there. */
  readonly wrong?: { readonly place: SnapshotPlace; readonly envelope: Envelope };
  /** Machine and version, or revision, that is no longer there. */
  readonly missing?: string;
  /** The first record that is still there, of an actor of which earlier ones are not. */
  readonly retainedFrom?: number;
  /** Outputs that could not be compared, because what is as old as they are is no longer there. */
  readonly outputsUnretained?: number;
}

/** The first thing that is otherwise. Ids, codes and states. */
export interface Divergence {
  readonly what: 'state' | 'output' | 'snapshot';
  readonly offset: number;
  readonly eventId: string;
  readonly type: string;
  readonly recorded?: string;
  readonly folded?: string;
  readonly outputId?: string;
  readonly outputType?: string;
  /** Of an output: the field that is otherwise, or `missing`, `unexpected`, why it cannot be read. */
  readonly code?: string;
}

/** What verifying needs. */
export type VerifyPorts = Pick<Runtime, 'database' | 'vault' | 'tenants'> & { readonly find: FindMachine };

/** Verifies one actor. Throws what is `retry` or `halt`, and the throttle's reason. */
export async function verify(ports: VerifyPorts, recorded: RecordedActor, throttle: Throttle): Promise<Verified> {
  const [places, begun] = [await snapshotPlaces(ports.database, recorded), await begunOffset(ports.database, recorded)];
  const run = new Verification(ports, recorded, places);
  try {
    const [first, records] = await opening(recorded.records);
    // A fold from anywhere else would be a guess.
    if (begun < Math.min(first?.offset ?? Infinity, recorded.end))
      return { verdict: 'unretained', records: 0, ...(first === undefined ? {} : { retainedFrom: first.offset }) };
    for await (const step of fold(records, run.foldPorts)) {
      await throttle.take();
      const ended = await run.check(step);
      if (ended !== undefined) return ended;
    }
    return run.finish();
  } catch (caught) {
    const missing = run.missing(caught);
    if (missing === undefined) throw caught;
    return missing;
  }
}

/** The first of some records, and all of them. */
async function opening<T>(records: AsyncIterable<T>): Promise<readonly [T | undefined, AsyncIterable<T>]> {
  const iterator = records[Symbol.asyncIterator]();
  const first = await iterator.next();
  const all = async function* (): AsyncGenerator<T> {
    if (first.done === true) return;
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => iterator };
  };
  return [first.done === true ? undefined : first.value, all()];
}

class Verification {
  readonly #ports: VerifyPorts;
  readonly #recorded: RecordedActor;
  readonly #places: Map<number, SnapshotPlace[]>;
  readonly #produced = new Set<string>();
  readonly #causes = new Set<string>();
  /** Types of which an output was found on record: what is later is there too. */
  readonly #foundTypes = new Set<string>();
  #records = 0;
  #unretained = 0;
  #last: FoldStep | undefined;
  #missingVersion: string | undefined;
  #missingRevision: string | undefined;

  constructor(ports: VerifyPorts, recorded: RecordedActor, places: readonly SnapshotPlace[]) {
    this.#ports = ports;
    this.#recorded = recorded;
    this.#places = Map.groupBy(places, ({ nextOffset }) => nextOffset);
  }

  get foldPorts() {
    const { tenants } = this.#ports;
    const { quarantines, parked } = this.#recorded;
    return {
      find: this.#find,
      configuration: async (tenant: string, revision: string) => {
        const found = await tenants.configuration(tenant, revision);
        if (found === undefined) this.#missingRevision = revision;
        return found;
      },
      quarantines,
      parked,
      held: (envelope: Envelope) => this.#recorded.held(envelope),
    };
  }

  readonly #find: FindMachine = (name, version) => {
    const found = this.#ports.find(name, version);
    if (found === undefined) this.#missingVersion = `${name}@${version}`;
    return found;
  };

  async check(step: FoldStep): Promise<Verified | undefined> {
    // The host applied it before its keys were destroyed; no fold can again.
    if (step.told.opened?.state === 'erased') return { verdict: 'erased', records: this.#records };
    this.#records += 1;
    this.#last = step;
    this.#causes.add(step.told.record.eventId);
    for (const output of step.outputs) {
      const divergence = await this.#checkOutput(step, output);
      if (divergence !== undefined) return this.#diverged(divergence);
    }
    for (const place of this.#places.get(step.after.nextOffset) ?? []) {
      const divergence = await this.#checkSnapshot(step, place);
      if (divergence !== undefined) return this.#diverged(divergence, { place, envelope: step.after });
    }
    this.#places.delete(step.after.nextOffset);
    return undefined;
  }

  /** What is left on record that nothing made. */
  finish(): Verified {
    const step = this.#last;
    if (step === undefined) return { verdict: 'same', records: 0 };
    for (const [outputId, output] of this.#recorded.outputs) {
      if (this.#produced.has(outputId) || !this.#madeByNow(output, step.after)) continue;
      const at = placeOf(step);
      return this.#diverged({ ...at, what: 'output', outputId, outputType: output.type, code: 'unexpected' });
    }
    const [stray] = [...this.#places.values()].flat().filter(({ nextOffset }) => nextOffset <= step.after.nextOffset);
    if (stray !== undefined)
      return this.#diverged({ ...placeOf(step), what: 'snapshot', code: `${stray.kind} snapshot between records` });
    const unretained = this.#unretained === 0 ? {} : { outputsUnretained: this.#unretained };
    return { verdict: 'same', records: this.#records, ...unretained };
  }

  missing(caught: unknown): Verified | undefined {
    if (!(caught instanceof OperatingError)) return undefined;
    const records = this.#records;
    if (caught.code === 'actor.machine-unknown' && this.#missingVersion !== undefined)
      return { verdict: 'unknown-version', records, missing: this.#missingVersion };
    if (caught.code === 'config.invalid' && this.#missingRevision !== undefined)
      return { verdict: 'unknown-revision', records, missing: this.#missingRevision };
    return undefined;
  }

  async #checkOutput(step: FoldStep, { record, personal }: Output): Promise<Divergence | undefined> {
    const { eventId: outputId, type: outputType } = record;
    this.#produced.add(outputId);
    const found = await this.#found(record);
    if (found === 'unretained') {
      this.#unretained += 1;
      return undefined;
    }
    const output = { ...placeOf(step), what: 'output' as const, outputId, outputType };
    if (found === undefined)
      return !isActorEvent(record) && this.#mayBeMissing(outputType) ? undefined : { ...output, code: 'missing' };
    this.#foundTypes.add(outputType);
    if (found.unreadable !== undefined) return { ...output, code: found.unreadable };
    const difference = differenceOf(outputType, found.likeness ?? '', likenessOf(record, plain(personal)) ?? '');
    if (difference === undefined) return undefined;
    if (record.type === 'audit.recorded' && found.to != null && found.to !== record.to)
      return { ...placeOf(step), what: 'state', recorded: found.to, folded: record.to ?? 'none' };
    return { ...output, code: difference };
  }

  #found(record: Output['record']): ReturnType<RecordedActor['findTold']> | RecordedOutput | undefined {
    const { findOutput, findTold, outputs, outputTypes } = this.#recorded;
    if (isActorEvent(record)) return findTold(record);
    return outputTypes.has(record.type) ? outputs.get(record.eventId) : findOutput?.(record);
  }

  /** Whether no more can be asked of an output than that it is not there. */
  #mayBeMissing(type: string): boolean {
    if (!this.#recorded.outputTypes.has(type)) return true;
    const isCut = this.#recorded.cutTypes?.has(type) === true && !this.#foundTypes.has(type);
    if (isCut) this.#unretained += 1;
    return isCut;
  }

  async #checkSnapshot(step: FoldStep, place: SnapshotPlace): Promise<Divergence | undefined> {
    const { database, vault } = this.#ports;
    const at = { ...placeOf(step), what: 'snapshot' as const };
    const body = await readSnapshot(database, this.#recorded, place);
    // A newer version took its place meanwhile.
    if (body === undefined) return undefined;
    try {
      const { tenant, actor } = this.#recorded;
      const row = { tenant, actor, nextOffset: place.nextOffset, body };
      const stored = await openEnvelope(vault, row, this.#find);
      if (stored === undefined || isDeepStrictEqual(this.#plain(stored), this.#plain(step.after))) return undefined;
      return { ...at, recorded: stateOf(stored), folded: stateOf(step.after), code: `${place.kind} snapshot` };
    } catch (caught) {
      if (!(caught instanceof OperatingError) || caught.disposition !== 'rebuild') throw caught;
      return { ...at, code: caught.code };
    }
  }

  /** Whether an output on record is one of the records that were folded. */
  #madeByNow({ type, cause, at, to }: RecordedOutput, after: Envelope): boolean {
    // Others write audit records of an actor too; its transitions are the host's alone.
    if (type === 'audit.recorded' && to === undefined) return false;
    if (type === 'audit.recorded' || cause !== undefined) return typeof cause === 'string' && this.#causes.has(cause);
    // Of one moment it cannot be told which record it answers: a later one may not be folded yet.
    return at < after.at;
  }

  #diverged(divergence: Divergence, wrong?: Verified['wrong']): Verified {
    return { verdict: 'diverged', records: this.#records, divergence, ...(wrong === undefined ? {} : { wrong }) };
  }

  #plain = (envelope: Envelope): unknown => plain(plainOf(envelope, this.#ports.find));
}

const placeOf = ({ told }: FoldStep) => ({
  offset: told.offset,
  eventId: told.record.eventId,
  type: told.record.type,
});

const stateOf = ({ episode }: Envelope): string => (episode === null ? 'none' : stateText(episode.snapshot.value));

const plain = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));
