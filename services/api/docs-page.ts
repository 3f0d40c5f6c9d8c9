/**
 * The page at `/docs`: the OpenAPI document for people, as one file of HTML. It runs no script and
 * loads nothing, and its policy holds it to that.
 */
import { createHash } from 'node:crypto';

import { fieldTable, fieldTables } from './docs-schema.ts';
import { docsStyle } from './docs-style.ts';
import { blocks, headingsOf, inline } from './docs-text.ts';
import { Markup, markup } from './markup.ts';
import type {
  OpenApiDocument,
  OpenApiMedia,
  OpenApiOperation,
  OpenApiParameter,
  OpenApiResponse,
  Reference,
} from './openapi-types.ts';

/** The only thing allowed is this style; `data:` is for the empty icon. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(docsStyle).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** An operation with where it is. */
interface Entry {
  readonly method: string;
  readonly path: string;
  readonly operation: OpenApiOperation;
}

type Tag = OpenApiDocument['tags'][number];

/** Makes the page. Pure. */
export function docsPage(document: OpenApiDocument): string {
  const entries: readonly Entry[] = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
  const { title, version, summary, description } = document.info;
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} API</title>
<link rel="icon" href="data:,">
${new Markup(`<style>${docsStyle}</style>`)}
</head>
<body>
<a class="skip" href="#main">To the text</a>
${navigation(document, entries)}
<main id="main">
<section>
<h1>${title} API</h1>
<p><small>${summary}. Version ${version}. Made from <a href="openapi.json">the OpenAPI document</a>, which is made from the routes.</small></p>
${blocks(description)}
</section>
${roleSection(document, entries)}
${document.tags.map((tag) => tagSection(document, tag, entries))}
${errorSection(document)}
</main>
</body>
</html>
`.text;
}

const entriesOf = (tag: Tag, entries: readonly Entry[]): readonly Entry[] =>
  entries.filter(({ operation }) => operation.tags.includes(tag.name));

function navigation(document: OpenApiDocument, entries: readonly Entry[]): Markup {
  const first = [
    ...headingsOf(document.info.description),
    { id: 'roles', text: 'Roles' },
    { id: 'errors', text: 'Errors' },
  ];
  return markup`<nav aria-label="Contents">
<strong>${document.info.title} API</strong>
<ul>${first.map(({ id, text }) => markup`<li><a href="#${id}">${text}</a></li>`)}</ul>
${document.tags.map(
  (tag) => markup`<h2><a href="#${tag.name}">${nameOf(tag)}</a></h2>
<ul>${entriesOf(tag, entries).map(
    ({ method, operation }) =>
      markup`<li><a href="#${operation.operationId}">${badge(method)}<span>${operation.summary}</span></a></li>`,
  )}</ul>`,
)}
</nav>`;
}

const nameOf = ({ name }: Tag): string => `${name.charAt(0).toUpperCase()}${name.slice(1).replaceAll('-', ' ')}`;

const badge = (method: string): Markup => markup`<span class="method ${method}">${method.toUpperCase()}</span>`;

// ----------------------------------------------------------------------- roles

function roleSection(document: OpenApiDocument, entries: readonly Entry[]): Markup {
  const roles = document['x-roles'];
  const asked = document.tags
    .map((tag) => ({
      tag,
      calls: entriesOf(tag, entries).filter(({ operation }) => operation['x-roles'] !== undefined),
    }))
    .filter(({ calls }) => calls.length > 0);
  return markup`<section id="roles"><h2>Roles</h2>
<p>The role of a key says what it may call. Anything else answers 403 <code>forbidden</code>.</p>
<dl class="notes">${roles.map(({ role, meaning }) => markup`<dt>${role}</dt><dd>${meaning}</dd>`)}</dl>
<div class="scroll"><table class="grants">
<thead><tr><th scope="col">Route</th>${roles.map(({ role }) => markup`<th scope="col">${role}</th>`)}</tr></thead>
${asked.map(
  ({
    tag,
    calls,
  }) => markup`<tbody><tr class="group"><th scope="rowgroup" colspan="${roles.length + 1}">${nameOf(tag)}</th></tr>
${calls.map(
  ({ operation }) =>
    markup`<tr><th scope="row"><a href="#${operation.operationId}">${operation.operationId}</a></th>${roles.map(
      ({ role }) => grant(operation['x-roles']?.includes(role) ?? false),
    )}</tr>`,
)}</tbody>`,
)}
</table></div></section>`;
}

const grant = (may: boolean): Markup =>
  may ? markup`<td class="yes" aria-label="may">✓</td>` : markup`<td class="no" aria-label="may not">–</td>`;

// ---------------------------------------------------------------------- routes

function tagSection(document: OpenApiDocument, tag: Tag, entries: readonly Entry[]): Markup {
  return markup`<section id="${tag.name}"><h2>${nameOf(tag)}</h2><p>${inline(tag.description)}</p>
${entriesOf(tag, entries).map((entry) => routeSection(document, entry))}</section>`;
}

function routeSection(document: OpenApiDocument, { method, path, operation }: Entry): Markup {
  const { operationId, summary, description, parameters = [], requestBody } = operation;
  const body = requestBody?.content['application/json'];
  return markup`<section id="${operationId}" class="route"><div>
<h3>${summary}</h3>
<div class="line">${badge(method)}<code>${path}</code></div>
${blocks(description.replace(/\n*Roles: .*$/, ''))}
<p class="who">${accessOf(document, operation)}</p>
${parameterTable(
  'Path',
  parameters.filter((one) => one.in === 'path'),
)}
${parameterTable(
  'Query',
  parameters.filter((one) => one.in === 'query'),
)}
${body?.schema === undefined ? undefined : markup`<h4>Body</h4>${fieldTables(body.schema, document)}`}
${answersOf(document, operation)}
</div>
<div class="samples">
<h4>Example</h4>${operation['x-codeSamples'].map(({ source }) => code(source))}
${sampleOf(document, operation)}
${Object.values(body?.examples ?? {})
  .slice(1)
  .map(({ summary: title, value }) => markup`<h4>${title}</h4>${code(JSON.stringify(value, null, 2))}`)}
</div></section>`;
}

const code = (text: string): Markup => markup`<pre tabindex="0"><code>${text}</code></pre>`;

function accessOf(document: OpenApiDocument, { security, 'x-roles': roles }: OpenApiOperation): Markup {
  if (roles?.length === document['x-roles'].length) return markup`<b>Key</b> of any role`;
  if (roles !== undefined) return markup`<b>Key</b> of role ${roles.join(', ')}`;
  const [name] = Object.keys(security[0] ?? {});
  const scheme = name === undefined ? undefined : document.components.securitySchemes[name];
  if (scheme === undefined) return markup`<b>No key</b> is asked for`;
  return markup`<b>Header</b> <code>${scheme['name']}</code>: ${scheme['description']}`;
}

function parameterTable(title: string, parameters: readonly OpenApiParameter[]): Markup | undefined {
  if (parameters.length === 0) return undefined;
  const fields = parameters.map(({ name, required, schema, description }) => ({
    name,
    required,
    schema: { ...schema, ...(description === undefined ? {} : { description }) },
  }));
  return markup`<h4>${title}</h4>${fieldTable(fields)}`;
}

/** Successes with their fields, then refusals by status. */
function answersOf(document: OpenApiDocument, { responses }: OpenApiOperation): Markup {
  const all = Object.entries(responses).map(([status, given]) => [status, responseOf(document, given)] as const);
  const plain = all.filter(([, { 'x-codes': codes }]) => codes === undefined);
  const refusals = all.filter(([, { 'x-codes': codes }]) => codes !== undefined);
  return markup`${plain.map(([status, response]) => {
    const schema = jsonOf(response)?.schema;
    const fields = schema === undefined ? undefined : fieldTables(schema, document);
    return markup`<h4>Answer ${status}</h4><p>${inline(response.description)}</p>${fields}`;
  })}
${
  refusals.length === 0
    ? undefined
    : markup`<h4>Errors</h4><ul class="refusals">${refusals.map(
        ([status, { 'x-codes': codes = [] }]) =>
          markup`<li><b>${status}</b><span>${refusalLinks(status, codes)}</span></li>`,
      )}</ul>`
}`;
}

/** Failures of our own have many codes, the same everywhere: one link for all. */
const refusalLinks = (status: string, codes: readonly string[]): Markup =>
  status >= '500'
    ? markup`<a href="#errors-${status}">${status === '503' ? 'something needed is away' : 'a defect'}</a>`
    : markup`${codes.map((one) => markup`<a href="#error-${one}">${one}</a>`)}`;

function sampleOf(document: OpenApiDocument, { responses }: OpenApiOperation): Markup | undefined {
  const [first] = Object.values(responses);
  const [media] = first === undefined ? [] : Object.values(responseOf(document, first).content ?? {});
  if (media?.example === undefined) return undefined;
  const text = typeof media.example === 'string' ? media.example : JSON.stringify(media.example, null, 2);
  return markup`<h4>Its answer</h4>${code(text)}`;
}

function responseOf(document: OpenApiDocument, given: OpenApiResponse | Reference): OpenApiResponse {
  if (!('$ref' in given)) return given;
  return document.components.responses[given.$ref.split('/').at(-1) ?? ''] ?? { description: '' };
}

const jsonOf = ({ content = {} }: OpenApiResponse): OpenApiMedia | undefined =>
  Object.entries(content).find(([type]) => type.endsWith('json'))?.[1];

// ---------------------------------------------------------------------- errors

function errorSection(document: OpenApiDocument): Markup {
  const problems = document['x-problems'];
  return markup`<section id="errors"><h2>Errors</h2>
<p>The body of every error is problem JSON (RFC 9457):</p>
${fieldTables({ $ref: '#/components/schemas/Problem' }, document)}
<h4>Codes</h4>
<table class="fields errors">${problems.map(
    ({ code: name, status, meaning }, i) =>
      markup`<tr id="error-${name}"><th scope="row"><span class="status"${
        problems[i - 1]?.status === status ? undefined : markup` id="errors-${status}"`
      }>${status}</span> <code>${name}</code></th><td>${inline(meaning)}</td></tr>`,
  )}</table></section>`;
}
