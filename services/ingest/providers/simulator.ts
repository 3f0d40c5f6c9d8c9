/**
 * The simulated phone: `{from, text | media | …, messageId?, name?}`. The wire shape is ours, so what does not
 * fit it is refused. The token in the path is its credential.
 */
import { z } from 'zod';

import { contactCard } from '#runtime/contact-card.ts';
import { Problem } from '#runtime/http.ts';
import {
  type SimulatedMessage,
  isOneThing,
  simulatedFields,
  simulatedKinds,
} from '#runtime/simulator/simulated-message.ts';
import type { InboundContent, SealedChange } from '#schemas/content.ts';

import type { Change, NormalisedEvent, WebhookProvider } from './provider.ts';

const bodyShape = z.object(simulatedFields).refine(isOneThing);

/** The simulator. */
export const simulator: WebhookProvider = {
  answersEvents: true,

  verify: () => true,

  normalise(body) {
    const read = bodyShape.safeParse(body.json);
    if (!read.success) {
      throw new Problem(400, 'body-invalid', `A message has \`from\` and one of ${simulatedKinds.join(', ')}.`);
    }
    const { from: given, name, replyTo } = read.data;
    const from = given.replace('+', '');
    const messageId = read.data.messageId ?? `SIM-${body.requestId}`;
    const common = {
      messageId,
      stableId: messageId,
      chat: from,
      sender: { address: from, ...(name === undefined ? {} : { name }) },
    };
    const about = { chat: { addresses: [from] as const, group: false }, providerAt: null, raw: body.raw };
    const change = changeOf(read.data);
    if (change !== undefined) {
      const { kind, ...details } = change;
      return [{ type: 'message.changed', change: kind, details: { ...common, ...details }, ...about }];
    }
    const message = { ...common, content: contentOf(read.data), ...(replyTo === undefined ? {} : { replyTo }) };
    return [{ type: 'message.received', message, ...about } satisfies NormalisedEvent];
  },
};

type ChangeDetails = Pick<SealedChange, 'target' | 'text' | 'reaction' | 'options'> & { readonly kind: Change };

/** What it does to an earlier message; undefined when it writes one. */
function changeOf({ reaction, vote, edit, revoke }: SimulatedMessage): ChangeDetails | undefined {
  if (reaction !== undefined) {
    const { messageId: target, emoji } = reaction;
    return emoji === '' ? { kind: 'unreacted', target } : { kind: 'reacted', target, reaction: emoji };
  }
  if (vote !== undefined) return { kind: 'voted', target: vote.messageId, options: vote.options };
  if (edit !== undefined) return { kind: 'edited', target: edit.messageId, text: edit.text };
  return revoke === undefined ? undefined : { kind: 'revoked', target: revoke.messageId };
}

function contentOf(message: SimulatedMessage): InboundContent {
  const { button, list, media, location, contacts, poll } = message;
  if (button !== undefined) return { kind: 'button', id: button.id, title: button.title ?? button.id };
  if (list !== undefined) return { kind: 'list', id: list.id, title: list.title ?? list.id };
  if (media !== undefined) {
    const { kind, caption, ...file } = media;
    return { kind, media: given(file), ...given({ caption }) };
  }
  if (location !== undefined) {
    const { latitude, longitude, ...place } = location;
    return { kind: 'location', latitude, longitude, ...given(place) };
  }
  if (contacts !== undefined)
    return { kind: 'contacts', contacts: contacts.map((one) => ({ name: one.name, vcard: contactCard(one) })) };
  if (poll !== undefined) return { kind: 'poll', ...poll };
  return { kind: 'text', text: message.text ?? '' };
}

type Given<T> = { [Field in keyof T]?: Exclude<T[Field], undefined> };

/** Without the fields that are not there. */
const given = <T extends object>(fields: T): Given<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
