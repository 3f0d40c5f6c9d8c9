/** The helper that all machine tests trust: time, timers, episodes, and that `then` can fail. */
import { assign, setup } from 'xstate';
import { describe, expect, it } from 'vitest';
import { type Expected, noon, passes, scenariosOf } from './given.ts';
import { throughJson } from './fold.ts';

const clock = setup({
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-assertion -- XState's idiom: the assertion carries the types
  types: {} as {
    context: { ticks: number };
    events: { type: 'wind'; at: number } | { type: 'message.received' };
    input: { carried?: number };
    output: number;
  },
  actions: { reply: (_: unknown, _params: { content: { kind: 'text'; text: string } }) => undefined },
}).createMachine({
  context: ({ input }) => ({ ticks: (input as { carried?: number } | undefined)?.carried ?? 0 }),
  output: ({ context }) => context.ticks,
  initial: 'still',
  states: {
    still: { on: { wind: 'ticking', 'message.received': {} } },
    ticking: {
      entry: [
        assign({ ticks: ({ context }) => context.ticks + 1 }),
        { type: 'reply', params: ({ context }) => ({ content: { kind: 'text', text: context.ticks.toString() } }) },
      ],
      on: { wind: { target: 'ticking', reenter: true } },
      after: { 5000: 'tired' },
    },
    tired: { after: { 5000: 'ended' }, on: { wind: 'ticking' } },
    ended: { type: 'final' },
  },
});
const { given } = scenariosOf(clock, { settings: {} });
const wind = { type: 'wind' };

describe('given, when, then', () => {
  it('lets timers fire in order when their time comes, and only then', () => {
    given(wind).when(passes(4999)).then({ state: 'ticking' });
    given(wind).when(passes(5000)).then({ state: 'tired' });
    given(wind).when(passes(10_000)).then({ state: 'ended', status: 'done', output: 1, timers: {} });
  });

  it('cancels and sets anew', () => {
    given(wind, passes(3000), wind)
      .when(passes(4999))
      .then({ state: 'ticking', context: { ticks: 2 } });
    given(wind, passes(3000))
      .when(wind)
      .then({ timers: { 'xstate.after.5000.(machine).ticking': noon + 1000 + 3000 + 1000 + 5000 } });
  });

  it('fires what falls due before the next event', () => {
    given(wind, passes(4500))
      .when(wind)
      .then({ state: 'ticking', replies: ['2'], context: { ticks: 2 } });
  });

  it('begins a new episode with the output of the last', () => {
    given(wind, passes(10_000))
      .when({ type: 'message.received' })
      .then({ state: 'still', episode: 2, context: { ticks: 1 } });
  });

  it('does not begin one for anything else', () => {
    given(wind, passes(10_000)).when(wind).then({ state: 'ended', episode: 1 });
  });

  it.each<Expected>([
    { state: 'still' },
    { status: 'done' },
    { episode: 2 },
    { replies: [] },
    { replies: ['2'] },
    { replies: [/2/u] },
    { replies: ['1', '1'] },
    { audits: ['a'] },
    { declined: ['a'] },
    { context: { ticks: 7 } },
    { context: { other: null } },
    { output: 1 },
    { timers: {} },
  ])('fails when %j is not so', (expected) => {
    expect(() => {
      given().when(wind).then(expected);
    }).toThrow(/otherwise than expected/u);
  });

  it('passes when all of it is so', () => {
    given()
      .when(wind)
      .then({ state: 'ticking', status: 'active', episode: 1, replies: [/1/u], audits: [], declined: [] });
  });

  it('takes a snapshot through JSON', () => {
    const { snapshot } = given(wind).scene.folded;
    expect(throughJson(clock, snapshot)).toMatchObject({ value: 'ticking', context: { ticks: 1 }, status: 'active' });
  });
});
