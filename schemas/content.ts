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
  /** Hash of the content as the provider gives it, base64 (Cloud). */
  readonly sha256?: string;
  /** True for a voice note. */
  readonly voice?: boolean;
}

/** What was ordered of one product. */
export interface OrderedItem {
  /** The business's own id of it. */
  readonly product: string;
  readonly quantity: number;
  /** Of one, in `currency` (ISO 4217), as the catalogue had it. */
  readonly price?: number;
  readonly currency?: string;
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
  /** A form that was filled in (a flow of the Cloud API); `text` is what the chat shows of it. */
  | {
      readonly kind: 'form';
      readonly name?: string;
      readonly text?: string;
      /** In the form's order; a value that is no text is in JSON. */
      readonly fields: readonly { readonly name: string; readonly value: string }[];
    }
  /** An order from the business's catalogue, with what the person wrote to it. */
  | {
      readonly kind: 'order';
      readonly text?: string;
      readonly catalogue?: string;
      readonly items: readonly OrderedItem[];
    }
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

/** An earlier message of the same chat. */
export interface MessageTarget {
  /** Its stable id. */
  readonly target: string;
  /** True when it is one of ours; providers that name the side in their ids need it. */
  readonly ours?: boolean;
  /** Who wrote it, in a group. */
  readonly participant?: string;
}

/** How a message is sent, whatever its kind. */
interface Sending {
  /** The message that it answers, shown above it. */
  readonly replyTo?: MessageTarget;
  /** Milliseconds for which the chat shows that we write, before it is sent. */
  readonly typingMs?: number;
}

/** What we can send. `id`s of buttons come back as `button` content, those of rows as `list`. */
export type OutboundContent = Sending & OutboundKind;

type OutboundKind =
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
      /** The file above it, where the template has one there. */
      readonly headerMedia?: OutboundMedia & { readonly kind: 'image' | 'video' | 'document' };
      readonly body?: readonly string[];
      readonly buttons?: readonly string[];
      readonly text: string;
    }
  /** An empty `emoji` takes the reaction back. */
  | (MessageTarget & { readonly kind: 'reaction'; readonly emoji: string });

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
  /** Language in which the chat is shown to the person, where the caller says so (`POST /v1/chat`). */
  readonly locale?: string;
  /** Stable id of the message answered. */
  readonly replyTo?: string;
  /** The event as received, JSON text, for what we do not understand yet. */
  readonly raw?: string;
  /** Blob that holds `raw` instead, when it is large. */
  readonly rawBlob?: string;
  /** It was not told by a webhook but found in the provider's history, after a time of silence. */
  readonly recovered?: true;
  /** Of a copy that a merged conversation forwarded: the event id under which the message was recorded first. */
  readonly origin?: string;
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
  /** Our delivery that the message is of, where the provider says it back (Cloud). */
  readonly deliveryId?: string;
  readonly raw?: string;
  /** Blob that holds `raw` instead, when it is large. */
  readonly rawBlob?: string;
}

/** Sealed part of `webhook.other`: the event as received, JSON text. */
export interface SealedRaw {
  readonly raw: string;
  /** Blob that holds `raw` instead, when it is large; then `raw` is empty. */
  readonly rawBlob?: string;
}

/** Sealed part of `instance.reported`. */
export interface SealedReport extends SealedRaw {
  /** What links a phone: the text of a QR code, and the code to type in where one was asked for. Valid for seconds. */
  readonly qr?: { readonly code: string; readonly pairingCode?: string };
  /** WhatsApp keeps the account from writing to new chats. Its absence says nothing. */
  readonly restriction?: {
    readonly active: boolean;
    /** Epoch milliseconds. */
    readonly until?: number;
  };
}

/** Which instances a line is to be served by. */
export interface RouteWish {
  /** The instance that is to take over, or to share. */
  readonly to: string;
  /** Split: share of the chats that go to it, 0 to 100. */
  readonly percent?: number;
  /** Split: only while this feature flag of the tenant's is on. */
  readonly flag?: string;
  /** Instances that may stand in for one that is down, in this order. */
  readonly fallbacks: readonly string[];
}

/** Sealed part of `instance.requested`. */
export interface SealedInstanceRequest {
  /** Connect: ask for a code to type in, for this number, instead of a QR code. */
  readonly phoneNumber?: string;
  /** Switch and split. */
  readonly route?: RouteWish;
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

/** Sealed part of `media.stored`. */
export interface SealedMedia {
  /** Of the content, hexadecimal. */
  readonly sha256: string;
  /** As its sender named it. */
  readonly filename?: string;
}

/** Sealed part of `effect.requested`. */
export interface SealedEffectInput {
  readonly input: unknown;
}

/** Sealed part of `effect.completed`. */
export interface SealedEffectOutput {
  readonly output?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
  /** How it went; absent in records from before this was kept, and where nothing was tried. */
  readonly call?: {
    /** Keyed: the same for the same request of the tenant. */
    readonly requestHash: string;
    readonly attempts: number;
    /** Of the last attempt. */
    readonly latencyMs: number;
  };
}
