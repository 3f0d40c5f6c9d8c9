/**
 * Many messages through servers of the unofficial providers that fail in every way, and our own gateway among them
 * (the Cloud API's are in `cloud.test.ts`).
 */
import { test } from 'vitest';

import { startFakeEvolution } from '#runtime/testing/fake-evolution.ts';
import { type FakeGateway, type GatewayFault, startFakeGateway } from '#runtime/testing/fake-gateway.ts';
import { asText } from '#schemas/plain-text.ts';

import { apiKey, tenant, useSenderWorld } from './testing/sender-world.ts';
import {
  type CommonFault,
  type FaultyServer,
  type Misbehaviour,
  faultTestMs,
  faultyLimits,
  throughFaults,
} from './testing/through-faults.ts';

const here = useSenderWorld();

async function waha(behave: Misbehaviour): Promise<FaultyServer> {
  const { fake, instance } = await here.waha({ behave }, faultyLimits);
  return {
    instance,
    sendsAt: () => fake.sends().map(({ at }) => at),
    // A repeat under the same id is the same message (W2 of adapters/waha.ts).
    arrivedAt: (phone) => fake.messages.filter(({ chatId }) => chatId === `${phone}@c.us`).map(({ text }) => text),
  };
}

async function evolution(behave: Misbehaviour): Promise<FaultyServer> {
  const fake = await startFakeEvolution({ apiKey, behave });
  here.cleanups.push(() => fake.close());
  const settings = { baseUrl: fake.url, session: 'clinica', limits: faultyLimits };
  const wanted = { tenant, provider: 'evolution' as const, name: 'evolution', settings, apiKey };
  return {
    instance: await here.api.instances.create(wanted, Date.now()),
    sendsAt: () => fake.sends().map(({ at }) => at),
    arrivedAt: (phone) =>
      fake.messages
        .filter(({ remoteJid }) => remoteJid === `${phone}@s.whatsapp.net`)
        .map(({ message }) => String(message['conversation'])),
  };
}

/** The gateway is found by our configuration, not by the account. */
const baileysAt = (fake: FakeGateway) => async (): Promise<FaultyServer> => {
  const wanted = { tenant, provider: 'baileys' as const, name: 'baileys', settings: { limits: faultyLimits } };
  return {
    instance: await here.api.instances.create(wanted, Date.now()),
    sendsAt: () => fake.sends,
    arrivedAt: (phone) =>
      fake.messages.filter(({ chat }) => chat === `${phone}@c.us`).map(({ content }) => asText(content)),
  };
};

/** It says itself that a message was not sent; 503 is about the session. */
const gatewayFault = (fault: CommonFault | undefined): GatewayFault | undefined =>
  fault?.kind !== 'status' ? fault : fault.status === 502 ? { kind: 'status', status: 503 } : { kind: 'retry' };

test(
  'through faults of WAHA, Evolution and our gateway each message arrives once and in order, or is shown with its cause',
  { timeout: faultTestMs },
  async () => {
    let behave: Misbehaviour = () => undefined;
    const gateway = await startFakeGateway({ key: apiKey, behave: () => gatewayFault(behave()) });
    here.cleanups.push(() => gateway.close());
    const baileys = baileysAt(gateway);
    const runtime = here.workerRuntime();
    const config = { ...runtime.config, baileys: { ...runtime.config.baileys, key: apiKey, url: gateway.url } };
    await throughFaults(here, [waha, evolution, (given) => ((behave = given), baileys())], { ...runtime, config });
  },
);
