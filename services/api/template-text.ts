/** A template in words, its variables put in: what providers without templates send, and what people read later. */
import { Problem } from '#runtime/http.ts';
import type { Template } from '#runtime/templates/templates.ts';

import type { WantedTemplate } from './message-content.ts';

/**
 * The words of a template as Meta had it last. Throws `Problem` 404 when there is none, 409 when it may not
 * be sent, 422 when the variables are not those that it has.
 */
export function templateText(template: Template | undefined, wanted: WantedTemplate): string {
  if (template === undefined) throw new Problem(404, 'template-unknown', 'There is no such template in this language.');
  if (template.status !== 'APPROVED')
    throw new Problem(409, 'template-not-approved', 'Meta has not approved this template, or no longer.');
  const { header, body, footer, buttons } = template;
  requireFile(header?.format.toUpperCase() ?? 'TEXT', wanted.headerMedia?.kind);
  requireCount('header', header?.variables.length ?? 0, wanted.header);
  requireCount('body', body.variables.length, wanted.body);
  requireCount('buttons', buttons.filter(({ variables }) => variables > 0).length, wanted.buttons);
  const choices = buttons.filter(({ type }) => type === 'QUICK_REPLY');
  return [
    header?.text === undefined ? '' : filled(header.text, header.variables, wanted.header),
    filled(body.text, body.variables, wanted.body),
    footer ?? '',
    choices.map(({ text }, i) => `${i + 1}. ${text}`).join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** The file above a template is of the kind that the template has there, or there is none. */
function requireFile(format: string, kind: string | undefined): void {
  if (format === (kind?.toUpperCase() ?? 'TEXT')) return;
  if (!fileFormats.includes(format) && format !== 'TEXT')
    throw wrongVariables(`its header is a ${format.toLowerCase()}, which cannot be given`);
  const has = format === 'TEXT' ? 'no file' : `a file of the kind ${format.toLowerCase()}`;
  throw wrongVariables(`headerMedia has ${has}, not ${kind ?? 'none'}`);
}

const fileFormats: readonly string[] = ['IMAGE', 'VIDEO', 'DOCUMENT'];

function requireCount(part: string, count: number, given: readonly string[] = []): void {
  if (given.length !== count) throw wrongVariables(`${part} has ${count}, not ${given.length}`);
}

const wrongVariables = (how: string): Problem =>
  new Problem(422, 'template-variables-wrong', `The variables are not those of the template: ${how}.`);

/** In one pass: what a variable brings in is not read again. */
const filled = (text: string, names: readonly string[], values: readonly string[] = []): string =>
  text.replace(/\{\{\s*(\w{1,60})\s*\}\}/g, (mark, name: string) => values[names.indexOf(name)] ?? mark);
