// Goal: who may not see what was said still sees what each call took, and nothing else of it.
import { expect, test } from 'vitest';

import type { FoldStep } from '#runtime/actor/fold.ts';

import { effectOf } from './effect-steps.ts';

const call = { requestHash: 'keyed', attempts: 2, latencyMs: 120 };
const answer = {
  proposal: { tool: 'schedule', args: { service: 'Limpeza', when: 'secret' } },
  refused: 0,
  model: 'small',
  parameters: { temperature: 0, stream: true },
  usage: { inputTokens: 300, outputTokens: 20 },
  costMicros: 380,
  latencyMs: 118,
  requestHash: 'of the question',
};

const stepOf = (value: unknown, more: object = {}): FoldStep =>
  ({
    told: {
      record: { type: 'effect.completed', effectId: 'f_1', outcome: 'done', reason: null, ...more },
      opened: value === undefined ? { state: 'erased' } : { state: 'open', value },
    },
    before: { pendingEffects: [{ effectId: 'f_1', invokeId: 'model', source: 'model.propose' }] },
  }) as unknown as FoldStep;

test('a step of a model is shown with what it took, and without what was said', () => {
  const step = stepOf({ output: answer, call });
  const shown = effectOf(step, false);
  const { model, parameters, usage, costMicros, latencyMs } = answer;
  expect(shown).toEqual({
    id: 'f_1',
    source: 'model.propose',
    outcome: 'done',
    reason: null,
    ...call,
    model: { model, parameters, usage, costMicros, latencyMs },
  });
  expect(effectOf(step, true)).toEqual({ ...shown, requestHash: 'of the question' });
});

test('the call of a tool has no model, a failure its code, and what was erased or told late what is left', () => {
  const tool = effectOf(stepOf({ output: { slots: [], closed: false }, call }), true);
  expect(tool).toEqual({ id: 'f_1', source: 'model.propose', outcome: 'done', reason: null, ...call });
  const failed = { outcome: 'error', reason: 'model.unavailable' };
  const error = { code: 'model.unavailable', message: '' };
  expect(effectOf(stepOf({ error, call }, failed), false)).toMatchObject({ ...failed, ...call });
  expect(effectOf(stepOf(undefined, { effectId: 'f_2' }), false)).toEqual({
    id: 'f_2',
    source: null,
    outcome: 'done',
    reason: null,
  });
  expect(effectOf(stepOf({}, { type: 'timer.fired' }), false)).toBeUndefined();
});
