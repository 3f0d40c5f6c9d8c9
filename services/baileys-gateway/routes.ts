/**
 * The gateway's REST interface, for the cluster's own network (`#runtime/baileys/gateway.ts` has its shapes).
 * One bearer key opens it; files are found by addresses that nobody can guess.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { Readable } from 'node:stream';

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';

import {
  type SessionAnswer,
  gatewayKeyOf,
  numbersRequest,
  pairingRequest,
  readRequest,
  sendRequest,
  typingRequest,
} from '#runtime/baileys/gateway.ts';
import { OperatingError } from '#runtime/errors.ts';
import { Problem } from '#runtime/http.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { forward, forwardedHeader } from './adapters/forward.ts';
import type { Gateway } from './gateway.ts';
import { Deposed } from './leases.ts';
import { fileOf } from './messages.ts';
import { jidOf } from './outgoing.ts';
import type { Connection, WhatsAppLibrary } from './ports/whatsapp-library.ts';
import type { Session } from './session.ts';

/** A file of 16 MB in base64, and some more. */
export const requestBytesMax = 24 * 1_024 * 1_024;

interface Place {
  readonly Params: { readonly tenant: string; readonly instance: string };
}

/** What routes are given. */
export interface RouteParts {
  readonly gateway: Gateway;
  readonly library: WhatsAppLibrary;
  readonly runtime: Pick<Runtime, 'database' | 'vault' | 'instances' | 'config'>;
}

const notConnected = (): Problem => new Problem(409, 'session-not-working', 'The session is not connected.');
const elsewhere = (): Problem => new Problem(503, 'session-elsewhere', 'Another gateway takes over the session.', 1);
const notFound = (): Problem => new Problem(404, 'not-found', 'There is nothing here.');

/** Registers the routes. */
export function gatewayRoutes(server: FastifyInstance, parts: RouteParts): void {
  const { gateway } = parts;
  server.get('/livez', async () => ({ status: 'alive' }));
  fileRoute(server, parts);
  void server.register(async (scope) => {
    scope.addHook<Place>('onRequest', async (request) => {
      if (!isBearer(request.headers.authorization, keyOf(parts.runtime, request.params.tenant)))
        throw new Problem(401, 'unauthorized', 'The bearer key is missing or wrong.');
    });
    const base = '/v1/sessions/:tenant/:instance';

    /** Runs with the session when it is held here, else passes the request on (G3). */
    const held =
      (work: (session: Session, request: FastifyRequest<Place>) => Promise<unknown>, otherwise?: 'adopt') =>
      async (request: FastifyRequest<Place>, reply: FastifyReply): Promise<unknown> => {
        const { tenant, instance } = request.params;
        const session = otherwise === 'adopt' ? await gateway.adopt(tenant, instance) : gateway.session(instance);
        if (session?.lease.tenant !== tenant) return passOn(gateway, request, reply);
        try {
          return (await work(session, request)) ?? (await reply.status(204).send());
        } catch (caught) {
          throw caught instanceof Deposed ? elsewhere() : caught;
        }
      };
    const connected = (work: (connection: Connection, request: FastifyRequest<Place>) => Promise<unknown>) =>
      held(async (session, request) => {
        if (session.open === undefined) throw notConnected();
        return work(session.open, request);
      });

    scope.put<Place>(base, async (request, reply) => {
      const { tenant, instance } = request.params;
      if ((await parts.runtime.instances.read(tenant, instance))?.provider !== 'baileys') throw notFound();
      const session = await gateway.want(tenant, instance);
      if (session === undefined) return passOn(gateway, request, reply);
      session.connect();
      return shown(gateway, request.params, session);
    });
    scope.get<Place>(base, async (request, reply) => {
      const session = gateway.session(request.params.instance);
      if (session?.lease.tenant === request.params.tenant) return shown(gateway, request.params, session);
      // Where nobody holds it, its row says all there is.
      return passOn(gateway, request, reply, () => shown(gateway, request.params));
    });
    scope.delete<Place>(
      base,
      held((session) => session.logOut(), 'adopt'),
    );
    scope.post<Place>(
      `${base}/disconnect`,
      held((session) => session.disconnect(), 'adopt'),
    );
    scope.post<Place>(
      `${base}/pairing-code`,
      held(async (session, { body }) => {
        const code = await session.pairingCode(read(pairingRequest, body).phone);
        if (code === undefined) throw new Problem(409, 'pairing-refused', 'The session cannot be linked now.');
        return { code };
      }),
    );
    scope.post<Place>(
      `${base}/messages`,
      held((session, { body }) => gateway.sending.send(session, read(sendRequest, body))),
    );
    scope.get<Place & { readonly Params: { readonly id: string } }>(`${base}/messages/:id`, async (request, reply) =>
      held(async (session) => (await session.messages.find(request.params.id)) ?? { status: 'unknown' })(
        request,
        reply,
      ),
    );
    scope.post<Place>(
      `${base}/typing`,
      connected(async ({ socket }, { body }) => {
        const { chat, forMs } = read(typingRequest, body);
        await socket.sendPresenceUpdate('composing', jidOf(chat));
        const end = (): void => void socket.sendPresenceUpdate('paused', jidOf(chat)).catch(() => undefined);
        setTimeout(end, forMs).unref();
      }),
    );
    scope.post<Place>(
      `${base}/read`,
      connected(async ({ socket }, { body }) => {
        const { chat, id, participant } = read(readRequest, body);
        const author = participant === undefined ? {} : { participant: jidOf(participant) };
        await socket.readMessages([{ remoteJid: jidOf(chat), fromMe: false, id, ...author }]);
      }),
    );
    scope.post<Place>(
      `${base}/numbers`,
      connected(async ({ socket }, { body }) => {
        const { phones } = read(numbersRequest, body);
        const found = (await socket.onWhatsApp(...phones)) ?? [];
        return {
          items: phones.map((phone, i) => {
            const one =
              found.find(({ jid }) => jid.startsWith(`${phone}@`)) ?? (phones.length === 1 ? found[i] : undefined);
            return one?.exists === true ? { phone, exists: true, address: one.jid } : { phone, exists: false };
          }),
        };
      }),
    );
  });
}

function fileRoute(server: FastifyInstance, { runtime, library }: RouteParts): void {
  // No key: the last part of the address is a keyed hash of 256 bits, known to who was told the message.
  server.get<Place & { readonly Params: { readonly index: string } }>(
    '/files/:tenant/:instance/:index',
    async (request, reply) => {
      const { index, ...where } = request.params;
      if (!/^[0-9a-f]{64}$/.test(index)) throw notFound();
      const pointer = await fileOf(runtime.database, runtime.vault, where, index);
      if (pointer === undefined) throw notFound();
      const bytes = await library.download(pointer).catch(() => undefined);
      if (bytes === undefined) throw new Problem(410, 'file-gone', 'WhatsApp does not have the file any more.');
      return reply.type(mimetypeOf(pointer.mimetype)).send(Readable.from(bytes));
    },
  );
}

/** A header's value; anything else that a sender put there says nothing. */
const mimetypeOf = (given: string | undefined): string =>
  given !== undefined && /^[\w.+-]{1,60}\/[\w.+-]{1,60}(?:; codecs=[\w.,-]{1,40})?$/.test(given)
    ? given
    : 'application/octet-stream';

async function passOn(
  gateway: Gateway,
  request: FastifyRequest<Place>,
  reply: FastifyReply,
  unowned: () => Promise<unknown> = () => Promise.reject(notConnected()),
): Promise<unknown> {
  const { tenant, instance } = request.params;
  const place = await gateway.leases.find(tenant, instance);
  if (place === undefined) throw notFound();
  if (place.ownerUrl === undefined) return unowned();
  if (request.headers[forwardedHeader] !== undefined) throw elsewhere();
  const { authorization } = request.headers;
  const answer = await forward(new URL(request.url, place.ownerUrl), {
    method: request.method,
    authorization,
    body: request.body,
  });
  if (answer === undefined) throw elsewhere();
  return reply.status(answer.status).send(answer.body ?? undefined);
}

async function shown(
  gateway: Gateway,
  { tenant, instance }: Place['Params'],
  session?: Session,
): Promise<SessionAnswer> {
  const place = await gateway.leases.find(tenant, instance);
  if (place === undefined) throw notFound();
  const status = session?.status ?? (place.status as SessionAnswer['status']);
  return {
    // Nobody holds it now, so it is not connected, whatever it was last.
    status: session === undefined && (status === 'working' || status === 'scanning') ? 'starting' : status,
    reason: session === undefined ? place.reason : session.reason,
    epoch: place.epoch,
    waiting: place.waiting,
    ...(session?.qr === undefined ? {} : { qr: { code: session.qr } }),
  };
}

function read<Shape extends z.ZodType>(shape: Shape, body: unknown): z.output<Shape> {
  const found = shape.safeParse(body);
  if (!found.success) throw new Problem(400, 'body-invalid', 'The body does not have the documented form.');
  return found.data;
}

/** Undefined for a tenant that has no key, as one that does not exist. */
function keyOf(runtime: RouteParts['runtime'], tenant: string): string | undefined {
  try {
    return gatewayKeyOf(runtime, tenant);
  } catch (caught) {
    if (caught instanceof OperatingError) return undefined;
    throw caught;
  }
}

/** Hashes first: the time says nothing of the length either. */
function isBearer(header: string | undefined, key: string | undefined): boolean {
  if (key === undefined) return false;
  const [presented, expected] = [/^Bearer (\S+)$/.exec(header ?? '')?.[1] ?? '', key].map((text) =>
    createHash('sha256').update(text).digest(),
  );
  return presented !== undefined && expected !== undefined && timingSafeEqual(presented, expected);
}
