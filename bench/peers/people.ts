/**
 * The people who write: who has said how much, and the loops in which they say more. Each waits for the
 * reply before writing again; every reply is compared with what it must be.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { replyTo, stateAfter } from './conversation.ts';
import type { Message, Peer } from './peer.ts';

/** What became of a loop. */
export interface Loop {
  readonly messages: number;
  readonly seconds: number;
  /** Milliseconds from the time each was due (sent, in a closed loop) to its reply. */
  readonly latencies: readonly number[];
  /** When the replies came, as of `performance.now()`, in order. */
  readonly repliedAt: readonly number[];
}

/** When a closed loop ends: after so many messages, or so much time. */
export interface ClosedLoop {
  readonly inFlight: number;
  readonly seconds: number;
  readonly messagesMax: number;
}

/** Messages at fixed times. */
export interface OpenLoop {
  readonly perSecond: number;
  readonly messages: number;
}

/** People of one peer. */
export class People {
  readonly #peer: Peer;
  /** Messages of each so far. */
  readonly #said: number[] = [];
  /** Who waits for nothing, longest first, from `#taken` on. */
  #free: number[] = [];
  #taken = 0;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  get count(): number {
    return this.#said.length;
  }

  /** Brings their number up to `count`. */
  async meet(count: number): Promise<void> {
    await this.#peer.meet(count);
    this.#add(count);
  }

  /** Takes up people who have greeted already. */
  seeded(count: number): void {
    this.#add(count, 1);
  }

  #add(count: number, said = 0): void {
    for (let person = this.#said.length; person < count; person++) {
      this.#said.push(said);
      this.#free.push(person);
    }
  }

  /** The next message of each of `people`, `rounds` times, as taken by somebody who will say them. */
  next(people: readonly number[], rounds = 1): readonly Message[] {
    return Array.from({ length: rounds }).flatMap(() => people.map((person) => this.#next(person)));
  }

  /** Everybody. */
  all(): readonly number[] {
    return this.#said.map((_, person) => person);
  }

  /** Mixes who writes next, so that it is people of all times; the same at each run. */
  mix(): void {
    const stride = 7_919;
    const free = this.#free.slice(this.#taken);
    this.#taken = 0;
    this.#free = free.length % stride === 0 ? free : free.map((_, i) => free[(i * stride) % free.length] ?? 0);
  }

  /** Each of `people` says their next message, so many at a time. */
  async greet(people: readonly number[], inFlight: number): Promise<void> {
    const waiting = people.values();
    const loop = async (): Promise<void> => {
      for (const person of waiting) await this.#say(this.#next(person));
    };
    await Promise.all(Array.from({ length: inFlight }, loop));
  }

  /** So many at a time, each sent when another was answered. */
  async closed({ inFlight, seconds, messagesMax }: ClosedLoop): Promise<Loop> {
    const begun = performance.now();
    const tally = new Tally(begun);
    let left = messagesMax;
    const loop = async (): Promise<void> => {
      for (;;) {
        const now = performance.now();
        if (left <= 0 || now - begun >= seconds * 1_000) return;
        left -= 1;
        await this.#converse(await this.#freePerson(), now, tally);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, loop));
    return tally.loop();
  }

  /** At fixed times, whatever the replies do. */
  async open({ perSecond, messages }: OpenLoop): Promise<Loop> {
    const begun = performance.now();
    const tally = new Tally(begun);
    const replies: Promise<void>[] = [];
    let failure: Error | undefined;
    for (let i = 0; i < messages && failure === undefined; i++) {
      const due = begun + (i * 1_000) / perSecond;
      while (performance.now() < due) await sleep(Math.max(0, due - performance.now()));
      const person = await this.#freePerson();
      replies.push(this.#converse(person, due, tally).catch((caught: unknown) => void (failure ??= caught as Error)));
    }
    await Promise.all(replies);
    if (failure !== undefined) throw failure;
    return tally.loop();
  }

  async #freePerson(): Promise<number> {
    for (;;) {
      const person = this.#free[this.#taken];
      if (person !== undefined) {
        this.#taken += 1;
        return person;
      }
      await sleep(1);
    }
  }

  async #converse(person: number, since: number, tally: Tally): Promise<void> {
    await this.#say(this.#next(person));
    tally.replied(since);
    this.#free.push(person);
  }

  async #say(message: Message): Promise<void> {
    const reply = await this.#peer.say(message);
    if (reply === replyTo(message.n)) return;
    throw new Error(`message ${message.n} of conversation ${message.conversation} had the reply ${reply.slice(0, 60)}`);
  }

  #next(conversation: number): Message {
    const n = this.#said[conversation] ?? 0;
    this.#said[conversation] = n + 1;
    return { conversation, n };
  }

  /** Compares the states of the first `count` with what they said; throws at the first that differs. */
  async check(count = this.count): Promise<void> {
    const states = await this.#peer.states(count);
    if (states === undefined) return;
    for (let person = 0; person < count; person++) {
      const [wanted, found] = [stateAfter(this.#said[person] ?? 0), states[person]];
      if (found?.state !== wanted.state || found.name !== wanted.name || found.count !== wanted.count)
        throw new Error(`conversation ${person} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
    }
  }
}

/** Counts replies. */
class Tally {
  readonly #begun: number;
  readonly #latencies: number[] = [];
  readonly #repliedAt: number[] = [];

  constructor(begun: number) {
    this.#begun = begun;
  }

  replied(since: number): void {
    const now = performance.now();
    this.#latencies.push(now - since);
    this.#repliedAt.push(now);
  }

  loop(): Loop {
    return {
      messages: this.#latencies.length,
      seconds: (performance.now() - this.#begun) / 1_000,
      latencies: this.#latencies,
      repliedAt: this.#repliedAt,
    };
  }
}
