/**
 * A TCP proxy on the loopback through which all connections of a run lead: to the broker, to Postgres,
 * to Redis. What is behind it may change its port; what happens on the way is decided here.
 */
import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A request of the Kafka protocol that is kept back. */
interface Held {
  /** Number of the kind of request: 26 is EndTxn. */
  readonly apiKey: number;
  readonly ms: number;
  times: number;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Whether it ends within the next that the server says. */
  torn: boolean;
}

/** One. */
export class TcpProxy {
  /** Where connections are led; may be changed at any time. */
  target: number;
  /** Milliseconds added each way. */
  delayMs = 0;
  readonly #listener: Server;
  readonly #pairs = new Set<Pair>();
  #held: Held | undefined;
  #stall: PromiseWithResolvers<undefined> | undefined;
  #refusing = false;

  private constructor(listener: Server, target: number) {
    this.#listener = listener;
    this.target = target;
    listener.on('connection', (client) => this.#join(client));
  }

  /** Listens on a free port. */
  static async open(target = 0): Promise<TcpProxy> {
    const listener = createServer({ noDelay: true });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return new TcpProxy(listener, target);
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** Every connection is reset in the middle of what comes next from the server. */
  tear(): void {
    for (const pair of this.#pairs) pair.torn = true;
  }

  /** From now on nothing goes through, and nobody is told: connections stay open. */
  stall(): void {
    this.#stall ??= Promise.withResolvers();
  }

  /** What was held up by `stall` goes on. */
  resume(): void {
    this.#stall?.resolve(undefined);
    this.#stall = undefined;
  }

  /** Cuts every connection with a reset. */
  reset(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /** Cuts every connection and takes no new ones while it is true. */
  refuse(refusing: boolean): void {
    this.#refusing = refusing;
    if (refusing) this.reset();
  }

  /**
   * Keeps the next `times` requests of a kind back for `ms`, each on its own: its connection is cut towards the
   * client at once, who goes on by another one, and the broker gets the request late on the old one.
   */
  holdBack(apiKey: number, ms: number, times: number): void {
    this.#held = { apiKey, ms, times };
  }

  /** As if it were not there: no delay, nothing held, nothing to be torn. */
  heal(): void {
    this.delayMs = 0;
    this.#held = undefined;
    this.#refusing = false;
    for (const pair of this.#pairs) pair.torn = false;
    this.resume();
  }

  /** Requests that were kept back of those asked for by `holdBack`. */
  get heldLeft(): number {
    return this.#held?.times ?? 0;
  }

  /** Cuts everything and stops listening. */
  async close(): Promise<void> {
    this.heal();
    this.reset();
    await new Promise((closed) => this.#listener.close(closed));
  }

  #join(client: Socket): void {
    if (this.#refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ host: '127.0.0.1', port: this.target, noDelay: true });
    const pair = { client, server, torn: false };
    this.#pairs.add(pair);
    this.#pump(client, server, (chunk) => this.#keepBack(pair, chunk));
    this.#pump(server, client, (chunk) => Promise.resolve(this.#tearUp(pair, chunk)));
    for (const socket of [client, server]) {
      socket.on('error', () => undefined);
      socket.once('close', () => this.#pairs.delete(pair));
    }
  }

  /** Carries what comes from one side to the other, in order, until one of them ends. */
  #pump(from: Socket, to: Socket, keepsBack: (chunk: Buffer) => Promise<boolean>): void {
    let order = Promise.resolve();
    from.on('data', (chunk: Buffer) => {
      const due = performance.now() + this.delayMs;
      from.pause();
      order = order.then(async () => {
        if (due > performance.now()) await sleep(due - performance.now());
        await this.#stall?.promise;
        if (!(await keepsBack(chunk)) && to.writable) to.write(chunk);
        from.resume();
      });
    });
    from.on('close', () => {
      order = order.then(() => void to.end());
    });
  }

  #tearUp({ client, server, torn }: Pair, chunk: Buffer): boolean {
    if (!torn) return false;
    client.write(chunk.subarray(0, Math.ceil(chunk.length / 2)), () => client.resetAndDestroy());
    server.resetAndDestroy();
    return true;
  }

  /** A request is recognised at the beginning of a chunk: clients write each one whole. */
  async #keepBack({ client, server }: Pair, chunk: Buffer): Promise<boolean> {
    const held = this.#held;
    if (held === undefined || held.times <= 0 || chunk.length < 8 || chunk.readInt16BE(4) !== held.apiKey) return false;
    held.times -= 1;
    client.resetAndDestroy();
    await sleep(held.ms);
    server.write(chunk);
    // Long enough to be carried out; its answer reaches nobody.
    await sleep(1_000);
    return true;
  }
}
