/**
 * The Baileys gateway: WhatsApp sessions of our own, without another server.
 *
 * Owns: the sessions whose leases this process holds, and its part of the REST interface.
 *
 * G1 A session is held by one process (`leases.ts`). A process that could not renew in time closes its
 *    connections before anybody else may open them.
 * G2 Connections are begun a few at a time, spread over some moments (`turns.ts`).
 * G3 A request for a session that another process holds is passed on to it, once.
 * G4 Stopping gives every session back when what was received is written.
 */
import { randomUUID } from 'node:crypto';

import { OperatingError } from '#runtime/errors.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';

import { openWebhookPost } from './adapters/webhook-post.ts';
import { type Leases, type TakenSession, openLeases } from './leases.ts';
import { forgetOldMessages } from './messages.ts';
import type { WhatsAppLibrary } from './ports/whatsapp-library.ts';
import { type FetchFile, Sending } from './sending.ts';
import { Session, type SessionParts } from './session.ts';
import { Turns } from './turns.ts';

/** How to serve. Times in milliseconds. */
export interface GatewayOptions {
  readonly library: WhatsAppLibrary;
  readonly fetchFile: FetchFile;
  /** Where this process is reached by the other gateways. */
  readonly ownUrl: () => string;
  /** Where everybody reaches the gateways: the address of files. */
  readonly url: () => string;
  readonly ingestUrl: () => string;
  readonly leaseMs?: number;
  readonly pollMs?: number;
  readonly sessionsMax?: number;
  /** Connections that are begun at a time. */
  readonly connectingMax?: number;
  readonly staggerMs?: number;
  readonly writeRetryMs?: number;
  readonly postDelaysMs?: SessionParts['postDelaysMs'];
  readonly waitFactor?: number;
  readonly ackMs?: number;
  readonly random?: () => number;
}

const defaults = {
  leaseMs: 30_000,
  pollMs: 3_000,
  sessionsMax: 300,
  connectingMax: 5,
  staggerMs: 2_000,
  writeRetryMs: 500,
  postDelaysMs: { first: 500, max: 60_000 },
  waitFactor: 1,
  ackMs: 7_000,
  random: Math.random,
} as const;

/** Of sessions that nobody owns, taken by one process in one look: a second one gets its share. */
const takenPerPoll = 10;
const forgetEveryMs = 10 * 60_000;
/** For what was received to be written, and then for what is being posted. */
const stopGraceMs = 3_000;
const adoptLooks = 20;
const adoptPauseMs = 25;
/** Part of the lease after which a process that could not renew believes itself deposed (G1). */
const doubtShare = 0.8;

/** A gateway without its REST interface. */
export class Gateway implements RunningService {
  readonly name = 'baileys-gateway';
  readonly finished: Promise<void>;
  readonly leases: Leases;
  readonly sending: Sending;
  readonly #runtime: Runtime;
  readonly #options: Required<GatewayOptions>;
  readonly #sessions = new Map<string, Session>();
  readonly #parts: SessionParts;
  readonly #http = openWebhookPost();
  readonly #timer: NodeJS.Timeout;
  readonly #forgetting: NodeJS.Timeout;
  readonly #finished = Promise.withResolvers<undefined>();
  #renewedAt: number;
  #looking: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(runtime: Runtime, given: GatewayOptions) {
    const options = { ...defaults, ...given };
    this.#runtime = runtime;
    this.#options = options;
    this.finished = this.#finished.promise;
    this.#renewedAt = performance.now();
    this.leases = openLeases(runtime.database, {
      owner: `gateway-${randomUUID()}`,
      ownerUrl: options.ownUrl,
      leaseMs: options.leaseMs,
    });
    this.sending = new Sending({ fetchFile: options.fetchFile, ackMs: options.ackMs });
    this.#parts = {
      ...options,
      runtime,
      turns: new Turns(options.connectingMax),
      post: this.#http.post,
      fileUrl: ({ tenant, instance }, index) => new URL(`/files/${tenant}/${instance}/${index}`, options.url()).href,
      onDeposed: (session) => this.#lose(session),
    };
    this.#timer = setInterval(() => void this.#look(), options.pollMs);
    this.#forgetting = setInterval(() => void this.#forget(), forgetEveryMs);
    void this.#look();
  }

  /** The session, when this process holds it. */
  session(instance: string): Session | undefined {
    return this.#sessions.get(instance);
  }

  /** Makes the session one that is served, by this process if nobody else does. Resolves with it then. */
  async want(tenant: string, instance: string): Promise<Session | undefined> {
    await this.leases.want(tenant, instance);
    return this.adopt(tenant, instance);
  }

  /** The session, taken by this process when nobody has it. */
  async adopt(tenant: string, instance: string): Promise<Session | undefined> {
    for (let looks = 0; looks < adoptLooks; looks += 1) {
      const held = this.#sessions.get(instance);
      if (held !== undefined) return held.lease.tenant === tenant ? held : undefined;
      const taken = await this.leases.takeThis(tenant, instance);
      if (taken !== undefined) return this.#hold(taken);
      const place = await this.leases.find(tenant, instance);
      if (place === undefined) return undefined;
      // Somebody takes it at this very moment, and it may be we.
      if (place.ownerUrl !== undefined && place.ownerUrl !== this.#options.ownUrl()) return undefined;
      await new Promise((resolve) => setTimeout(resolve, adoptPauseMs));
    }
    return undefined;
  }

  /** G4. Idempotent. */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop());
  }

  async #stop(): Promise<void> {
    clearInterval(this.#timer);
    clearInterval(this.#forgetting);
    await this.#looking;
    await Promise.all(
      [...this.#sessions.values()].map(async (session) => {
        await session.stop(stopGraceMs);
        await this.leases.release(session.lease).catch(() => undefined);
      }),
    );
    this.#sessions.clear();
    await this.#http.close();
    this.#finished.resolve(undefined);
  }

  /** Renews what is held, gives back what needs nobody, takes what nobody has. One at a time. */
  #look(): Promise<void> {
    this.#looking ??= this.#tend()
      .catch((caught: unknown) => {
        if (!(caught instanceof OperatingError))
          this.#runtime.logger.error('sessions could not be tended', { error: caught });
        this.#doubt();
      })
      .finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async #tend(): Promise<void> {
    const begunAt = performance.now();
    this.#doubt();
    const held = [...this.#sessions.values()];
    const ours = await this.leases.renew(held.map(({ lease }) => lease));
    this.#renewedAt = begunAt;
    for (const session of held) if (!ours.has(session.lease.instance)) this.#lose(session);
    for (const session of this.#sessions.values()) if (session.isIdle) await this.#giveBack(session);
    const room = this.#options.sessionsMax - this.#sessions.size;
    if (room <= 0 || this.#stopping !== undefined) return;
    const tenants = await this.#runtime.tenants.ids();
    for (const taken of await this.leases.take(tenants, Math.min(room, takenPerPoll))) this.#hold(taken);
  }

  /** G1 */
  #doubt(): void {
    if (performance.now() - this.#renewedAt < this.#options.leaseMs * doubtShare) return;
    for (const session of this.#sessions.values()) this.#lose(session);
    this.#renewedAt = performance.now();
  }

  #hold(taken: TakenSession): Session {
    const session = new Session(taken, this.#parts);
    this.#sessions.set(taken.instance, session);
    this.#runtime.logger.info('a session was taken', { tenant: taken.tenant, instance: taken.instance });
    return session;
  }

  #lose(session: Session): void {
    const { tenant, instance } = session.lease;
    if (this.#sessions.get(instance) === session) this.#sessions.delete(instance);
    session.abandon();
    this.#runtime.logger.warn('a session was given up: another gateway may own it', { tenant, instance });
  }

  async #giveBack(session: Session): Promise<void> {
    this.#sessions.delete(session.lease.instance);
    await session.stop(0);
    await this.leases.release(session.lease);
  }

  async #forget(): Promise<void> {
    try {
      await forgetOldMessages(this.#runtime.database, await this.#runtime.tenants.ids());
    } catch (caught) {
      this.#runtime.logger.warn('old messages could not be forgotten', { error: caught });
    }
  }
}
