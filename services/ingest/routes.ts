/**
 * The webhook route. Does nothing but check, normalise and append: no reply, no call to a provider.
 *
 * In this order, each step only when the one before was passed: token (404, before the body is
 * read) · the tenant's share (429) · room in memory (503) · content type and size (415, 413) · signature over the raw bytes
 * (401) · form (400) · log (503) · window of duplicates marked · 200.
 *
 * Invariant: 200 is sent only when every event of the body is durable on the log.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';

import { Problem } from '#runtime/http.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { Admission } from './admission.ts';
import { BodyBudget, type Ticket } from './body-budget.ts';
import type { DuplicateWindow } from './duplicate-window.ts';
import { parseBody } from './json-body.ts';
import { baileys } from './providers/baileys.ts';
import { cloud } from './providers/cloud.ts';
import { evolution } from './providers/evolution.ts';
import type { NormalisedEvent, WebhookProvider } from './providers/provider.ts';
import { simulator } from './providers/simulator.ts';
import { waha } from './providers/waha.ts';
import { openRecorder } from './record.ts';

/** Largest webhook body. */
export const bodyBytesMax = 6 * 1_024 * 1_024;

/** Bodies in memory at a time, in bytes; each costs a few times its size while it is worked on. */
const bodiesBytesMax = 8 * bodyBytesMax;

const retryAfterSecondsWhenFull = 1;
/** A tenant over its share: the hosts need some seconds for half of it. */
const retryAfterSecondsOverShare = 5;

const providersByName: ReadonlyMap<string, WebhookProvider> = new Map([
  ['waha', waha],
  ['cloud', cloud],
  ['evolution', evolution],
  ['baileys', baileys],
  ['simulator', simulator],
]);

/** What is known of a request once its token was found. */
interface Admitted {
  readonly provider: WebhookProvider;
  /** Of the token. */
  readonly instance: Instance;
  /** Those that share the token, itself included. */
  readonly instances: readonly Instance[];
  readonly ticket: Ticket;
}

/** Where a webhook comes to. */
interface Destination {
  readonly Params: { readonly provider: string; readonly token: string; readonly event?: string };
}

const notFound = (): Problem => new Problem(404, 'not-found', 'There is nothing here.');

/**
 * Registers `POST /webhooks/:provider/:token`, and the `GET` by which some providers check it. The body's parser is the route's own; other routes of
 * the server keep theirs. `window` stays the caller's to close.
 */
export function ingestRoutes(server: FastifyInstance, runtime: Runtime, window: DuplicateWindow): void {
  const { metrics, logger } = runtime;
  const { tenantBacklogMax } = runtime.config;
  const admission = tenantBacklogMax === undefined ? undefined : new Admission(runtime.log, tenantBacklogMax);
  if (admission !== undefined) server.addHook('onClose', async () => admission.close());
  const recorder = openRecorder(runtime, window, admission);
  const budget = new BodyBudget(bodiesBytesMax);
  const admitted = new WeakMap<FastifyRequest<Destination>, Admitted>();

  /** The same answer for an unknown provider, an unknown token and a token of another provider. */
  const find = async ({ params }: FastifyRequest<Destination>): Promise<Omit<Admitted, 'ticket'>> => {
    const provider = providersByName.get(params.provider);
    const instances = provider === undefined ? [] : await runtime.instances.byToken(params.token);
    const [instance] = instances;
    if (provider === undefined || instance?.provider !== params.provider) throw notFound();
    if (params.event !== undefined && provider.takesEventPath !== true) throw notFound();
    return { provider, instance, instances };
  };

  const admit = async (request: FastifyRequest<Destination>): Promise<Admitted> => {
    const found = await find(request);
    const { instance } = found;
    if (admission?.enter(instance.tenant) === false) {
      throw new Problem(429, 'rate-limited', 'Too many events of the tenant are waiting.', retryAfterSecondsOverShare);
    }
    const ticket = budget.enter(announcedBytes(request));
    if (ticket === undefined) {
      admission?.leave(instance.tenant);
      throw new Problem(503, 'ingest-full', 'Too much is being taken in; try again.', retryAfterSecondsWhenFull);
    }
    return { ...found, ticket };
  };

  const take = async (request: FastifyRequest<Destination>, { provider, instance, instances }: Admitted) => {
    const bytes = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    if (!instances.some((one) => provider.verify(bytes, request.headers, one))) {
      throw new Problem(401, 'signature-invalid', 'The signature is missing or wrong.');
    }
    const body = { ...parseBody(bytes), requestId: request.id };
    const known = provider.knows?.(body, instances) ?? true;
    const all = known ? instances : await runtime.instances.byToken(request.params.token, true);
    const normalised = provider.normalise(body, instance, all);
    const events = body.json['recovered'] === true ? normalised.map(asRecovered) : normalised;
    const { events: recorded, ...counts } = await recorder.record(events, instance);
    for (const [outcome, count] of Object.entries(counts)) {
      if (count > 0) metrics.ingestEvents.inc({ provider: instance.provider, outcome }, count);
    }
    return provider.answersEvents ? { ...counts, events: recorded } : counts;
  };

  void server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
      done(null, body);
    });
    scope.get<Destination>('/webhooks/:provider/:token', async (request, reply) => {
      const { provider, instances } = await find(request);
      if (provider.challenge === undefined) throw notFound();
      const answers = instances.map((one) => provider.challenge?.(request.query, one));
      const answer = answers.find((one) => one !== undefined);
      if (answer === undefined) throw new Problem(403, 'challenge-refused', 'The verify token is missing or wrong.');
      return reply.type('text/plain').header('x-content-type-options', 'nosniff').send(answer);
    });
    for (const path of ['/webhooks/:provider/:token', '/webhooks/:provider/:token/:event']) {
      scope.post<Destination>(path, {
        bodyLimit: bodyBytesMax,
        onRequest: async (request, reply) => {
          const found = await admit(request);
          admitted.set(request, found);
          reply.raw.once('close', () => {
            found.ticket.release();
            admission?.leave(found.instance.tenant);
          });
        },
        onResponse: async (request, reply) => {
          const provider = admitted.get(request)?.instance.provider ?? 'unknown';
          metrics.ingestRequests.inc({ provider, outcome: String(reply.statusCode) });
          metrics.ingestDuration.observe({ provider }, reply.elapsedTime / 1_000);
        },
        handler: async (request, reply) => {
          const found = admitted.get(request);
          if (found === undefined) throw new Error('a webhook was handled before it was admitted');
          const answer = await found.ticket.during(() => take(request, found));
          logger.debug('webhook recorded', {
            tenant: found.instance.tenant,
            instance: found.instance.id,
            requestId: request.id,
            count: answer.accepted + answer.ignored,
            durationMs: Math.round(reply.elapsedTime),
          });
          return answer;
        },
      });
    }
  });
}

/** Found in the provider's history by us: whoever signs as the provider says so. */
const asRecovered = (event: NormalisedEvent): NormalisedEvent =>
  event.type === 'message.received' || event.type === 'message.echoed'
    ? { ...event, message: { ...event.message, recovered: true } }
    : event;

/** Bytes that the headers announce; the limit when they do not say, or say more than will be read. */
function announcedBytes(request: FastifyRequest<Destination>): number {
  const announced = Number(request.headers['content-length'] ?? bodyBytesMax);
  return Number.isSafeInteger(announced) && announced >= 0 ? Math.min(announced, bodyBytesMax) : bodyBytesMax;
}
