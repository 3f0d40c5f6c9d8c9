import type { OutboundContent } from '#schemas/content.ts';

/** A choice of a list. */
export interface Row {
  readonly id: string;
  readonly title: string;
}

/** WhatsApp's limits: characters of a row's title, rows of a list. */
const titleMax = 24;
const rowsMax = 10;

/**
 * A list whose text says by itself what can be answered: its rows are numbered there. `unnumbered` rows can only
 * be pressed.
 */
export function numberedList(
  intro: string,
  rows: readonly Row[],
  button: string,
  closing = '',
  unnumbered: readonly Row[] = [],
): { readonly content: OutboundContent } {
  const shown = rows.slice(0, rowsMax - unnumbered.length);
  const numbers = shown.map(({ title }, index) => `*${(index + 1).toString()}* ${title}`).join('\n');
  const text = [intro, numbers, closing].filter((part) => part !== '').join('\n\n');
  const titled = [...shown, ...unnumbered].map(({ id, title }) => ({ id, title: cut(title) }));
  return { content: { kind: 'list', text, button, sections: [{ rows: titled }], optionsInText: true } };
}

const cut = (title: string): string => (title.length > titleMax ? `${title.slice(0, titleMax - 1)}…` : title);
