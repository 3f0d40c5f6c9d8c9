/** Wrong settings of the agents are refused by path, before a conversation could meet them. */
import { describe, expect, it } from 'vitest';
import { conversationSettingsProblems as problemsOf } from './settings.ts';
import { clinic } from './testing/outside.ts';

const whole = {
  ...clinic,
  queue: { name: 'atendimento', capacity: 3, waitingMax: 50, minutesEach: 10 },
  model: { model: 'm', price: { input: 1, output: 2 }, budget: { perDay: 1 }, second: { model: 'n' }, burstMs: 0 },
  media: { speechModel: 'w', voiceSecondsMax: 60 },
};
/** The same with one thing otherwise. */
const withOther = (path: readonly string[], value: unknown): Readonly<Record<string, unknown>> => {
  const copy = structuredClone(whole) as Record<string, unknown>;
  const last = path.slice(0, -1).reduce((at, name) => at[name] as Record<string, unknown>, copy);
  last[path.at(-1) ?? ''] = value;
  return copy;
};

describe('settings of the agents', () => {
  it('are found without fault when they are', () => {
    expect(problemsOf({ ...clinic })).toEqual([]);
    expect(problemsOf(whole)).toEqual([]);
    expect(problemsOf({ ...clinic, event: { sections: [{ id: 'a', title: 'A', text: { en: 'x' } }] } })).toEqual([]);
  });

  it.each<readonly [path: string, value: unknown, problem: RegExp]>([
    ['agents', ['secret'], /^agents has to be a list/u],
    ['agents', ['scheduling', 'scheduling'], /each once/u],
    ['event', { sections: [] }, /event\.sections/u],
    ['event', { source: '' }, /event\.source/u],
    ['event', { sections: [{ id: 'a', title: 'A', text: 'x'.repeat(3_001) }] }, /event\.sections\.0\.text/u],
    ['queue.capacity', 0, /queue\.capacity/u],
    ['model.budget', { perDay: -1 }, /model\.budget/u],
    ['model.price', undefined, /model\.budget needs model\.price/u],
    ['media.budget', { perDay: 1 }, /media\.budget needs media\.speechPrice/u],
    ['media.visionPrice', { input: 1 }, /media\.visionPrice/u],
    ['model.baseUrl', 'ftp://secret', /model\.baseUrl/u],
    ['model.apiKey', 'secret', /model\.apiKey is not a setting/u],
    ['model.turnsMax', 1e6, /model\.turnsMax/u],
    ['media.voiceSecondsMax', 1e6, /media\.voiceSecondsMax/u],
    ['scheduling', undefined, /so scheduling is needed/u],
    ['registration', undefined, /so registration is needed/u],
  ])('are refused with a wrong %s', (path, value, problem) => {
    const problems = problemsOf(withOther(path.split('.'), value));
    expect(problems.join('\n')).toMatch(problem);
    expect(problems.join()).not.toMatch(/secret/u);
  });
});
