/**
 * Makes the history of a run: the log as independent clients read it, what Postgres holds, what
 * arrived at the provider.
 *
 * Owns the looks at stored offsets, taken all the time, and the reader that reads along.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { isForwarded } from '#runtime/actor/merge.ts';
import type { Files } from '#runtime/blobs/files.ts';
import { openFiles } from '#runtime/blobs/postgres-files.ts';
import { dispositionOf } from '#runtime/errors.ts';
import type { Runtime } from '#runtime/runtime.ts';
import type { Opened } from '#runtime/vault/vault.ts';
import type { SealedMessage, SealedOutbound } from '#schemas/content.ts';
import { decodeRecord } from '#schemas/codec.ts';
import type { ProsaRecord } from '#schemas/records.ts';
import { parkedTopicOf, topics } from '#schemas/topics.ts';

import { type Decoded, type StoredSnapshot, actorStates } from './actor-states.ts';
import type {
  ActorState,
  Arrival,
  DeliveryRow,
  History,
  Reading,
  SeenRecord,
  StoredOffset,
  TopicRole,
} from './history.ts';
import type { Installation } from './installation.ts';
import { photoOf } from './outskirts.ts';
import type { RawLog, RawRecord, ReaderAlong } from './raw-log.ts';
import { watchedGroups } from './settling.ts';

const lookIntervalMs = 300;
/** Of one look, on a machine so busy that Postgres lets us wait longer than a service may. */
const attemptsMax = 20;

/** Of whatever record has them. */
const plainFields = [
  'occurredAt',
  'timerId',
  'generation',
  'effectId',
  'action',
  'messageEventId',
  'fileId',
  'reason',
  'into',
] as const;

/** Everything but what people wrote, and what the faults excuse. */
export type Observed = Omit<History, 'inputs' | 'repeatsAllowed'>;

/** One. */
export class Recorder {
  /** Grows when a fault takes rows away. */
  era = 0;
  readonly #installation: Installation;
  readonly #runtime: Runtime;
  readonly #rawLog: RawLog;
  readonly #stored: StoredOffset[] = [];
  readonly #looking = new AbortController();
  readonly #loop: Promise<void>;
  readonly #along: ReaderAlong;
  readonly #files: Files;
  readonly #filesKnown = new Map<string, NonNullable<SeenRecord['file']>>();

  private constructor(installation: Installation, rawLog: RawLog, along: ReaderAlong) {
    this.#installation = installation;
    this.#rawLog = rawLog;
    this.#along = along;
    this.#runtime = installation.platform.runtime('prosa_worker', 'recorder');
    this.#files = openFiles(this.#runtime);
    this.#loop = this.#look();
  }

  static async start(installation: Installation, rawLog: RawLog): Promise<Recorder> {
    return new Recorder(installation, rawLog, await rawLog.readAlong());
  }

  /** What there is to see now. */
  async observe(): Promise<Observed> {
    const raw = await this.#rawLog.readAll();
    const decoded = raw.flatMap((record) => decodedOf(record) ?? []);
    const log = await patiently(() => this.#seenAll(decoded));
    const states = await patiently(() => this.#states(raw, decoded));
    const deliveries = await patiently(() => this.#deliveries());
    const journal = await patiently(() => this.#journal());
    const positions = await patiently(() => this.#positions());
    const readings = [...this.#along.readings().map(readingOf), ...journal];
    const stored = [...this.#stored, ...(await patiently(() => this.#progress(positions)))];
    const { outskirts } = this.#installation;
    const posts = outskirts === undefined ? {} : { posts: [...outskirts.posts] };
    return {
      log: await patiently(() => this.#filesRead(log)),
      readings,
      positions,
      stored,
      states,
      deliveries,
      arrivals: this.#arrivals(),
      ...posts,
    };
  }

  /** Ends the looks. Idempotent. */
  async close(): Promise<void> {
    this.#looking.abort();
    await this.#loop;
    await this.#along.close().catch(() => undefined);
    await this.#files.close();
  }

  async #look(): Promise<void> {
    const { signal } = this.#looking;
    while (!signal.aborted) {
      const { era } = this;
      const looked = await this.#storedNow().catch(() => []);
      // What was read while a fault took rows away belongs to neither era.
      if (era === this.era) this.#stored.push(...looked.map((one) => ({ era, ...one })));
      await sleep(lookIntervalMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #storedNow(): Promise<readonly Omit<StoredOffset, 'era'>[]> {
    const found = await this.#query<{ of: string; next_offset: string }>(
      'SELECT actor AS of, max(next_offset) AS next_offset FROM actor_snapshots GROUP BY actor',
    );
    return found.map(({ of, next_offset }) => ({ of, nextOffset: Number(next_offset) }));
  }

  async #query<Row>(text: string): Promise<readonly Row[]> {
    const { rows } = await this.#runtime.database.transaction([this.#installation.tenant], (sql) =>
      sql.query<Row>(text),
    );
    return rows;
  }

  /** One after the other: there are thousands, and few connections to fetch keys over. */
  async #seenAll(decoded: readonly Decoded[]): Promise<readonly SeenRecord[]> {
    const seen: SeenRecord[] = [];
    for (const [record, from] of decoded) seen.push(await this.#seen(record, from));
    return seen;
  }

  async #seen(record: ProsaRecord, raw: RawRecord): Promise<SeenRecord> {
    const fields = record as ProsaRecord & Partial<Pick<SeenRecord, (typeof plainFields)[number]>>;
    const plain = Object.fromEntries(plainFields.map((name) => [name, fields[name]]));
    const forwarded = isForwarded(record) ? true : undefined;
    const hasFile = record.type === 'message.received' && record.kind === 'image' && !forwarded ? true : undefined;
    const details = { ...plain, forwarded, hasFile, ...(await this.#words(record)) };
    return {
      topic: roleOf(raw.topic),
      partition: raw.partition,
      offset: raw.offset,
      type: record.type,
      actor: record.actor,
      eventId: record.eventId,
      causationId: record.causationId,
      transactional: isTransactional(record),
      ...(Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined)) as object),
    };
  }

  async #words(record: ProsaRecord): Promise<{ readonly message?: string; readonly text?: string }> {
    if ((record.type !== 'message.received' && record.type !== 'reply.requested') || record.sealed === null) return {};
    const opened = await this.#opened(record, record.sealed);
    if (opened === undefined || opened.state === 'erased') return {};
    const { content } = opened.value;
    return {
      ...('stableId' in opened.value ? { message: opened.value.stableId } : {}),
      ...(content.kind === 'text' ? { text: content.text } : {}),
    };
  }

  /** Undefined for what nobody can open, which was parked. */
  async #opened(record: ProsaRecord, sealed: Uint8Array): Promise<Opened<SealedMessage | SealedOutbound> | undefined> {
    try {
      return await this.#runtime.vault.open(record, sealed);
    } catch (caught) {
      if (dispositionOf(caught) === 'retry') throw caught;
      return undefined;
    }
  }

  /** What was kept is read once, and is as it was then from then on. */
  async #filesRead(log: readonly SeenRecord[]): Promise<readonly SeenRecord[]> {
    const messages = new Map(log.map((record) => [record.eventId, record.message]));
    const read: SeenRecord[] = [];
    for (const record of log) {
      const message = messages.get(record.messageEventId ?? '');
      if (record.type === 'media.stored' && message !== undefined)
        read.push({ ...record, file: await this.#fileOf(record, message) });
      else read.push(record);
    }
    return read;
  }

  async #fileOf({ fileId = '' }: SeenRecord, message: string): Promise<NonNullable<SeenRecord['file']>> {
    const known = this.#filesKnown.get(fileId);
    if (known !== undefined) return known;
    const file = await this.#files.read(this.#installation.tenant, fileId);
    if (file?.state !== 'open') return 'not there';
    const chunks: Buffer[] = [];
    for await (const chunk of file.content) chunks.push(chunk as Buffer);
    const found = Buffer.concat(chunks).equals(photoOf(message)) ? 'as it was sent' : 'other bytes';
    this.#filesKnown.set(fileId, found);
    return found;
  }

  async #states(raw: readonly RawRecord[], decoded: readonly Decoded[]): Promise<readonly ActorState[]> {
    const states = await actorStates(this.#runtime, raw, decoded, await this.#snapshots());
    // What a fault took away comes back with the actor's next record, and not before.
    return this.era === 0 ? states : states.filter(({ stored }) => stored !== 'nothing');
  }

  async #snapshots(): Promise<ReadonlyMap<string, StoredSnapshot>> {
    const found = await this.#query<{ tenant: string; actor: string; next_offset: string; body: Buffer }>(
      'SELECT DISTINCT ON (actor) tenant, actor, next_offset, body FROM actor_snapshots ORDER BY actor, next_offset DESC',
    );
    return new Map(found.map((row) => [row.actor, { ...row, nextOffset: Number(row.next_offset) }]));
  }

  async #deliveries(): Promise<readonly DeliveryRow[]> {
    const found = await this.#query<{ id: string; status: string; reason: string | null; client_message_id: string }>(
      'SELECT id, status, reason, client_message_id FROM deliveries',
    );
    return found.map(({ id, status, reason, client_message_id }) => ({
      id,
      status: reason === null ? status : `${status}: ${reason}`,
      clientMessageId: client_message_id,
      flagged: status === 'unknown',
    }));
  }

  #arrivals(): readonly Arrival[] {
    const { messages } = this.#installation.waha;
    return messages.map(({ id, sends }) => ({ clientMessageId: id, calls: sends }));
  }

  /** The projection's journal, read as what a reader saw of each partition. */
  async #journal(): Promise<readonly Reading[]> {
    const found = await this.#query<{ partition: number; record_offset: string; event_id: string }>(
      'SELECT partition, record_offset, event_id FROM journal ORDER BY partition, record_offset',
    );
    return [...Map.groupBy(found, ({ partition }) => partition)].map(([partition, rows]) => ({
      reader: `journal ${partition}`,
      records: rows.map(({ record_offset, event_id }) => ({
        topic: 'events' as const,
        partition,
        offset: Number(record_offset),
        eventId: event_id,
      })),
    }));
  }

  /**
   * The hosts' progress marks, each after the offset that it must not be behind. A mark itself may go back:
   * that of a slice that was never committed is followed by that of a shorter one.
   */
  async #progress(positions: History['positions']): Promise<readonly StoredOffset[]> {
    const marks = await this.#query<{ partition: number; progress: string }>(
      'SELECT partition, progress FROM actor_partitions',
    );
    return marks.flatMap(({ partition, progress }) => {
      const at = positions.find((one) => one.group === 'conversation' && one.partition === partition);
      const of = `progress of partition ${partition}`;
      return [at?.committed ?? 0, Number(progress)].map((nextOffset) => ({ era: this.era, of, nextOffset }));
    });
  }

  async #positions(): Promise<History['positions']> {
    const { log } = this.#installation.platform;
    const all = await Promise.all(
      watchedGroups(this.#installation.outskirts !== undefined).map(async ({ group, topic }) =>
        (await log.lag(group, topic)).map(({ partition, committed, stableEnd }) => ({
          group,
          topic: roleOf(topic),
          partition,
          committed,
          end: stableEnd,
        })),
      ),
    );
    return all.flat();
  }
}

/** Looks again when a part did not answer: what is judged is what services did, not how busy we are. */
async function patiently<Seen>(look: () => Promise<Seen>): Promise<Seen> {
  for (let attempt = 1; ; attempt++)
    try {
      return await look();
    } catch (caught) {
      if (dispositionOf(caught) !== 'retry' || attempt === attemptsMax) throw caught;
      await sleep(lookIntervalMs);
    }
}

const roles = new Map<string, TopicRole>(
  (Object.keys(topics) as (keyof typeof topics)[]).flatMap((role) => [
    [topics[role], role],
    [parkedTopicOf(topics[role]), `parked ${role}`],
  ]),
);

function roleOf(topic: string): TopicRole {
  const role = roles.get(topic);
  if (role === undefined) throw new Error(`${topic} is no topic of ours`);
  return role;
}

/** Undefined for bytes that are no record: nobody is expected to have seen those. */
function decodedOf(raw: RawRecord): readonly [Decoded] | undefined {
  try {
    return [[decodeRecord(raw.value), raw]];
  } catch {
    return undefined;
  }
}

const readingOf = ({
  reader,
  records,
}: {
  readonly reader: string;
  readonly records: readonly RawRecord[];
}): Reading => ({
  reader,
  records: records.flatMap((raw) =>
    (decodedOf(raw) ?? []).map(([{ eventId }]) => ({
      topic: roleOf(raw.topic),
      partition: raw.partition,
      offset: raw.offset,
      eventId,
    })),
  ),
});

/** What the host alone writes, within the transaction of a slice. */
function isTransactional({ type, eventId }: ProsaRecord): boolean {
  if (type === 'audit.recorded') return eventId.startsWith('a_');
  return /^(reply|effect|timer)\./.test(type) && type !== 'timer.fired' && type !== 'effect.completed';
}
