/** Every question that can be open, by its step. */
import { appointmentsQuestions } from '#machines/appointments/states.ts';
import { informationQuestions } from '#machines/information/states.ts';
import { registrationQuestions } from '#machines/registration/states.ts';
import { schedulingQuestions } from '#machines/scheduling/states.ts';
import { showMenu } from './menu.ts';
import type { Question } from './question.ts';

const menu: Question = { ask: showMenu, tools: ['schedule', 'cancel_appointment', 'move_appointment'] };

const questions: Readonly<Record<string, Question>> = {
  menu,
  ...schedulingQuestions,
  ...appointmentsQuestions,
  ...registrationQuestions,
  ...informationQuestions,
};

/** The question that is open; the menu's if there is none of that name. */
export const questionOf = ({ step }: { readonly step: string }): Question => questions[step] ?? menu;
