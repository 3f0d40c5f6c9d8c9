// Goal: wrong settings are refused by name and never by value; .env.example lists them all.
import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { readConfig, settingNames } from './config.ts';

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

test('.env.example lists every setting and no other', () => {
  const text = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
  const listed = [...text.matchAll(/^# ?([A-Z][A-Z_]+)=/gm)].map((match) => match[1]);
  expect(listed.toSorted()).toEqual([...settingNames].toSorted());
});
