/**
 * Which message of a chat's history is the one that was sent, for providers that take no message id of
 * ours, or not always.
 */
import type { OutboundContent } from '#schemas/content.ts';
import { asText } from '#schemas/plain-text.ts';

import type { OutboundMessage, SentIds } from '../ports/provider.ts';

/** A message of the provider's history. */
export interface HistoryMessage extends SentIds {
  readonly fromMe: boolean;
  /** Text or caption. */
  readonly text: string;
  /** Written on the phone, as far as the provider says so. */
  readonly byHand: boolean;
  readonly hasMedia: boolean;
  readonly mimetype?: string;
  readonly location?: { readonly latitude: number; readonly longitude: number };
  readonly cards: readonly string[];
  /** Epoch milliseconds, to the second. */
  readonly at: number;
}

/** A provider's clock may be behind ours by this much. */
export const historySkewMs = 30_000;

/** What a look into the history brought; `read` is false when it could not be read. */
export interface Search {
  readonly read: boolean;
  readonly found?: SentIds;
}

/**
 * Finds the message by our id, or else by its looks among those from `since` (epoch ms) on that are of no
 * other delivery; `byIdAlone` where the provider takes our id, so that nothing else can be it. Throws
 * `database.unavailable`.
 */
export async function findSent(
  messages: readonly HistoryMessage[] | undefined,
  message: OutboundMessage,
  { since, byIdAlone }: { readonly since: number; readonly byIdAlone: boolean },
): Promise<Search> {
  for (const candidate of messages ?? []) {
    const { messageId, stableId, fromMe, at } = candidate;
    if (stableId === undefined || !fromMe) continue;
    const ids = { stableId, ...(messageId === undefined ? {} : { messageId }) };
    if (stableId === message.clientMessageId) return { read: true, found: ids };
    // Histories have whole seconds.
    if (byIdAlone || at < Math.floor(since / 1_000) * 1_000 || !looksLike(candidate, message.content)) continue;
    if (!(await message.isTaken(stableId))) return { read: true, found: ids };
  }
  return { read: messages !== undefined };
}

/** Coordinates come back with as many digits as each part on the way keeps. About a metre. */
const coordinateTolerance = 1e-5;

/** True when the message can be what the content became. Two messages can look the same: time and ids tell them apart. */
function looksLike(message: HistoryMessage, content: OutboundContent): boolean {
  const sameText = message.text.trim() === asText(content).trim();
  switch (content.kind) {
    case 'text':
    case 'buttons':
    case 'list':
    case 'template':
      return sameText && !message.hasMedia;
    case 'image':
    case 'audio':
    case 'video':
    case 'document':
    case 'sticker':
      // Files are told by their caption and family: providers convert, and name what was converted anew.
      return (
        message.hasMedia &&
        // Without a caption most files look alike: then one written by hand is not ours.
        (content.caption === undefined ? !message.byHand : sameText) &&
        (message.mimetype === undefined || familyOf(message.mimetype) === familyOf(content.media.mimetype))
      );
    case 'location':
      return (
        message.location !== undefined &&
        Math.abs(message.location.latitude - content.latitude) < coordinateTolerance &&
        Math.abs(message.location.longitude - content.longitude) < coordinateTolerance
      );
    case 'contacts':
      return (
        message.cards.length === content.contacts.length &&
        content.contacts.every(({ phone }, i) => digitsOf(message.cards[i] ?? '').includes(digitsOf(phone)))
      );
    // Not a message: it is never in the history.
    case 'reaction':
      return false;
  }
}

const familyOf = (mimetype: string): string => mimetype.split('/')[0]?.toLowerCase() ?? '';
const digitsOf = (text: string): string => text.replace(/\D/g, '');
