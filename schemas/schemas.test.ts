// Goal: what was ever written can be read for ever, and the three descriptions of a record (schema,
// TypeScript type, table of topics) say the same.
import { readFileSync, readdirSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { CodecError, decodeRecord, encodeRecord, parse, releasedSchemas } from './codec.ts';
import { type ProsaRecord, avroNameOf, topicOf } from './records.ts';
import { readSample, shown } from './samples.ts';
import { parkedTopicOf, topicTable, topics } from './topics.ts';

const current = readdirSync(new URL('./records/', import.meta.url)).map((file) => ({
  name: file.replace('.avsc', ''),
  text: readFileSync(new URL(`./records/${file}`, import.meta.url), 'utf8'),
}));

const versionsOf = (name: string) => releasedSchemas.filter((schema) => schema.name === name);

describe('released schemas', () => {
  test('every record type is released, and its newest release is what records/ says', () => {
    expect(current.length).toBeGreaterThan(15);
    for (const { name, text } of current)
      expect(JSON.parse(versionsOf(name).at(-1)?.text ?? 'null')).toEqual(JSON.parse(text));
    expect(new Set(releasedSchemas.map(({ name }) => name))).toEqual(new Set(current.map(({ name }) => name)));
  });

  test('ids are unique and grow with versions', () => {
    const ids = releasedSchemas.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { name } of current) {
      const own = versionsOf(name).map(({ version }) => version);
      expect(own).toEqual(own.map((_, index) => index + 1));
    }
  });

  test('every two versions of a type read each other (FULL_TRANSITIVE)', () => {
    for (const { name } of current) {
      for (const writer of versionsOf(name)) {
        for (const reader of versionsOf(name)) {
          expect(
            () => parse(reader.text).createResolver(parse(writer.text)),
            `${name} ${writer.version} → ${reader.version}`,
          ).not.toThrow();
        }
      }
    }
  });

  test('an incompatible change is found out by that check', () => {
    const [first] = releasedSchemas;
    const schema = JSON.parse(first?.text ?? '{}') as { fields: unknown[] };
    schema.fields.push({ name: 'added', type: 'string' });
    expect(() => parse(JSON.stringify(schema)).createResolver(parse(first?.text ?? '{}'))).toThrow();
  });

  test('every one has a stored sample that decodes to what it meant', () => {
    for (const schema of releasedSchemas) {
      const sample = readSample(schema);
      if (sample === undefined) throw new Error(`${schema.name} v${schema.version} has no sample`);
      expect(shown(decodeRecord(Buffer.from(sample.value, 'hex')))).toMatchObject(sample.record);
    }
  });
});

describe('descriptions of a record', () => {
  test('the TypeScript interface has the fields of the schema', () => {
    const source = readFileSync(new URL('./records.ts', import.meta.url), 'utf8');
    const fieldsOf = (name: string): string[] => {
      const body =
        new RegExp(`export interface ${name} (?:extends RecordHeader )?\\{([^}]*)\\}`).exec(source)?.[1] ?? '';
      return [...body.matchAll(/readonly (\w+):/g)].map((match) => match[1] ?? '');
    };
    const header = fieldsOf('RecordHeader');
    expect(header).toHaveLength(7);
    for (const { name, text } of current) {
      const schema = JSON.parse(text) as { fields: { name: string }[] };
      expect([...header, ...fieldsOf(name).filter((field) => field !== 'type')], name).toEqual(
        schema.fields.map((field) => field.name),
      );
    }
  });

  test('every type but the parked one has a topic, and every topic a parked one', () => {
    for (const schema of releasedSchemas) {
      if (schema.type !== 'record.parked') expect(Object.values(topics)).toContain(topicOf[schema.type]);
      expect(avroNameOf(schema.type)).toBe(schema.name);
    }
    const names = topicTable.map(({ name }) => name);
    for (const name of Object.values(topics))
      expect(names).toEqual(expect.arrayContaining([name, parkedTopicOf(name)]));
  });

  test('topic names are ones that Kafka takes and whose metrics cannot clash', () => {
    for (const { name } of topicTable) expect(name).toMatch(/^[a-z][a-z-]*(\.[a-z][a-z-]*)+$/);
  });
});

describe('codec', () => {
  const record: ProsaRecord = {
    type: 'timer.set',
    tenant: 'demo',
    actor: 'c_1',
    eventId: 't_1',
    causationId: null,
    occurredAt: 1_767_225_600_000,
    providerAt: null,
    revision: null,
    timerId: 'silence',
    dueAt: 1_767_312_000_000,
  };

  test('frames with the magic byte and the schema id, and reads what it wrote', () => {
    const value = encodeRecord(record);
    expect(value.readUInt8(0)).toBe(0);
    expect(releasedSchemas.find(({ id }) => id === value.readUInt32BE(1))?.name).toBe('TimerSet');
    expect(decodeRecord(value)).toEqual(record);
  });

  test.each([
    ['empty', Buffer.alloc(0), 'undecodable'],
    ['another magic byte', Buffer.from('0100000001', 'hex'), 'undecodable'],
    ['an id of a newer release', Buffer.from('000000ffff', 'hex'), 'unknown-schema'],
    ['a cut body', encodeRecord(record).subarray(0, 12), 'undecodable'],
    ['trailing bytes', Buffer.concat([encodeRecord(record), Buffer.from([1])]), 'undecodable'],
  ])('refuses %s', (_, value, failure) => {
    expect(() => decodeRecord(value)).toThrow(CodecError);
    expect(() => decodeRecord(value)).toThrow(expect.objectContaining({ failure }) as Error);
  });

  test('refuses to write a field of another type', () => {
    expect(() => encodeRecord({ ...record, dueAt: 'soon' as never })).toThrow();
  });
});
