/**
 * A WAHA server (`#runtime/testing/fake-waha.ts`) with sessions and webhooks.
 *
 * Source: WAHA's OpenAPI document and its pages on events and sessions, 2026.7. It posts each event by
 * itself, 15 times with 2 s between, whatever the error.
 */
import { randomBytes } from 'node:crypto';

import { signWahaWebhook, startFakeWaha } from '#runtime/testing/fake-waha.ts';
import { type StoredMessage, waMessage } from '#runtime/testing/fake-waha-messages.ts';

import type { SessionState } from '../session.ts';
import {
  type AcceptedMessage,
  type Personality,
  type PersonalityOptions,
  type Progress,
  type RetryPlan,
  type Said,
  type WrittenMessage,
  addressesOf,
  faultOf,
  ownNumber,
  recipientOf,
} from './personality.ts';

const statuses: Readonly<Record<SessionState, string>> = {
  stopped: 'STOPPED',
  scanning: 'SCAN_QR_CODE',
  working: 'WORKING',
  failed: 'FAILED',
};

const acks: Readonly<Record<Progress, readonly [ack: number, name: string]>> = {
  sent: [1, 'SERVER'],
  delivered: [2, 'DEVICE'],
  read: [3, 'READ'],
  restricted: [-1, 'ERROR'],
};

const retries: RetryPlan = { attempts: 15, delayMs: () => 2_000, final: [], inOrder: false };

const own = { id: `${ownNumber}@c.us`, lid: '900000000000000@lid', jid: `${ownNumber}:3@s.whatsapp.net` };

/** Starts one on the loopback. */
export async function startWaha(options: PersonalityOptions): Promise<Personality> {
  const { session, state, apiKey, misdeed } = options;
  const fake = await startFakeWaha({
    port: options.port,
    ...(apiKey === undefined ? {} : { apiKey }),
    // An engine's failure is a 500, whenever it failed; one of WAHA's workers that is down is a 502.
    behave: (body) => faultOf(misdeed(recipientOf((body as { chatId?: string }).chatId ?? '')), 502),
    onMessage: (message) => options.accepted(acceptedOf(message)),
    intercept: options.control,
  });
  fake.sessions.life = {
    act(action) {
      if (action === 'start') state.start();
      else if (action === 'restart') state.restart();
      else if (action === 'stop') state.stop();
      else state.logOut();
      return statuses[state.state];
    },
    code: () => state.code ?? '',
  };

  const envelope = (event: string, payload: object): string => {
    const at = Date.now();
    const id = `evt_${randomBytes(13).toString('hex')}`;
    const environment = { version: '2026.7.1', engine: 'NOWEB', tier: 'CORE', browser: null };
    return JSON.stringify({
      id,
      timestamp: at,
      event,
      session,
      metadata: {},
      me: own,
      payload,
      engine: 'NOWEB',
      environment,
    });
  };
  const follow = (): void => fake.setSession(session, statuses[state.state]);
  follow();

  return {
    url: fake.url,
    retries,
    written(message) {
      const [chatId] = addressesOf(message, 'c.us');
      const text = textOf(message.said);
      const stored = fake.store({ session, chatId, text, fromMe: false, at: message.at });
      return { id: stored.id, body: envelope('message.any', { ...waMessage(stored), ...inboundOf(message, stored) }) };
    },
    echo: (message) => {
      const stored = fake.messages.find(({ id }) => id === message.id);
      return envelope('message.any', stored === undefined ? {} : { ...waMessage(stored), from: own.id, source: 'api' });
    },
    progress({ id, to }, progress) {
      const chat = addressOf(to);
      const [ack, ackName] = acks[progress];
      return envelope('message.ack', {
        id: `true_${chat}_${id}`,
        from: own.id,
        to: chat,
        participant: null,
        fromMe: true,
        ack,
        ackName,
      });
    },
    sessionChanged(changed) {
      follow();
      const status = statuses[changed];
      return envelope('session.status', { name: session, status, statuses: [{ status, timestamp: Date.now() }] });
    },
    sign: (body, secret) => signWahaWebhook(body, secret),
    repeats: () => fake.messages.reduce((sum, { sends }) => sum + Math.max(0, sends - 1), 0),
    close: () => fake.close(),
  };
}

const addressOf = ({ kind, id }: AcceptedMessage['to']): string =>
  `${id}@${kind === 'hidden' ? 'lid' : kind === 'group' ? 'g.us' : 'c.us'}`;

const acceptedOf = ({ id, chatId, route, text, at }: StoredMessage): AcceptedMessage => ({
  id,
  to: recipientOf(chatId),
  type: route.replace(/^send/, '').toLowerCase(),
  text,
  choices: [],
  at,
});

const textOf = (said: Said): string => (said.kind === 'text' ? said.text : said.kind === 'button' ? said.title : '');

/** What of a message in the history the webhook of its arrival has besides. */
function inboundOf(message: WrittenMessage, { id }: StoredMessage): object {
  const { person, said } = message;
  const [remoteJid, remoteJidAlt] = addressesOf(message, 's.whatsapp.net');
  const key = { remoteJid, ...(remoteJidAlt === undefined ? {} : { remoteJidAlt }), fromMe: false, id };
  const tapped =
    said.kind === 'button'
      ? { message: { buttonsResponseMessage: { selectedButtonId: said.id, selectedDisplayText: said.title } } }
      : {};
  return {
    to: own.id,
    source: 'app',
    ...(said.kind === 'location'
      ? { location: { latitude: String(said.latitude), longitude: String(said.longitude) } }
      : {}),
    _data: { key, pushName: person.name, broadcast: false, ...tapped },
  };
}
