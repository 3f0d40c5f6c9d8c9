/** A person for tests: writes messages as ingest would record them, and sees what was replied. */
import type { OutboundContent, SealedMessage } from '#schemas/content.ts';
import type { ProsaRecord, ReplyRequested } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import type { ConversationEntry } from '../directory/directory.ts';
import type { RecordPosition } from '../log/record-log.ts';
import { newUlid, outgoing, recordOf } from '../records.ts';
import type { Runtime } from '../runtime.ts';
import { type TestWorld, testTenant } from './runtime.ts';

/** One chat of the test world's instance. */
export class Person {
  readonly entry: ConversationEntry;
  readonly #world: TestWorld;
  readonly #runtime: Runtime;
  readonly #phone: string;
  #said = 0;

  private constructor(world: TestWorld, runtime: Runtime, phone: string, entry: ConversationEntry) {
    this.#world = world;
    this.#runtime = runtime;
    this.#phone = phone;
    this.entry = entry;
  }

  /** Meets a person, who then has a conversation. */
  static async meet(world: TestWorld, runtime: Runtime, phone: string): Promise<Person> {
    const { line } = world.instance;
    const entry = await runtime.directory.resolve({
      tenant: testTenant,
      line,
      addresses: [phone],
      group: false,
      at: runtime.now(),
    });
    return new Person(world, runtime, phone, entry);
  }

  /** Appends a message; `id` repeats one. */
  async says(text: string, id = `${this.#phone}-${this.#said++}`): Promise<RecordPosition> {
    const message: SealedMessage = {
      messageId: id,
      stableId: id,
      chat: this.#phone,
      sender: { address: this.#phone },
      content: { kind: 'text', text },
    };
    return this.tell(
      { type: 'message.received', instance: this.#world.instance.id, kind: 'text', group: false, sealed: null },
      message,
    );
  }

  /** Appends any record of this conversation, its personal part sealed. */
  async tell(
    fields: Record<string, unknown> & { readonly type: ProsaRecord['type'] },
    personal?: unknown,
  ): Promise<RecordPosition> {
    const { vault, log, now } = this.#runtime;
    const at = now();
    const header = {
      tenant: testTenant,
      actor: this.entry.conversation,
      eventId: newUlid(at),
      causationId: null,
      occurredAt: at,
      providerAt: null,
      revision: this.#world.revision,
    };
    const sealed =
      personal === undefined
        ? null
        : await vault.seal({ ...header, type: fields.type }, this.entry.person, at, personal);
    const [position] = await log.append([
      outgoing({ ...header, ...fields, ...(personal === undefined ? {} : { sealed }) } as unknown as ProsaRecord),
    ]);
    if (position === undefined) throw new Error('nothing was appended');
    return position;
  }

  /** Texts of all replies on the log, in order. */
  async replies(): Promise<string[]> {
    const texts: string[] = [];
    for (const record of await readRecords(this.#world, topics.replies, this.entry.conversation)) {
      const reply = record as ReplyRequested;
      const opened = await this.#runtime.vault.open<{ content: OutboundContent }>(
        reply,
        reply.sealed ?? Buffer.alloc(0),
      );
      texts.push(
        opened.state === 'erased'
          ? 'erased'
          : 'text' in opened.value.content
            ? opened.value.content.text
            : opened.value.content.kind,
      );
    }
    return texts;
  }

  /** Waits until the last reply reads like this; all of them. */
  hears(pattern: RegExp): Promise<string[]> {
    return eventually(
      () => this.replies(),
      (replies) => pattern.test(replies.at(-1) ?? ''),
    );
  }
}

/** Committed records of a topic, of one actor. */
export async function readRecords(world: TestWorld, topic: string, actor: string): Promise<ProsaRecord[]> {
  const records: ProsaRecord[] = [];
  const partition = world.log.partitionOf(actor);
  const from = (await world.log.ends(topic)).find((end) => end.partition === partition)?.start ?? 0;
  for await (const batch of world.log.readRange({ topic, partition, from })) {
    records.push(...batch.filter(({ key }) => key === actor).map(recordOf));
  }
  return records;
}

/** Waits until a condition holds; fails with the last value after `timeoutMs`. */
export async function eventually<T>(
  look: () => Promise<T>,
  holds: (value: T) => boolean,
  timeoutMs = 10_000,
): Promise<T> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    const value = await look();
    if (holds(value)) return value;
    if (Date.now() > until) throw new Error(`did not come about; last: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
