import type { OutboundContent } from '#schemas/content.ts';

/**
 * Content as plain text, for providers without buttons that can be relied on: unless the text lists
 * them itself, the choices are numbered, and machines understand the number as an answer.
 */
export function asText(content: OutboundContent): string {
  switch (content.kind) {
    case 'text':
      return content.text;
    case 'buttons': {
      if (content.optionsInText === true) return content.text;
      const choices = content.buttons.map((button, index) => `${index + 1}. ${button.title}`);
      return [content.text, choices.join('\n')].filter((part) => part !== '').join('\n\n');
    }
  }
}
