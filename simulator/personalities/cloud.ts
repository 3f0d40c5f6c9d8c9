/**
 * The Graph API of a WhatsApp Cloud number (`#runtime/testing/fake-cloud.ts`) with webhooks. There are no
 * sessions: while one would not work, Graph does not.
 *
 * Source: Meta's webhook references, 2026. Meta tries for days, with growing pauses that it does not name;
 * here 5 s, doubling up to 10 minutes.
 */
import { randomBytes } from 'node:crypto';

import {
  type CloudFault,
  type CloudMessage,
  cloudStatusBody,
  signCloudWebhook,
  startFakeCloud,
} from '#runtime/testing/fake-cloud.ts';

import { type JsonRoutes, answerWith } from '../json-http.ts';
import {
  type AcceptedMessage,
  type Choice,
  type Misdeed,
  type Personality,
  type PersonalityOptions,
  type Recipient,
  type RetryPlan,
  type Said,
  type WrittenMessage,
  ownNumber,
} from './personality.ts';

const retries: RetryPlan = {
  attempts: 30,
  delayMs: (attempt) => Math.min(5_000 * 2 ** (attempt - 2), 600_000),
  final: [],
  inOrder: false,
};

/** Meta's code for an account that wrote too much to people who did not want it. */
const restrictedCode = 131048;
const accountId = '102290129340398';

/** Starts one on the loopback. */
export async function startCloud(options: PersonalityOptions): Promise<Personality> {
  const { session: number, state, apiKey, misdeed } = options;
  const sent = new Map<string, CloudMessage>();
  const fake = await startFakeCloud({
    port: options.port,
    ...(apiKey === undefined ? {} : { token: apiKey }),
    behave: (body) => {
      const found = misdeed(recipientIn(body));
      return state.state === 'working' ? faultOf(found) : { kind: 'gateway', status: 503 };
    },
    onMessage: (message) => {
      sent.set(message.wamid, message);
      options.accepted(acceptedOf(message));
    },
    intercept: (request, response) => options.control(request, response) || answerWith(routes, request, response),
  });
  const routes: JsonRoutes = {
    [`GET /{}/${number}`]: () => [200, { id: number, status: 'CONNECTED', display_phone_number: ownNumber }],
  };

  return {
    url: fake.url,
    retries,
    written(message) {
      const id = `wamid.${randomBytes(24).toString('base64')}`;
      return { id, body: inboundBody(message, id, number) };
    },
    progress({ id }, progress) {
      const message = sent.get(id);
      if (message === undefined) throw new Error('there is no such message');
      return progress === 'restricted'
        ? cloudStatusBody(message, 'failed', restrictedCode)
        : cloudStatusBody(message, progress);
    },
    sign: (body, secret) => signCloudWebhook(body, secret),
    repeats: () => 0,
    close: () => fake.close(),
  };
}

/** A business-scoped id is the country and letters and digits of Meta's. */
const userIdOf = (hidden: string): string => `BR.${hidden}`;

/** `recipient` names a business-scoped id. */
const recipientIn = (body: {
  readonly to?: unknown;
  readonly recipient?: unknown;
  readonly recipient_type?: unknown;
}): Recipient =>
  typeof body.to !== 'string'
    ? { kind: 'hidden', id: String(body.recipient).replace(/^BR\./, '') }
    : { kind: body.recipient_type === 'group' ? 'group' : 'number', id: body.to };

const acceptedOf = ({ wamid, type, body, at }: CloudMessage): AcceptedMessage => ({
  id: wamid,
  to: recipientIn(body),
  type,
  ...shownOf(type, body),
  at,
});

interface Content {
  readonly body?: unknown;
  readonly caption?: unknown;
  readonly name?: unknown;
  readonly action?: {
    readonly buttons?: readonly { readonly reply: Choice }[];
    readonly sections?: readonly { readonly rows: readonly Choice[] }[];
  };
}

/** Text and choices, as a phone shows them; of a template its name. */
function shownOf(type: string, message: Readonly<Record<string, unknown>>): Pick<AcceptedMessage, 'text' | 'choices'> {
  const content = { ...(message[type] as Content | undefined) };
  const { action, body } = content;
  const { text } = { ...(body as { text?: unknown } | undefined) };
  const shown = [body, text, content.caption, content.name].find((one) => typeof one === 'string');
  const choices = [
    ...(action?.buttons ?? []).map(({ reply }) => reply),
    ...(action?.sections ?? []).flatMap(({ rows }) => rows),
  ];
  return { text: typeof shown === 'string' ? shown : '', choices: choices.map(({ id, title }) => ({ id, title })) };
}

function faultOf(misdeed: Misdeed | undefined): CloudFault | undefined {
  switch (misdeed?.kind) {
    case undefined:
      return undefined;
    case 'slow':
      return { kind: 'slow', ms: misdeed.ms };
    case 'ambiguous':
      return { kind: 'drop-after', ms: misdeed.ms };
    case 'error-before':
      return { kind: 'error', code: 131000, status: 500 };
    case 'error-after':
      return { kind: 'gateway-after' };
    case 'restricted':
      return { kind: 'error', code: restrictedCode };
  }
}

function contentOf(said: Said): Readonly<Record<string, unknown>> {
  switch (said.kind) {
    case 'text':
      return { type: 'text', text: { body: said.text } };
    case 'button': {
      const { id, title } = said;
      return { type: 'interactive', interactive: { type: 'button_reply', button_reply: { id, title } } };
    }
    case 'location':
      return { type: 'location', location: { latitude: said.latitude, longitude: said.longitude } };
  }
}

function inboundBody({ person, naming, said, at }: WrittenMessage, id: string, number: string): string {
  const user = userIdOf(person.hidden);
  const [named, byId] = [naming !== 'hidden', naming !== 'number'];
  const contact = {
    profile: { name: person.name },
    ...(named ? { wa_id: person.number } : {}),
    ...(byId ? { user_id: user } : {}),
  };
  const message = {
    ...(named ? { from: person.number } : {}),
    ...(byId ? { from_user_id: user } : {}),
    id,
    timestamp: String(Math.floor(at / 1_000)),
    ...contentOf(said),
  };
  const metadata = { display_phone_number: ownNumber, phone_number_id: number };
  const value = { messaging_product: 'whatsapp', metadata, contacts: [contact], messages: [message] };
  const changes = [{ field: 'messages', value }];
  return JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: accountId, changes }] });
}
