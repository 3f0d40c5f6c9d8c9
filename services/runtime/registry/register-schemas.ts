/**
 * Makes a schema registry agree with the repository. Run at set-up, before anything else starts;
 * nothing asks the registry later, so that it may be away while Prosa runs.
 *
 * - R1 Ids are the repository's. A registry gives ids of its own; so schemas are registered with
 *   explicit ids and versions, for which the protocol has import mode. Where the registry cannot
 *   or will not, set-up refuses: with other ids, records on the log could not be read through it.
 * - R2 Import mode checks nothing, so everything is checked before anything is registered, and import
 *   mode ends with the registration, also when that fails. A run that was killed in between leaves it
 *   on; the next run ends it.
 * - R3 Every subject has FULL_TRANSITIVE as its own level, so that the registry refuses what others
 *   would register against it.
 * - R4 Whatever was registered is read back and compared: id, version and schema.
 * - R5 Versions that the registry has beyond ours are those of a newer release, which may have been
 *   rolled back; they must be compatible. Nothing is ever deleted.
 * - R6 A second run changes nothing and finds the same.
 */
import type { ReleasedSchema } from '#schemas/codec.ts';
import { type Subject, compatibilityLevel, isSameSchema, subjectTable } from '#schemas/subjects.ts';

import { OperatingError } from '../errors.ts';
import { type RegistryClient, openRegistry } from './registry-client.ts';

const importMode = 'IMPORT';
/** Somebody's decision, such as that another registry is copied there: respected. */
const readOnly = 'READONLY';

/** What set-up did. Numbers of versions of subjects. */
export interface Registration {
  /** New at the registry. */
  readonly registered: number;
  /** At the registry now, with the id, version and schema of the repository. */
  readonly verified: number;
}

/**
 * Registers every released schema under its subjects, and verifies those that are there. Idempotent.
 *
 * Throws `registry.unavailable` (try again), and what an operator has to resolve:
 * `registry.incompatible`, `registry.id-differs`, `registry.refused`, `config.invalid`.
 */
export async function registerSchemas(options: {
  /** Base URL; user and password for basic authentication may be in it. */
  readonly url: string;
  /** Default: what is released. */
  readonly subjects?: readonly Subject[];
}): Promise<Registration> {
  const registry = openRegistry(options.url);
  const subjects = options.subjects ?? subjectTable;
  const missing = new Map<Subject, readonly ReleasedSchema[]>();
  for (const subject of subjects) missing.set(subject, await inspect(registry, subject));
  let [registered, verified] = [0, 0];
  for (const [subject, schemas] of missing) {
    await complete(registry, subject.name, schemas);
    registered += schemas.length;
    verified += subject.versions.length;
  }
  return { registered, verified };
}

/** Finds all that speaks against this registry; gives the versions that it does not have yet. */
async function inspect(registry: RegistryClient, subject: Subject): Promise<readonly ReleasedSchema[]> {
  const { name, versions } = subject;
  const there = await registry.versionsOf(name);
  const missing = versions.filter(({ version }) => !there.includes(version));
  for (const schema of versions) if (!missing.includes(schema)) await verify(registry, name, schema);
  // What goes with what is judged by the level.
  if ((await registry.compatibilityOf(name)) !== compatibilityLevel)
    await registry.setCompatibility(name, compatibilityLevel);
  await checkForeign(registry, subject, there);
  await checkMissing(registry, name, missing, there.at(-1));
  return missing;
}

/** Registers what is missing, and reads it back (R4). */
async function complete(registry: RegistryClient, subject: string, missing: readonly ReleasedSchema[]): Promise<void> {
  await importing(registry, subject, missing.length > 0, async () => {
    for (const schema of missing) await register(registry, subject, schema);
  });
  for (const schema of missing) await verify(registry, subject, schema);
}

/** Versions that we do not know go with our newest (R5). */
async function checkForeign(registry: RegistryClient, subject: Subject, there: readonly number[]): Promise<void> {
  const newest = subject.versions.at(-1);
  if (newest === undefined) return;
  for (const version of there.filter((one) => one > newest.version)) {
    if (!(await registry.goesWith(subject.name, version, newest.text))) {
      throw new OperatingError('registry.incompatible', `${subject.name} has a version ${version} against ours.`);
    }
  }
}

/** What is to be registered goes with the last that is there, and its id is free or its own. */
async function checkMissing(
  registry: RegistryClient,
  subject: string,
  missing: readonly ReleasedSchema[],
  last: number | undefined,
): Promise<void> {
  for (const { id, version, text } of missing) {
    if (last !== undefined && !(await registry.goesWith(subject, last, text))) {
      throw new OperatingError('registry.incompatible', `${subject} version ${version} does not go with ${last}.`);
    }
    const holder = await registry.schemaWithId(id);
    if (holder !== undefined && !isSameSchema(holder, text)) {
      throw new OperatingError(
        'registry.id-differs',
        `${subject} needs id ${id}, which another schema has. Give Prosa a registry, or a context of one, of its own.`,
      );
    }
  }
}

/** Does the work in import mode where there is one, and leaves the mode as it was before any import (R2). */
async function importing(
  registry: RegistryClient,
  subject: string,
  needed: boolean,
  work: () => Promise<void>,
): Promise<void> {
  const before = await registry.modeOf(subject);
  let importsNow = before === importMode;
  try {
    if (!needed) return;
    if ((before ?? (await registry.modeOf())) === readOnly) {
      throw new OperatingError('registry.refused', `${subject} is read-only there and has no such version yet.`);
    }
    // A registry without it may take ids in any mode: Redpanda did before 25.3.
    importsNow ||= await registry.setMode(subject, importMode);
    await work();
  } finally {
    const usual = before === importMode ? undefined : before;
    if (importsNow && !(await registry.setMode(subject, usual))) await leaveImportMode(registry, subject);
  }
}

/** For registries that cannot remove a mode. */
async function leaveImportMode(registry: RegistryClient, subject: string): Promise<void> {
  if (!(await registry.setMode(subject, 'READWRITE'))) {
    throw new OperatingError('registry.refused', `${subject} is still in import mode: set it to READWRITE.`);
  }
}

async function register(registry: RegistryClient, subject: string, schema: ReleasedSchema): Promise<void> {
  const { id, version } = schema;
  const answer = await registry.register(subject, schema);
  if (answer === id) return;
  if (typeof answer === 'number') {
    throw new OperatingError('registry.id-differs', `${subject} version ${version} is ${id}, and was given ${answer}.`);
  }
  if (answer.status === 409) throw new OperatingError('registry.incompatible', `${subject} version ${version}.`);
  throw new OperatingError(
    'registry.id-differs',
    `${subject} version ${version} was not taken under id ${id} (code ${answer.code}). The registry must allow import mode.`,
  );
}

/** The registry has this version as it was released. */
async function verify(registry: RegistryClient, subject: string, schema: ReleasedSchema): Promise<void> {
  const { id, version, text } = schema;
  const found = await registry.version(subject, version);
  if (!isSameSchema(found.text, text)) {
    throw new OperatingError('registry.incompatible', `${subject} version ${version} is another schema there.`);
  }
  if (found.id !== id || found.version !== version) {
    throw new OperatingError('registry.id-differs', `${subject} version ${version} is ${id}, there ${found.id}.`);
  }
}
