/**
 * The people of a run: they write to their chats, as WAHA reports it. Every message is sent until it
 * is accepted, as a provider does; some arrive twice, some overtake each other.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { signWahaWebhook } from '#runtime/testing/fake-waha.ts';

import { chatAddress, wahaMessage } from '../bench/webhook-plan.ts';
import type { Input } from './history.ts';
import { prompts } from './model.ts';
import type { Outskirts } from './outskirts.ts';
import type { Random } from './random.ts';

/** How people write. */
export interface Habits {
  /** Messages per second, all chats together. */
  readonly perSecond: number;
  /** Of a hundred messages, those that arrive twice. */
  readonly twicePercent: number;
  /** Milliseconds within which messages overtake each other. */
  readonly windowMs: number;
  /** Milliseconds after which the second copy arrives, at most. */
  readonly repeatWithinMs: number;
  /** Of a hundred messages, those that are photos, where there is a place for them. */
  readonly photoPercent: number;
}

const habitsDefault: Habits = {
  perSecond: 20,
  twicePercent: 20,
  windowMs: 300,
  repeatWithinMs: 1_500,
  photoPercent: 6,
};

const chats = 24;
const inFlightMax = 150;
const answerTimeoutMs = 6_000;
const repeatPauseMs = 150;

/** Where they write to. */
export interface Mailbox {
  /** Undefined while ingest is down. */
  readonly url: () => string | undefined;
  readonly webhook: string;
  readonly secret: string;
}

/** What somebody wrote. */
interface Message {
  readonly chat: number;
  readonly text: string;
  readonly body: Buffer;
  /** Epoch milliseconds. */
  acceptedAt?: number;
}

/** All of them. */
export class People {
  habits = habitsDefault;
  readonly #inputs = new Map<string, Message>();
  readonly #mailbox: Mailbox;
  readonly #random: Random;
  readonly #outskirts: Pick<Outskirts, 'photoUrl'> | undefined;
  #inFlight = 0;
  #writing: Promise<void> | undefined;
  #quiet = false;
  #gone = false;
  #serial = 0;

  constructor(mailbox: Mailbox, random: Random, outskirts: Pick<Outskirts, 'photoUrl'> | undefined) {
    this.#mailbox = mailbox;
    this.#random = random;
    this.#outskirts = outskirts;
  }

  /** Messages so far. */
  get inputs(): readonly Input[] {
    return [...this.#inputs].map(([message, { acceptedAt }]) => ({ message, acknowledged: acceptedAt !== undefined }));
  }

  /** When each text was accepted (epoch ms), of those that were accepted after `since`. */
  acceptedSince(since: number): ReadonlyMap<string, number> {
    const accepted = new Map<string, number>();
    for (const { text, acceptedAt = 0 } of this.#inputs.values())
      if (acceptedAt >= since) accepted.set(text, acceptedAt);
    return accepted;
  }

  /** Webhooks that wait for an answer. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** They write as usual again. */
  behave(): void {
    this.habits = habitsDefault;
  }

  /** They write until `fallSilent`. */
  begin(): void {
    this.#quiet = false;
    this.#writing = this.#write();
  }

  /** They write no more. */
  async fallSilent(): Promise<void> {
    this.#quiet = true;
    await this.#writing;
  }

  /** They write no more, and what was not accepted is not sent again. */
  async leave(): Promise<void> {
    this.#gone = true;
    await this.fallSilent();
  }

  /** Everybody writes once; resolves when all is accepted, or throws after a while. */
  async greet(): Promise<void> {
    for (let chat = 0; chat < chats; chat++) this.#say(chat, `hello from ${chat}`, false);
    const until = performance.now() + 30_000;
    while (this.#inFlight > 0) {
      if (performance.now() > until) throw new Error('ingest does not accept messages');
      await sleep(20);
    }
  }

  /** Everybody who ever wrote writes once more. */
  everybody(): void {
    for (const chat of new Set([...this.#inputs.values()].map((message) => message.chat)))
      this.#say(chat, `anybody there? ${this.#serial + 1}`, false);
  }

  /** Somebody writes this now, in a chat of their own. */
  say(chat: number, text: string): void {
    this.#say(chats + chat, text, false);
  }

  /** Address of the chat of somebody of their own. */
  ownAddress(chat: number): string {
    return chatAddress(chats + chat);
  }

  /** Some of what was accepted comes once more: as it was, or with other words under its id. */
  repeatSome(count: number, changed: boolean): void {
    const accepted = [...this.#inputs].filter(([, { acceptedAt }]) => acceptedAt !== undefined);
    for (let i = 0; i < count; i++) {
      const picked = accepted[this.#random.below(accepted.length)];
      if (picked === undefined) return;
      const [stanza, { chat, body }] = picked;
      const other = wahaMessage({ chat: chatAddress(chat), text: 'changed on the way', stanza, at: Date.now() });
      void this.#deliver(stanza, changed ? other : body, this.#random.below(1_000));
    }
  }

  /** Sends an event that is no message, until it is accepted. */
  report(event: Buffer): void {
    void this.#deliver('', event, 0);
  }

  async #write(): Promise<void> {
    while (!this.#quiet) {
      await sleep(1_000 / this.habits.perSecond);
      if (this.#inFlight >= inFlightMax) continue;
      this.#say(this.#random.below(chats), this.#words(), true);
    }
  }

  #words(): string {
    const number = this.#serial + 1;
    if (this.#random.once(12)) return `${prompts.ask} ${number}`;
    if (this.#random.once(25)) return `${prompts.bye} ${number}`;
    return `message ${number}`;
  }

  #say(chat: number, text: string, loosely: boolean): void {
    this.#serial += 1;
    const { twicePercent, windowMs, repeatWithinMs } = this.habits;
    const stanza = `3EB0${this.#serial.toString(16).toUpperCase().padStart(18, '0')}`;
    const isPhoto = loosely && this.#outskirts !== undefined && this.#random.below(100) < this.habits.photoPercent;
    const photo = isPhoto ? { photo: this.#outskirts.photoUrl(stanza) } : {};
    const body = wahaMessage({
      chat: chatAddress(chat),
      text,
      stanza,
      at: Date.now(),
      ...photo,
    });
    this.#inputs.set(stanza, { chat, text, body });
    const delayMs = loosely ? this.#random.below(windowMs + 1) : 0;
    void this.#deliver(stanza, body, delayMs);
    if (loosely && this.#random.below(100) < twicePercent)
      void this.#deliver(stanza, body, delayMs + this.#random.below(repeatWithinMs + 1));
  }

  async #deliver(stanza: string, body: Buffer, delayMs: number): Promise<void> {
    this.#inFlight += 1;
    await sleep(delayMs);
    while (!this.#gone && !(await this.#post(body))) await sleep(repeatPauseMs);
    const input = this.#inputs.get(stanza);
    if (!this.#gone && input !== undefined) input.acceptedAt ??= Date.now();
    this.#inFlight -= 1;
  }

  async #post(body: Buffer): Promise<boolean> {
    const { url, webhook, secret } = this.#mailbox;
    const origin = url();
    if (origin === undefined) return false;
    try {
      const response = await fetch(`${origin}${webhook}`, {
        method: 'POST',
        headers: signWahaWebhook(body, secret),
        body: new Uint8Array(body),
        signal: AbortSignal.timeout(answerTimeoutMs),
      });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }
}
