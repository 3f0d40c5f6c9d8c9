/** What a provider reports of an instance, and what is audited of it. */
import { getShortestPaths } from 'xstate/graph';
import { describe, expect, it } from 'vitest';
import { auditsIn, noon, scenariosOf } from '#machines/testing/given.ts';
import { type InstanceStatus, instanceMachine } from './machine.ts';

const { given, play } = scenariosOf(instanceMachine, { settings: {} });
const reports = (status: InstanceStatus) => ({ type: 'instance.reported', status });
const statuses: readonly InstanceStatus[] = ['unknown', 'stopped', 'starting', 'scanning', 'working', 'failed'];

describe('an instance', () => {
  it('is unknown until something is reported', () => {
    given()
      .when(reports('unknown'))
      .then({ state: 'unknown', audits: [], context: { changedAt: null } });
  });

  it.each(statuses.flatMap((from) => statuses.map((to) => [from, to] as const)))('goes from %s to %s', (from, to) => {
    const { scene, then } = given(reports(from)).when(reports(to));
    then({ state: to, audits: from === to ? [] : ['instance.changed'], replies: [], timers: {} });
    if (from !== to) expect(auditsIn(scene)).toEqual([{ type: 'instance.changed', outcome: to }]);
  });

  it('is left as it is, the very object, by a repeated report', () => {
    const before = given(reports('working')).scene;
    expect(play(before, [reports('working')]).folded.snapshot).toBe(before.folded.snapshot);
  });

  it('keeps since when it is so', () => {
    given(reports('working'))
      .when(reports('working'))
      .then({ context: { status: 'working', changedAt: noon + 1000 } });
  });

  it('keeps state and context in step', () => {
    const events = statuses.map((status) => ({ type: 'instance.reported', status, at: 1, eventId: 'e' }) as const);
    const paths = getShortestPaths(instanceMachine, {
      events,
      input: { tenant: 'demo', actor: 'i_1', at: 1, settings: {} },
    });
    expect(new Set(paths.map(({ state }) => state.value)).size).toBe(statuses.length);
    for (const { state } of paths) expect(state.context.status).toBe(state.value);
  });

  it('leaves alone what it does not know', () => {
    const before = given(reports('working')).scene;
    expect(play(before, [reports('melting' as InstanceStatus)]).folded.snapshot).toBe(before.folded.snapshot);
  });
});
