/** Every question that can be open, by its step. */
import { appointmentsQuestions } from '#machines/appointments/states.ts';
import { informationQuestions } from '#machines/information/states.ts';
import { registrationQuestions } from '#machines/registration/states.ts';
import { schedulingQuestions } from '#machines/scheduling/states.ts';
import type { ActionParams } from '#machines/machine.ts';
import { showMenu } from './menu.ts';
import type { Question } from './question.ts';
import type { Of } from './setup.ts';

const menu: Question = { ask: showMenu, tools: ['schedule', 'cancel_appointment', 'move_appointment'] };

const questions: Readonly<Record<string, Question>> = {
  menu,
  ...schedulingQuestions,
  ...appointmentsQuestions,
  ...registrationQuestions,
  ...informationQuestions,
};

/** Some words above the question that is open. */
export const aboveQuestion =
  (words: (of: Of) => string) =>
  ({ context }: Of): ActionParams['reply'] => {
    const { content, ...question } = questionOf(context).ask({ context });
    const text = 'text' in content ? { text: `${words({ context })}\n\n${content.text}` } : {};
    return { ...question, content: { ...content, ...text } };
  };

/** The question that is open; the menu's if there is none of that name. */
export const questionOf = ({ step }: { readonly step: string }): Question => questions[step] ?? menu;
