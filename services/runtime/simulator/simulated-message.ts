/**
 * What a simulated phone can do, as it is written on the wire: the same for the webhook of the simulator
 * and for the API, which passes it on.
 */
import { z } from 'zod';

const text = z.string().min(1).max(65_536);
const short = z.string().min(1).max(1_024);

/** Id of an earlier message of the chat: `id` of one that the phone received, or `messageId` of one that it wrote. */
const earlier = z
  .string()
  .min(1)
  .max(128)
  .describe('`id` of a message that the phone received, or `messageId` of one of its own');

const choice = z.object({ id: short.max(256), title: short.optional() });

/** What it writes, one of these. */
const contents = {
  text: text.optional(),
  button: choice.optional().describe('The button that was pressed'),
  list: choice.optional().describe('The row that was chosen'),
  media: z
    .object({
      kind: z.enum(['image', 'audio', 'video', 'document', 'sticker']),
      url: z.url().max(4_096).optional(),
      mimetype: short.max(256).optional(),
      filename: short.max(512).optional(),
      size: z.number().int().min(0).optional().describe('Bytes'),
      voice: z.boolean().optional().describe('An audio is a voice note'),
      caption: text.optional(),
    })
    .optional(),
  location: z
    .object({
      latitude: z.number().min(-90).max(90),
      longitude: z.number().min(-180).max(180),
      name: short.optional(),
      address: short.optional(),
    })
    .optional(),
  contacts: z
    .array(z.object({ name: short.max(256), phone: z.string().regex(/^\+?\d{8,15}$/) }))
    .min(1)
    .max(10)
    .optional(),
  poll: z
    .object({ name: short, options: z.array(short.max(512)).min(1).max(20) })
    .optional()
    .describe('A poll that it makes'),
  reaction: z
    .object({ messageId: earlier, emoji: z.string().max(64).describe('Empty takes the reaction back') })
    .optional(),
  vote: z
    .object({ messageId: earlier, options: z.array(short.max(512)).max(20).describe('All that are chosen now') })
    .optional(),
  edit: z.object({ messageId: earlier, text }).optional().describe('Changes the text of a message of its own'),
  revoke: z.object({ messageId: earlier }).optional().describe('Deletes a message of its own'),
} as const;

/** Names of what it can write. */
export const simulatedKinds = Object.keys(contents) as readonly (keyof typeof contents)[];

/** All fields of a message. */
export const simulatedFields = {
  from: z
    .string()
    .regex(/^\+?\d{8,15}$/)
    .describe('The number that writes, with country code'),
  ...contents,
  replyTo: earlier.optional(),
  messageId: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe('A message with an id that was there before is a duplicate'),
  name: z.string().min(1).max(256).optional().describe('The name that the phone shows'),
} as const;

/** A message as it was written. */
export type SimulatedMessage = z.output<z.ZodObject<typeof simulatedFields>>;

/** True when it is exactly one thing. */
export const isOneThing = (message: Pick<SimulatedMessage, keyof typeof contents>): boolean =>
  simulatedKinds.filter((kind) => message[kind] !== undefined).length === 1;
