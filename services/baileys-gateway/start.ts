/** Starts the gateway with its REST interface, on the real Baileys unless another is given. */
import { hostname } from 'node:os';

import { createHttpServer, serve } from '#runtime/http.ts';
import { openOutside } from '#runtime/net/adapters/undici-outside.ts';
import type { Outside } from '#runtime/net/outside.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';

import { openBaileys } from './adapters/baileys.ts';
import { Gateway, type GatewayOptions } from './gateway.ts';
import { gatewayRoutes, requestBytesMax } from './routes.ts';
import type { FetchFile } from './sending.ts';

/** Of a file that is to be sent. */
const file = { bytesMax: 100 * 1_024 * 1_024, totalMs: 60_000, idleMs: 15_000, redirectsMax: 3 } as const;

/** Starts it. Resolves when it serves. Throws `config.invalid`. */
export async function startBaileysGateway(
  runtime: Runtime,
  options: Partial<GatewayOptions> & Pick<GatewayOptions, 'ingestUrl'>,
): Promise<RunningService> {
  const { url, port } = runtime.config.baileys;
  const { host } = runtime.config;
  const library = options.library ?? (await openBaileys());
  const outside = openOutside();
  let serverUrl = '';
  const gateway = new Gateway(runtime, {
    fetchFile: fileFetcher(outside),
    url: () => url,
    ownUrl: () => reachable(serverUrl, host),
    ...options,
    library,
  });
  const server = createHttpServer({ logger: runtime.logger, bodyBytesMax: requestBytesMax });
  gatewayRoutes(server, { gateway, library, runtime });
  const service = await serve('baileys-gateway', server, { host, port }, runtime.logger, async () => {
    await gateway.stop();
    await outside.close();
  });
  serverUrl = service.url ?? '';
  return service;
}

/** A server that listens on every address is reached by its machine's name. */
function reachable(serverUrl: string, host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return serverUrl;
  const url = new URL(serverUrl);
  url.hostname = hostname();
  return url.origin;
}

const fileFetcher =
  (outside: Outside): FetchFile =>
  async (url) => {
    try {
      const answer = await outside.request({ method: 'GET', url, ...file });
      if (answer.status !== 200) {
        answer.body.destroy();
        return undefined;
      }
      const chunks: Buffer[] = [];
      for await (const chunk of answer.body) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks);
    } catch {
      // Whatever it was, the file cannot be had.
      return undefined;
    }
  };
