/**
 * Records to bytes and back: Avro in the Confluent wire format (byte 0, a four-byte big-endian
 * schema id, the Avro body).
 *
 * The ids are fixed in `released/ids.json`, so that a log written anywhere can be read anywhere
 * without a registry. A record is written with the newest released schema of its type and read with
 * the schema that wrote it, resolved to the newest: every byte ever written decodes for ever.
 */
import { readFileSync } from 'node:fs';

import avro from 'avsc';

import ids from './released/ids.json' with { type: 'json' };
import { type ProsaRecord, type RecordType } from './records.ts';

/** Why bytes could not be decoded. */
export type CodecFailure =
  /** The schema id is not in this release: written by a newer one. */
  | 'unknown-schema'
  /** Not the wire format, or the body does not fit its schema. */
  | 'undecodable';

/** Thrown by `decodeRecord`. The message holds no bytes of the record. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
  readonly failure: CodecFailure;

  constructor(failure: CodecFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.failure = failure;
  }
}

/** One released schema of one record type. */
export interface ReleasedSchema {
  readonly id: number;
  /** Avro name without its namespace. */
  readonly name: string;
  readonly type: RecordType;
  /** 1 for the first release of the type, and so on. */
  readonly version: number;
  /** The schema as text, the bytes a registry is given. */
  readonly text: string;
}

const frameBytes = 5;
const dottedNameOf = (avroName: string): string => avroName.replace(/(?<!^)([A-Z])/g, '.$1').toLowerCase();

/** Every released schema, in the order of ids. */
export const releasedSchemas: readonly ReleasedSchema[] = Object.entries(ids)
  .flatMap(([name, versions]) =>
    versions.map((id, index) => ({
      id,
      name,
      // The file of ids names Avro types; a test checks that each is a record type.
      type: dottedNameOf(name) as RecordType,
      version: index + 1,
      text: readFileSync(new URL(`./released/${name}.v${index + 1}.avsc`, import.meta.url), 'utf8'),
    })),
  )
  .sort((a, b) => a.id - b.id);

interface Reader {
  readonly recordType: RecordType;
  readonly type: avro.Type;
  readonly resolver: avro.Resolver | undefined;
}

const writers = new Map<RecordType, { readonly id: number; readonly type: avro.Type }>();
for (const schema of releasedSchemas) {
  // Later versions replace earlier ones: ids are sorted and grow with versions.
  writers.set(schema.type, { id: schema.id, type: parse(schema.text) });
}

const readers = new Map<number, Reader>(
  releasedSchemas.map((schema) => {
    const newest = writers.get(schema.type);
    if (newest === undefined) throw new Error(`no writer for ${schema.type}`);
    const resolver = newest.id === schema.id ? undefined : newest.type.createResolver(parse(schema.text));
    return [schema.id, { recordType: schema.type, type: newest.type, resolver }];
  }),
);

/** Parses a schema's text. */
export function parse(text: string): avro.Type {
  return avro.Type.forSchema(JSON.parse(text) as avro.Schema);
}

/** Most records fit; what does not is encoded twice. */
const scratch = Buffer.allocUnsafeSlow(16 * 1_024);

/** Bytes of a record. Throws an ordinary error when a field has the wrong type: a defect of the caller. */
export function encodeRecord(record: ProsaRecord): Buffer {
  const { id, type } = writerOf(record);
  let framed = scratch;
  let end = type.encode(record, framed, frameBytes);
  // Below zero it says how many bytes were missing.
  if (end < 0) {
    framed = Buffer.allocUnsafeSlow(scratch.length - end);
    end = type.encode(record, framed, frameBytes);
  }
  framed.writeUInt8(0, 0);
  framed.writeUInt32BE(id, 1);
  return framed === scratch ? Buffer.from(framed.subarray(0, end)) : framed;
}

/** Whether `encodeRecord` would take the record: each field has its type. */
export const isEncodable = (record: ProsaRecord): boolean => writerOf(record).type.isValid(record);

function writerOf({ type }: ProsaRecord) {
  const writer = writers.get(type);
  if (writer === undefined) throw new Error(`no schema was released for ${type}`);
  return writer;
}

/** The record in some bytes. Throws `CodecError`. */
export function decodeRecord(value: Buffer): ProsaRecord {
  if (value.length < frameBytes || value.readUInt8(0) !== 0) {
    throw new CodecError('undecodable', 'the value is not in the Confluent wire format');
  }
  const id = value.readUInt32BE(1);
  const reader = readers.get(id);
  if (reader === undefined) throw new CodecError('unknown-schema', `schema id ${id} is not in this release`);
  try {
    const body = value.subarray(frameBytes);
    const decoded: unknown = reader.type.fromBuffer(body, reader.resolver);
    return { ...(decoded as object), type: reader.recordType } as ProsaRecord;
  } catch (caught) {
    throw new CodecError('undecodable', `the body does not fit schema id ${id}`, caught);
  }
}
