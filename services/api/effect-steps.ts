/** What a record says of an effect that came off or did not: when it was asked for what, by which model, at what cost. */
import { z } from 'zod';

import type { FoldStep } from '#runtime/actor/fold.ts';
import type { SealedEffectOutput } from '#schemas/content.ts';

const parameter = z.union([z.string(), z.number(), z.boolean()]);

/** Of a step that asked a model: the part of its output that holds nothing of the person. */
const modelShape = z.object({
  model: z.string().describe('Which one answered; `cache` when a kept answer did'),
  parameters: z.record(z.string(), parameter).optional().describe('What it was asked with, besides words and files'),
  usage: z.object({ inputTokens: z.number(), outputTokens: z.number() }).optional(),
  seconds: z.number().optional().describe('Length of a voice note'),
  costMicros: z.number().describe("Millionths of the tenant's currency unit"),
  latencyMs: z.number(),
});

/** As it is answered. */
export const effectShape = z
  .object({
    id: z.string().describe('That of the `effect.requested` by which it was asked for'),
    source: z
      .string()
      .nullable()
      .describe('What was asked for, such as `model.propose`; null when nobody waited for it any more'),
    outcome: z.string().describe('done or error'),
    reason: z.string().nullable().describe('Stable code of an error'),
    requestHash: z
      .string()
      .optional()
      .describe(
        'The same for the same request of the tenant; of a model’s step without ids and clock, for roles that see personal data',
      ),
    attempts: z.number().optional(),
    latencyMs: z.number().optional().describe('How long the last attempt took'),
    model: modelShape.optional(),
  })
  .meta({ id: 'Effect', description: 'What came of something that a conversation asked of the outside world.' });

/** The effect of a step; undefined for another record. */
export function effectOf(
  { told: { record, opened }, before }: FoldStep,
  personal: boolean,
): z.input<typeof effectShape> | undefined {
  if (record.type !== 'effect.completed') return undefined;
  const { effectId: id, outcome, reason } = record;
  const source = before?.pendingEffects.find(({ effectId }) => effectId === id)?.source ?? null;
  const { output, call } = (opened?.state === 'open' ? opened.value : {}) as SealedEffectOutput;
  const model = modelShape.safeParse(output).data;
  const hashed = personal ? normalised.safeParse(output).data : undefined;
  return { id, source, outcome, reason, ...call, ...hashed, ...(model === undefined ? {} : { model }) };
}

const normalised = z.object({ requestHash: z.string() });
