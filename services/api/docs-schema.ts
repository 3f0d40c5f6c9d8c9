/** JSON Schemas as tables of fields: nested ones by dotted names, so that one table shows all. */
import { type Markup, markup } from './markup.ts';
import { inline } from './docs-text.ts';
import type { JsonSchema, OpenApiDocument } from './openapi-types.ts';

/** One line of a table. */
export interface Field {
  readonly name: string;
  readonly required: boolean;
  readonly schema: JsonSchema;
}

const depthMax = 6;

/** Tables of the fields of a schema: one, or one per alternative. Nothing for what has no fields. */
export function fieldTables(schema: JsonSchema, document: OpenApiDocument): Markup | undefined {
  const whole = resolved(schema, document);
  const alternatives = (whole.anyOf ?? []).filter((one) => resolved(one, document).type !== 'null');
  if (alternatives.length < 2) return fieldTable(fieldsOf(whole, document, '', 0));
  return markup`${alternatives.map(
    (one, i) => markup`<p class="or">${i === 0 ? 'Either' : 'or'}</p>${fieldTable(fieldsOf(one, document, '', 0))}`,
  )}`;
}

/** A table of these fields; nothing for none. */
export function fieldTable(fields: readonly Field[]): Markup | undefined {
  if (fields.length === 0) return undefined;
  return markup`<table class="fields">${fields.map(
    ({ name, required, schema }) => markup`<tr>
<th scope="row"><code>${name}</code>${required ? undefined : markup` <small>optional</small>`}${kindOf(schema)}</th>
<td>${saidOf(schema)}</td></tr>`,
  )}</table>`;
}

function fieldsOf(schema: JsonSchema, document: OpenApiDocument, prefix: string, depth: number): readonly Field[] {
  const whole = notNull(resolved(schema, document), document);
  if (depth > depthMax) return [];
  if (whole.type === 'array') return fieldsOf(itemsOf(whole), document, `${prefix}[]`, depth + 1);
  const { properties = {}, required = [] } = whole;
  return Object.entries(properties).flatMap(([name, value]) => {
    const field = resolved(value as JsonSchema, document);
    const full = prefix === '' ? name : `${prefix}.${name}`;
    return [
      { name: full, required: required.includes(name), schema: field },
      ...fieldsOf(field, document, full, depth + 1),
    ];
  });
}

/** A reference's target, with what was said beside the reference. */
function resolved(schema: JsonSchema, document: OpenApiDocument): JsonSchema {
  const name = schema.$ref?.split('/').at(-1);
  if (name === undefined) return schema;
  const { $ref: _, ...beside } = schema;
  return { ...document.components.schemas[name], ...beside };
}

/** What a schema is when it is not null. */
function notNull(schema: JsonSchema, document: OpenApiDocument): JsonSchema {
  const others = (schema.anyOf ?? []).map((one) => resolved(one, document)).filter(({ type }) => type !== 'null');
  const [only] = others;
  return others.length === 1 && only !== undefined ? only : schema;
}

const itemsOf = ({ items }: JsonSchema): JsonSchema =>
  typeof items === 'object' && !Array.isArray(items) ? items : {};

/** What kind of value it is: `text, date-time`, `integer 1 to 200`, `a | b`. */
const kindOf = (schema: JsonSchema): Markup => markup`<span class="kind">${kindTextOf(schema)}</span>`;

function kindTextOf(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map(String).join(' | ');
  if (schema.const !== undefined) return String(schema.const);
  if (schema.anyOf !== undefined) return schema.anyOf.map(kindTextOf).join(' or ');
  const types = [schema.type ?? 'any'].flat();
  const name = types.map((type) => (type === 'array' ? `list` : type)).join(' or ');
  const details = [schema.format, rangeOf(schema), lengthOf(schema)].filter((text) => text !== undefined);
  return [name, ...details].join(', ');
}

const rangeOf = ({ minimum, maximum }: JsonSchema): string | undefined => {
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  return minimum === undefined ? undefined : `at least ${minimum}`;
};

const lengthOf = ({ maxLength, maxItems, minItems }: JsonSchema): string | undefined => {
  if (maxItems !== undefined) return `${minItems ?? 0} to ${maxItems} items`;
  return maxLength === undefined ? undefined : `at most ${maxLength} characters`;
};

/** What is said of it, and what it is when left out. */
function saidOf({ description, default: usual }: JsonSchema): Markup {
  const said = description === undefined ? undefined : markup` <span>${inline(description)}</span>`;
  const plain = usual === undefined || typeof usual === 'object' ? undefined : JSON.stringify(usual);
  return markup`${said}${plain === undefined ? undefined : markup` <small>Default <code>${plain}</code></small>`}`;
}
