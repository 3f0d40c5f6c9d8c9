/**
 * What every provider promises, tried on the samples of each: the events that a sample means; at least one
 * event for any object; the same for the same body; and nothing personal outside of what is sealed.
 *
 * `PROSA_FUZZ_RUNS` is the number of bodies per provider that are made up, and as many again that are
 * samples with parts of them changed (25 000 in the full run: services/README.md).
 */
import { createHmac } from 'node:crypto';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Problem } from '#runtime/http.ts';
import { type Instance, providers } from '#runtime/instances/instances.ts';
import type { ProsaRecord } from '#schemas/records.ts';

import { openRecorder } from '../record.ts';
import { type IngestWorld, evolutionInstance, ingestWorld, wahaInstance } from '../testing/ingest-world.ts';
import { baileysInstance, baileysSamples } from './baileys.samples.ts';
import { baileys } from './baileys.ts';
import { cloudInstance, cloudSamples } from './cloud.samples.ts';
import { cloud } from './cloud.ts';
import { evolutionSamples } from './evolution.samples.ts';
import { evolution } from './evolution.ts';
import type { NormalisedEvent, WebhookProvider } from './provider.ts';
import { simulator } from './simulator.ts';
import { wahaSamples } from './waha.samples.ts';
import { waha } from './waha.ts';

interface Sample {
  readonly title: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Of the events in their order, each compared as a subset. */
  readonly expected: readonly object[];
}

interface ProviderCase {
  readonly provider: WebhookProvider;
  readonly instance: Instance;
  readonly samples: readonly Sample[];
  /** What every address of a chat is like. */
  readonly addresses?: RegExp;
  /** The wire shape is ours: what does not fit it is refused with 400. */
  readonly refuses?: true;
}

const from = '5511911111111';
const simulatorSamples: readonly Sample[] = [
  {
    title: 'a text',
    body: { from, text: 'Oi', name: 'Ana Inventada', messageId: 'M1' },
    expected: [{ type: 'message.received', message: { stableId: 'M1', content: { kind: 'text', text: 'Oi' } } }],
  },
  {
    title: 'a button',
    body: { from, button: { id: 'sim', title: 'Sim' } },
    expected: [{ type: 'message.received', message: { content: { kind: 'button', id: 'sim', title: 'Sim' } } }],
  },
];

const cases: Readonly<Record<string, ProviderCase>> = {
  waha: {
    provider: waha,
    instance: wahaInstance,
    samples: wahaSamples.map((sample) => ({ ...sample, expected: [sample.expected] })),
  },
  evolution: { provider: evolution, instance: evolutionInstance, samples: evolutionSamples },
  baileys: { provider: baileys, instance: baileysInstance, samples: baileysSamples },
  cloud: {
    provider: cloud,
    instance: cloudInstance,
    samples: cloudSamples,
    addresses: /^[\w.=+/-]{1,136}(@g\.us)?$/,
  },
  simulator: {
    provider: simulator,
    instance: { ...wahaInstance, id: 'i_simulator', provider: 'simulator' },
    samples: simulatorSamples,
    refuses: true,
  },
};

/** Names of people in the samples. */
const names = ['Ana', 'Bia', 'Inventada', 'Rui'];
const runs = Number(process.env['PROSA_FUZZ_RUNS'] ?? 2_500);

test('every provider is here', () => {
  expect(Object.keys(cases).sort()).toEqual([...providers].sort());
});

let world: IngestWorld;
beforeAll(() => {
  world = ingestWorld();
});
afterAll(() => world.close());

describe.each(Object.entries(cases))('%s', (name, { provider, instance, samples, addresses, refuses = false }) => {
  const ofText = (raw: string): readonly NormalisedEvent[] =>
    provider.normalise({ json: JSON.parse(raw) as Record<string, unknown>, raw, requestId: 'r' }, instance);
  // Through text, as over the wire: what is undefined in a sample is absent.
  const normalise = (value: unknown) => ofText(JSON.stringify(value));
  const titled = samples.map((sample) => [sample.title, sample] as const);

  test.each(titled)('%s', (_, { body, expected }) => {
    const events = normalise(body);
    expect(events).toHaveLength(expected.length);
    for (const [i, of] of expected.entries()) expect(events[i]).toMatchObject(of);
  });

  test.each(titled)('%s: nothing personal is outside of what is sealed', async (_, { body }) => {
    const before = world.appended.length;
    const lines = world.lines.length;
    await openRecorder(world.runtime, world.window).record(normalise(body), instance);
    const digits = JSON.stringify(body).match(/\d{8,}/g) ?? [];
    const personal = [...names, ...digits];
    for (const record of world.records().slice(before)) {
      for (const text of wordsOf(record)) {
        expect(text).not.toMatch(/\d{8,}/);
        expect(personal.filter((one) => text.includes(one))).toEqual([]);
      }
    }
    const said = world.lines.slice(lines).join('');
    expect(personal.filter((one) => said.includes(one))).toEqual([]);
  });

  /** What holds for the events of any object. */
  const isSound = (raw: string): void => {
    let events: readonly NormalisedEvent[];
    try {
      events = ofText(raw);
    } catch (caught) {
      if (refuses && caught instanceof Problem && caught.status === 400) return;
      throw caught;
    }
    expect(events.length).toBeGreaterThan(0);
    expect(ofText(raw)).toEqual(events);
    for (const event of events) isSoundEvent(event, addresses);
  };

  test.skipIf(refuses)('nothing of a body is lost: every word of it is in one of the events', () => {
    for (const { title, body } of samples) {
      const { raw, marks } = marked(body);
      const kept = ofText(raw)
        .map((event) => event.raw)
        .join('\n');
      expect([title, marks.filter((mark) => !kept.includes(`"${mark}"`))]).toEqual([title, []]);
    }
  });

  test('any JSON object is at least one event, the same one every time', { timeout: runs * 20 + 5_000 }, () => {
    const value = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }));
    fc.assert(
      fc.property(value, (object) => {
        isSound(JSON.stringify(object));
      }),
      { numRuns: runs },
    );
  });

  test('so is a sample with parts of it replaced or missing', { timeout: runs * 20 + 5_000 }, () => {
    const mutations = fc.array(fc.tuple(fc.nat(), junk(name), fc.boolean()), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...samples), mutations, ({ body }, all) => {
        const mutated = JSON.parse(JSON.stringify(body)) as Record<string, unknown>;
        for (const [place, value, remove] of all) mutate(mutated, place, value, remove);
        isSound(JSON.stringify(mutated));
      }),
      { numRuns: runs },
    );
  });

  test('names of Object.prototype are names like any other', () => {
    isSound('{"event":"constructor","object":"toString","__proto__":{"event":"message","from":"5511911111111"}}');
    isSound('{"event":"messages.upsert","data":{"__proto__":{"key":{"id":"1"}},"hasOwnProperty":1}}');
    expect(({} as Record<string, unknown>)['event']).toBeUndefined();
  });
});

/** A body with something unknown in every object and every list of it. */
function marked(body: object): { readonly raw: string; readonly marks: readonly string[] } {
  const marks: string[] = [];
  const mark = (): string => {
    marks.push(`mark-${marks.length + 1}`);
    return marks.at(-1) ?? '';
  };
  const within = (value: unknown): unknown => {
    if (Array.isArray(value)) return [...value.map(within), mark()];
    if (typeof value !== 'object' || value === null) return value;
    const fields = Object.entries(value).map(([name, held]) => [name, within(held)] as const);
    return { ...Object.fromEntries(fields), [mark()]: mark() };
  };
  const raw = JSON.stringify(within(body));
  return { raw, marks };
}

function isSoundEvent(event: NormalisedEvent, addresses = /^.{1,300}$/): void {
  if (event.type === 'webhook.other') expect(event.event).toMatch(/^[a-z0-9._-]{1,64}$/);
  if (event.type === 'message.status') expect(event.reason ?? '').toMatch(/^[a-z0-9.-]{0,64}$/);
  if (event.type !== 'instance.reported' && event.chat !== undefined) {
    expect(event.chat.addresses.length).toBeGreaterThan(0);
    for (const address of event.chat.addresses) expect(address).toMatch(addresses);
  }
  expect(event.providerAt === null || Number.isSafeInteger(event.providerAt)).toBe(true);
  expect(() => JSON.stringify(event)).not.toThrow();
  JSON.parse(event.raw);
}

/** The plain words of a record; ids are random and may hold any run of digits. */
function wordsOf(record: ProsaRecord): readonly string[] {
  const ids = new Set(['tenant', 'actor', 'eventId', 'causationId', 'revision', 'instance']);
  return Object.entries(record).flatMap(([name, value]) =>
    typeof value === 'string' && !ids.has(name) ? [value] : [],
  );
}

/** What may stand where something else should. */
const junk = (name: string): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom('', 'me', '__proto__', '_', 'true__', -1, 1e308, { _serialized: 1 }, [[]], { low: 1, high: 'x' }),
    fc.constantFrom({ '0': 99, '1': 12 }, [null], 'status@broadcast', `${name}@lid`, { text: {} }, 'DELETED'),
    // Long enough to be cut; short enough for many runs.
    fc.constant('x'.repeat(5_000)),
  );

/** Replaces or removes the value at some place of a tree; places are counted through all of it. */
function mutate(root: Record<string, unknown>, place: number, value: unknown, remove: boolean): void {
  const places: (readonly [Record<string, unknown>, string])[] = [];
  const walk = (parent: Record<string, unknown>): void => {
    for (const [name, child] of Object.entries(parent)) {
      places.push([parent, name]);
      if (typeof child === 'object' && child !== null) walk(child as Record<string, unknown>);
    }
  };
  walk(root);
  const chosen = places[place % Math.max(places.length, 1)];
  if (chosen === undefined) return;
  const [parent, name] = chosen;
  if (remove) Reflect.deleteProperty(parent, name);
  // A copy: the same value put inside of itself would be no JSON.
  else parent[name] = structuredClone(value);
}

describe('every bit counts', () => {
  const flippedAt = (bytes: Buffer, bit: number): Buffer => {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return flipped;
  };

  test("of the vector in WAHA's documentation, body and signature", () => {
    const body = Buffer.from('{"event":"message","session":"default","engine":"WEBJS"}');
    const secret = 'my-secret-key';
    const hmac = Buffer.from(createHmac('sha512', secret).update(body).digest('hex'));
    expect(hmac.toString()).toBe(
      '208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8097c462b2b17a6ce93b6b47a136cf2e78a33a63f6752c2c1631777076153fa89',
    );
    const of = { ...wahaInstance, credentials: { webhookToken: 't', webhookSecret: secret } };
    const verify = (raw: Buffer, signature: Buffer) =>
      waha.verify(raw, { 'x-webhook-hmac': signature.toString('latin1') }, of);
    expect(verify(body, hmac)).toBe(true);
    const bits = [body, hmac].map(({ length }) => length * 8);
    expect((bits[0] ?? 0) + (bits[1] ?? 0)).toBeGreaterThanOrEqual(1_000);
    for (let bit = 0; bit < (bits[0] ?? 0); bit++) expect(verify(flippedAt(body, bit), hmac)).toBe(false);
    for (let bit = 0; bit < (bits[1] ?? 0); bit++) expect(verify(body, flippedAt(hmac, bit))).toBe(false);
  });
});
