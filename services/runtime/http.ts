/**
 * The HTTP server under ingest and the API: limits, request ids, and one form of error
 * (RFC 9457 problem JSON with a stable `code`).
 */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';

import type { Config } from './config.ts';
import { codeOf, OperatingError } from './errors.ts';
import type { Logger } from './logger.ts';
import type { RunningService } from './runtime.ts';

/** An answer that is not a success. `detail` is our own text and never repeats input. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly code: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, code: string, detail: string, retryAfterSeconds?: number) {
    super(detail);
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

const timeouts = {
  /** A request that is not whole after this is cut: slow bodies hold no sockets. */
  requestMs: 15_000,
  /** Longer than a proxy's, so that the proxy closes idle connections first. */
  keepAliveMs: 75_000,
  connectionMs: 60_000,
} as const;

const retryAfterSecondsDefault = 2;

/** Makes the server. Routes set their own body limits up to `bodyBytesMax`. */
export function createHttpServer(options: { readonly logger: Logger; readonly bodyBytesMax: number }): FastifyInstance {
  const { logger } = options;
  const refuse = (caught: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const problem = problemOf(caught);
    const fields = {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url ?? 'none',
      status: problem.status,
      code: problem.code,
    };
    if (problem.status >= 500) logger.error('request failed', { ...fields, error: caught });
    else logger.debug('request refused', fields);
    if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', String(problem.retryAfterSeconds));
    void reply
      .status(problem.status)
      .type('application/problem+json')
      .send(problemBody(problem.status, problem.code, problem.message, request.id));
  };
  const server = fastify({
    logger: false,
    bodyLimit: options.bodyBytesMax,
    requestTimeout: timeouts.requestMs,
    keepAliveTimeout: timeouts.keepAliveMs,
    connectionTimeout: timeouts.connectionMs,
    genReqId: () => randomUUID(),
    // Paths that no route can take; Fastify's own answer repeats them, and paths hold tokens.
    frameworkErrors: (caught, request, reply) => {
      reply.header('x-request-id', request.id);
      refuse(caught, request, reply);
    },
    // What does not even parse as HTTP is answered in the same form as everything else.
    clientErrorHandler: answerUnreadable,
    // Open keep-alive connections must not hold up a drain.
    forceCloseConnections: 'idle',
    return503OnClosing: true,
  });
  server.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  server.setNotFoundHandler((request, reply) => {
    void reply
      .status(404)
      .type('application/problem+json')
      .send(problemBody(404, 'not-found', 'There is nothing here.', request.id));
  });
  server.setErrorHandler(refuse);
  return server;
}

/** Statuses of what Node's parser refuses, by its code. */
const unreadable: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'headers-too-large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'request-timeout'],
};

function answerUnreadable(caught: Error & { readonly code?: string }, socket: Socket): void {
  if (caught.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, code] = unreadable[caught.code ?? ''] ?? [400, 'request-invalid'];
  const requestId = randomUUID();
  const body = JSON.stringify(problemBody(status, code, 'The request cannot be read.', requestId));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\ncontent-type: application/problem+json\r\nx-request-id: ${requestId}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const problemBody = (status: number, code: string, detail: string, requestId: string) => ({
  type: `about:blank#${code}`,
  title: code,
  status,
  code,
  detail,
  requestId,
});

/** Codes of Fastify's own errors that are the caller's doing; anything else of it is ours. */
const fastifyCodes: Readonly<Record<string, readonly [number, string, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [413, 'body-too-large', 'The body is too large.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, 'content-type-unsupported', 'The content type is not supported.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: [400, 'body-not-json', 'The body is empty.'],
  FST_ERR_CTP_INVALID_JSON_BODY: [400, 'body-not-json', 'The body is not JSON.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, 'content-length-wrong', 'The body is not as long as its header says.'],
  FST_ERR_BAD_URL: [400, 'url-malformed', 'The URL cannot be read.'],
  FST_ERR_MAX_PARAM_LENGTH: [404, 'not-found', 'There is nothing here.'],
  FST_ERR_VALIDATION: [400, 'request-invalid', 'The request does not have the documented form.'],
};

/** The answer to anything thrown. Never throws. */
function problemOf(caught: unknown): Problem {
  if (caught instanceof Problem) return caught;
  if (caught instanceof OperatingError) {
    if (caught.code === 'tenant.unconfigured')
      return new Problem(409, 'tenant-unconfigured', 'The tenant has no configuration yet.');
    return caught.disposition === 'retry' || caught.disposition === 'yield'
      ? new Problem(503, caught.code, 'A part that is needed is away; try again.', retryAfterSecondsDefault)
      : new Problem(500, caught.code, 'The request could not be carried out.');
  }
  const known = fastifyCodes[codeOf(caught)];
  if (known !== undefined) return new Problem(...known);
  const status =
    caught instanceof Error && 'statusCode' in caught && typeof caught.statusCode === 'number'
      ? caught.statusCode
      : 500;
  if (status >= 400 && status < 500) return new Problem(status, 'request-invalid', 'The request cannot be read.');
  return new Problem(500, 'internal', 'Something went wrong on our side.');
}

/** Ports tried after a busy one. */
const portsTried = 20;

/** Listens on the configured port or, when it is busy, on the next free one; returns the URL. */
export async function listen(
  server: FastifyInstance,
  config: Pick<Config, 'host' | 'port'>,
  logger: Logger,
): Promise<string> {
  for (let offset = 0; ; offset++) {
    try {
      await server.listen({ host: config.host, port: config.port === 0 ? 0 : config.port + offset });
      break;
    } catch (caught) {
      const busy = caught instanceof Error && 'code' in caught && caught.code === 'EADDRINUSE';
      if (!busy || offset === portsTried) throw caught;
      logger.warn('the port is busy, the next one is tried', { port: config.port + offset });
    }
  }
  const { port, family, address } = server.server.address() as AddressInfo;
  const host = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
  return `http://${host}:${port}`;
}

/** Serves as a service: listening when it resolves, drained when `stop` does; `closed` runs last. */
export async function serve(
  name: string,
  server: FastifyInstance,
  config: Pick<Config, 'host' | 'port'>,
  logger: Logger,
  closed: () => Promise<void> = () => Promise.resolve(),
): Promise<RunningService> {
  const url = await listen(server, config, logger);
  logger.info('listening', { port: Number(new URL(url).port) });
  const finished = Promise.withResolvers<undefined>();
  let stopping: Promise<void> | undefined;
  return {
    name,
    url,
    finished: finished.promise,
    stop: () => {
      stopping ??= server
        .close()
        .then(closed)
        .then(() => finished.resolve(undefined));
      return stopping;
    },
  };
}
