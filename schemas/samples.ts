/**
 * Stored samples: for every released schema the bytes of one record, and what they mean. They are
 * written once (`node schemas/samples.ts` writes those that are missing) and must decode for ever.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

import { type ReleasedSchema, encodeRecord, releasedSchemas } from './codec.ts';
import type { ProsaRecord } from './records.ts';

/** A stored sample. */
export interface Sample {
  /** The record's value as on the log, hexadecimal. */
  readonly value: string;
  /** Its fields; bytes as hexadecimal text. */
  readonly record: Readonly<Record<string, unknown>>;
}

const fileOf = (schema: ReleasedSchema): URL =>
  new URL(`./samples/${schema.name}.v${schema.version}.json`, import.meta.url);

/** The sample of a schema; undefined when none is stored. */
export function readSample(schema: ReleasedSchema): Sample | undefined {
  const file = fileOf(schema);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Sample) : undefined;
}

/** A record as a sample shows it. */
export const shown = (record: ProsaRecord): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(record).map(([name, value]: [string, unknown]) => [
      name,
      value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
    ]),
  );

/** Writes the sample of a newly released schema: every field has a value of its type. */
function writeSample(schema: ReleasedSchema): void {
  const { fields } = JSON.parse(schema.text) as { fields: { name: string; type: unknown }[] };
  const valueOf = (name: string, type: unknown): unknown => {
    const types = Array.isArray(type) ? type : [type];
    if (types.includes('bytes')) return Buffer.from('sealed');
    if (types.includes('long')) return 1_767_225_600_000;
    if (types.includes('int')) return 7;
    if (types.includes('boolean')) return true;
    if (types.some((one) => typeof one === 'object' && one !== null)) return { ticket: `${name}-sample` };
    return `${name}-sample`;
  };
  const record = {
    type: schema.type,
    ...Object.fromEntries(fields.map(({ name, type }) => [name, valueOf(name, type)])),
  } as unknown as ProsaRecord;
  const sample: Sample = { value: encodeRecord(record).toString('hex'), record: shown(record) };
  writeFileSync(fileOf(schema), `${JSON.stringify(sample, null, 2)}\n`);
}

if (import.meta.main) {
  for (const schema of releasedSchemas) if (readSample(schema) === undefined) writeSample(schema);
}
