/**
 * An Evolution API v2 server (`#runtime/testing/fake-evolution.ts`) with instances and webhooks.
 *
 * Source: Evolution's code, 2.3.7. It posts up to 10 times: after 5 s, then doubling up to 300 s, a fifth of
 * it by chance; never again after 400, 401, 403, 404 and 422.
 */
import {
  type EvolutionFault,
  type EvolutionMessage,
  shapeOf,
  startFakeEvolution,
} from '#runtime/testing/fake-evolution.ts';

import { type JsonAnswer, type JsonRoutes, answerWith } from '../json-http.ts';
import type { SessionState } from '../session.ts';
import {
  type AcceptedMessage,
  type Personality,
  type PersonalityOptions,
  type Progress,
  type RetryPlan,
  addressesOf,
  faultOf,
  ownNumber,
  recipientOf,
} from './personality.ts';
import { webMessageOf, webTextOf } from './web-message.ts';

const states: Readonly<Record<SessionState, string>> = {
  stopped: 'close',
  scanning: 'connecting',
  working: 'open',
  failed: 'close',
};

const statuses: Readonly<Record<Progress, string>> = {
  sent: 'SERVER_ACK',
  delivered: 'DELIVERY_ACK',
  read: 'READ',
  restricted: 'ERROR',
};

const retries: RetryPlan = {
  attempts: 10,
  delayMs: (attempt, chance) => Math.min(5_000 * 2 ** (attempt - 2), 300_000) * (0.9 + 0.2 * chance),
  final: [400, 401, 403, 404, 422],
  inOrder: false,
};

/** Starts one on the loopback. */
export async function startEvolution(options: PersonalityOptions): Promise<Personality> {
  const { session, state, apiKey, misdeed } = options;
  // WhatsApp's refusal comes later than Evolution's answer: whose next message it will be.
  const restricted = new Set<string>();
  const behave = (body: Readonly<Record<string, unknown>>): EvolutionFault | undefined => {
    const jid = jidIn(body);
    const found = misdeed(recipientOf(jid));
    if (found?.kind !== 'restricted') return faultOf(found, 503);
    restricted.add(jid);
    return undefined;
  };
  const fake = await startFakeEvolution({
    port: options.port,
    instances: [session],
    ...(apiKey === undefined ? {} : { apiKey }),
    behave,
    onMessage: (message) => {
      if (restricted.delete(message.remoteJid)) options.refused(acceptedOf(message));
      else options.accepted(acceptedOf(message));
    },
    intercept: (request, response) =>
      options.control(request, response) ||
      ((apiKey === undefined || request.headers['apikey'] === apiKey) && answerWith(routes, request, response)),
  });
  const routes = instanceRoutes(options);

  const envelope = (event: string, data: unknown): string => {
    const sender = `${ownNumber}@s.whatsapp.net`;
    const date_time = new Date().toISOString();
    return JSON.stringify({ event, instance: session, data, date_time, sender, server_url: fake.url, apikey: apiKey });
  };
  const find = (id: string): EvolutionMessage | undefined => fake.messages.find((message) => message.id === id);
  const follow = (): void => fake.setState(session, state.state === 'working' ? 'open' : 'close');
  follow();

  return {
    url: fake.url,
    retries,
    written(message) {
      const [remoteJid, remoteJidAlt] = addressesOf(message, 's.whatsapp.net');
      const content = webMessageOf(message.said);
      const stored = fake.store({ instance: session, remoteJid, message: content, fromMe: false, at: message.at });
      const { key, ...data } = shapeOf(stored);
      const names = remoteJidAlt === undefined ? {} : { remoteJidAlt };
      const { name: pushName } = message.person;
      return { id: stored.id, body: envelope('messages.upsert', { ...data, pushName, key: { ...key, ...names } }) };
    },
    echo({ id }) {
      const stored = find(id);
      return envelope('send.message', stored === undefined ? {} : { ...shapeOf(stored), status: 'PENDING' });
    },
    progress: ({ id }, progress) =>
      envelope('messages.update', {
        keyId: id,
        remoteJid: find(id)?.remoteJid,
        fromMe: true,
        status: statuses[progress],
        instanceId: '5d1c6a3e-0000-4000-8000-00000000c11a',
      }),
    sessionChanged(changed) {
      follow();
      if (changed !== 'scanning') return envelope('connection.update', { instance: session, state: states[changed] });
      return envelope('qrcode.updated', { qrcode: { instance: session, pairingCode: null, code: state.code } });
    },
    sign: (_body, secret) => ({
      'content-type': 'application/json',
      ...(secret === '' ? {} : { authorization: `Bearer ${secret}` }),
    }),
    repeats: () => 0,
    close: () => fake.close(),
  };
}

/** As the fake spells it. */
function jidIn(body: Readonly<Record<string, unknown>>): string {
  const { remoteJid } = { ...(body['key'] as { remoteJid?: unknown } | undefined) };
  const number = String(remoteJid ?? body['number']);
  return number.includes('@') ? number : `${number}@s.whatsapp.net`;
}

const acceptedOf = ({ id, remoteJid, message, at }: EvolutionMessage): AcceptedMessage => ({
  id,
  to: recipientOf(remoteJid),
  type: (Object.keys(message)[0] ?? 'unknown').replace(/^conversation$/, 'text').replace(/Message$/, ''),
  text: webTextOf(message),
  choices: [],
  at,
});

/** How instances are managed (`instance.controller.ts`). */
function instanceRoutes({ session, state }: PersonalityOptions): JsonRoutes {
  const unknown: JsonAnswer = [404, { status: 404, response: { message: ['The instance does not exist'] } }];
  const done = { status: 'SUCCESS', error: false, response: { message: 'done' } };
  const of = (name: string | undefined, work: () => JsonAnswer): JsonAnswer => (name === session ? work() : unknown);
  const shown = (): JsonAnswer => [200, { instance: { instanceName: session, state: states[state.state] } }];
  return {
    'POST /instance/create': (_match, { instanceName }) =>
      of(String(instanceName), () => [201, { instance: { instanceName: session, status: states[state.state] } }]),
    'GET /instance/connectionState/{}': ([name]) => of(name, shown),
    'GET /instance/connect/{}': ([name], _body, query) =>
      of(name, () => {
        state.start();
        if (state.code === undefined) return shown();
        return [200, { pairingCode: query.has('number') ? 'ABCD1234' : null, code: state.code, count: 1 }];
      }),
    'POST /instance/restart/{}': ([name]) =>
      of(name, () => {
        state.restart();
        return shown();
      }),
    'DELETE /instance/logout/{}': ([name]) =>
      of(name, () => {
        if (state.state !== 'working') return [400, { status: 400, response: { message: ['not connected'] } }];
        state.logOut();
        return [200, done];
      }),
    'DELETE /instance/delete/{}': ([name]) =>
      of(name, () => {
        state.logOut();
        return [200, done];
      }),
  };
}
