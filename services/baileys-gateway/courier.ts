/** Posts the events of one session to ingest, one after the other (`events.ts`, E2 and E3). */
import type { Instance } from '#runtime/instances/instances.ts';
import { OperatingError } from '#runtime/errors.ts';

import type { PostWebhook } from './adapters/webhook-post.ts';
import type { SessionEvents } from './events.ts';
import { Deposed } from './leases.ts';

/** What it works with. */
export interface CourierParts {
  readonly events: SessionEvents;
  readonly post: PostWebhook;
  /** Undefined when the instance was deleted: then nobody wants its events. */
  readonly instance: () => Promise<Instance | undefined>;
  readonly ingestUrl: () => string;
  /** Called when somebody else owns the session. */
  readonly onDeposed: () => void;
  readonly onFailure: (code: string) => void;
  /** Before another try. */
  readonly delaysMs: { readonly first: number; readonly max: number };
}

const batch = 50;
/** In case nobody said that there is something. */
const idleMs = 30_000;

/** The posting of one session's events. */
export class Courier {
  readonly #parts: CourierParts;
  readonly finished: Promise<void>;
  #stopping = false;
  #failures = 0;
  #isEmpty = false;
  #called = false;
  #wake: (() => void) | undefined;

  constructor(parts: CourierParts) {
    this.#parts = parts;
    this.finished = this.#run();
  }

  /** True when, as far as it knows, everything is posted. */
  get isEmpty(): boolean {
    return this.#isEmpty && !this.#called;
  }

  /** There is something to post. */
  call(): void {
    this.#called = true;
    this.#wake?.();
  }

  /** Ends after the post that is under way. */
  stop(): Promise<void> {
    this.#stopping = true;
    this.#wake?.();
    return this.finished;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      this.#called = false;
      try {
        if (await this.#round()) this.#failures = 0;
        else this.#failures += 1;
      } catch (caught) {
        if (caught instanceof Deposed) {
          this.#parts.onDeposed();
          return;
        }
        this.#parts.onFailure(caught instanceof OperatingError ? caught.code : 'internal');
        this.#failures += 1;
      }
      await this.#rest();
    }
  }

  /** Posts what there is; false when a post failed. */
  async #round(): Promise<boolean> {
    const { events } = this.#parts;
    for (;;) {
      const waiting = await events.oldest(batch);
      this.#isEmpty = waiting.length === 0;
      if (this.#isEmpty) return true;
      const instance = await this.#parts.instance();
      for (const { id, sequence, body } of waiting) {
        if (this.#stopping) return true;
        if (instance !== undefined && !(await this.#post(instance, id, body))) return false;
        await events.posted(sequence);
      }
    }
  }

  async #post({ credentials }: Instance, id: string, body: string): Promise<boolean> {
    const url = new URL(`/webhooks/baileys/${credentials.webhookToken}`, this.#parts.ingestUrl());
    const status = await this.#parts.post(url.href, credentials.webhookSecret ?? '', id, body);
    if (status === 200) return true;
    this.#parts.onFailure(`webhook.${status === 0 ? 'no-answer' : String(status)}`);
    return false;
  }

  async #rest(): Promise<void> {
    if (this.#stopping || (this.#failures === 0 && this.#called)) return;
    const { first, max } = this.#parts.delaysMs;
    const waitMs = this.#failures === 0 ? idleMs : Math.min(first * 2 ** Math.min(this.#failures - 1, 20), max);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      // New events do not hurry a receiver that is away.
      this.#wake = () => {
        if (this.#failures > 0 && !this.#stopping) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
