/**
 * Everybody else: people who write, the provider that repeats, the timer service, the effect workers,
 * the operator who releases what is in quarantine. They do what such parts may do at worst: twice,
 * late, out of order, after a cancellation.
 */
import { OperatingError } from '#runtime/errors.ts';
import type { Chance } from '#runtime/log/adapters/simulated/chance.ts';
import type { LoggedRecord, OutgoingRecord, RecordLog } from '#runtime/log/record-log.ts';
import { causedBy, derivedId, outgoing, recordOf } from '#runtime/records.ts';
import type { ActorEvent, EffectRequested, TimerSet } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import type { Input } from '../history.ts';
import { type Surroundings, calm } from './process.ts';
import { sealPlain } from './vault.ts';

/** The one tenant, its revision and its instance. */
export const tenant = 't';
export const revision = 'r_simulated';
const instance = 'i_1';

/** What people say, by how often. */
export interface Vocabulary {
  readonly words: readonly (readonly [text: string, weight: number])[];
}

/** What people say to the echo machine; `kill` ends a process until that is mended, `boom` makes the machine throw. */
export const echoWords: Vocabulary = {
  words: [
    ['hello', 50],
    ['ask', 12],
    ['never mind', 6],
    ['bye', 5],
    ['boom', 3],
    ['loop', 1],
    ['unwritable reply', 1],
    ['kill', 2],
  ],
};

/** What people say to the conversation machine. */
export const conversationWords: Vocabulary = {
  words: [
    ['oi', 10],
    ['sim', 15],
    ['Maria da Silva', 10],
    ['1', 8],
    ['2', 8],
    ['3', 6],
    ['menu', 6],
    ['não', 4],
    ['English', 3],
    ['PARAR', 2],
  ],
};

const timersFiredMax = 14;
const releasesMax = 3;
/** Timers later than this are never due here. */
const dueWithinMs = 300_000;
const appendAgainMs = 200;

/** The outside world. */
export class Outside {
  /** Messages that can be read, and whether the log acknowledged them. */
  readonly inputs: Input[] = [];
  /** Things that are still to be done. */
  busy = 0;
  /** When true, nothing is begun any more. */
  quiet = false;
  readonly #around: Surroundings;
  readonly #log: RecordLog;
  readonly #chats: readonly string[];
  readonly #words: readonly string[];
  readonly #cancelled = new Set<string>();
  readonly #timers = new Map<string, string>();
  readonly #releases = new Map<string, number>();
  #serial = 0;
  #fired = 0;

  constructor(around: Surroundings, log: RecordLog, chats: readonly string[], { words }: Vocabulary) {
    this.#around = around;
    this.#log = log;
    this.#chats = chats;
    this.#words = words.flatMap(([text, weight]) => Array.from({ length: weight }, () => text));
  }

  get #chance(): Chance {
    return this.#around.chance;
  }

  /** Plans what people write within a time. */
  write(messages: number, withinMs: number): void {
    for (let count = 0; count < messages; count += 1) {
      this.#later(this.#chance.below(withinMs), () => {
        this.#message();
      });
    }
  }

  /** One message to every chat. */
  probe(): void {
    for (const chat of this.#chats) {
      const id = `m${(this.#serial += 1)}`;
      this.#append([outgoing(this.#received(chat, id, 'hello'))], id);
    }
  }

  /** Reacts to what was committed. */
  see(output: LoggedRecord): void {
    if (this.quiet) return;
    const record = recordOf(output);
    switch (record.type) {
      case 'timer.set':
        this.#timers.set(`${record.actor}/${record.timerId}`, record.eventId);
        this.#fire(record);
        return;
      case 'timer.cancelled':
        this.#cancelled.add(record.generation);
        return;
      case 'effect.requested':
        this.#complete(record);
        return;
      case 'effect.cancelled':
        this.#cancelled.add(record.effectId);
        return;
      case 'audit.recorded':
        if (record.action === 'actor.quarantined') this.#release(record.actor);
        return;
      default:
        return;
    }
  }

  #message(): void {
    const chat = this.#pick(this.#chats);
    if (this.#chance.once(40)) {
      this.#append([
        { topic: topics.events, key: chat, value: Buffer.from('garbage'), headers: { ce_tenant: tenant } },
      ]);
      return;
    }
    this.#say(chat, this.#pick(this.#words));
  }

  /** A message, sometimes repeated by the provider: another event, the same message. */
  #say(chat: string, word: string): void {
    const id = `m${(this.#serial += 1)}`;
    const record = this.#received(chat, id, word);
    const damaged = this.#chance.once(60);
    if (damaged) this.#append([outgoing({ ...record, sealed: Buffer.from([1, 2, 3]) })]);
    else this.#append([outgoing(record)], id);
    const repeats = this.#chance.once(4) ? 1 + this.#chance.below(2) : 0;
    for (let count = 0; count < repeats; count += 1) {
      this.#later(this.#chance.below(20_000), () => {
        this.#append([outgoing(this.#received(chat, id, word))]);
      });
    }
  }

  #received(actor: string, id: string, word: string): ActorEvent & { readonly type: 'message.received' } {
    const at = this.#around.scheduler.now;
    const eventId = derivedId('e', id, (this.#serial += 1));
    const header = { tenant, actor, eventId, causationId: null, occurredAt: at, providerAt: null, revision };
    const sealed = sealPlain(
      { ...header, type: 'message.received' },
      {
        messageId: id,
        stableId: id,
        chat: actor,
        sender: { address: actor },
        content: { kind: 'text', text: word },
      },
    );
    return { ...header, type: 'message.received', instance, kind: 'text', group: false, sealed };
  }

  /** The timer service: at least once, and sometimes it has not heard of the cancellation yet. */
  #fire(timer: TimerSet): void {
    const { scheduler } = this.#around;
    if (timer.dueAt - scheduler.now > dueWithinMs || this.#fired >= timersFiredMax) return;
    this.#fired += 1;
    const early = this.#chance.once(3) ? this.#chance.below(60_000) : 0;
    const wait = Math.max(0, timer.dueAt - scheduler.now - early) + this.#chance.below(3_000);
    for (let count = this.#chance.once(4) ? 2 : 1; count > 0; count -= 1) {
      this.#later(wait, () => {
        const pending = this.#timers.get(`${timer.actor}/${timer.timerId}`) === timer.eventId;
        const hears = !pending || this.#cancelled.has(timer.eventId);
        if (hears && this.#chance.once(2)) return;
        this.#append([
          outgoing({
            ...causedBy(timer, derivedId('e', timer.actor, timer.timerId, timer.eventId), scheduler.now),
            revision: null,
            type: 'timer.fired',
            timerId: timer.timerId,
            generation: timer.eventId,
          }),
        ]);
      });
    }
  }

  /** An effect worker: answers late, twice, or although nobody waits for it any more. */
  #complete(effect: EffectRequested): void {
    for (let count = this.#chance.once(4) ? 2 : 1; count > 0; count -= 1) {
      this.#later(100 + this.#chance.below(12_000), () => {
        if (this.#cancelled.has(effect.effectId) && this.#chance.once(3)) return;
        const done = !this.#chance.once(6);
        const header = {
          ...causedBy(effect, derivedId('e', effect.effectId), this.#around.scheduler.now),
          type: 'effect.completed' as const,
        };
        this.#append([
          outgoing({
            ...header,
            effectId: effect.effectId,
            outcome: done ? 'done' : 'failed',
            reason: null,
            sealed: sealPlain(header, done ? { output: `answer to ${effect.effectId}` } : { error: { code: 'x' } }),
          }),
        ]);
      });
    }
  }

  /** The operator. */
  #release(actor: string): void {
    const count = (this.#releases.get(actor) ?? 0) + 1;
    this.#releases.set(actor, count);
    if (count > releasesMax) return;
    this.#later(500 + this.#chance.below(20_000), () => {
      const at = this.#around.scheduler.now;
      const eventId = derivedId('e', 'release', (this.#serial += 1));
      const header = { tenant, actor, eventId, causationId: null, occurredAt: at, providerAt: null, revision };
      this.#append([outgoing({ ...header, type: 'conversation.released', requestedBy: 'k_operator' })]);
    });
  }

  #append(records: readonly OutgoingRecord[], message?: string): void {
    this.busy += 1;
    const attempt = (): void => {
      this.#log.append(records).then(
        () => {
          this.busy -= 1;
          if (message !== undefined) this.inputs.push({ message, acknowledged: true });
        },
        (caught: unknown) => {
          if (!(caught instanceof OperatingError)) throw caught;
          this.#around.scheduler.after(appendAgainMs, attempt);
        },
      );
    };
    attempt();
  }

  #later(ms: number, work: () => void): void {
    this.busy += 1;
    this.#around.scheduler.after(ms, () => {
      this.busy -= 1;
      if (!this.quiet || ms === 0) work();
    });
  }

  #pick<T>(from: readonly T[]): T {
    const picked = from[this.#chance.below(from.length)];
    if (picked === undefined) throw new RangeError('nothing to pick from');
    return picked;
  }
}

/** How the outside world waits for the log: never long, and sometimes an answer does not come. */
export const paceOfOutside =
  (around: Surroundings) =>
  (point: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const lost = around.weather !== calm && point !== 'answer commit' && around.chance.once(25);
      around.scheduler.after(around.chance.below(5), () => {
        if (lost) reject(new OperatingError('log.unavailable'));
        else resolve();
      });
    });
