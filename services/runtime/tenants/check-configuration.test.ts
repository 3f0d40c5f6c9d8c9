// Goal: no configuration comes into force that a conversation could break on.
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { findMachine } from '#machines/registry.ts';
import { OperatingError } from '#runtime/errors.ts';

import { checkConfiguration } from './check-configuration.ts';

const configured = (settings: Readonly<Record<string, unknown>>, version = '1', name = 'conversation') => ({
  machines: { [name]: { version, settings } },
  answerGroups: false,
});
const check = (configuration: ReturnType<typeof configured>) => () => checkConfiguration(configuration, findMachine);

test('what machines accept is accepted', () => {
  expect(check(configured({}))).not.toThrow();
  expect(check(configured({ locale: 'en', timeZone: 'America/New_York' }))).not.toThrow();
  expect(check(configured({}, '1', 'instance'))).not.toThrow();
  expect(() => checkConfiguration({ machines: {}, answerGroups: true }, findMachine)).not.toThrow();
});

test('what is wrong is refused, all of it, by name and not by value', () => {
  const wrong = check(configured({ locale: 'secret', sessionTimeoutMs: 0, businessName: 'secret'.repeat(20) }));
  expect(wrong).toThrow(OperatingError);
  expect(wrong).toThrow(expect.objectContaining({ code: 'config.invalid' }) as Error);
  for (const setting of ['locale', 'sessionTimeoutMs', 'businessName'])
    expect(wrong).toThrow(new RegExp(`machines\\.conversation\\.settings: ${setting}`));
  expect(wrong).not.toThrow(/secret/);
});

test('a machine or version that is not there is refused', () => {
  expect(check(configured({}, '99'))).toThrow(/machines\.conversation: there is no such machine or version/);
  expect(check(configured({}, '1', 'none'))).toThrow(/machines\.none/);
  expect(check(configured({ anything: 1 }, '1', 'instance'))).toThrow(/anything is not a setting/);
});

test('what a machine needs beside it has to be there', () => {
  const queue = { name: 'atendimento', capacity: 2, waitingMax: 10, minutesEach: 5 };
  const conversation = { version: '2', settings: { queue } };
  const alone = { machines: { conversation }, answerGroups: false };
  expect(() => checkConfiguration(alone, findMachine)).toThrow(/conversation\.settings: needs machines\.service-queue/);
  const both = { ...alone, machines: { conversation, 'service-queue': { version: '1', settings: {} } } };
  expect(() => checkConfiguration(both, findMachine)).not.toThrow();
});

const withSending = (sending: object) => () =>
  checkConfiguration({ machines: {}, answerGroups: false, sending }, findMachine);

test('what is wrong of sending is refused alike, by name and not by value', () => {
  const wrong = withSending({
    unknownOutcome: 'secret',
    fallback: { steps: ['notify', 'instance'], emails: ['secret'], everyMinutes: 0 },
  });
  for (const setting of ['unknownOutcome', 'fallback\\.steps', 'fallback\\.emails\\.0', 'fallback\\.everyMinutes'])
    expect(wrong).toThrow(new RegExp(`sending\\.${setting}: `));
  expect(wrong).toThrow(/endpoint first and notify last/);
  expect(wrong).not.toThrow(/secret/);
});

test('the sample of the documents is accepted', () => {
  const documents = readFileSync(new URL('../../../docs/sending.md', import.meta.url), 'utf8');
  const [, sample = ''] = /```json\n([^`]+)```/.exec(documents) ?? [];
  const { sending } = JSON.parse(sample) as { readonly sending: object };
  expect(sending).toHaveProperty('fallback.emails');
  expect(withSending(sending)).not.toThrow();
});
