// Goal: the demo tenant is as its set-up says until somebody sets it otherwise; the sample of the documents is what it has.
import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { findMachine } from '#machines/registry.ts';
import { readConfig } from '#runtime/config.ts';
import { checkConfiguration } from '#runtime/tenants/check-configuration.ts';
import { demoTenant } from '#runtime/tenants/demo-tenant.ts';
import type { Configuration } from '#runtime/tenants/tenants.ts';
import { type TestWorld, memoryKeys, openTestWorld } from '#runtime/testing/runtime.ts';

import { demoConfiguration, provideDemo } from './demo.ts';

let world: TestWorld;
beforeAll(async () => {
  world = await openTestWorld();
});
afterAll(() => world.close());

const sample = JSON.parse(
  readFileSync(new URL('../docs/examples/clinic.json', import.meta.url), 'utf8'),
) as Configuration;

test('the sample of a configuration is what the demo tenant has, and can be put in force', () => {
  expect(sample).toEqual(demoConfiguration(readConfig({})));
  expect(() => checkConfiguration(sample, findMachine)).not.toThrow();
});

test('a start brings the demo tenant up to date, unless somebody set what is in force', async () => {
  const runtime = world.runtime('prosa_api');
  const { tenants } = runtime;
  const keys = memoryKeys();
  await provideDemo(runtime, keys);
  const atFirst = await tenants.currentRevision(demoTenant);
  await tenants.configure(demoTenant, { ...sample, answerGroups: true });
  await provideDemo(runtime, keys);
  expect(await tenants.currentRevision(demoTenant)).toBe(atFirst);
  const byHand = await tenants.configure(demoTenant, { ...sample, answerGroups: true }, 'k_1');
  await provideDemo(runtime, keys);
  expect(await tenants.currentRevision(demoTenant)).toBe(byHand);
});

const sources = [
  'machines/conversation/settings.ts',
  'machines/conversation/agent-settings.ts',
  'machines/instance/settings.ts',
  'machines/service-queue/settings.ts',
];

test.each(sources)('every setting of %s is explained, and the sample is named', (source) => {
  const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
  const names = [...read(source).matchAll(/\breadonly (\w+)\??:/g)].map(([, name = '']) => name);
  expect(names.length).toBeGreaterThan(0);
  const explained = read('docs/configuration.md');
  expect(explained).toContain('examples/clinic.json');
  const inWords = new Set(explained.match(/\w+/g));
  expect(names.filter((name) => !inWords.has(name))).toEqual([]);
});
