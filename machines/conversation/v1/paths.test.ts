/**
 * All paths over a small alphabet, by xstate/graph: every state is reachable, none is a dead end.
 * Time stands still here (every event has the same `at`), so that there are finitely many contexts.
 */
import { getAdjacencyMap, getShortestPaths, getStateNodes } from 'xstate/graph';
import { describe, expect, it } from 'vitest';
import type { Untold } from '#machines/testing/given.ts';
import type { ConversationEvent } from '#machines/machine.ts';
import type { PersonContext, ConversationInput } from '../context.ts';
import { conversationMachine } from './machine.ts';
import { conversationSettingsDefaults } from '../settings.ts';
import { asides, presses, requests, says, speaks } from '../testing/steps.ts';

const at = 1_760_529_600_000;
const waiting = ['consent', 'name', 'menu', 'waitingForPerson', 'declined'];
const timers: readonly Untold[] = waiting.map((state) => ({
  type: `xstate.after.sessionTimeout.conversation.${state}`,
}));
const spoken: readonly Untold[] = [
  ...['oi', 'sim', 'não', 'por quê?', 'Ana Souza', 'pular', '1', '2', '3', 'menu', 'bla bla', 'PARAR'].map(says),
  ...['English', 'em português', 'idioma'].map(says),
  ...[speaks(), presses('consent.yes', 'Sim'), presses('menu.person', 'x')],
];
const alphabet = [...spoken, ...timers, requests('m_1'), ...asides].map(
  (step) => ({ ...step, at, eventId: 'e' }) as unknown as ConversationEvent,
);

type Seen = { readonly value: string; readonly context: PersonContext; readonly status: string };
const serializeState = (state: unknown): string => {
  const { value, context } = state as Seen;
  return JSON.stringify([value, context.consent, context.name, context.nudges, context.locale, context.localeBy]);
};

const input: ConversationInput = { tenant: 'demo', actor: 'c_1', at, settings: conversationSettingsDefaults };
const carried = (status: 'given' | 'refused' | 'withdrawn', name: string | null, noticeVersion = '1') => ({
  ...input,
  carried: {
    consent: { status, at, noticeVersion, eventId: 'e', by: 'text' as const },
    name,
    locale: 'pt-BR',
    localeBy: 'tenant' as const,
  },
});
const beginnings: readonly (readonly [string, ConversationInput])[] = [
  ['a new person', input],
  ['one who has consented', carried('given', 'Ana')],
  ['one who has consented to another notice', carried('given', 'Ana', '0')],
  ['one who gave no name', carried('given', null)],
  ['one who refused', carried('refused', null)],
  ['one who withdrew', carried('withdrawn', null)],
];

interface Place {
  readonly state: Seen;
  readonly edges: readonly { readonly type: string; readonly to: string }[];
}

/** A place as xstate/graph gives it. */
interface Adjacent {
  readonly state: Seen;
  readonly transitions: Readonly<Record<string, { readonly event: { readonly type: string }; readonly state: Seen }>>;
}

/** Every situation that can be reached, and where each event leads from there. */
function mapOf(from: ConversationInput): ReadonlyMap<string, Place> {
  const map = getAdjacencyMap(conversationMachine, {
    events: alphabet,
    input: from,
    serializeState,
    // Far above what there is: an alphabet that grows without end must fail, not hang.
    limit: 50_000,
  });
  return new Map(
    Object.entries<Adjacent>(map as unknown as Readonly<Record<string, Adjacent>>).map(([key, place]) => [
      key,
      {
        state: place.state,
        edges: Object.values(place.transitions).map((edge) => ({
          type: edge.event.type,
          to: serializeState(edge.state),
        })),
      },
    ]),
  );
}

const isFinal = ({ state }: Place): boolean => state.status === 'done';

describe('every state', () => {
  it('is reachable for a new person', () => {
    const paths = getShortestPaths(conversationMachine, { events: alphabet, input, serializeState });
    const reached = new Set(paths.map(({ state }) => state.value as string));
    const states = getStateNodes(conversationMachine).map(({ key }) => key);
    expect(states.length).toBe(8);
    expect([...reached].sort()).toEqual(states.sort());
  });
});

describe.each(beginnings)('the map of %s', (_, from) => {
  const map = mapOf(from);
  const open = [...map.values()].filter((place) => !isFinal(place));

  it('is not empty, and ends somewhere', () => {
    expect(open.length).toBeGreaterThan(5);
    expect([...map.values()].some(isFinal)).toBe(true);
    expect(map.size).toBeLessThan(2000);
  });

  it('has a way out of every place by the person', () => {
    for (const { state, edges } of open) {
      const out = edges.filter(
        ({ type, to }) => type === 'message.received' && map.get(to)?.state.value !== state.value,
      );
      expect(out.length, JSON.stringify(state)).toBeGreaterThan(0);
    }
  });

  it('has a way out of every waiting place by its timer', () => {
    for (const { state, edges } of open.filter((place) => place.state.value !== 'idle')) {
      const timer = `xstate.after.sessionTimeout.conversation.${state.value}`;
      const [edge] = edges.filter(({ type }) => type === timer);
      expect(map.get(edge?.to ?? '')?.state.value, JSON.stringify(state)).toBe('expired');
    }
  });

  it('leads to the end from everywhere by the person alone', () => {
    for (const place of open) expect(endsBy(map, place)).toBe(true);
  });

  it('never reaches name, menu or a person without consent', () => {
    for (const { state } of map.values())
      if (['name', 'menu', 'waitingForPerson'].includes(state.value))
        expect(state.context.consent).toMatchObject({ status: 'given', noticeVersion: '1' });
  });

  it('is left alone by what the person did not say', () => {
    for (const [key, { edges }] of map)
      for (const { type, to } of edges)
        if (type === 'message.requested' || type === 'message.echoed' || type === 'delivery.updated')
          expect(to).toBe(key);
  });
});

function endsBy(map: ReadonlyMap<string, Place>, start: Place): boolean {
  const seen = new Set<Place>();
  const queue = [start];
  for (let place = queue.pop(); place !== undefined; place = queue.pop()) {
    if (isFinal(place)) return true;
    if (seen.has(place)) continue;
    seen.add(place);
    for (const { type, to } of place.edges) {
      const next = map.get(to);
      if (type === 'message.received' && next !== undefined) queue.push(next);
    }
  }
  return false;
}
