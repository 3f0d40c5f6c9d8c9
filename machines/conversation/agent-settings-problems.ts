/** What may be set of the agents: see `AgentSettings`. Of each, by its path; never by value. */
import { registrationProblems } from '#machines/registration/settings.ts';
import { schedulingProblems } from '#machines/scheduling/settings.ts';
import type { AgentSettings } from './agent-settings.ts';
import { agents } from './tools.ts';
import {
  type Check,
  address,
  aliases,
  fieldProblems,
  fieldsOf,
  givenId,
  listOf,
  text,
  thingsProblems,
  wholeNumber,
  worded,
} from './worded.ts';

/** Most of each thing, and longest texts. */
const limits = { sections: 40, sectionTitle: 80, sectionText: 3_000, links: 20, text: 2_000, name: 200 } as const;

const url = address(limits.text);

const amount: Check = (value) =>
  typeof value === 'number' && value >= 0 && value <= 1e9 ? undefined : 'has to be a number from 0 to 1000000000';

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
const price: Check = (value) => fieldProblems('price', value, { input: amount, output: amount })[0];
const budget: Check = (value) => fieldProblems('budget', value, {}, { perDay: amount, perConversation: amount })[0];
const model = {
  baseUrl: url,
  price,
  budget,
  second: (value: unknown) => fieldProblems('second', value, { model: text(limits.name) }, { baseUrl: url, price })[0],
  linksAllowed: listOf(1, limits.links, url),
  about: text(limits.text),
  turnsMax: wholeNumber(1, 40),
  turnsLifeMs: wholeNumber(1, 366 * day),
  answersKeptMs: wholeNumber(1, 30 * day),
  burstMs: wholeNumber(0, 30_000),
};
const media = {
  speechModel: text(limits.name),
  visionModel: text(limits.name),
  baseUrl: url,
  voiceSecondsMax: wholeNumber(1, 3_600),
  speechPrice: amount,
  visionPrice: price,
  budget,
};
const section = { id: givenId, title: worded(limits.sectionTitle), text: worded(limits.sectionText) };

/** What is not priced is never spent: a budget would not limit it. */
function unpriced(
  path: string,
  value: unknown,
  models: readonly (readonly [model: string, price: string])[],
): readonly string[] {
  const fields = fieldsOf(value) ?? {};
  if (fields['budget'] === undefined) return [];
  return models
    .filter(([model, price]) => fields[model] !== undefined && fields[price] === undefined)
    .map(([, price]) => `${path}.budget needs ${path}.${price}`);
}

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
    return [
      ...fieldProblems('event', value, { sections: listOf(1, limits.sections) }),
      ...thingsProblems('event.sections', sections, limits.sections, section, { aliases }),
    ];
  },
  queue: (value) => fieldProblems('queue', value, queue, { attendedTimeoutMs: wholeNumber(1_000, 7 * day) }),
  model: (value) => {
    const problems = fieldProblems('model', value, { model: text(limits.name) }, model);
    return [...problems, ...unpriced('model', value, [['model', 'price']])];
  },
  media: (value) => [
    ...fieldProblems('media', value, {}, media),
    ...unpriced('media', value, [
      ['speechModel', 'speechPrice'],
      ['visionModel', 'visionPrice'],
    ]),
  ],
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
