/**
 * A provider with people behind it: the server of one personality, the phones of its people, its webhooks,
 * and what goes wrong on purpose.
 *
 * - S1 What WhatsApp took is at exactly one phone, once, before anything is told of it.
 * - S2 Whether a fault strikes comes from the seed alone (`faults.ts`); each strike is counted.
 * - S3 What people write while the session does not work is told when it works again.
 * - S4 Everything is bounded: people, rate, phones, webhooks that wait.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { controlRoutes } from './control.ts';
import { type FaultName, type FaultRates, Faults } from './faults.ts';
import { answerWith } from './json-http.ts';
import { type Habits, People, personOf } from './people.ts';
import { startBaileys } from './personalities/baileys.ts';
import { startCloud } from './personalities/cloud.ts';
import { startEvolution } from './personalities/evolution.ts';
import type {
  AcceptedMessage,
  Misdeed,
  Naming,
  Personality,
  PersonalityOptions,
  Progress,
  Recipient,
  Said,
} from './personalities/personality.ts';
import { startWaha } from './personalities/waha.ts';
import { type PhoneItem, type PhoneReport, Phones } from './phones.ts';
import { Session } from './session.ts';
import { type PostReport, WebhookPost, type WebhookTarget } from './webhook-post.ts';

/** What it can be, and how its server names the account where nothing else is said. */
export const personalities = {
  waha: { start: startWaha, port: 3001, session: 'default' },
  evolution: { start: startEvolution, port: 8080, session: 'prosa' },
  cloud: { start: startCloud, port: 3002, session: '106540352242922' },
  baileys: { start: startBaileys, port: 3010, session: '' },
} as const;

/** Name of a personality. */
export type PersonalityName = keyof typeof personalities;

/** How to run. */
export interface SimulatorOptions {
  readonly as: PersonalityName;
  /** 0: any. */
  readonly port: number;
  readonly seed: number;
  readonly faults: FaultRates;
  /** Asked of callers when given. */
  readonly apiKey?: string;
  /** Session, instance or number. Default: the personality's. */
  readonly session?: string;
  /** False: no phone is linked until somebody starts the session and scans. Default: true. */
  readonly linked?: boolean;
  readonly webhook?: WebhookTarget;
  /** Absent: nobody talks by themselves. */
  readonly habits?: Habits;
}

/** What happened so far. */
export interface SimulatorReport {
  readonly as: PersonalityName;
  readonly seed: number;
  readonly seconds: number;
  readonly messages: {
    readonly wrote: number;
    readonly received: number;
    /** See `phones.ts`. */
    readonly doubled: number;
    readonly outOfOrder: number;
    /** Sends that came again with an id that was known: no second message. */
    readonly repeats: number;
    /** To nobody's phone: groups, hidden ids that nobody has. */
    readonly nowhere: number;
  };
  readonly sends: {
    /** Requests to send. */
    readonly asked: number;
    /** Taken in one second of this clock, at most. */
    readonly mostPerSecond: number;
  };
  readonly webhooks: PostReport;
  readonly faults: Partial<Record<FaultName, number>>;
  readonly phones: readonly PhoneReport[];
}

/** A running simulator. */
export interface Simulator {
  readonly url: string;
  /** Where webhooks go from now on. */
  connect(target: WebhookTarget): void;
  /** Somebody writes; gives the message's id. `naming`: as the faults want when absent. */
  says(number: string, said: Said, naming?: Naming): string;
  /** What a phone shows, oldest first. */
  phone(number: string): readonly PhoneItem[];
  setFaults(rates: FaultRates): void;
  readonly session: Session;
  /** The people begin to talk. */
  begin(): void;
  /** No more lines are said. */
  fallSilent(): void;
  /** True when everybody said all they had to say, and was answered or lost patience. */
  done(): boolean;
  /** Numbers of the people who talk by themselves. */
  readonly people: readonly string[];
  report(): SimulatorReport;
  close(): Promise<void>;
}

/** Milliseconds after which a message gets further. */
const progressAfterMs: readonly (readonly [Progress, number])[] = [
  ['sent', 20],
  ['delivered', 120],
  ['read', 400],
];

/** Starts one on the loopback. Throws when the port is taken. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const world = new World(options);
  const { start, session } = personalities[options.as];
  const control = controlRoutes(world);
  const wire: PersonalityOptions = {
    port: options.port,
    session: options.session ?? session,
    state: world.session,
    ...(options.apiKey === undefined ? {} : { apiKey: options.apiKey }),
    misdeed: (to) => world.misdeed(to),
    accepted: (message) => world.accepted(message),
    refused: (message) => world.refused(message),
    control: (request: IncomingMessage, response: ServerResponse) => answerWith(control, request, response),
  };
  world.server = await start(wire);
  return world;
}

class World implements Simulator {
  readonly session: Session;
  readonly #as: PersonalityName;
  readonly #faults: Faults;
  readonly #post: WebhookPost;
  readonly #phones = new Phones();
  readonly #people: People | undefined;
  readonly #startedAt = Date.now();
  readonly #serials = new Map<string, number>();
  /** How those who do not go by their number are named. */
  readonly #naming = new Map<string, Naming>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #perSecond = new Map<number, number>();
  #asked = 0;
  #nowhere = 0;
  #server: Personality | undefined;

  constructor({ as, seed, faults, linked = true, webhook, habits }: SimulatorOptions) {
    this.#as = as;
    this.session = new Session(linked);
    this.#faults = new Faults(seed, faults);
    this.#post = new WebhookPost(this.#faults, () => this.server);
    this.#post.target = webhook;
    this.session.onChange = (state) => this.#tell('session', '', this.server.sessionChanged?.(state));
    if (habits === undefined) return;
    this.#people = new People(habits, {
      seed,
      say: ({ number }, said) => void this.says(number, said),
      items: (number) => this.phone(number),
    });
  }

  get server(): Personality {
    if (this.#server === undefined) throw new Error('the server does not run yet');
    return this.#server;
  }

  set server(server: Personality) {
    this.#server = server;
  }

  get url(): string {
    return this.server.url;
  }

  get people(): readonly string[] {
    return this.#people?.everybody.map(({ number }) => number) ?? [];
  }

  connect(target: WebhookTarget): void {
    this.#post.target = target;
  }

  says(number: string, said: Said, naming?: Naming): string {
    const person = personOf(number);
    this.#phones.know(person);
    const key = `${number}/wrote/${this.#serial(`${number}/wrote`)}`;
    const named = naming ?? this.#namingOf(number, key);
    const at = Date.now();
    const { id, body } = this.server.written({ person, naming: named, said, at });
    this.#phones.wrote(number, id, said, at);
    const webhook = { key, chat: number, kind: 'message', id, body } as const;
    this.session.whenWorking(() => this.#post.post(webhook));
    return id;
  }

  phone(number: string): readonly PhoneItem[] {
    return this.#phones.items(number);
  }

  setFaults(rates: FaultRates): void {
    this.#faults.rates = rates;
  }

  begin(): void {
    this.#people?.begin();
  }

  fallSilent(): void {
    this.#people?.fallSilent();
  }

  done(): boolean {
    return this.#people?.done ?? true;
  }

  /** What goes wrong with a send; it may end the session (S2). */
  misdeed(to: Recipient): Misdeed | undefined {
    this.#asked += 1;
    const number = this.#phones.numberOf(to);
    const chat = number ?? to.id;
    const key = `${chat}/send/${this.#serial(`${chat}/send`)}`;
    const strikes = (name: FaultName): number | undefined => this.#faults.strikes(name, key);
    const away = strikes('disconnect');
    if (away !== undefined) this.session.failFor(away);
    if (this.session.state !== 'working') return undefined;
    const isCold = to.kind !== 'group' && !this.#serials.has(`${chat}/wrote`);
    if (isCold && strikes('restricted') !== undefined) return { kind: 'restricted' };
    if (strikes('error') !== undefined)
      return { kind: this.#faults.chance('error-after', key) < 0.5 ? 'error-after' : 'error-before' };
    const unanswered = strikes('ambiguous');
    if (unanswered !== undefined) return { kind: 'ambiguous', ms: unanswered };
    const late = strikes('slow');
    return late === undefined ? undefined : { kind: 'slow', ms: late };
  }

  accepted(message: AcceptedMessage): void {
    const second = Math.floor(message.at / 1_000);
    this.#perSecond.set(second, (this.#perSecond.get(second) ?? 0) + 1);
    if (!this.#phones.received(message)) this.#nowhere += 1;
    const { id } = message;
    const chat = this.#phones.numberOf(message.to) ?? message.to.id;
    this.#tell('echo', chat, this.server.echo?.(message), id);
    for (const [progress, ms] of progressAfterMs)
      this.#later(ms, () => this.#tell('status', chat, this.server.progress(message, progress), `${id}/${progress}`));
  }

  refused(message: AcceptedMessage): void {
    this.#tell('status', message.to.id, this.server.progress(message, 'restricted'), message.id);
  }

  report(): SimulatorReport {
    const phones = this.#phones.reports();
    const sum = (of: 'wrote' | 'received' | 'doubled' | 'outOfOrder'): number =>
      phones.reduce((total, phone) => total + phone[of], 0);
    return {
      as: this.#as,
      seed: this.#faults.seed,
      seconds: Math.round((Date.now() - this.#startedAt) / 100) / 10,
      messages: {
        wrote: sum('wrote'),
        received: sum('received'),
        doubled: sum('doubled'),
        outOfOrder: sum('outOfOrder'),
        repeats: this.server.repeats(),
        nowhere: this.#nowhere,
      },
      sends: { asked: this.#asked, mostPerSecond: Math.max(0, ...this.#perSecond.values()) },
      webhooks: this.#post.report(),
      faults: this.#faults.struck,
      phones,
    };
  }

  async close(): Promise<void> {
    this.fallSilent();
    this.session.close();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#post.close();
    await this.server.close();
  }

  /** Posts a webhook that is not of a message of a person; `key` tells it from others of its chat. */
  #tell(kind: 'echo' | 'status' | 'session', chat: string, body: string | undefined, id = ''): void {
    if (body === undefined) return;
    const key = `${chat}/${kind}/${this.#serial(`${chat}/${kind}`)}`;
    this.#post.post({ key, chat, kind, id, body });
  }

  /** Counts what happens to a chat, from 1. */
  #serial(of: string): number {
    const next = (this.#serials.get(of) ?? 0) + 1;
    this.#serials.set(of, next);
    return next;
  }

  #namingOf(number: string, key: string): Naming {
    if (this.#faults.strikes('lid-switch', key) !== undefined) this.#naming.set(number, 'both');
    if (this.#faults.strikes('lid-only', key) !== undefined) {
      this.#naming.set(number, 'both');
      return 'hidden';
    }
    return this.#naming.get(number) ?? 'number';
  }

  #later(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms).unref();
    this.#timers.add(timer);
  }
}
