// Goal: wrong settings are refused by name and never by value; .env.example lists them all.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { inheritedEnvironment, readConfig, settingNames } from './config.ts';

test('an empty environment is a development on loopback', () => {
  expect(readConfig({})).toMatchObject({
    mode: 'development',
    host: '127.0.0.1',
    port: 3000,
    kafka: undefined,
    redis: undefined,
  });
});

test('an empty text counts as not set', () => {
  expect(readConfig({ PORT: '', KAFKA_BROKERS: '' })).toMatchObject({ port: 3000, kafka: undefined });
});

test('brokers make the Kafka log', () => {
  expect(readConfig({ KAFKA_BROKERS: 'a:9092, b:9092' }).kafka).toMatchObject({
    brokers: ['a:9092', 'b:9092'],
    ssl: false,
    replicationFactor: 1,
  });
});

describe('what is wrong', () => {
  test('is named, all of it, and its value is not repeated', () => {
    const wrong = () => readConfig({ PORT: 'secret-a', PROSA_MODE: 'secret-b' });
    expect(wrong).toThrow(/PORT/);
    expect(wrong).toThrow(/PROSA_MODE/);
    expect(wrong).not.toThrow(/secret/);
  });

  test('production refuses to start without what it needs, naming each', () => {
    expect(() => readConfig({ PROSA_MODE: 'production' })).toThrow(/PROSA_KEY_FILE, DATABASE_URL, KAFKA_BROKERS/);
  });

  test('SASL needs a user and a password', () => {
    expect(() => readConfig({ KAFKA_BROKERS: 'a:1', KAFKA_SASL_MECHANISM: 'plain' })).toThrow(
      /KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD/,
    );
  });
});

describe('a setting in a file', () => {
  let folder: string;
  const file = (name: string, content: string): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'prosa-config-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('is its content without white space around it', () => {
    const environment = { DATABASE_URL_FILE: file('url', '\npostgres://a \n'), PORT_FILE: file('port', '4000\n') };
    expect(readConfig(environment)).toMatchObject({ databaseUrl: 'postgres://a', port: 4000 });
  });

  test('an empty file counts as not set, an empty name too', () => {
    expect(readConfig({ PORT_FILE: file('empty', ' \n'), DATABASE_URL_FILE: '' })).toMatchObject({
      port: 3000,
      databaseUrl: undefined,
    });
  });

  test('and by itself as well is refused, naming both', () => {
    const wrong = () => readConfig({ PORT: '4000', PORT_FILE: file('port', '4000'), PROSA_MODE: 'neither' });
    expect(wrong).toThrow(/PORT and PORT_FILE.*PROSA_MODE/);
  });

  test.each([
    ['is not there', () => join(folder, 'secret-none')],
    ['is a folder', () => folder],
    ['is too large', () => file('secret-large', 'secret'.repeat(20_000))],
  ])('that %s is refused by name, without path or content', (_what, path) => {
    const wrong = () => readConfig({ DATABASE_URL_FILE: path() });
    expect(wrong).toThrow(/DATABASE_URL_FILE/);
    expect(wrong).not.toThrow(/secret|prosa-config/);
  });

  test('with a wrong value is refused by the name of the setting, without the value', () => {
    const wrong = () => readConfig({ PORT_FILE: file('port', 'secret') });
    expect(wrong).toThrow(/PORT/);
    expect(wrong).not.toThrow(/secret/);
  });

  test('no setting is named like the file of another', () => {
    const files = settingNames.map((name) => `${name}_FILE`);
    expect(settingNames.filter((name) => files.includes(name))).toEqual([]);
  });

  test('is a value in what a supervisor hands on, so that it can be replaced', () => {
    const handedOn = inheritedEnvironment({ DATABASE_URL_FILE: file('url', 'postgres://a\n'), HOME: '/home/a' });
    expect(handedOn).toEqual({ DATABASE_URL: 'postgres://a', HOME: '/home/a' });
    expect(readConfig({ ...handedOn, DATABASE_URL: 'postgres://b' }).databaseUrl).toBe('postgres://b');
  });
});

test('the backlog of a tenant is bounded in production, and elsewhere when asked for', () => {
  const production = {
    PROSA_MODE: 'production',
    PROSA_KEY_FILE: 'keys.json',
    DATABASE_URL: 'postgres://a',
    KAFKA_BROKERS: 'b:9092',
  };
  expect(readConfig(production).tenantBacklogMax).toBe(5_000);
  expect(readConfig({ ...production, PROSA_TENANT_BACKLOG_MAX: '0' }).tenantBacklogMax).toBeUndefined();
  expect(readConfig({}).tenantBacklogMax).toBeUndefined();
  expect(readConfig({ PROSA_TENANT_BACKLOG_MAX: '70' }).tenantBacklogMax).toBe(70);
});

test('a bucket needs its name and who asks; without an endpoint there is none', () => {
  const given = { PROSA_S3_ENDPOINT: 'https://s3.example', PROSA_S3_BUCKET: 'b', PROSA_S3_ACCESS_KEY_ID: 'k' };
  expect(() => readConfig(given)).toThrow(/PROSA_S3_SECRET_ACCESS_KEY/);
  expect(readConfig({ ...given, PROSA_S3_SECRET_ACCESS_KEY: 's' }).s3).toEqual({
    endpoint: 'https://s3.example',
    bucket: 'b',
    region: 'us-east-1',
    prefix: '',
    accessKeyId: 'k',
    secretAccessKey: 's',
  });
  expect(readConfig({}).s3).toBeUndefined();
});

test('trusted origins are read as browsers write them', () => {
  expect(readConfig({}).trustedOrigins).toEqual([]);
  expect(readConfig({ PROSA_TRUSTED_ORIGINS: 'http://A:80/x, https://b:8443' }).trustedOrigins).toEqual([
    'http://a',
    'https://b:8443',
  ]);
  expect(() => readConfig({ PROSA_TRUSTED_ORIGINS: 'a:80' })).toThrow(/PROSA_TRUSTED_ORIGINS/);
});

test('.env.example lists every setting and no other', () => {
  const text = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
  const listed = [...text.matchAll(/^# ?([A-Z][A-Z0-9_]+)=/gm)].map((match) => match[1]);
  expect(listed.toSorted()).toEqual([...settingNames].toSorted());
});
