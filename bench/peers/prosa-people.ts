/**
 * The people of the benches in a Prosa installation: their conversations in the directory, what they say
 * as ingest would have recorded it, and what the host's snapshots say of them.
 */
import { type Envelope, openEnvelope, sealEnvelope, stateText, statusOf } from '#runtime/actor/envelope.ts';
import { loadActors } from '#runtime/actor/snapshot-store.ts';
import type { OutgoingRecord } from '#runtime/log/record-log.ts';
import { newUlid, outgoing } from '#runtime/records.ts';
import type { Platform } from '#runtime/platform.ts';
import type { Runtime } from '#runtime/runtime.ts';
import type { SealedMessage } from '#schemas/content.ts';

import { chatAddress } from '../webhook-plan.ts';
import { type ConversationState, fresh, messageText } from './conversation.ts';
import { findPeersMachine } from './machine.ts';
import type { Message } from './peer.ts';

const rowsPerStatement = 5_000;

/** Whose they are, and under what configuration they write. */
export interface PeopleOf {
  readonly tenant: string;
  readonly line: string;
  readonly instance: string;
  readonly revision: string;
}

/** A conversation and the person that it is with. */
interface Chat {
  readonly id: string;
  readonly person: string;
}

/** People by number, from 0. */
export class ProsaPeople {
  /** As the role that may write the directory. */
  readonly #runtime: Runtime;
  /** As the role that has snapshots. */
  readonly #host: Runtime;
  readonly #of: PeopleOf;
  readonly #chats: Chat[] = [];

  constructor(platform: Platform, of: PeopleOf) {
    this.#runtime = platform.runtime('prosa_api', 'bench');
    this.#host = platform.runtime('prosa_worker', 'bench');
    this.#of = of;
  }

  get count(): number {
    return this.#chats.length;
  }

  keyOf(conversation: number): string {
    return this.#chat(conversation).id;
  }

  #chat(conversation: number): Chat {
    const chat = this.#chats[conversation];
    if (chat === undefined) throw new Error(`conversation ${conversation} is not known yet`);
    return chat;
  }

  /** Brings their number up to `count`. */
  async meet(count: number): Promise<void> {
    const at = this.#runtime.now();
    while (this.#chats.length < count) {
      const chats = Array.from({ length: Math.min(rowsPerStatement, count - this.#chats.length) }, () => ({
        id: `c_${newUlid(at)}`,
        person: `p_${newUlid(at)}`,
      }));
      const { tenant, line } = this.#of;
      await this.#runtime.database.query(
        [tenant],
        `INSERT INTO conversations (tenant, id, line, person, is_group)
         SELECT $1, c, $2, p, false FROM unnest($3::text[], $4::text[]) AS r (c, p)`,
        [tenant, line, chats.map(({ id }) => id), chats.map(({ person }) => person)],
      );
      this.#chats.push(...chats);
    }
  }

  /** A message as ingest records it. */
  async record({ conversation, n }: Message): Promise<OutgoingRecord> {
    const { id, person } = this.#chat(conversation);
    const { tenant, instance, revision } = this.#of;
    const at = this.#runtime.now();
    const [type, chat, stableId] = ['message.received' as const, chatAddress(conversation), `M${conversation}-${n}`];
    const message: SealedMessage = {
      messageId: `false_${chat}_${stableId}`,
      stableId,
      chat,
      sender: { address: chat },
      content: { kind: 'text', text: messageText(n) },
    };
    const header = { tenant, actor: id, eventId: newUlid(at), occurredAt: at, revision };
    const sealed = await this.#runtime.vault.seal({ ...header, type }, person, at, message);
    const rest = { causationId: null, providerAt: null, instance, kind: 'text', group: false };
    return outgoing({ ...header, ...rest, type, sealed });
  }

  /** States of the first `count` by their newest snapshots. */
  async states(count: number): Promise<readonly ConversationState[]> {
    const states: ConversationState[] = [];
    for (let from = 0; from < count; from += rowsPerStatement) {
      const envelopes = await this.#envelopes(this.#chats.slice(from, Math.min(count, from + rowsPerStatement)));
      states.push(...envelopes.map(stateOf));
    }
    return states;
  }

  async #envelopes(chats: readonly Chat[]): Promise<readonly (Envelope | undefined)[]> {
    const { database, vault } = this.#host;
    const { tenant } = this.#of;
    const wanted = chats.map(({ id }) => ({ tenant, actor: id }));
    const stored = await loadActors(database, wanted, Number.MAX_SAFE_INTEGER);
    const snapshots = new Map(stored.map(({ actor, snapshot }) => [actor, snapshot]));
    await vault.prefetch(
      [...snapshots.values()].flatMap((snapshot) =>
        snapshot === undefined ? [] : [{ tenant, sealed: snapshot.body }],
      ),
    );
    return Promise.all(
      chats.map(async ({ id }) => {
        const snapshot = snapshots.get(id);
        return snapshot === undefined
          ? undefined
          : openEnvelope(vault, { tenant, actor: id, ...snapshot }, findPeersMachine);
      }),
    );
  }

  /**
   * Makes as many people as `count` wants, each in the state of person number `pattern`: keys, snapshots
   * and all, as the host would have left them at the beginning of the log.
   */
  async copy(pattern: number, count: number): Promise<void> {
    const [envelope] = await this.#envelopes([this.#chat(pattern)]);
    if (envelope === undefined) throw new Error('the pattern has no snapshot');
    while (this.count < count) {
      const from = this.count;
      await this.meet(Math.min(count, from + rowsPerStatement));
      const copies = await Promise.all(
        this.#chats.slice(from).map(async ({ id, person }) => {
          const copy = { ...envelope, actor: id, partition: this.#host.log.partitionOf(id), nextOffset: 0 };
          return { copy, body: await sealEnvelope(this.#runtime.vault, person, copy, findPeersMachine) };
        }),
      );
      await storeCopies(this.#host, this.#of.tenant, envelope, copies);
    }
  }
}

function stateOf(envelope: Envelope | undefined): ConversationState {
  const live = envelope?.episode?.snapshot;
  if (live === undefined) return fresh;
  const context = live.context as Pick<ConversationState, 'name' | 'count'>;
  return { ...context, state: stateText(live.value) as ConversationState['state'] };
}

async function storeCopies(
  { database }: Runtime,
  tenant: string,
  pattern: Envelope,
  copies: readonly { readonly copy: Envelope; readonly body: Buffer }[],
): Promise<void> {
  const { episode } = pattern;
  const actors = copies.map(({ copy }) => copy.actor);
  await database.transaction([tenant], async (sql) => {
    await sql.query(
      `INSERT INTO actor_snapshots (tenant, actor, next_offset, partition, epoch, machine, machine_version, state, status, episode, held, body, updated_at)
       SELECT $1, a, 0, p, 0, $4, $5, $6, $7, $8, 0, b, now() FROM unnest($2::text[], $3::int[], $9::bytea[]) AS r (a, p, b)`,
      [
        tenant,
        actors,
        copies.map(({ copy }) => copy.partition),
        episode?.machine,
        episode?.machineVersion,
        stateText(episode?.snapshot.value),
        statusOf(pattern),
        episode?.number,
        copies.map(({ body }) => body),
      ],
    );
    await sql.query(
      'INSERT INTO actors_begun (tenant, actor, begun_offset) SELECT $1, a, 0 FROM unnest($2::text[]) AS r (a)',
      [tenant, actors],
    );
  });
}
