/**
 * The edge of `npm run cluster`: one URL for several services, as nginx gives it in a real cluster.
 * Passes requests on as they are; no limits, no caching.
 */
import { Agent, type IncomingMessage, type ServerResponse, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Config } from '#runtime/config.ts';
import type { Logger } from '#runtime/logger.ts';

/** A running edge. */
export interface Edge {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts it. `targets` are URLs by path prefix; the longest that fits is taken. */
export async function startEdge(
  targets: Readonly<Record<string, string>>,
  config: Pick<Config, 'host' | 'port'>,
  logger: Logger,
): Promise<Edge> {
  const agent = new Agent({ keepAlive: true });
  const prefixes = Object.keys(targets).sort((a, b) => b.length - a.length);
  const pass = (incoming: IncomingMessage, answer: ServerResponse): void => {
    const prefix = prefixes.find((start) => (incoming.url ?? '/').startsWith(start));
    const target = new URL(incoming.url ?? '/', targets[prefix ?? '/']);
    const outgoing = request(target, { method: incoming.method, headers: incoming.headers, agent }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    outgoing.on('error', () => {
      if (answer.headersSent) answer.destroy();
      else
        answer
          .writeHead(503, { 'retry-after': '2', 'content-type': 'application/problem+json' })
          .end(JSON.stringify({ status: 503, code: 'upstream-away', title: 'upstream-away' }));
    });
    incoming.on('error', () => outgoing.destroy());
    incoming.pipe(outgoing);
  };
  const server = createServer(pass);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: config.host, port: config.port }, resolve);
  }).catch(async (caught: unknown) => {
    if (!(caught instanceof Error && 'code' in caught && caught.code === 'EADDRINUSE')) throw caught;
    logger.warn('the port is busy, a free one is taken', { port: config.port });
    await new Promise<void>((resolve) => server.listen({ host: config.host, port: 0 }, resolve));
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${config.host === '0.0.0.0' ? '127.0.0.1' : config.host}:${port}`,
    async close() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
