/**
 * The released schemas as a schema registry names them. Subject = topic + record name
 * (TopicRecordName): one topic holds many types, and each evolves by itself. Topics are named as in
 * `topics.ts`: an installation's prefix is no part of a subject.
 */
import { type ReleasedSchema, parse, releasedSchemas } from './codec.ts';
import { topicOf } from './records.ts';
import { topicTable } from './topics.ts';

/** What evolution must keep: every two versions of a subject read each other. A test holds the releases to it. */
export const compatibilityLevel = 'FULL_TRANSITIVE';

/** One subject with its versions, from 1 upwards without gaps. */
export interface Subject {
  readonly name: string;
  readonly versions: readonly ReleasedSchema[];
}

/** Topics on which records of a type occur. Parked records are of one type on all parked topics. */
const topicsOf = (schema: ReleasedSchema): readonly string[] =>
  schema.type === 'record.parked'
    ? topicTable.filter(({ parked }) => parked).map(({ name }) => name)
    : [topicOf[schema.type]];

/** Avro name with its namespace. */
const fullNameOf = (schema: ReleasedSchema): string => {
  const { namespace, name } = JSON.parse(schema.text) as { namespace: string; name: string };
  return `${namespace}.${name}`;
};

/** Subjects of a schema; several when its records occur on several topics. */
const subjectsOf = (schema: ReleasedSchema): readonly string[] =>
  topicsOf(schema).map((topic) => `${topic}-${fullNameOf(schema)}`);

/** Every subject, in the order of the ids of their first versions. */
export const subjectTable: readonly Subject[] = [...new Set(releasedSchemas.flatMap(subjectsOf))].map((name) => ({
  name,
  versions: releasedSchemas.filter((schema) => subjectsOf(schema).includes(name)),
}));

/**
 * Whether two texts are one schema: the same fields, types and defaults. Documentation, order of keys
 * and spelling of names do not count, since a registry may rewrite them. False when one is no Avro schema.
 */
export function isSameSchema(one: string, other: string): boolean {
  try {
    return essenceOf(one) === essenceOf(other);
  } catch {
    return false;
  }
}

const essenceOf = (text: string): string =>
  JSON.stringify(parse(text).schema({ exportAttrs: true }), (key, value: unknown) =>
    key === 'doc' ? undefined : value,
  );
