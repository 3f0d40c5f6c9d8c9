/** What happens when a person says something to a clinic that offers everything, told as a story. */
import type { ConversationContext } from '#machines/conversation/context.ts';
import { conversationMachine } from '#machines/conversation/machine.ts';
import type { ConversationSettings } from '#machines/conversation/settings.ts';
import type { Proposal } from '#machines/conversation/tools.ts';
import { type Scene, type Step, auditsIn, noon, repliesIn, scenariosOf } from '#machines/testing/given.ts';
import { type Outside, askedIn, clinic, outsideWith, playWith } from './outside.ts';
import { waysInto } from './steps.ts';

/** What happened, from the menu on. */
export function story(
  steps: readonly Step[],
  outside: Partial<Outside> = {},
  settings: Partial<ConversationSettings> = {},
) {
  const { given, play } = scenariosOf(conversationMachine, { settings: { ...clinic, ...settings } });
  const begun = given(...waysInto.menu).scene;
  const scenes = playWith(outsideWith(outside), play)(begun, steps);
  const last = scenes.at(-1) ?? begun;
  return {
    state: last.folded.snapshot.value,
    context: last.folded.snapshot.context as ConversationContext,
    texts: scenes.flatMap(repliesIn),
    last: scenes.flatMap(repliesIn).at(-1) ?? '',
    audits: scenes.flatMap(auditsIn).map(({ type }) => type),
    asked: scenes.flatMap((scene: Scene) => askedIn(scene)),
  };
}

/** Where it waits for the person. */
export const talking = (value: unknown) => ({ assisting: { talking: value } });

export const hour = 3_600_000;
/** Noon of the scenarios is Wednesday, 15 October 2025, 9:00 in São Paulo. */
export const tomorrowAt15 = noon + 30 * hour;

/** A model that proposes these, one after the other, and then nothing. */
export const proposes = (...proposals: readonly (Proposal | null)[]): Outside['model.propose'] => {
  const left = [...proposals];
  return () => ({
    proposal: left.shift() ?? null,
    refused: 0,
    model: 'stub',
    parameters: {},
    usage: { inputTokens: 10, outputTokens: 5 },
    costMicros: 7,
    latencyMs: 1,
    requestHash: '0',
  });
};

/** There is one. */
export const withModel: Partial<ConversationSettings> = { model: { model: 'stub' } };
