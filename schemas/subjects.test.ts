// Goal: subjects are what the Confluent convention (TopicRecordName) makes of topics and records, and
// the comparison of schemas sees what changes bytes and nothing else.
import { describe, expect, test } from 'vitest';

import { releasedSchemas } from './codec.ts';
import { isSameSchema, subjectTable } from './subjects.ts';
import { parkedTopicOf, topics } from './topics.ts';

const named = (name: string) => subjectTable.find((subject) => subject.name === name);

describe('the table of subjects', () => {
  test('names topic and full record name', () => {
    expect(named(`${topics.audit}-prosa.AuditRecorded`)?.versions.map(({ name }) => name)).toEqual(['AuditRecorded']);
    expect(named(`${topics.events}-prosa.MessageReceived`)).toBeDefined();
  });

  test('has parked records on every parked topic, under one id', () => {
    const parked = subjectTable.filter(({ name }) => name.endsWith('-prosa.RecordParked'));
    expect(parked.map(({ name }) => name)).toEqual(
      Object.values(topics).map((topic) => `${parkedTopicOf(topic)}-prosa.RecordParked`),
    );
    expect(new Set(parked.flatMap(({ versions }) => versions.map(({ id }) => id))).size).toBe(1);
  });

  test('has every released schema, versions from 1 without gaps', () => {
    expect(new Set(subjectTable.flatMap(({ versions }) => versions))).toEqual(new Set(releasedSchemas));
    for (const { name, versions } of subjectTable)
      expect(
        versions.map(({ version }) => version),
        name,
      ).toEqual(versions.map((_, index) => index + 1));
  });
});

describe('two texts', () => {
  const schema = {
    type: 'record',
    name: 'Thing',
    namespace: 'prosa',
    doc: 'A thing.',
    fields: [{ name: 'size', type: ['null', 'int'], default: null, doc: 'Bytes.' }],
  };
  const text = JSON.stringify(schema);
  const field = schema.fields[0];

  test.each([
    ['spaces', JSON.stringify(schema, null, 2)],
    ['order of keys', JSON.stringify({ fields: schema.fields, namespace: 'prosa', name: 'Thing', type: 'record' })],
    ['documentation', JSON.stringify({ ...schema, doc: 'Else.', fields: [{ ...field, doc: 'Else.' }] })],
    ['spelling of the name', JSON.stringify({ ...schema, name: 'prosa.Thing', namespace: undefined })],
  ])('are one schema whatever the %s', (_, other) => {
    expect(isSameSchema(text, other)).toBe(true);
  });

  test.each([
    ['the name', JSON.stringify({ ...schema, name: 'Other' })],
    ['a type', JSON.stringify({ ...schema, fields: [{ ...field, type: ['null', 'long'] }] })],
    ['a default', JSON.stringify({ ...schema, fields: [{ name: 'size', type: ['null', 'int'] }] })],
    ['a field', JSON.stringify({ ...schema, fields: [] })],
    ['everything: it is no schema', '{"type": "object"}'],
    ['everything: it is no JSON', 'message Thing {}'],
  ])('are two when they differ in %s', (_, other) => {
    expect(isSameSchema(text, other)).toBe(false);
  });
});
