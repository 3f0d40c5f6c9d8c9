/** What may be set of the agents: see `AgentSettings`. Of each, by its path; never by value. */
import { registrationProblems } from '#machines/registration/settings.ts';
import { schedulingProblems } from '#machines/scheduling/settings.ts';
import type { AgentSettings } from './agent-settings.ts';
import { agents } from './tools.ts';
import {
  type Check,
  aliases,
  fieldProblems,
  fieldsOf,
  givenId,
  listOf,
  repeatedIds,
  wholeNumber,
  worded,
} from './worded.ts';

/** Most of each thing, and longest texts. */
const limits = { sections: 40, sectionTitle: 80, sectionText: 3_000, links: 20, text: 2_000, name: 200 } as const;

const text =
  (lengthMax: number): Check =>
  (value) =>
    typeof value === 'string' && value.trim() !== '' && value.length <= lengthMax
      ? undefined
      : `has to be a text of 1 to ${lengthMax.toString()} characters`;

const address: Check = (value) =>
  text(limits.text)(value) ??
  (/^https?:\/\/\S+$/u.test(String(value)) ? undefined : 'has to be an http or https address');

const amount: Check = (value) =>
  typeof value === 'number' && value >= 0 && value <= 1e9 ? undefined : 'has to be a number from 0 to 1000000000';

const addresses: Check = (value) => listOf(1, limits.links)(value) ?? (value as unknown[]).map(address).find(Boolean);

const agentNames: Check = (value) =>
  Array.isArray(value) &&
  new Set(value).size === value.length &&
  value.every((one) => (agents as readonly unknown[]).includes(one))
    ? undefined
    : `has to be a list of ${agents.join(', ')}, each once`;

const day = 86_400_000;
const queue = {
  name: givenId,
  capacity: wholeNumber(1, 1_000),
  waitingMax: wholeNumber(1, 10_000),
  minutesEach: wholeNumber(1, 480),
};
const model = {
  baseUrl: address,
  price: (value: unknown) => fieldProblems('price', value, { input: amount, output: amount })[0],
  budget: (value: unknown) => fieldProblems('budget', value, {}, { perDay: amount, perConversation: amount })[0],
  second: (value: unknown) => fieldProblems('second', value, { model: text(limits.name) }, { baseUrl: address })[0],
  linksAllowed: addresses,
  about: text(limits.text),
  turnsMax: wholeNumber(1, 40),
  turnsLifeMs: wholeNumber(1, 366 * day),
  answersKeptMs: wholeNumber(1, 30 * day),
  burstMs: wholeNumber(0, 30_000),
};
const media = {
  speechModel: text(limits.name),
  visionModel: text(limits.name),
  baseUrl: address,
  voiceSecondsMax: wholeNumber(1, 3_600),
};
const section = { id: givenId, title: worded(limits.sectionTitle), text: worded(limits.sectionText) };

const problemsBy: Readonly<Record<keyof AgentSettings, (value: unknown) => readonly string[]>> = {
  agents: (value) => {
    const problem = agentNames(value);
    return problem === undefined ? [] : [`agents ${problem}`];
  },
  scheduling: schedulingProblems,
  registration: registrationProblems,
  event: (value) => {
    const { sections, source } = fieldsOf(value) ?? {};
    if (source !== undefined) return fieldProblems('event', value, { source: text(limits.text) });
    const listed = Array.isArray(sections) ? sections.slice(0, limits.sections) : [];
    return [
      ...fieldProblems('event', value, { sections: listOf(1, limits.sections) }),
      ...listed.flatMap((one, i) => fieldProblems(`event.sections.${i.toString()}`, one, section, { aliases })),
      ...repeatedIds('event.sections', listed),
    ];
  },
  queue: (value) => fieldProblems('queue', value, queue, { attendedTimeoutMs: wholeNumber(1_000, 7 * day) }),
  model: (value) => {
    const { budget, price } = fieldsOf(value) ?? {};
    const problems = fieldProblems('model', value, { model: text(limits.name) }, model);
    // What is not priced is never spent: such a budget would limit nothing.
    return budget !== undefined && price === undefined ? [...problems, 'model.budget needs model.price'] : problems;
  },
  media: (value) => fieldProblems('media', value, {}, media),
};

/** Whether a setting is the agents'. */
export const isOfAgents = (name: string): name is keyof AgentSettings => Object.hasOwn(problemsBy, name);

/** Which setting each agent cannot do without. */
const needs = { scheduling: 'scheduling', appointments: 'scheduling', registration: 'registration' } as const;

/** What is wrong with the settings of the agents, one sentence each; none if they can be put in force. */
export function agentSettingsProblems(settings: Readonly<Record<string, unknown>>): readonly string[] {
  const offered = Array.isArray(settings['agents']) ? settings['agents'] : [];
  const missing = Object.entries(needs).filter(
    ([agent, name]) => offered.includes(agent) && settings[name] === undefined,
  );
  return [
    ...Object.entries(settings).flatMap(([name, value]) => (isOfAgents(name) ? problemsBy[name](value) : [])),
    ...missing.map(([agent, name]) => `agents has ${agent}, so ${name} is needed`),
  ];
}
