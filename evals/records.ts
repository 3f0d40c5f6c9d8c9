/** What is on record of a run: read once, by conversation, with the content that a judge needs. */
import { topics } from '#schemas/topics.ts';
import type { ModelAnswer, ModelCall } from '#machines/conversation/asks.ts';
import type { InboundContent, OutboundContent, SealedEffectInput, SealedEffectOutput } from '#schemas/content.ts';
import { asText } from '#schemas/plain-text.ts';
import type { ProsaRecord } from '#schemas/records.ts';
import type { LoggedRecord, RecordLog } from '#runtime/log/record-log.ts';
import { recordOf } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { changedLog } from '#runtime/testing/changed-log.ts';

/** An effect that a conversation asked for. */
export interface AskedEffect {
  readonly id: string;
  readonly source: string;
  readonly input: unknown;
  /** Place, among the conversation's records, of the one that led to it. */
  readonly after: number;
  /** What came of it; undefined while nothing has. */
  readonly output: unknown;
}

/** A conversation. Places count from 0 in the order of the log. */
export interface OnRecord {
  readonly tenant: string;
  /** Messages of the person, by the ids of their records. */
  readonly messages: ReadonlyMap<string, { readonly at: number; readonly content: InboundContent }>;
  readonly replies: readonly { readonly after: number; readonly text: string }[];
  readonly effects: readonly AskedEffect[];
  readonly audits: readonly { readonly after: number; readonly action: string }[];
  readonly model: readonly ModelAnswer[];
  /** What all its calls of models cost, of voice notes and pictures too. Millionths of the currency unit. */
  readonly costMicros: number;
}

type Ports = Pick<Runtime, 'log' | 'vault'>;

/** A log that nobody writes to any more: what was read of it is kept. */
export function keptLog(log: RecordLog): RecordLog {
  const kept = new Map<string, Promise<readonly (readonly LoggedRecord[])[]>>();
  const ended = new Map<string, ReturnType<RecordLog['ends']>>();
  const ends: RecordLog['ends'] = (topic) => {
    const known = ended.get(topic) ?? log.ends(topic);
    ended.set(topic, known);
    return known;
  };
  const readRange: RecordLog['readRange'] = async function* (range) {
    const key = JSON.stringify(range);
    const batches = kept.get(key) ?? all(log.readRange(range));
    kept.set(key, batches);
    yield* await batches;
  };
  return changedLog(log, { readRange, ends });
}

async function all<T>(batches: AsyncIterable<T>): Promise<readonly T[]> {
  const read: T[] = [];
  for await (const batch of batches) read.push(batch);
  return read;
}

/** Everything on record, by conversation. Throws `log.unavailable`, `vault.unavailable`. */
export async function readOnRecord(ports: Ports): Promise<ReadonlyMap<string, OnRecord>> {
  const found = new Map<string, Gathered>();
  for (const topic of [topics.events, topics.replies, topics.effects, topics.audit])
    for (let partition = 0; partition < ports.log.partitionCount; partition += 1)
      for await (const batch of ports.log.readRange({ topic, partition, from: 0 }))
        for (const logged of batch) {
          if (!logged.key.startsWith('c_')) continue;
          const record = recordOf(logged);
          const gathered = found.get(logged.key) ?? new Gathered(record.tenant);
          found.set(logged.key, gathered);
          await gathered.take(record, topic === topics.events, ports);
        }
  return new Map([...found].map(([conversation, gathered]) => [conversation, gathered.onRecord()]));
}

class Gathered {
  readonly #tenant: string;
  readonly #places = new Map<string, number>();
  readonly #messages = new Map<string, { readonly at: number; readonly content: InboundContent }>();
  readonly #replies: { readonly after: number; readonly text: string }[] = [];
  readonly #effects: Omit<AskedEffect, 'output'>[] = [];
  readonly #audits: { readonly after: number; readonly action: string }[] = [];
  readonly #outputs = new Map<string, unknown>();

  constructor(tenant: string) {
    this.#tenant = tenant;
  }

  async take(record: ProsaRecord, isEvent: boolean, ports: Ports): Promise<void> {
    if (isEvent && !this.#places.has(record.eventId)) this.#places.set(record.eventId, this.#places.size);
    const after = this.#places.get(record.causationId ?? '') ?? -1;
    switch (record.type) {
      case 'message.received': {
        const opened = await openedOf<{ readonly content: InboundContent }>(record, ports);
        const at = this.#places.get(record.eventId) ?? -1;
        if (opened !== undefined) this.#messages.set(record.eventId, { at, content: opened.content });
        break;
      }
      case 'reply.requested': {
        const opened = await openedOf<{ readonly content: OutboundContent }>(record, ports);
        if (opened !== undefined) this.#replies.push({ after, text: asText(opened.content) });
        break;
      }
      case 'effect.requested': {
        const opened = await openedOf<SealedEffectInput>(record, ports);
        this.#effects.push({ id: record.effectId, source: record.source, input: opened?.input, after });
        break;
      }
      case 'effect.completed': {
        const opened = await openedOf<SealedEffectOutput>(record, ports);
        this.#outputs.set(record.effectId, opened?.output);
        break;
      }
      case 'audit.recorded':
        this.#audits.push({ after, action: record.action });
        break;
      default:
    }
  }

  onRecord(): OnRecord {
    const effects = this.#effects.map((effect) => ({ ...effect, output: this.#outputs.get(effect.id) }));
    return {
      tenant: this.#tenant,
      messages: this.#messages,
      replies: this.#replies,
      effects,
      audits: this.#audits,
      costMicros: effects.reduce(
        (sum, { output }) => sum + ((output as Partial<ModelCall> | undefined)?.costMicros ?? 0),
        0,
      ),
      model: effects.flatMap(({ source, output }) =>
        source === 'model.propose' && output !== undefined ? [output as ModelAnswer] : [],
      ),
    };
  }
}

async function openedOf<Content>(
  record: ProsaRecord & { readonly sealed: Uint8Array | null },
  { vault }: Ports,
): Promise<Content | undefined> {
  if (record.sealed === null) return undefined;
  const opened = await vault.open<Content>(record, record.sealed);
  return opened.state === 'open' ? opened.value : undefined;
}
