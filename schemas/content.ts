/**
 * What is inside `sealed`: UTF-8 JSON of one of these shapes, by record type. Never outside of it.
 * Shapes grow by optional fields only; every reader ignores fields that it does not know.
 */

/** A file at the provider. URLs and ids expire; what is kept is in the blob store. */
export interface MediaReference {
  readonly url?: string;
  readonly id?: string;
  readonly mimetype?: string;
  readonly filename?: string;
  /** Bytes. */
  readonly size?: number;
  /** True for a voice note. */
  readonly voice?: boolean;
}

/** What a person can send us. */
export type InboundContent =
  | { readonly kind: 'text'; readonly text: string }
  /** A button or a list row was chosen; `id` is ours, `title` what the person saw. */
  | { readonly kind: 'button' | 'list'; readonly id: string; readonly title: string }
  | {
      readonly kind: 'image' | 'audio' | 'video' | 'document' | 'sticker';
      readonly media: MediaReference;
      readonly caption?: string;
    }
  | {
      readonly kind: 'location';
      readonly latitude: number;
      readonly longitude: number;
      readonly name?: string;
      readonly address?: string;
    }
  | { readonly kind: 'contacts'; readonly contacts: readonly { readonly name?: string; readonly vcard?: string }[] }
  | { readonly kind: 'poll'; readonly name?: string; readonly options: readonly string[] }
  /** A kind that we do not know; `text` is what of it could be read. */
  | { readonly kind: 'unknown'; readonly text?: string };

/** A file to be sent: one of `blob` and `url`. */
export interface OutboundMedia {
  /** Blob of the tenant's own store. */
  readonly blob?: string;
  /** Public address, which the provider fetches. */
  readonly url?: string;
  readonly mimetype: string;
  readonly filename?: string;
  /** True for a voice note. */
  readonly voice?: boolean;
}

/** What we can send. `id`s of buttons come back as `button` content, those of rows as `list`. */
export type OutboundContent =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'buttons';
      readonly text: string;
      readonly buttons: readonly { readonly id: string; readonly title: string }[];
      /** True when the text says by itself what can be answered, so that without buttons nothing need be added. */
      readonly optionsInText?: boolean;
    }
  | {
      readonly kind: 'list';
      readonly text: string;
      /** What opens the list. */
      readonly button: string;
      readonly sections: readonly {
        readonly title?: string;
        readonly rows: readonly { readonly id: string; readonly title: string; readonly description?: string }[];
      }[];
      readonly optionsInText?: boolean;
    }
  | {
      readonly kind: 'image' | 'audio' | 'video' | 'document' | 'sticker';
      readonly media: OutboundMedia;
      readonly caption?: string;
    }
  | {
      readonly kind: 'location';
      readonly latitude: number;
      readonly longitude: number;
      readonly name?: string;
      readonly address?: string;
    }
  | { readonly kind: 'contacts'; readonly contacts: readonly { readonly name: string; readonly phone: string }[] }
  /** A message approved beforehand; `text` is the same in words, for providers that know no templates. */
  | {
      readonly kind: 'template';
      readonly name: string;
      readonly language: string;
      /** Values of its variables, in their order. */
      readonly header?: readonly string[];
      readonly body?: readonly string[];
      readonly buttons?: readonly string[];
      readonly text: string;
    }
  /** `target` is the stable id of the message reacted to; an empty `emoji` takes the reaction back. */
  | { readonly kind: 'reaction'; readonly target: string; readonly emoji: string };

/** A participant of a chat as the provider names it. */
export interface ProviderParty {
  readonly address: string;
  /** Other addresses of the same party in the same event (LID and phone number). */
  readonly alternateAddresses?: readonly string[];
  /** Name that the person chose at WhatsApp. */
  readonly name?: string;
}

/** Sealed part of `message.received` and `message.echoed`. */
export interface SealedMessage {
  /** Provider's message id, whole. It may hold the phone number. */
  readonly messageId: string;
  /** The part of the message id that is stable across address forms. */
  readonly stableId: string;
  /** Chat address as the provider names it. */
  readonly chat: string;
  readonly sender: ProviderParty;
  readonly content: InboundContent;
  /** Stable id of the message answered. */
  readonly replyTo?: string;
  /** The event as received, JSON text, for what we do not understand yet. */
  readonly raw?: string;
  /** Blob that holds `raw` instead, when it is large. */
  readonly rawBlob?: string;
}

/** Sealed part of `message.changed`. */
export interface SealedChange {
  /** Id of the change itself, where the provider gives one. */
  readonly messageId: string;
  readonly stableId: string;
  /** Stable id of the message that changed. */
  readonly target: string;
  readonly chat: string;
  readonly sender: ProviderParty;
  /** New text of an edit. */
  readonly text?: string;
  /** Emoji of a reaction. */
  readonly reaction?: string;
  /** Chosen options of a vote, complete. */
  readonly options?: readonly string[];
  readonly raw?: string;
  /** Blob that holds `raw` instead, when it is large. */
  readonly rawBlob?: string;
}

/** Sealed part of `message.status`. */
export interface SealedStatus {
  readonly messageId: string;
  /** Stable id of the message whose status this is. */
  readonly stableId: string;
  readonly chat: string;
  readonly participant?: string;
  readonly raw?: string;
  /** Blob that holds `raw` instead, when it is large. */
  readonly rawBlob?: string;
}

/** Sealed part of `webhook.other` and `instance.reported`: the event as received, JSON text. */
export interface SealedRaw {
  readonly raw: string;
  /** Blob that holds `raw` instead, when it is large; then `raw` is empty. */
  readonly rawBlob?: string;
}

/** Sealed part of `message.requested` and `reply.requested`. */
export interface SealedOutbound {
  readonly content: OutboundContent;
}

/** Sealed part of `delivery.updated`. */
export interface SealedDelivery {
  /** Provider's message id. */
  readonly messageId?: string;
  readonly stableId?: string;
  /** Provider's own words about a failure. */
  readonly detail?: string;
}

/** Sealed part of `effect.requested`. */
export interface SealedEffectInput {
  readonly input: unknown;
}

/** Sealed part of `effect.completed`. */
export interface SealedEffectOutput {
  readonly output?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}
