/**
 * The demo tenant of development: a configuration, one instance per provider, an API key. Idempotent:
 * what is there stays, so that tokens, secrets and the key are the same at every start.
 */
import { conversationVersion } from '#machines/conversation/machine.ts';
import { instanceVersion } from '#machines/instance/machine.ts';
import { findMachine } from '#machines/registry.ts';
import { serviceQueueVersion } from '#machines/service-queue/machine.ts';
import type { Config } from '#runtime/config.ts';
import {
  type Instance,
  type NewInstance,
  type WebhookProof,
  providers,
  webhookProofOf,
} from '#runtime/instances/instances.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { checkConfiguration } from '#runtime/tenants/check-configuration.ts';
import { demoApiKey, demoTenant } from '#runtime/tenants/demo-tenant.ts';
import type { Configuration } from '#runtime/tenants/tenants.ts';
import type { TenantKeys } from '#runtime/vault/key-file.ts';

import { openApiKeys } from './api/api-keys.ts';
import { demoSettings } from './demo-settings.ts';

/** What a caller needs to try the demo tenant. */
export interface Demo {
  readonly tenant: string;
  readonly apiKey: string;
  readonly instances: readonly DemoInstance[];
}

/** An instance, with what its provider must present. */
export interface DemoInstance extends WebhookProof {
  readonly id: string;
  readonly provider: string;
  readonly webhook: string;
}

/** What is in force for the demo tenant. Throws `config.invalid`. */
export function demoConfiguration({
  demoLocale: locale,
  openai,
}: Pick<Config, 'demoLocale' | 'openai'>): Configuration {
  const configuration: Configuration = {
    machines: {
      conversation: { version: conversationVersion, settings: { ...demoSettings({ locale, model: openai.model }) } },
      instance: { version: instanceVersion, settings: {} },
      'service-queue': { version: serviceQueueVersion, settings: {} },
    },
    answerGroups: false,
  };
  checkConfiguration(configuration, findMachine);
  return configuration;
}

/** Makes sure that the demo tenant exists, as the API's role. */
export async function provideDemo(runtime: Runtime, keys: TenantKeys): Promise<Demo> {
  const { tenants, instances, config, now } = runtime;
  await tenants.create(demoTenant, 'Demo');
  // What was set through the API stays.
  if ((await tenants.configuredBy(demoTenant)) === null) await tenants.configure(demoTenant, demoConfiguration(config));
  const existing = await instances.list(demoTenant);
  const made: Instance[] = [];
  for (const provider of providers) {
    made.push(
      existing.find((instance) => instance.name === provider) ??
        (await instances.create(wanted(provider, config), now())),
    );
  }
  return { tenant: demoTenant, apiKey: await provideKey(runtime, keys), instances: made.map(shown) };
}

function wanted(provider: (typeof providers)[number], config: Config): NewInstance {
  const instance = { tenant: demoTenant, provider, name: provider, settings: {} };
  if (provider === 'simulator' || provider === 'baileys') return instance;
  if (provider === 'cloud') return { ...instance, ...cloudOf(config) };
  const { baseUrl, session, apiKey } = provider === 'evolution' ? config.demoEvolution : config.demoWaha;
  const engine = provider === 'waha' ? { engine: 'NOWEB' as const } : {};
  const limits =
    provider === 'waha' && !config.demoWaha.limited
      ? { limits: { perChatPerMinute: null, initiatedPerMinute: null } }
      : {};
  return {
    ...instance,
    settings: { baseUrl, session, ...engine, ...limits },
    ...(apiKey === undefined ? {} : { apiKey }),
  };
}

function cloudOf({ demoCloud }: Config): Pick<NewInstance, 'settings' | 'apiKey'> {
  const { baseUrl, apiKey, phoneNumberId, businessAccountId } = demoCloud;
  return {
    settings: {
      ...(baseUrl === undefined ? {} : { baseUrl }),
      ...(phoneNumberId === undefined ? {} : { phoneNumberId }),
      ...(businessAccountId === undefined ? {} : { businessAccountId }),
    },
    ...(apiKey === undefined ? {} : { apiKey }),
  };
}

const shown = (instance: Instance): DemoInstance => ({
  id: instance.id,
  provider: instance.provider,
  webhook: `/webhooks/${instance.provider}/${instance.credentials.webhookToken}`,
  ...webhookProofOf(instance),
});

async function provideKey({ database, now }: Runtime, keys: TenantKeys): Promise<string> {
  const apiKeys = openApiKeys(database, now);
  const { key, secret } = demoApiKey(keys);
  if ((await apiKeys.find(key)) === undefined) await apiKeys.createApiKey(demoTenant, 'admin', 'demo', secret);
  return key;
}
