/** JSON Schemas of shapes; those with a name (`.meta({ id })`) are kept aside and referred to. */
import { isDeepStrictEqual } from 'node:util';

import { z } from 'zod';

import type { JsonSchema } from './openapi-types.ts';

/** Which side of a shape: what callers give, or what they get. */
export type Side = 'input' | 'output';

/** Collects the named ones of one document. */
export class SchemaSet {
  readonly #named = new Map<string, JsonSchema>();

  /** The schema of a shape. Throws when another shape has one of its names. */
  of(shape: z.ZodType, side: Side): JsonSchema {
    const made = z.toJSONSchema(shape, { io: side, override: ({ jsonSchema }) => simplify(jsonSchema, side) });
    const text = JSON.stringify(made).replaceAll('"#/$defs/', '"#/components/schemas/');
    const { $schema: _, $defs = {}, ...schema } = JSON.parse(text) as JsonSchema;
    for (const [name, named] of Object.entries($defs)) this.#keep(name, named);
    return schema;
  }

  /** All that were named so far, by name. */
  named(): Record<string, JsonSchema> {
    return Object.fromEntries([...this.#named].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #keep(name: string, schema: JsonSchema): void {
    const known = this.#named.get(name);
    if (known !== undefined && !isDeepStrictEqual(known, schema)) throw new Error(`two shapes are named ${name}`);
    this.#named.set(name, schema);
  }
}

/** Leaves out what says nothing to a reader. */
function simplify(schema: z.core.JSONSchema.BaseSchema, side: Side): void {
  // The format says it; the pattern is a page of digits.
  if (schema.format === 'date-time') delete schema.pattern;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (isDeepStrictEqual(schema.propertyNames, { type: 'string' })) delete schema.propertyNames;
  // Answers may gain fields.
  if (side === 'output' && schema.additionalProperties === false) delete schema.additionalProperties;
}
