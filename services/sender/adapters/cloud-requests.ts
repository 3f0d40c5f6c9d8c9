/**
 * Our content in the Cloud API's form (Meta's message reference, Graph v26.0). What an interactive message
 * has no room for is sent as text with numbered choices, which machines understand as well.
 */
import type { OutboundContent, OutboundMedia } from '#schemas/content.ts';
import { asText } from '#schemas/plain-text.ts';

import { isBusinessScopedId } from '#runtime/directory/directory.ts';
import type { Template } from '#runtime/templates/templates.ts';

/** Room in interactive messages; UTF-16 units. */
const room = {
  buttons: 3,
  buttonTitle: 20,
  buttonsText: 1_024,
  rows: 10,
  sections: 10,
  rowTitle: 24,
  rowDescription: 72,
  sectionTitle: 24,
  listText: 4_096,
  id: 256,
  rowId: 200,
} as const;

type Kind<K extends OutboundContent['kind']> = Extract<OutboundContent, { readonly kind: K }>;
type Media = Kind<'image' | 'audio' | 'video' | 'document' | 'sticker'>;
type Json = Readonly<Record<string, unknown>>;

/** What a message needs besides its content. */
export interface Given {
  /** Of a file that lies in our store: where it was uploaded. */
  readonly mediaId?: string;
  /** Of a template: as Meta has it, when that is known. */
  readonly template?: Template;
}

/**
 * Who gets it, as a request names them: by number, by BSUID, or a group. Undefined for addresses that
 * the Cloud API has no form for (a LID).
 */
export function recipientOf(chat: string): Json | undefined {
  const [userPart = '', domain = ''] = chat.split('@');
  if (domain === 'g.us') return { recipient_type: 'group', to: userPart };
  if (isBusinessScopedId(chat)) return { recipient_type: 'individual', recipient: chat };
  if (domain !== '' && domain !== 'c.us' && domain !== 's.whatsapp.net') return undefined;
  const digits = (userPart.split(':')[0] ?? '').replace(/\D/g, '');
  return digits === '' ? undefined : { recipient_type: 'individual', to: digits };
}

/** `type` and the field that is named like it. */
export function bodyOf(content: OutboundContent, given: Given = {}): Json {
  switch (content.kind) {
    case 'text':
      return text(content.text);
    case 'buttons':
      return buttons(content) ?? text(asText(content));
    case 'list':
      return list(content) ?? text(asText(content));
    case 'image':
    case 'audio':
    case 'video':
    case 'document':
    case 'sticker':
      return media(content, given.mediaId);
    case 'location': {
      const { latitude, longitude, name, address } = content;
      return { type: 'location', location: { latitude, longitude, ...defined({ name, address }) } };
    }
    case 'contacts':
      return { type: 'contacts', contacts: content.contacts.map(contact) };
    case 'template':
      return template(content, given);
    case 'reaction':
      return { type: 'reaction', reaction: { message_id: content.target, emoji: content.emoji } };
  }
}

const text = (body: string): Json => ({ type: 'text', text: { body, preview_url: false } });

const defined = (fields: Json): Json =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''));

/** Whether Meta would take these as choices: of some length, not too long, none twice. */
function fit(
  choices: readonly { readonly id: string; readonly title: string }[],
  titleMax: number,
  idMax: number,
): boolean {
  const each = choices.every(
    ({ id, title }) => id !== '' && id.length <= idMax && title !== '' && title.length <= titleMax,
  );
  const ids = new Set(choices.map(({ id }) => id));
  return each && choices.length > 0 && ids.size === choices.length;
}

function buttons(content: Kind<'buttons'>): Json | undefined {
  const { text: body, buttons: choices } = content;
  const titles = new Set(choices.map(({ title }) => title));
  const fits =
    choices.length <= room.buttons &&
    fit(choices, room.buttonTitle, room.id) &&
    titles.size === choices.length &&
    body !== '' &&
    body.length <= room.buttonsText;
  if (!fits) return undefined;
  const replies = choices.map(({ id, title }) => ({ type: 'reply', reply: { id, title } }));
  return { type: 'interactive', interactive: { type: 'button', body: { text: body }, action: { buttons: replies } } };
}

function list(content: Kind<'list'>): Json | undefined {
  const { text: body, button, sections } = content;
  const rows = sections.flatMap((section) => section.rows);
  const fits =
    rows.length <= room.rows &&
    fit(rows, room.rowTitle, room.rowId) &&
    rows.every(({ description = '' }) => description.length <= room.rowDescription) &&
    sections.every(({ title = '', rows: own }) => title.length <= room.sectionTitle && own.length > 0) &&
    // Where there are several sections each must have a title.
    (sections.length === 1 || sections.every(({ title = '' }) => title !== '')) &&
    button !== '' &&
    button.length <= room.buttonTitle &&
    body !== '' &&
    body.length <= room.listText;
  if (!fits) return undefined;
  const shown = sections.map(({ title, rows: own }) => ({
    ...defined({ title }),
    rows: own.map(({ id, title: name, description }) => ({ id, title: name, ...defined({ description }) })),
  }));
  const action = { button, sections: shown };
  return { type: 'interactive', interactive: { type: 'list', body: { text: body }, action } };
}

/** Captions go with what can be looked at; sound and stickers have none. */
function media({ kind, media: file, caption }: Media, mediaId: string | undefined): Json {
  const more = {
    ...(kind === 'audio' || kind === 'sticker' ? {} : { caption }),
    ...(kind === 'audio' && file.voice === true ? { voice: true } : {}),
  };
  return { type: kind, [kind]: { ...placed(kind, file, mediaId), ...defined(more) } };
}

/** Where a file lies, and its name where it is shown. */
const placed = (kind: string, file: OutboundMedia, mediaId: string | undefined): Json => ({
  ...(mediaId === undefined ? { link: file.url } : { id: mediaId }),
  ...defined(kind === 'document' ? { filename: file.filename } : {}),
});

const contact = ({ name, phone }: Kind<'contacts'>['contacts'][number]): Json => {
  const digits = phone.replace(/\D/g, '');
  return {
    name: { formatted_name: name, first_name: name },
    phones: [{ phone: `+${digits}`, wa_id: digits, type: 'CELL' }],
  };
};

function template(content: Kind<'template'>, { template: known, mediaId }: Given): Json {
  const { headerMedia: file } = content;
  const components = [
    ...(file === undefined
      ? parameters('header', content.header, known?.header?.variables)
      : [{ type: 'header', parameters: [{ type: file.kind, [file.kind]: placed(file.kind, file, mediaId) }] }]),
    ...parameters('body', content.body, known?.body.variables),
    ...buttonParameters(content.buttons ?? [], known),
  ];
  return {
    type: 'template',
    template: {
      name: content.name,
      language: { code: content.language },
      ...(components.length === 0 ? {} : { components }),
    },
  };
}

/** Variables that have names are given by name. */
function parameters(type: string, values: readonly string[] = [], names: readonly string[] = []): readonly Json[] {
  if (values.length === 0) return [];
  const given = values.map((value, place) => {
    const name = names[place];
    return { type: 'text', ...(name === undefined || /^\d+$/.test(name) ? {} : { parameter_name: name }), text: value };
  });
  return [{ type, parameters: given }];
}

/** Values go to those buttons that have a variable, in order; without knowledge of the template, to web addresses. */
function buttonParameters(values: readonly string[], known: Template | undefined): readonly Json[] {
  const open = known?.buttons.filter(({ variables }) => variables > 0);
  return values.map((value, place) => {
    const button = open?.[place];
    const copied = button?.type === 'COPY_CODE';
    return {
      type: 'button',
      sub_type: copied ? 'copy_code' : 'url',
      index: String(button?.index ?? place),
      parameters: [copied ? { type: 'coupon_code', coupon_code: value } : { type: 'text', text: value }],
    };
  });
}
