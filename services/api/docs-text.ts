/** The little Markdown that our texts use, as HTML: headings, lists, fenced code, paragraphs, `code`. */
import { type Markup, markup } from './markup.ts';

/** A line of text, with `code`. */
export const inline = (text: string): Markup =>
  markup`${text.split('`').map((part, i) => (i % 2 === 1 ? markup`<code>${part}</code>` : part))}`;

/** A text of several blocks. Headings get an id from their words. */
export const blocks = (text: string): Markup => markup`${text.split(/\n{2,}/).map(block)}`;

function block(text: string): Markup {
  const heading = /^## (.+)$/.exec(text)?.[1];
  if (heading !== undefined) return markup`<h2 id="${idOf(heading)}">${heading}</h2>`;
  const code = /^```\w*\n([\s\S]*)\n```$/.exec(text)?.[1];
  if (code !== undefined) return markup`<pre><code>${code}</code></pre>`;
  const line = text.replaceAll(/\n(?!- )\s*/g, ' ');
  if (!line.startsWith('- ')) return markup`<p>${inline(line)}</p>`;
  return markup`<dl class="notes">${line.split('\n').map((item) => note(item.slice(2)))}</dl>`;
}

/** `Word: text` is a word and what is said of it. */
function note(text: string): Markup {
  const [, word = '', said = text] = /^([\w ]{2,16}): (.*)$/.exec(text) ?? [];
  return markup`<dt>${word}</dt><dd>${inline(`${said.charAt(0).toUpperCase()}${said.slice(1)}`)}</dd>`;
}

/** Headings of a text, for navigation. */
export const headingsOf = (text: string): readonly { readonly id: string; readonly text: string }[] =>
  [...text.matchAll(/^## (.+)$/gm)].map(([, heading = '']) => ({ id: idOf(heading), text: heading }));

const idOf = (heading: string): string => heading.toLowerCase().replaceAll(/\W+/g, '-');
