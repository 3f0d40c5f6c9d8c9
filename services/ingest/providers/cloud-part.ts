/** One item of a list in a Cloud API webhook, with what is needed to make an event of it. */
import { createHash } from 'node:crypto';

import type { Instance } from '#runtime/instances/instances.ts';

import { type Contacts, chatOfPerson, contactOf } from './cloud-address.ts';
import type { JsonObject } from './loose-json.ts';
import { type Chat, type NormalisedEvent, otherEvent } from './provider.ts';

/** Makes events of an item; none when it holds nothing that can be told apart. */
export type Reader = (part: CloudPart) => readonly NormalisedEvent[];

/** What a part is made of. */
interface Parts {
  readonly field: string;
  readonly instance: Instance;
  readonly item: JsonObject;
  readonly contacts: Contacts;
  readonly providerAt: number | null;
  /** A webhook body that holds an item alone, with its contact. */
  readonly bodyWith: (item: JsonObject, contact: JsonObject | undefined) => string;
}

/** Names a text that repeats. */
export const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** One item. */
export class CloudPart {
  /** The subscription that it came by. */
  readonly field: string;
  readonly item: JsonObject;
  /** Of the person that the item names. */
  readonly contact: JsonObject | undefined;
  readonly #parts: Parts;
  #raw: string | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.field = parts.field;
    this.item = parts.item;
    this.contact = contactOf(parts.item, parts.contacts);
  }

  get #body(): string {
    return (this.#raw ??= this.#parts.bodyWith(this.item, this.contact));
  }

  /** What every event of it has. */
  about() {
    const { instance, providerAt } = this.#parts;
    return { instance, providerAt, raw: this.#body };
  }

  /** The same whenever the same item comes again, alone or with others. */
  deliveryId(): string {
    return digestOf(this.#body);
  }

  /** The same of another item of the same change: a piece of this one. */
  alone(item: JsonObject): { readonly raw: string; readonly deliveryId: string } {
    const raw = this.#parts.bodyWith(item, undefined);
    return { raw, deliveryId: digestOf(raw) };
  }

  chatOfPerson(): Chat | undefined {
    return chatOfPerson(this.item, this.contact);
  }

  /** The item as an event that is kept and needs no action. */
  other(event: string, chat: Chat | undefined): readonly NormalisedEvent[] {
    return [otherEvent(event, chat, this.deliveryId(), this.about())];
  }
}
