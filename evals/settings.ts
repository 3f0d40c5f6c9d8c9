/** The tenants of the two domains, and which model each task's has. */
import type { ConversationSettings } from '#machines/conversation/settings.ts';
import type { ModelSettings } from '#machines/conversation/agent-settings.ts';

import { demoSettings } from '../services/demo-settings.ts';
import type { RealModel } from './installation.ts';
import type { ModelServers } from './models.ts';
import type { ModelKind, Task } from './task.ts';

const demo = demoSettings({ locale: 'pt-BR', model: undefined });

const domains: Readonly<Record<Task['domain'], Partial<ConversationSettings>>> = {
  'clinica-br': {
    locale: 'pt-BR',
    businessName: 'Clínica Aurora',
    agents: ['scheduling', 'appointments', 'information'],
    ...(demo.scheduling === undefined ? {} : { scheduling: demo.scheduling }),
    information: 'A clínica fica na Rua das Acácias, 42, em São Paulo. Atendemos de segunda a sábado.',
  },
  congresso: {
    locale: 'pt-BR',
    businessName: 'Congresso Aurora',
    agents: ['registration', 'information'],
    ...(demo.registration === undefined ? {} : { registration: demo.registration }),
    ...(demo.event === undefined ? {} : { event: demo.event }),
  },
};

/** Reais per million tokens, and per minute of voice, so that the stub's runs have a cost too. */
const price = { input: 1, output: 4 } as const;
const minutePrice = 0.03;

/** The settings of a task's tenant. Voice notes and pictures are the stub's to read: they are no real ones. */
export function settingsOf(
  { domain, model: kind = 'reasonable', settings }: Pick<Task, 'domain' | 'model' | 'settings'>,
  models: ModelServers,
  real?: RealModel,
): Readonly<Record<string, unknown>> {
  const media = {
    speechModel: 'stub-speech',
    speechPrice: minutePrice,
    visionModel: 'stub-vision',
    visionPrice: price,
    baseUrl: models.reasonable.url,
  };
  const model = kind === 'none' ? undefined : modelOf(kind, models, real);
  return { ...domains[domain], media, ...(model === undefined ? {} : { model }), ...settings };
}

function modelOf(kind: Exclude<ModelKind, 'none'>, models: ModelServers, real: RealModel | undefined): ModelSettings {
  switch (kind) {
    case 'reasonable':
      return { model: real?.model ?? 'stub', price, ...(real === undefined ? { baseUrl: models.reasonable.url } : {}) };
    case 'obedient':
      return { model: 'stub-obedient', price, baseUrl: models.obedient.url };
    case 'down':
      return { model: 'stub-down', price, baseUrl: models.downUrl };
    case 'spent':
      return { model: 'stub', price, baseUrl: models.reasonable.url, budget: { perConversation: 0 } };
  }
}
