/**
 * Voice notes and images: the file is awaited, what it says is read by an effect, and heard as if it had been
 * written. What cannot be read, or not be paid for any more, is asked for in writing.
 */
import type { FileRead, FileToRead } from './asks.ts';
import type { ConversationContext } from './context.ts';
import { conversation, keepingMessages } from './setup.ts';

const isOfFile = (context: ConversationContext, event: { readonly messageEventId: string }): boolean =>
  context.file?.eventId === event.messageEventId;

const unread = { target: '#earlier', actions: { type: 'hearFile', params: { text: '' } } } as const;

const read = {
  target: '#earlier',
  actions: {
    type: 'hearFile',
    params: ({ event }: { readonly event: { readonly output: FileRead } }) => event.output,
  },
} as const;

/** What was spent is told where reading has a price: nothing else is held against it. */
function inputOf({ context, event }: { readonly context: ConversationContext; readonly event: unknown }): FileToRead {
  const { speechPrice, visionPrice } = context.settings.media ?? {};
  return {
    file: (event as { readonly fileId?: string }).fileId ?? '',
    locale: context.locale,
    ...(speechPrice === undefined && visionPrice === undefined ? {} : { spentMicros: context.model.spentMicros }),
  };
}

/** The states in which a file is waited for. */
export const mediaWorking = {
  receiving: conversation.createStateConfig({
    id: 'receiving',
    on: {
      ...keepingMessages,
      'media.stored': [
        {
          guard: ({ context, event }) => isOfFile(context, event) && context.file?.means === 'voice',
          target: 'transcribing',
        },
        { guard: ({ context, event }) => isOfFile(context, event), target: 'readingImage' },
      ],
      'media.failed': { guard: ({ context, event }) => isOfFile(context, event), ...unread },
    },
    after: { fileTimeout: unread },
  }),
  transcribing: conversation.createStateConfig({
    id: 'transcribing',
    invoke: { id: 'speech', src: 'speech.transcribe', input: inputOf, onDone: read, onError: unread },
  }),
  readingImage: conversation.createStateConfig({
    id: 'readingImage',
    invoke: { id: 'image', src: 'image.read', input: inputOf, onDone: read, onError: unread },
  }),
};
