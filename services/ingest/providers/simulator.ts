/**
 * The simulated phone: `{from, text | media | button, messageId?, name?}`. The wire shape is ours, so
 * what does not fit it is refused. The token in the path is its credential.
 */
import { z } from 'zod';

import { Problem } from '#runtime/http.ts';
import type { InboundContent } from '#schemas/content.ts';

import type { WebhookProvider } from './provider.ts';
import { limits } from './whatsapp-message.ts';

const text = z.string().min(1).max(limits.text);
const short = z.string().min(1).max(limits.title);

const bodyShape = z
  .object({
    /** Phone number with country code. */
    from: z.string().regex(/^\+?\d{8,15}$/),
    text: text.optional(),
    button: z.object({ id: short.max(256), title: short.optional() }).optional(),
    media: z
      .object({
        kind: z.enum(['image', 'audio', 'video', 'document', 'sticker']),
        url: z.url().max(limits.url).optional(),
        mimetype: short.max(256).optional(),
        filename: short.max(512).optional(),
        size: z.number().int().min(0).optional(),
        voice: z.boolean().optional(),
        caption: text.optional(),
      })
      .optional(),
    messageId: z.string().min(1).max(128).optional(),
    name: z.string().min(1).max(256).optional(),
  })
  .refine((body) => [body.text, body.button, body.media].filter((content) => content !== undefined).length === 1);

type Body = z.infer<typeof bodyShape>;

/** The simulator. */
export const simulator: WebhookProvider = {
  answersEvents: true,

  verify: () => true,

  normalise(body) {
    const read = bodyShape.safeParse(body.json);
    if (!read.success) {
      throw new Problem(400, 'body-invalid', 'A message has `from` and one of `text`, `media` and `button`.');
    }
    const from = read.data.from.replace('+', '');
    const messageId = read.data.messageId ?? `SIM-${body.requestId}`;
    return [
      {
        type: 'message.received',
        chat: { addresses: [from], group: false },
        message: {
          messageId,
          stableId: messageId,
          chat: from,
          sender: { address: from, ...(read.data.name === undefined ? {} : { name: read.data.name }) },
          content: contentOf(read.data),
        },
        providerAt: null,
        raw: body.raw,
      },
    ];
  },
};

function contentOf({ text: written, button, media }: Body): InboundContent {
  if (button !== undefined) return { kind: 'button', id: button.id, title: button.title ?? button.id };
  if (media === undefined) return { kind: 'text', text: written ?? '' };
  const { kind, caption, ...file } = media;
  const known = Object.fromEntries(Object.entries(file).filter(([, value]) => value !== undefined));
  return { kind, media: known, ...(caption === undefined ? {} : { caption }) };
}
