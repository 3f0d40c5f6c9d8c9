/**
 * The simulated phones: what a person with a simulated WhatsApp would have received. Kept in
 * Postgres, sealed like everything else that people write or read.
 *
 * H1 A delivery is received once, however often it is delivered.
 * H2 Messages of one phone get their places in the order in which they become visible, so that a
 *    reader who goes on from a cursor misses none.
 */
import type { OutboundContent, OutboundMedia } from '#schemas/content.ts';
import { asText } from '#schemas/plain-text.ts';

import type { Database } from '../database/database.ts';
import { canonicalAddress } from '../directory/directory.ts';
import type { Vault } from '../vault/vault.ts';

/** One message for one phone. */
export interface SimulatorDelivery {
  readonly tenant: string;
  readonly instance: string;
  readonly conversation: string;
  readonly person: string;
  /** Address in any spelling. */
  readonly phone: string;
  readonly deliveryId: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly content: OutboundContent;
}

/** A message as the phone shows it. */
export interface PhoneMessage {
  /** The delivery's id. */
  readonly id: string;
  /** ISO time. */
  readonly at: string;
  /** `erased`: the person's content was destroyed. */
  readonly type: OutboundContent['kind'] | 'erased';
  /** Text or caption; of what has neither, what it says in words. */
  readonly text: string;
  readonly buttons?: Kind<'buttons'>['buttons'];
  readonly list?: Pick<Kind<'list'>, 'button' | 'sections'>;
  readonly media?: Omit<OutboundMedia, 'blob'> & { readonly fileId?: string };
  readonly location?: Omit<Kind<'location'>, 'kind' | 'replyTo' | 'typingMs'>;
  readonly contacts?: Kind<'contacts'>['contacts'];
  readonly template?: { readonly name: string; readonly language: string };
  /** Put on, or with an empty emoji taken off, an earlier message. */
  readonly reaction?: { readonly messageId: string; readonly emoji: string };
  /** Id of the message that it answers. */
  readonly replyTo?: string;
}

type Kind<Name extends OutboundContent['kind']> = Extract<OutboundContent, { readonly kind: Name }>;

/** Messages after a cursor, oldest first. */
export interface PhonePage {
  readonly items: readonly PhoneMessage[];
  /** Cursor to go on from: newer messages come after it, also when `items` is empty. */
  readonly next: string;
}

/** The phones. Throws `database.unavailable` and `vault.unavailable`. */
export interface SimulatorPhone {
  /** Idempotent by delivery id. */
  deliver(delivery: SimulatorDelivery): Promise<void>;
  /** What a phone received after `after` (from the start when absent), on one instance or on all. */
  read(wanted: {
    readonly tenant: string;
    readonly instance?: string;
    readonly phone: string;
    readonly after?: string;
    readonly limit: number;
  }): Promise<PhonePage>;
}

const limitMax = 1_000;
const start = '0';

interface MessageRow {
  readonly sequence: string;
  readonly delivery: string;
  readonly conversation: string;
  readonly content: Buffer;
  readonly at: Date;
}

/** True for a cursor that `read` gave, or one like it. */
export const isPhoneCursor = (text: string): boolean => /^\d{1,18}$/.test(text);

/** Opens the phones. */
export function openSimulatorPhone(database: Database, vault: Vault): SimulatorPhone {
  const indexOf = (tenant: string, phone: string): string =>
    vault.index(tenant, 'simulator-phone', canonicalAddress(phone));

  return {
    async deliver(delivery) {
      const { tenant, instance, conversation, deliveryId } = delivery;
      const sealed = await vault.seal(
        sealedIn(tenant, conversation, deliveryId),
        delivery.person,
        delivery.at,
        delivery.content,
      );
      const phone = indexOf(tenant, delivery.phone);
      await database.transaction([tenant], async (sql) => {
        // H2: a place is taken under the phone's lock, which is held until it is visible.
        await sql.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [phone]);
        await sql.query(
          `INSERT INTO simulator_messages (tenant, instance, conversation, phone_index, delivery, content, at)
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (delivery) DO NOTHING`,
          [tenant, instance, conversation, phone, deliveryId, sealed, new Date(delivery.at)],
        );
      });
    },

    async read({ tenant, instance, phone, after, limit }) {
      const from = after !== undefined && isPhoneCursor(after) ? after : start;
      const found = await database.transaction([tenant], (sql) =>
        sql.query<MessageRow>(
          `SELECT sequence, delivery, conversation, content, at FROM simulator_messages
           WHERE tenant = $1 AND phone_index = $2 AND sequence > $3 AND ($4::text IS NULL OR instance = $4)
           ORDER BY sequence LIMIT $5`,
          [tenant, indexOf(tenant, phone), from, instance ?? null, Math.min(limit, limitMax)],
        ),
      );
      await vault.prefetch(found.rows.map((row) => ({ tenant, sealed: row.content })));
      const items: PhoneMessage[] = [];
      for (const row of found.rows) items.push(await shown(tenant, row));
      return { items, next: found.rows.at(-1)?.sequence ?? from };
    },
  };

  async function shown(tenant: string, row: MessageRow): Promise<PhoneMessage> {
    const opened = await vault.open<OutboundContent>(sealedIn(tenant, row.conversation, row.delivery), row.content);
    const common = { id: row.delivery, at: row.at.toISOString() };
    if (opened.state === 'erased') return { ...common, type: 'erased', text: '' };
    const { replyTo } = opened.value;
    return { ...common, ...partsOf(opened.value), ...(replyTo === undefined ? {} : { replyTo: replyTo.target }) };
  }
}

/** A content as the phone draws it. */
function partsOf(content: OutboundContent): Omit<PhoneMessage, 'id' | 'at'> {
  const shown = { type: content.kind, text: asText(content) };
  switch (content.kind) {
    case 'text':
      return shown;
    case 'buttons':
      return { ...shown, text: content.text, buttons: content.buttons };
    case 'list':
      return { ...shown, text: content.text, list: { button: content.button, sections: content.sections } };
    case 'image':
    case 'audio':
    case 'video':
    case 'document':
    case 'sticker': {
      const { blob, ...media } = content.media;
      return { ...shown, media: { ...media, ...(blob === undefined ? {} : { fileId: blob }) } };
    }
    case 'location': {
      const { latitude, longitude, name, address } = content;
      const names = { ...(name === undefined ? {} : { name }), ...(address === undefined ? {} : { address }) };
      return { ...shown, location: { latitude, longitude, ...names } };
    }
    case 'contacts':
      return { ...shown, contacts: content.contacts };
    case 'template':
      return { ...shown, template: { name: content.name, language: content.language } };
    case 'reaction':
      return { ...shown, reaction: { messageId: content.target, emoji: content.emoji } };
  }
}

const sealedIn = (tenant: string, actor: string, eventId: string) => ({
  tenant,
  actor,
  type: 'simulator.message',
  eventId,
});
