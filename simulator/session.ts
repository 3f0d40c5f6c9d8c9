/**
 * The session of the simulated server with WhatsApp.
 *
 * Owns its state and the code to scan: the first for 60 s, the others for 20 s, six of them, then it has
 * failed and must be started again (WAHA's documentation, as WhatsApp Web does).
 */
import { randomBytes } from 'node:crypto';

/** A session's state. */
export type SessionState = 'stopped' | 'scanning' | 'working' | 'failed';

const firstCodeMs = 60_000;
const nextCodeMs = 20_000;
const codesMax = 6;

/** One session; a phone is linked to it, or not. */
export class Session {
  /** Told of every change, also of a new code. */
  onChange: (state: SessionState) => void = () => undefined;
  #state: SessionState;
  #linked: boolean;
  #code = '';
  #codes = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #waiting: (() => void)[] = [];

  /** `linked`: it works from the beginning; else somebody must start it and scan. */
  constructor(linked: boolean) {
    this.#linked = linked;
    this.#state = linked ? 'working' : 'stopped';
  }

  get state(): SessionState {
    return this.#state;
  }

  /** What a phone would scan; undefined when nothing is to be scanned. */
  get code(): string | undefined {
    return this.#state === 'scanning' ? this.#code : undefined;
  }

  /** Starts it where it does not run: to work, or to show a code. */
  start(): void {
    if (this.#state === 'working' || this.#state === 'scanning') return;
    if (this.#linked) this.#become('working');
    else {
      this.#codes = 0;
      this.#showCode();
    }
  }

  stop(): void {
    if (this.#state !== 'stopped') this.#become('stopped');
  }

  restart(): void {
    this.stop();
    this.start();
  }

  /** Unlinks the phone. */
  logOut(): void {
    this.#linked = false;
    this.stop();
  }

  /** A phone scans the code, or types the one for pairing. False when there is none. */
  scan(): boolean {
    if (this.#state !== 'scanning') return false;
    this.#linked = true;
    this.#become('working');
    return true;
  }

  /** Stops working for `ms`, unless somebody starts it earlier. */
  failFor(ms: number): void {
    if (this.#state !== 'working') return;
    this.#become('failed');
    this.#timer = setTimeout(() => this.start(), ms).unref();
  }

  /** Runs when it works: now, or later. WhatsApp keeps messages for as long. */
  whenWorking(work: () => void): void {
    if (this.#state === 'working') work();
    else this.#waiting.push(work);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #showCode(): void {
    if (this.#codes === codesMax) {
      this.#become('failed');
      return;
    }
    this.#code = `2@${randomBytes(33).toString('base64')},${randomBytes(24).toString('base64')}`;
    this.#codes += 1;
    this.#become('scanning');
    const ms = this.#codes === 1 ? firstCodeMs : nextCodeMs;
    this.#timer = setTimeout(() => this.#showCode(), ms).unref();
  }

  #become(state: SessionState): void {
    clearTimeout(this.#timer);
    this.#state = state;
    this.onChange(state);
    if (state === 'working') for (const work of this.#waiting.splice(0)) work();
  }
}
