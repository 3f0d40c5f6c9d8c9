/**
 * The HTTP server under ingest and the API: limits, request ids, and one form of error
 * (RFC 9457 problem JSON with a stable `code`).
 */
import { randomUUID } from 'node:crypto';

import fastify, { type FastifyInstance } from 'fastify';

import { OperatingError } from './errors.ts';
import type { Logger } from './logger.ts';

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
  const server = fastify({
    logger: false,
    bodyLimit: options.bodyBytesMax,
    requestTimeout: timeouts.requestMs,
    keepAliveTimeout: timeouts.keepAliveMs,
    connectionTimeout: timeouts.connectionMs,
    genReqId: () => randomUUID(),
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
  server.setErrorHandler((caught, request, reply) => {
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
  });
  return server;
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
  FST_ERR_VALIDATION: [400, 'request-invalid', 'The request does not have the documented form.'],
};

/** The answer to anything thrown. Never throws. */
export function problemOf(caught: unknown): Problem {
  if (caught instanceof Problem) return caught;
  if (caught instanceof OperatingError) {
    return caught.disposition === 'retry' || caught.disposition === 'yield'
      ? new Problem(503, caught.code, 'A part that is needed is away; try again.', retryAfterSecondsDefault)
      : new Problem(500, caught.code, 'The request could not be carried out.');
  }
  const code = caught instanceof Error && 'code' in caught && typeof caught.code === 'string' ? caught.code : '';
  const known = fastifyCodes[code];
  if (known !== undefined) return new Problem(...known);
  const status =
    caught instanceof Error && 'statusCode' in caught && typeof caught.statusCode === 'number'
      ? caught.statusCode
      : 500;
  if (status >= 400 && status < 500) return new Problem(status, 'request-invalid', 'The request cannot be read.');
  return new Problem(500, 'internal', 'Something went wrong on our side.');
}
