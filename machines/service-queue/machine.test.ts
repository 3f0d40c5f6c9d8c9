/** Behaviour of a service queue by itself: who is told what. */
import { describe, expect, it } from 'vitest';
import { paramsOf } from '#machines/testing/fold.ts';
import { type Scene, type Step, type Untold, passes, scenariosOf } from '#machines/testing/given.ts';
import type { ServiceQueueContext } from './context.ts';
import { serviceQueueMachine } from './machine.ts';

const { given, play } = scenariosOf(serviceQueueMachine, { settings: {} });
const terms = { queue: 'atendimento', capacity: '2', waitingMax: '3', minutesEach: '10', settingsAt: '1' };

const joins = (one: string, other: Readonly<Record<string, string>> = {}): Untold => ({
  type: 'queue.joined',
  from: `c_${one}`,
  ticket: `t_${one}`,
  ...terms,
  ...other,
});
const leaves = (one: string): Untold => ({ type: 'queue.left', from: `c_${one}`, ticket: `t_${one}` });
const takes = (one: string, attendant = 'k_1'): Untold => ({
  type: 'queue.takeover',
  from: `c_${one}`,
  ticket: `t_${one}`,
  attendant,
});

/** What the latest step told, in few words. */
const toldIn = (scene: Scene): readonly string[] =>
  paramsOf(scene.actions, 'tell').map(({ to, name, details }) => {
    const said = [details['position'], details['minutes'], details['reason']].filter((part) => part !== undefined);
    return [to as string, name, ...said].join(' ');
  });
const after = (...steps: readonly Step[]) => toldIn(given(...steps.slice(0, -1)).when(steps.at(-1) ?? passes(0)).scene);
const contextOf = (...steps: readonly Step[]): ServiceQueueContext =>
  given(...steps).scene.folded.snapshot.context as ServiceQueueContext;

describe('waiting', () => {
  it('is in order of arrival, and each is told its position and about how long', () => {
    expect(after(joins('a'))).toEqual(['c_a queue.position 1 0']);
    expect(after(joins('a'), joins('b'), joins('c'))).toEqual(['c_c queue.position 3 5']);
    expect(contextOf(joins('a'), joins('b'), joins('c')).waiting.map(({ conversation }) => conversation)).toEqual(
      ['a', 'b', 'c'].map((one) => `c_${one}`),
    );
  });

  it('moves those behind one who leaves, and nobody before', () => {
    expect(after(joins('a'), joins('b'), joins('c'), leaves('b'))).toEqual(['c_c queue.position 2 0']);
    expect(after(joins('a'), joins('b'), leaves('b'))).toEqual([]);
  });

  it('has an end', () => {
    const full = [joins('a'), joins('b'), joins('c'), joins('d')];
    expect(after(...full)).toEqual(['c_d queue.full']);
    expect(contextOf(...full).waiting).toHaveLength(3);
    expect(after(...full, leaves('a'), joins('d'))).toEqual(['c_d queue.position 3 5']);
  });

  it('counts a conversation once, with its newest ticket, at the end', () => {
    const again = joins('a', { ticket: 't_2' });
    expect(after(joins('a'), joins('b'), again)).toEqual(['c_b queue.position 1 0', 'c_a queue.position 2 0']);
    expect(after(joins('a'), joins('b'), joins('b'))).toEqual(['c_b queue.position 2 0']);
    // Told late of the wait that it gave up.
    expect(contextOf(joins('a'), again, leaves('a')).waiting).toHaveLength(1);
  });

  it('tells everybody near, and further back only now and then', () => {
    const many = Array.from({ length: 250 }, (_, i) => joins(i.toString(), { waitingMax: '1000' }));
    const told = after(...many, leaves('0'));
    expect(told).toHaveLength(52);
    expect(told.at(-1)).toBe('c_200 queue.position 200 990');
  });
});

describe('attendants', () => {
  it('get whom they ask for, the first or another, and no more than there is room for', () => {
    expect(after(joins('a'), joins('b'), joins('c'), takes('b'))).toEqual([
      'c_b queue.granted',
      'c_c queue.position 2 5',
    ]);
    const busy = [joins('a'), joins('b'), joins('c'), takes('a'), takes('b')];
    expect(after(...busy, takes('c'))).toEqual(['c_c queue.refused capacity']);
    expect(after(...busy, leaves('a'), takes('c'))).toEqual(['c_c queue.granted']);
  });

  it('get the same again, and nobody who does not wait', () => {
    expect(after(joins('a', { capacity: '1' }), takes('a'), takes('a', 'k_2'))).toEqual(['c_a queue.granted']);
    expect(after(joins('a'), takes('b'))).toEqual(['c_b queue.refused unknown']);
  });

  it('make the estimate, by how long the latest ones took', () => {
    const one = joins('a', { capacity: '1' });
    const took = [one, takes('a'), passes(20 * 60_000), leaves('a')];
    expect(after(...took, joins('b', { capacity: '1' }), takes('b'), joins('c', { capacity: '1' }))).toEqual([
      'c_c queue.position 1 21',
    ]);
  });
});

describe('the queue', () => {
  it('ends when there is nobody, and begins anew with what it learnt', () => {
    const { scene } = given(joins('a'), takes('a'), passes(600_000)).when(leaves('a'));
    expect(scene.folded.snapshot).toMatchObject({ status: 'done', value: 'closed', output: { latestMs: [601_000] } });
  });

  it('takes the newest settings, whoever comes with older ones', () => {
    const newer = joins('b', { capacity: '5', settingsAt: '9' });
    expect(contextOf(joins('a'), newer, joins('c')).terms.capacity).toBe(5);
  });

  it('forgets those of whom nothing was heard for days, and says so', () => {
    const days = (count: number): Step => passes(count * 86_400_000);
    const { scene } = given(joins('a'), takes('a'), joins('b'), days(5), joins('c')).when(days(4));
    expect(toldIn(scene)).toEqual(['c_b queue.forgot', 'c_a queue.forgot', 'c_c queue.position 1 0']);
    expect((play(scene, []).folded.snapshot.context as ServiceQueueContext).waiting).toHaveLength(1);
  });

  it('looks for them now and then, however busy it is', () => {
    const { scene } = given(joins('a'), passes(3_600_000), joins('b')).when(passes(1));
    expect([...scene.timers.values()].map(({ dueAt }) => dueAt - scene.at)).toEqual([5 * 3_600_000 - 1_001]);
  });
});
