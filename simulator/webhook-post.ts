/**
 * Webhooks on their way to whoever listens: posted as the provider posts, after what the faults do to them.
 *
 * P1 A webhook that no fault dropped is posted until it is taken or the provider's plan ends.
 * P2 Everything is counted, and messages that never come are named.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Faults } from './faults.ts';
import type { Personality } from './personalities/personality.ts';

/** Where webhooks go. */
export interface WebhookTarget {
  readonly url: string;
  /** What the provider proves itself by; empty where it proves nothing. */
  readonly secret: string;
}

/** A webhook to be posted. */
export interface Webhook {
  /** The same for the same thing in every run with the seed. */
  readonly key: string;
  readonly chat: string;
  readonly kind: 'message' | 'echo' | 'status' | 'session';
  /** The message that it is of, as the provider calls it. */
  readonly id: string;
  readonly body: string;
}

/** What became of the webhooks so far. */
export interface PostReport {
  readonly posted: number;
  /** Answered 2xx. */
  readonly taken: number;
  /** Posted again because nobody took it. */
  readonly again: number;
  /** Given up: the plan's attempts were over, or the answer was final. */
  readonly givenUp: number;
  /** Not posted: there was nowhere to post to, or too many were waiting. */
  readonly unposted: number;
  readonly waiting: number;
  /** Messages of people whose webhook was dropped or given up: nobody was told of them. */
  readonly lostMessages: readonly string[];
}

/** A webhook whose turn comes; `posted` is called when it was taken or given up. */
interface Queued {
  readonly webhook: Webhook;
  readonly posted: (() => void) | undefined;
}

const waitingMax = 50_000;
const inFlightMax = 100;
const answerTimeoutMs = 30_000;
const lostMax = 10_000;

/** Posts webhooks. */
export class WebhookPost {
  target: WebhookTarget | undefined;
  readonly #faults: Faults;
  readonly #server: () => Pick<Personality, 'sign' | 'retries'>;
  readonly #queue: Queued[] = [];
  readonly #overtaken = new Map<string, () => void>();
  readonly #ended = new AbortController();
  readonly #lost: string[] = [];
  readonly #counts = { posted: 0, taken: 0, again: 0, givenUp: 0, unposted: 0 };
  #waiting = 0;
  #inFlight = 0;

  constructor(faults: Faults, server: () => Pick<Personality, 'sign' | 'retries'>) {
    this.#faults = faults;
    this.#server = server;
  }

  report(): PostReport {
    return { ...this.#counts, waiting: this.#waiting, lostMessages: [...this.#lost] };
  }

  /** Takes a webhook on; what faults do to it is decided here. */
  post(webhook: Webhook): void {
    const { key, chat } = webhook;
    if (this.target === undefined || this.#waiting >= waitingMax) {
      this.#counts.unposted += 1;
      return;
    }
    if (this.#faults.strikes('drop', key) !== undefined) {
      this.#lose(webhook);
      return;
    }
    if (this.#faults.strikes('duplicate', key) !== undefined)
      this.#after(Math.ceil(this.#faults.chance('duplicate-after', key) * 1_000), () => this.#enqueue(webhook));
    const overtakenMs = this.#faults.strikes('reorder', key);
    if (overtakenMs !== undefined && !this.#overtaken.has(chat)) {
      this.#letOvertake(webhook, overtakenMs);
      return;
    }
    const overtaken = this.#overtaken.get(chat);
    const delayMs = this.#faults.strikes('delay', key);
    if (delayMs === undefined) this.#enqueue(webhook, overtaken);
    else this.#after(delayMs, () => this.#enqueue(webhook, overtaken));
  }

  /** Ends all that waits. */
  close(): void {
    this.#ended.abort();
    this.#queue.splice(0);
  }

  /** Holds a webhook until the next one of its chat was posted, or for `ms`. */
  #letOvertake(webhook: Webhook, ms: number): void {
    const held = new AbortController();
    const release = (): void => {
      if (held.signal.aborted) return;
      held.abort();
      this.#overtaken.delete(webhook.chat);
      this.#waiting -= 1;
      this.#enqueue(webhook);
    };
    this.#waiting += 1;
    this.#overtaken.set(webhook.chat, release);
    sleep(ms, undefined, { signal: AbortSignal.any([held.signal, this.#ended.signal]) }).then(release, () => undefined);
  }

  #after(ms: number, work: () => void): void {
    this.#waiting += 1;
    const done = (): void => {
      this.#waiting -= 1;
      work();
    };
    sleep(ms, undefined, { signal: this.#ended.signal }).then(done, () => undefined);
  }

  #enqueue(webhook: Webhook, posted?: () => void): void {
    this.#waiting += 1;
    this.#queue.push({ webhook, posted });
    this.#pump();
  }

  #pump(): void {
    const most = this.#server().retries.inOrder ? 1 : inFlightMax;
    while (this.#inFlight < most) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#inFlight += 1;
      void this.#deliver(next.webhook).finally(() => {
        this.#inFlight -= 1;
        this.#waiting -= 1;
        next.posted?.();
        this.#pump();
      });
    }
  }

  async #deliver(webhook: Webhook): Promise<void> {
    const { attempts, delayMs, final } = this.#server().retries;
    for (let attempt = 1; attempt <= attempts; attempt++) {
      if (attempt > 1) {
        this.#counts.again += 1;
        const ms = delayMs(attempt, this.#faults.chance(`retry-${attempt}`, webhook.key));
        if (!(await this.#pause(ms))) return;
      }
      const status = await this.#attempt(webhook.body);
      if (status >= 200 && status < 300) {
        this.#counts.taken += 1;
        return;
      }
      if (final.includes(status)) break;
    }
    this.#counts.givenUp += 1;
    this.#lose(webhook);
  }

  /** False when everything has ended meanwhile. */
  async #pause(ms: number): Promise<boolean> {
    return sleep(ms, true, { signal: this.#ended.signal }).catch(() => false);
  }

  /** The status answered; 0 when there was no answer. */
  async #attempt(body: string): Promise<number> {
    const { target } = this;
    if (target === undefined) return 0;
    this.#counts.posted += 1;
    try {
      const answer = await fetch(target.url, {
        method: 'POST',
        headers: this.#server().sign(body, target.secret),
        body,
        redirect: 'manual',
        signal: AbortSignal.any([AbortSignal.timeout(answerTimeoutMs), this.#ended.signal]),
      });
      await answer.arrayBuffer();
      return answer.status;
    } catch {
      return 0;
    }
  }

  #lose({ kind, id }: Webhook): void {
    if (kind === 'message' && this.#lost.length < lostMax) this.#lost.push(id);
  }
}
