import type { OutboundContent } from './content.ts';

/**
 * Content as plain text, for providers without buttons that can be relied on: unless the text lists
 * them itself, the choices are numbered, and machines understand the number as an answer.
 */
export function asText(content: OutboundContent): string {
  switch (content.kind) {
    case 'text':
    case 'template':
      return content.text;
    case 'buttons':
      return withChoices(content.text, content.optionsInText === true ? [] : content.buttons);
    case 'list':
      return withChoices(
        content.text,
        content.optionsInText === true ? [] : content.sections.flatMap((section) => section.rows),
      );
    case 'image':
    case 'audio':
    case 'video':
    case 'document':
    case 'sticker':
      return content.caption ?? '';
    case 'location':
      return [content.name, content.address, `${content.latitude}, ${content.longitude}`]
        .filter((part) => part !== undefined)
        .join('\n');
    case 'contacts':
      return content.contacts.map(({ name, phone }) => `${name}: ${phone}`).join('\n');
    case 'reaction':
      return content.emoji;
  }
}

const withChoices = (text: string, choices: readonly { readonly title: string }[]): string =>
  [text, choices.map(({ title }, index) => `${index + 1}. ${title}`).join('\n')]
    .filter((part) => part !== '')
    .join('\n\n');
