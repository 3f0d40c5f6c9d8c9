/**
 * One WhatsApp session that this process owns: from connecting to its end, again and again.
 *
 * S1 One connection at a time, and none after the session was given up.
 * S2 What Baileys tells is written in the order in which it was told (`write-queue.ts`). A new connection is
 *    begun when all of the last one is written, so it finds its own latest credentials.
 * S3 When too much waits to be written, the connection is closed: WhatsApp keeps what comes.
 * S4 A deposed owner closes its connection and writes nothing more.
 */
import { OperatingError } from '#runtime/errors.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { PostWebhook } from './adapters/webhook-post.ts';
import { Courier } from './courier.ts';
import { type SessionEvents, openEvents } from './events.ts';
import { Intake, type Taken } from './intake.ts';
import { type SessionKeys, messageIndex, openKeys } from './key-store.ts';
import type { Lease, TakenSession } from './leases.ts';
import { type SessionMessages, openMessages } from './messages.ts';
import type { Connection, ConnectionUpdate, Credentials, WhatsAppLibrary } from './ports/whatsapp-library.ts';
import { type Ending, codeOf, stepAfter } from './reconnect.ts';
import { type PollParts, withVotes } from './polls.ts';
import type { Turns } from './turns.ts';
import { WriteQueue } from './write-queue.ts';

/** State of a session, in the words of instances. */
export type SessionStatus = 'stopped' | 'starting' | 'scanning' | 'working' | 'failed';

/** What sessions share. Times in milliseconds. */
export interface SessionParts {
  readonly runtime: Pick<Runtime, 'database' | 'vault' | 'instances' | 'logger' | 'now'>;
  readonly library: WhatsAppLibrary;
  readonly turns: Turns;
  readonly post: PostWebhook;
  readonly ingestUrl: () => string;
  /** Address of a received file, by the index of its message. */
  readonly fileUrl: (lease: Lease, index: string) => string;
  readonly onDeposed: (session: Session) => void;
  /** Spread of the beginnings of connections. */
  readonly staggerMs: number;
  readonly writeRetryMs: number;
  readonly postDelaysMs: { readonly first: number; readonly max: number };
  /** Factor of the waits between connections: 1, and less in tests. */
  readonly waitFactor: number;
  readonly random: () => number;
}

/** Writes that may wait (S3). */
const writesMax = 5_000;
/** A connection that says nothing keeps others waiting no longer. */
const turnMsMax = 60_000;
const pairingWaitMs = 20_000;
const codeToScanMs = 60_000;

/** A session. */
export class Session {
  readonly lease: Lease;
  readonly messages: SessionMessages;
  readonly #parts: SessionParts;
  readonly #keys: SessionKeys;
  readonly #events: SessionEvents;
  readonly #writes: WriteQueue;
  readonly #courier: Courier;
  readonly #sending = new Set<string>();
  readonly #life = new AbortController();
  #wanted: boolean;
  #serving: Promise<void> | undefined;
  #connection: Connection | undefined;
  #credentials: Credentials | undefined;
  #isOpen = false;
  #status: SessionStatus;
  #reason: string | null;
  #qr: { readonly code: string; readonly until: number } | undefined;
  /** Ends the wait before the next connection. */
  #hurry: (() => void) | undefined;
  #statusChanged: () => void = () => undefined;

  constructor(taken: TakenSession, parts: SessionParts) {
    const { database, vault, now } = parts.runtime;
    this.lease = taken;
    this.#parts = parts;
    this.#wanted = taken.wanted;
    this.#status = taken.wanted ? 'starting' : (taken.status as SessionStatus);
    this.#reason = taken.reason;
    this.#keys = openKeys(database, vault, taken, now);
    this.#events = openEvents(database, vault, taken, now);
    this.messages = openMessages(database, vault, taken, now);
    const onDeposed = () => parts.onDeposed(this);
    this.#writes = new WriteQueue({
      onDeposed,
      onDefect: (error) => this.#log('an event of a session could not be kept', codeOfDefect(error)),
      retryMs: parts.writeRetryMs,
    });
    this.#courier = new Courier({
      events: this.#events,
      post: parts.post,
      instance: () => parts.runtime.instances.read(taken.tenant, taken.instance),
      ingestUrl: parts.ingestUrl,
      onDeposed,
      onFailure: (code) => this.#log('events of a session wait', code),
      delaysMs: parts.postDelaysMs,
    });
    if (taken.wanted) this.#serve();
  }

  get status(): SessionStatus {
    return this.#status;
  }

  get reason(): string | null {
    return this.#reason;
  }

  /** The code to scan, while there is one. */
  get qr(): string | undefined {
    return this.#qr !== undefined && this.#qr.until > this.#parts.runtime.now() ? this.#qr.code : undefined;
  }

  /** The connection, while messages can be sent by it. */
  get open(): Connection | undefined {
    return this.#isOpen ? this.#connection : undefined;
  }

  /** True when there is nothing left to own it for. */
  get isIdle(): boolean {
    return !this.#wanted && this.#serving === undefined && this.#writes.size === 0 && this.#courier.isEmpty;
  }

  /** A message of that id is being sent by us. */
  sends(messageId: string): void {
    this.#sending.add(messageId);
    if (this.#sending.size > writesMax) this.#sending.delete([...this.#sending][0] ?? '');
  }

  /** Connects, unless it does already; one that waits does not wait any longer. */
  connect(): void {
    this.#wanted = true;
    this.#hurry?.();
    if (this.#serving === undefined) void this.#tell('starting', null);
    this.#serve();
  }

  /** Closes the connection; the account stays linked. */
  async disconnect(): Promise<void> {
    await this.#quit();
    await this.#tell('stopped', 'session.disconnected');
  }

  /** Unlinks the account and forgets its credentials. */
  async logOut(): Promise<void> {
    await this.open?.socket.logout().catch(() => undefined);
    await this.#quit();
    await this.#writes.add(() => this.#keys.forget());
    this.#credentials = undefined;
    await this.#tell('stopped', 'session.logged-out');
  }

  /** A code to be typed on the phone of that number; undefined when the account is linked, or cannot be now. */
  async pairingCode(phone: string): Promise<string | undefined> {
    this.connect();
    await this.#whenScanning();
    if (this.#status !== 'scanning') return undefined;
    const code = await this.#connection?.socket.requestPairingCode(phone).catch(() => undefined);
    const shown = this.qr;
    if (code === undefined) return undefined;
    await this.#tell('scanning', null, { qr: { code: shown ?? code, pairingCode: code } });
    return code;
  }

  /** S4. Does not wait for anything. */
  abandon(): void {
    this.#writes.close();
    this.#giveUp();
    void this.#courier.stop();
  }

  /** Closes the connection and writes what there is to write, for a while. */
  async stop(graceMs: number): Promise<void> {
    this.#giveUp();
    const written = Promise.all([this.#serving, this.#writes.settled()]);
    await Promise.race([written, pause(graceMs)]);
    this.#writes.close();
    await Promise.race([this.#courier.stop(), pause(graceMs)]);
  }

  #giveUp(): void {
    this.#life.abort();
    this.#hurry?.();
    this.#close();
  }

  #close(): void {
    this.#isOpen = false;
    void Promise.resolve(this.#connection?.socket.end(undefined)).catch(() => undefined);
  }

  async #quit(): Promise<void> {
    this.#wanted = false;
    this.#hurry?.();
    this.#close();
    await this.#serving;
  }

  #serve(): void {
    if (this.#life.signal.aborted) return;
    this.#serving ??= this.#run().finally(() => {
      this.#serving = undefined;
      // Asked for while it was ending.
      if (this.#wanted) this.#serve();
    });
  }

  #goesOn(): boolean {
    return this.#wanted && !this.#life.signal.aborted;
  }

  async #run(): Promise<void> {
    let failures = 0;
    let isFirst = true;
    while (this.#goesOn()) {
      const ending = await this.#connectOnce(isFirst);
      if (!this.#goesOn()) return;
      isFirst = false;
      const next = stepAfter(ending, failures, this.#parts.random());
      this.#log('a session was disconnected', next.reason, 'info');
      if (next.step === 'stop') {
        this.#wanted = false;
        if (next.forget) await this.#writes.add(() => this.#keys.forget());
        if (next.forget) this.#credentials = undefined;
        await this.#tell(next.reason === 'session.logged-out' ? 'stopped' : 'failed', next.reason);
        return;
      }
      failures = next.failures;
      await this.#tell('starting', next.reason);
      await this.#rest(next.afterMs * this.#parts.waitFactor);
    }
  }

  async #connectOnce(stagger: boolean): Promise<Ending> {
    await this.#writes.settled();
    const giveBack = await this.#parts.turns.take();
    const tooLong = setTimeout(giveBack, turnMsMax);
    try {
      if (stagger) await this.#rest(this.#parts.staggerMs * this.#parts.random());
      if (!this.#goesOn()) return notOpened;
      return await this.#converse(giveBack);
    } catch (caught) {
      // The database is away, or Baileys could not even begin.
      this.#log('a session could not be opened', codeOfDefect(caught));
      return notOpened;
    } finally {
      clearTimeout(tooLong);
      giveBack();
      this.#close();
      this.#connection = undefined;
      this.#isOpen = false;
      this.#qr = undefined;
    }
  }

  /** Opens a connection and stays with it to its end. */
  async #converse(onProgress: () => void): Promise<Ending> {
    const credentials = (await this.#keys.credentials()) ?? this.#parts.library.newCredentials();
    if (!this.#goesOn()) return notOpened;
    this.#credentials = credentials;
    const connection = this.#parts.library.open({
      credentials,
      keys: this.#keys,
      messageOf: async ({ id }) => (id == null ? undefined : this.messages.contentOf(id)),
    });
    this.#connection = connection;
    const ended = Promise.withResolvers<Ending>();
    const since = { openAt: undefined as number | undefined };
    connection.socket.ev.on('connection.update', (update) => {
      this.#onConnection(update, since, onProgress);
      if (update.connection !== 'close') return;
      const { now } = this.#parts.runtime;
      ended.resolve({
        code: codeOf(update.lastDisconnect?.error),
        openMs: since.openAt === undefined ? undefined : now() - since.openAt,
        linked: credentials.me?.id !== undefined,
      });
    });
    this.#listen(connection, credentials);
    await this.#recover(connection);
    if (!this.#goesOn()) this.#close();
    return ended.promise;
  }

  #onConnection(update: ConnectionUpdate, since: { openAt: number | undefined }, onProgress: () => void): void {
    const { now } = this.#parts.runtime;
    if (!this.#goesOn()) return;
    if (update.qr !== undefined) {
      onProgress();
      this.#qr = { code: update.qr, until: now() + codeToScanMs };
      void this.#tell('scanning', null, { qr: { code: update.qr } });
    }
    if (update.connection === 'open') {
      onProgress();
      this.#qr = undefined;
      this.#isOpen = true;
      since.openAt = now();
      void this.#tell('working', null);
    }
    if (update.connection === 'close') this.#isOpen = false;
    if (update.receivedPendingNotifications === true) void this.#writes.add(() => this.#keys.forgetReceived());
    if (update.reachoutTimeLock != null)
      void this.#tell(this.#status, this.#reason, { reachoutTimeLock: update.reachoutTimeLock });
  }

  #listen(connection: Connection, credentials: Credentials): void {
    const { ev } = connection.socket;
    const intake = new Intake({
      now: this.#parts.runtime.now,
      numberOf: (lid) => connection.numberOf(lid).catch(() => undefined),
      fileUrl: (messageId) =>
        this.#parts.fileUrl(this.lease, messageIndex(this.#parts.runtime.vault, this.lease, messageId)),
      sentByUs: (messageId) => this.#sending.has(messageId),
    });
    const take = (taken: () => Promise<Taken>): void => {
      let found: Taken | undefined;
      // Taken once, however often it is written.
      this.#write(async () => this.#store((found ??= await taken())));
    };
    const pass = (event: string) => (data: unknown) =>
      take(() => Promise.resolve({ events: [{ event, data }], messageIds: [], files: [] }));
    ev.on('creds.update', (update) => {
      Object.assign(credentials, update);
      this.#write(() => this.#keys.saveCredentials(credentials));
    });
    // Votes first: what fails with the database is made again, and the intake takes a message once.
    ev.on('messages.upsert', (upsert) => take(async () => intake.messages(await withVotes(upsert, this.#polls))));
    ev.on('messages.update', (updates) => take(() => intake.updates(updates)));
    ev.on('message-receipt.update', (receipts) => take(() => intake.receipts(receipts)));
    ev.on('messages.delete', pass('messages.delete'));
    ev.on('lid-mapping.update', pass('lid-mapping.update'));
    ev.on('message-capping.update', pass('message-capping.update'));
    ev.on('call', pass('call'));
    this.#intake = intake;
  }

  #intake: Intake | undefined;

  /** Messages that an earlier connection decrypted and that became no event (`key-store.ts`, K3). */
  async #recover(connection: Connection): Promise<void> {
    const parts = await this.#keys.received();
    if (parts.length === 0) return;
    const messages = await connection.recover(parts);
    const { messages: read } = await withVotes({ messages, type: 'append' }, this.#polls);
    const taken = await this.#intake?.messages({ messages: read, type: 'append' });
    if (taken !== undefined) await this.#writes.add(() => this.#store(taken));
  }

  async #store({ events, messageIds, files }: Taken): Promise<void> {
    if (events.length === 0 && messageIds.length === 0) return;
    const { vault } = this.#parts.runtime;
    await this.messages.keepFiles(files);
    const consumed = messageIds.map((id) => messageIndex(vault, this.lease, id));
    await this.#events.append(events, this.#me(), { consumed });
    this.#courier.call();
  }

  #write(write: () => Promise<unknown>): void {
    void this.#writes.add(write);
    // S3
    if (this.#writes.size > writesMax) this.#close();
  }

  get #polls(): PollParts {
    const { id, lid } = this.#credentials?.me ?? {};
    return {
      readVote: (vote, poll) => this.#parts.library.readVote(vote, poll),
      keep: (messageId, poll) => this.messages.keepPoll(messageId, poll),
      find: (messageId) => this.messages.pollOf(messageId),
      own: () => [id, lid].filter((one) => one !== undefined),
    };
  }

  #me(): unknown {
    const me = this.#credentials?.me;
    return me === undefined ? null : { id: me.id, ...(me.lid === undefined ? {} : { lid: me.lid }) };
  }

  /** Notes the session's state and tells it. */
  #tell(status: SessionStatus, reason: string | null, more: object = {}): Promise<void> {
    const { lease } = this;
    this.#status = status;
    this.#reason = reason;
    this.#statusChanged();
    const data = { status, reason, ...more };
    const state = { status, reason, wanted: this.#wanted };
    this.#log('a session changed', `${status}${reason === null ? '' : ` ${reason}`}`, 'info');
    return this.#writes.add(async () => {
      await this.#events.append([{ event: 'session.status', data: { ...data, epoch: lease.epoch } }], this.#me(), {
        state,
      });
      this.#courier.call();
    });
  }

  async #whenScanning(): Promise<void> {
    const until = Promise.withResolvers<undefined>();
    const look = (): void => {
      if (this.#status !== 'starting' && this.#status !== 'stopped') until.resolve(undefined);
    };
    this.#statusChanged = look;
    look();
    await Promise.race([until.promise, pause(pairingWaitMs)]);
    this.#statusChanged = () => undefined;
  }

  async #rest(ms: number): Promise<void> {
    if (ms <= 0 || !this.#goesOn()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#hurry = undefined;
  }

  #log(message: string, code: string, level: 'info' | 'warn' = 'warn'): void {
    const { tenant, instance } = this.lease;
    this.#parts.runtime.logger[level](message, { tenant, instance, code });
  }
}

const notOpened: Ending = { code: undefined, openMs: undefined, linked: true };

const codeOfDefect = (caught: unknown): string => (caught instanceof OperatingError ? caught.code : 'internal');

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
