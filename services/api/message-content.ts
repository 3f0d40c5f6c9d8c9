/**
 * What can be asked to be sent: the form of every kind, within WhatsApp's bounds, and the content that it becomes.
 *
 * Bounds are those of the Cloud API (Meta: "Text", "Interactive reply buttons", "Interactive list", "Media", "Contacts",
 * "Reaction" and "Template" messages, July 2026), which every other way to WhatsApp takes as well; those that
 * Meta does not name are ours and marked so.
 */
import { z } from 'zod';

import type { MessageTarget, OutboundContent, OutboundMedia } from '#schemas/content.ts';
import { Problem } from '#runtime/http.ts';
import { typingMsMax } from '#runtime/instances/instances.ts';
import { OutsideError, type OutsideRules } from '#runtime/net/outside.ts';
import { checkUrl, webPorts } from '#runtime/net/outside-url.ts';

const bounds = {
  text: 4_096,
  /** Of a message with buttons. */
  buttonsText: 1_024,
  buttons: { most: 3, id: 256, title: 20 },
  list: { button: 20, sections: 10, rows: 10, sectionTitle: 24, id: 200, title: 24, description: 72 },
  caption: 1_024,
  /** Ours. */
  media: { url: 2_048, mimetype: 128, filename: 240 },
  /** Ours. */
  place: { name: 256, address: 512 },
  /** Ours: Meta takes 257 and advises few. */
  contacts: { most: 10, name: 128 },
  template: { name: 512, variable: 1_024, most: 50, buttons: 10 },
} as const;

const text = (lengthMax: number) => z.string().min(1).max(lengthMax);
/** Kinds of files. */
export type MediaKind = (typeof mediaKinds)[number];
const mediaKinds = ['image', 'audio', 'video', 'document', 'sticker'] as const;

/** Type and subtype, with or without parameters. */
const mimetypePattern = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*(?: *;.*)?$/;

/** What a media type has to begin with, by kind. A document may be anything. */
const families = { image: /^image\//, audio: /^audio\//, video: /^video\//, sticker: /^image\/webp/, document: /^/ };

const media = z
  .strictObject({
    kind: z.enum(mediaKinds),
    url: z.string().max(bounds.media.url).optional().describe('A public http or https address'),
    fileId: z
      .string()
      .regex(/^[\w-]{1,128}$/)
      .optional()
      .describe('A file of `POST /v1/files`'),
    mimetype: z.string().max(bounds.media.mimetype).regex(mimetypePattern),
    filename: text(bounds.media.filename)
      .regex(/^[^\p{Cc}/\\]+$/u)
      .optional()
      .describe('Shown with a document'),
    caption: text(bounds.caption).optional().describe('For an image, a video or a document'),
    voice: z.boolean().optional().describe('An audio is a voice note'),
  })
  .superRefine(({ kind, url, fileId, mimetype, caption, voice }, check) => {
    const refuse = (place: string, message: string) => check.addIssue({ code: 'custom', path: [place], message });
    if ((url === undefined) === (fileId === undefined)) refuse('url', 'one of url and fileId');
    if (!families[kind].test(mimetype)) refuse('mimetype', 'is not of this kind');
    if (caption !== undefined && (kind === 'audio' || kind === 'sticker')) refuse('caption', 'not with this kind');
    if (voice !== undefined && kind !== 'audio') refuse('voice', 'only with audio');
  });

const list = z
  .strictObject({
    button: text(bounds.list.button).describe('What opens the list'),
    sections: z
      .array(
        z.strictObject({
          title: text(bounds.list.sectionTitle).optional().describe('Needed where there are several sections'),
          rows: z
            .array(
              z.strictObject({
                id: text(bounds.list.id),
                title: text(bounds.list.title),
                description: text(bounds.list.description).optional(),
              }),
            )
            .min(1)
            .max(bounds.list.rows),
        }),
      )
      .min(1)
      .max(bounds.list.sections),
  })
  .superRefine(({ sections }, check) => {
    const refuse = (message: string) => check.addIssue({ code: 'custom', path: ['sections'], message });
    const rows = sections.flatMap((section) => section.rows);
    if (rows.length > bounds.list.rows) refuse(`at most ${bounds.list.rows} rows in all`);
    if (new Set(rows.map(({ id }) => id)).size < rows.length) refuse('ids have to differ');
    if (sections.length > 1 && sections.some(({ title }) => title === undefined)) refuse('every section needs a title');
  });

/** Meta refuses line breaks, tabs and more than four spaces in a row. */
const variables = z.array(text(bounds.template.variable).regex(/^(?:(?! {5})[^\n\r\t])*$/)).max(bounds.template.most);

const template = z.strictObject({
  name: z.string().regex(/^[a-z0-9_]{1,512}$/),
  language: z.string().regex(/^[a-z]{2,3}(?:_[A-Za-z]{2,4})?$/),
  header: variables.optional(),
  headerMedia: media
    .refine(({ kind }) => kind !== 'audio' && kind !== 'sticker', { message: 'an image, a video or a document' })
    .refine(({ caption }) => caption === undefined, { message: 'without a caption' })
    .optional()
    .describe('The file above it, where the template has one there'),
  body: variables.optional(),
  buttons: variables.max(bounds.template.buttons).optional().describe('Ends of the URLs, in the order of the buttons'),
});
/** A template with its variables, as asked for. */
export type WantedTemplate = z.output<typeof template>;

const location = z.strictObject({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  name: text(bounds.place.name).optional(),
  address: text(bounds.place.address).optional(),
});

const contacts = z
  .array(z.strictObject({ name: text(bounds.contacts.name), phone: z.string().regex(/^\+?\d{8,15}$/) }))
  .min(1)
  .max(bounds.contacts.most);

const messageId = z.string().regex(/^[\w-]{1,128}$/);

/** Not a pattern of the form: JSON Schema knows no sequences of characters that are one. */
const oneEmoji = /^(?:\p{RGI_Emoji})?$/v;

const reaction = z.strictObject({
  messageId: messageId.describe('The message reacted to, by the id that the conversation shows or that asking gave'),
  emoji: z
    .string()
    .max(64)
    .refine((emoji) => oneEmoji.test(emoji), { message: 'one emoji, or none' })
    .describe('One emoji; empty takes the reaction back'),
});

/** The fields of a message that say what it is, for a strict object; `oneKind` belongs with them. */
export const contentFields = {
  text: text(bounds.text).optional().describe('Alone, or with `buttons` or `list`'),
  buttons: z
    .array(z.strictObject({ id: text(bounds.buttons.id), title: text(bounds.buttons.title) }))
    .min(1)
    .max(bounds.buttons.most)
    .refine((buttons) => new Set(buttons.map(({ id }) => id)).size === buttons.length, {
      message: 'ids have to differ',
    })
    .optional(),
  list: list.optional(),
  media: media.optional(),
  template: template.optional(),
  location: location.optional(),
  contacts: contacts.optional(),
  reaction: reaction.optional(),
  replyTo: messageId.optional().describe('The message that it answers, by the same ids as those of reactions'),
  typingMs: z
    .number()
    .int()
    .min(0)
    .max(typingMsMax)
    .optional()
    .describe('Shows for this long that we write, then sends. Default: what the instance says'),
} as const;

/** What was asked for, checked. */
export type WantedContent = z.output<z.ZodObject<typeof contentFields>>;

const kinds = ['text', 'media', 'template', 'location', 'contacts', 'reaction'] as const;

/** The rules between the fields of `contentFields`. */
export function oneKind(wanted: WantedContent, check: z.core.$RefinementCtx<WantedContent>): void {
  const refuse = (place: keyof WantedContent, message: string) =>
    check.addIssue({ code: 'custom', path: [place], message });
  const given = kinds.filter((kind) => wanted[kind] !== undefined);
  if (given.length !== 1) refuse(given[1] ?? 'text', `one of ${kinds.join(', ')}`);
  const { buttons, list: rows } = wanted;
  if (buttons !== undefined && rows !== undefined) refuse('list', 'not together with buttons');
  if (buttons !== undefined && wanted.text === undefined) refuse('buttons', 'only with text');
  if (rows !== undefined && wanted.text === undefined) refuse('list', 'only with text');
  if (buttons !== undefined && (wanted.text ?? '').length > bounds.buttonsText)
    refuse('text', `at most ${bounds.buttonsText} characters with buttons`);
  if (wanted.reaction !== undefined && wanted.replyTo !== undefined) refuse('replyTo', 'not with a reaction');
}

/** A content alone, with the rules between its fields. */
export const contentShape = z.strictObject(contentFields).superRefine(oneKind);

/** True when the words of a content are within the bounds, after variables were put in. */
export function wordsFit(content: OutboundContent): boolean {
  if (content.kind === 'template')
    return variables.safeParse([...(content.header ?? []), ...(content.body ?? []), ...(content.buttons ?? [])])
      .success;
  const words = 'text' in content ? content.text : 'caption' in content ? (content.caption ?? '') : '';
  const most = 'text' in content ? (content.kind === 'buttons' ? bounds.buttonsText : bounds.text) : bounds.caption;
  return words.length <= most;
}

/** What a content is made with. Each throws a `Problem` when there is no such thing. */
export interface ContentSources {
  /** A message of the conversation, by an id that the API shows. */
  readonly target: (id: string) => Promise<MessageTarget>;
  /** Checks that there is a file of the tenant, not larger than WhatsApp takes of this kind. */
  readonly requireFile: (id: string, kind: MediaKind) => Promise<void>;
  /** Which addresses a file may be fetched from. */
  readonly outside: OutsideRules;
  /** The template in words, its variables checked and put in. */
  readonly renderTemplate: (wanted: WantedTemplate) => Promise<string>;
}

/** The content asked for. Throws `Problem` 400, 404 and 409. */
export async function contentOf(wanted: WantedContent, sources: ContentSources): Promise<OutboundContent> {
  const { replyTo, typingMs } = wanted;
  return {
    ...(await kindOf(wanted, sources)),
    ...(replyTo === undefined ? {} : { replyTo: await sources.target(replyTo) }),
    ...(typingMs === undefined ? {} : { typingMs }),
  };
}

async function kindOf(wanted: WantedContent, sources: ContentSources): Promise<OutboundContent> {
  const { buttons, list: asked } = wanted;
  if (wanted.media !== undefined) return mediaContent(wanted.media, sources);
  if (wanted.template !== undefined) return templateContent(wanted.template, sources);
  if (wanted.location !== undefined) return known<OutboundContent>({ kind: 'location', ...wanted.location });
  if (wanted.contacts !== undefined) return { kind: 'contacts', contacts: wanted.contacts };
  if (wanted.reaction !== undefined) {
    const { messageId: id, emoji } = wanted.reaction;
    return { kind: 'reaction', emoji, ...(await sources.target(id)) };
  }
  const said = wanted.text ?? '';
  if (buttons !== undefined) return { kind: 'buttons', text: said, buttons };
  if (asked !== undefined) return known<OutboundContent>({ kind: 'list', text: said, ...asked });
  return { kind: 'text', text: said };
}

/** The file is asked for last: what the template does not have is refused before. */
async function templateContent(wanted: WantedTemplate, sources: ContentSources): Promise<OutboundContent> {
  const text = await sources.renderTemplate(wanted);
  const { headerMedia: asked, ...rest } = wanted;
  const headerMedia = asked === undefined ? undefined : { kind: asked.kind, ...(await fileOf(asked, sources)) };
  return known<OutboundContent>({ kind: 'template', ...rest, headerMedia, text } as Loose<OutboundContent>);
}

type WantedMedia = z.output<typeof media>;

const mediaContent = async (wanted: WantedMedia, sources: ContentSources): Promise<OutboundContent> =>
  known<OutboundContent>({ kind: wanted.kind, media: await fileOf(wanted, sources), caption: wanted.caption });

async function fileOf(
  { kind, caption: _, fileId, ...file }: WantedMedia,
  { requireFile, outside }: ContentSources,
): Promise<Loose<OutboundMedia>> {
  if (file.url !== undefined) requirePublic(file.url, outside);
  if (fileId !== undefined) await requireFile(fileId, kind);
  return { ...file, blob: fileId };
}

/** The provider fetches it: what we would not fetch ourselves we do not ask others to. */
function requirePublic(url: string, outside: OutsideRules): void {
  try {
    checkUrl(url, outside, webPorts);
  } catch (caught) {
    if (!(caught instanceof OutsideError)) throw caught;
    throw new Problem(400, 'url-refused', `The address of the file cannot be used (${caught.code}).`);
  }
}

/** The same with `undefined` for what is optional, at any depth. */
type Loose<T> = T extends readonly (infer Item)[]
  ? readonly Loose<Item>[]
  : T extends object
    ? { [Field in keyof T]: Loose<T[Field]> | (object extends Pick<T, Field> ? undefined : never) }
    : T;

/** Without the fields that were not given. Of plain JSON alone. */
const known = <T extends object>(given: Loose<T>): T => JSON.parse(JSON.stringify(given)) as T;
