/** Wrong settings are refused by name, before a conversation could meet them. */
import { describe, expect, it } from 'vitest';
import { repliesIn, scenariosOf } from '#machines/testing/given.ts';
import { conversationMachine } from './machine.ts';
import {
  conversationSettingsDefaults,
  conversationSettingsLimits,
  conversationSettingsProblems as problemsOf,
} from './settings.ts';
import { says, waysInto } from './testing/steps.ts';

describe('settings that can be put in force', () => {
  it.each([
    {},
    { ...conversationSettingsDefaults },
    { locale: 'en', businessName: 'Aurora', information: 'Open.', noticeVersion: '2', timeZone: 'UTC' },
    { information: { 'pt-BR': 'Aberto.', en: 'Open.' }, privacyUrl: 'https://aurora.example/privacy' },
    { timeZone: 'America/Argentina/Buenos_Aires', sessionTimeoutMs: 1, nudgePauseMs: 1 },
    { businessName: 'a'.repeat(80), information: 'a'.repeat(3000), noticeVersion: '1'.repeat(40) },
  ])('are found without fault: %j', (settings) => {
    expect(problemsOf(settings)).toEqual([]);
  });
});

describe('settings that cannot', () => {
  it.each<readonly [setting: string, value: unknown]>([
    ['locale', 'tlh'],
    ['locale', 'pt'],
    ['locale', 'EN'],
    ['locale', 1],
    ['timeZone', 'America/Atlantis'],
    ['timeZone', ''],
    ['timeZone', null],
    ['sessionTimeoutMs', 0],
    ['sessionTimeoutMs', -1],
    ['sessionTimeoutMs', 1.5],
    ['sessionTimeoutMs', Number.NaN],
    ['sessionTimeoutMs', Number.POSITIVE_INFINITY],
    ['sessionTimeoutMs', '60000'],
    ['sessionTimeoutMs', 10 * 366 * 86_400_000],
    ['nudgePauseMs', 0],
    ['businessName', ''],
    ['businessName', '  '],
    ['businessName', 'a'.repeat(conversationSettingsLimits.businessName + 1)],
    ['information', 'a'.repeat(conversationSettingsLimits.information + 1)],
    ['information', { en: 'a'.repeat(conversationSettingsLimits.information + 1) }],
    ['information', { tlh: 'nuqneH' }],
    ['information', { en: 5 }],
    ['information', null],
    ['information', ['Open.']],
    ['noticeVersion', 'a'.repeat(conversationSettingsLimits.noticeVersion + 1)],
    ['privacyUrl', 'a'.repeat(conversationSettingsLimits.privacyUrl + 1)],
    ['privacyUrl', 'javascript:alert(1)'],
    ['privacyUrl', 'https://x y'],
  ])('are named: %s %j', (setting, value) => {
    const problems = problemsOf({ [setting]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${setting} `, 'u'));
  });

  it('are all named, and no value is repeated', () => {
    const problems = problemsOf({
      locale: 'secret-a',
      timeZone: 'secret-b',
      sesionTimeoutMs: 'secret-c',
      __proto__x: 1,
    });
    expect(problems).toHaveLength(4);
    expect(problems.join()).not.toContain('secret');
    expect(problems[2]).toBe('sesionTimeoutMs is not a setting');
  });

  it('do not stop a conversation that meets them all the same', () => {
    const settings = { ...conversationSettingsDefaults, timeZone: 'America/Atlantis', locale: 'tlh' };
    const { given } = scenariosOf(conversationMachine, { settings });
    // 12:00:02 UTC.
    expect(repliesIn(given(...waysInto.menu).when(says('2')).scene)[0]).toContain('15/10/2025 às 12:00');
  });
});
