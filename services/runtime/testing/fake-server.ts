/** What the fakes of providers have in common: a server on the loopback, and a queue of things to do wrong. */
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How any fake is run. */
export interface FakeServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Asked first; true when it took the request over. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** A server that answers. */
export interface FakeServer {
  readonly url: string;
  readonly server: Server;
  /** Cuts what is open. */
  readonly close: () => Promise<void>;
}

/** Starts one; a request whose handler rejects is cut. */
export async function startFakeServer(
  { port = 0, intercept }: FakeServerOptions,
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<FakeServer> {
  const server = createServer((request, response) => {
    if (intercept?.(request, response) === true) return;
    handle(request, response).catch(() => request.socket.destroy());
  });
  server.listen(port, '127.0.0.1');
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The body of a request; rejects over `max` bytes. */
export async function bytesOf(request: IncomingMessage, max: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > max) throw new Error('body too large');
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Headers as text. */
export const headersOf = (request: IncomingMessage): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));

/** What to do wrong, used up in the order given. `on` is `send` where a fault does not say. */
export class FaultQueue<Fault extends { readonly on?: string; readonly times?: number }> {
  readonly #queue: { readonly fault: Fault; left: number }[] = [];

  add(fault: Fault): void {
    this.#queue.push({ fault, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#queue.splice(0);
  }

  /** The next one that is about this; undefined when none is due. */
  next(on: NonNullable<Fault['on']>): Fault | undefined {
    const index = this.#queue.findIndex(({ fault }) => (fault.on ?? 'send') === on);
    const found = this.#queue[index];
    if (found === undefined) return undefined;
    found.left -= 1;
    if (found.left <= 0) this.#queue.splice(index, 1);
    return found.fault;
  }
}
