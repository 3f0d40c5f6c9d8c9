// Goal: no configuration comes into force that a conversation could break on.
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
