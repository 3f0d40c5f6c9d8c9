/**
 * A model is asked what a message means, where words and numbers did not say it: one step, one effect, one
 * record. What it proposes is heard in the question that is open, which decides.
 */
import { assign } from 'xstate';
import { type AgentSettings } from './agent-settings.ts';
import type { ModelQuestion } from './asks.ts';
import type { ConversationContext } from './context.ts';
import { wordsOf } from './hearing.ts';
import { itemsOf } from './menu.ts';
import { questionOf } from './questions.ts';
import { audits, conversation, optingOut } from './setup.ts';
import type { ToolName } from './tools.ts';

/** After a failure the menus serve alone for this long: a person does not wait twice for what is down. */
const pauseMs = 60_000;
const turnsLifeMs = 3_600_000;

/** Every tool needs the agent that would follow it. */
const needed: Readonly<Partial<Record<ToolName, string>>> = {
  schedule: 'scheduling',
  cancel_appointment: 'appointments',
  move_appointment: 'appointments',
};

/** What the model is asked. */
function modelQuestionOf(context: ConversationContext): ModelQuestion {
  const question = questionOf(context);
  const at = context.heard?.at ?? 0;
  const offered = itemsOf(context);
  const tools = question.tools.filter((tool) => {
    const agent = needed[tool];
    return agent === undefined || offered.some((item) => item === agent);
  });
  return {
    step: context.step,
    tools: [...tools, 'route', 'unclear'],
    locale: context.locale,
    timeZone: context.settings.timeZone,
    at,
    said: wordsOf(context),
    means: context.heard?.means ?? 'text',
    turns: turnsAlive(context, at, context.settings),
    handles: question.handles?.(context) ?? [],
    facts: { business: context.settings.businessName, ...question.facts?.(context) },
    spentMicros: context.model.spentMicros,
  };
}

/** Earlier turns that are young enough; the latest is what was said. */
const turnsAlive = ({ turns }: ConversationContext, at: number, { model }: AgentSettings) =>
  turns.slice(0, -1).filter((turn) => at - turn.at <= (model?.turnsLifeMs ?? turnsLifeMs));

/** The states in which a model is waited for. */
export const thinkingWorking = {
  /** A burst of short messages is one thing that somebody says. */
  gathering: conversation.createStateConfig({
    id: 'gathering',
    on: { 'message.received': [optingOut, { actions: ['heed', 'joinHeard'] }] },
    after: { burst: { target: 'thinking' } },
  }),
  thinking: conversation.createStateConfig({
    id: 'thinking',
    invoke: {
      id: 'model',
      src: 'model.propose',
      input: ({ context }) => modelQuestionOf(context),
      onDone: {
        target: '#earlier',
        actions: assign({
          heard: ({ context: { heard }, event }) =>
            heard === null ? null : { ...heard, asked: true, proposal: event.output.proposal },
          model: ({ context: { model }, event }) => ({
            spentMicros: model.spentMicros + event.output.costMicros,
            pausedUntil: null,
          }),
        }),
      },
      onError: {
        target: '#earlier',
        actions: [
          assign({
            // The message has to be understood without it.
            heard: ({ context: { heard } }) => (heard === null ? null : { ...heard, asked: true }),
            model: ({ context: { model, heard } }) => ({ ...model, pausedUntil: (heard?.at ?? 0) + pauseMs }),
          }),
          audits('model.unavailable'),
        ],
      },
    },
  }),
};
