/** How an instance is kept working, and who serves its line. */
import { getShortestPaths } from 'xstate/graph';
import { describe, expect, it } from 'vitest';
import { iterationsMax } from '#machines/registry.ts';
import { type FoldedAction } from '#machines/testing/fold.ts';
import { type Scene, type Untold, auditsIn, noon, passes, scenariosOf } from '#machines/testing/given.ts';
import type { InstanceContext, InstanceState } from './context.ts';
import { instanceMachine } from './machine.ts';
import { instanceSettingsDefaults } from './settings.ts';

const minute = 60_000;
const settings = { recoveriesMax: 3, recoveriesWithinMs: 60 * minute, backoffMs: 5_000, backoffMsMax: 20_000 };
const { given, play } = scenariosOf(instanceMachine, { settings });

const reports = (status: string, more: object = {}): Untold => ({ type: 'instance.reported', status, ...more });
const asks = (operation: string, more: object = {}): Untold => ({ type: 'instance.requested', operation, ...more });
const done = (id: string, output: object = {}): Untold => ({ type: `xstate.done.actor.${id}`, output });
const fails = (id: string, code = 'provider.unreachable'): Untold => ({
  type: `xstate.error.actor.${id}`,
  error: { code, message: '' },
});
const checked = (status: string, more: object = {}) => done('check', { status, silentSince: null, ...more });
const wish = { to: 'i_new', fallbacks: ['i_old'] };

type Value = Readonly<Record<'connection' | 'task' | 'health' | 'line', string | Readonly<Record<string, string>>>>;
const valueOf = (scene: Scene): Value => scene.folded.snapshot.value as Value;
const connectionOf = (scene: Scene): string => {
  const { connection } = valueOf(scene);
  return typeof connection === 'string' ? connection : (Object.keys(connection)[0] ?? '');
};
const contextOf = (scene: Scene): InstanceContext => scene.folded.snapshot.context as InstanceContext;
const auditTypes = (scene: Scene): readonly string[] => auditsIn(scene).map(({ type }) => type);

interface Child {
  readonly id: string;
  readonly src: string;
  readonly input: Record<string, unknown>;
}

/** Effects asked for in the latest step: source and input. */
const asked = (scene: Scene): readonly (readonly [string, Record<string, unknown>])[] =>
  scene.actions
    .map(({ type, params }: FoldedAction) => ({ type, ...(params as Child) }))
    .filter(({ type, id }, i, all) => {
      // What was stopped again in the same step never became a record.
      const stopped = all.slice(i).some((later) => later.type === 'xstate.stopChild' && later.id === id);
      return type === 'xstate.spawnChild' && !stopped;
    })
    .map(({ src, input }) => [src, input] as const);
const sourcesOf = (scene: Scene): readonly string[] => asked(scene).map(([source]) => source);

const working = given(reports('working')).scene;
const after = (from: Scene, ...steps: readonly (Untold | ReturnType<typeof passes>)[]): Scene => play(from, steps);

describe('reports', () => {
  const before = ['unknown', 'stopped', 'starting', 'scanning', 'working', 'failed'] as const;
  const told = ['stopped', 'starting', 'scanning', 'working', 'failed'] as const;

  it.each(before.flatMap((from) => told.map((to) => [from, to] as const)))('lead from %s to %s', (from, to) => {
    const scene = after(given(reports(from)).scene, reports(to));
    // What worked and stops by itself has failed, and is brought back.
    const linked = from === 'working';
    const expected = linked && (to === 'stopped' || to === 'failed') ? 'recovering' : to;
    expect(connectionOf(scene)).toBe(expected);
    expect(contextOf(scene).status).toBe(expected);
  });

  it('that repeat what is known change nothing, not even the object', () => {
    for (const status of ['working', 'starting', 'stopped', 'failed', 'unknown']) {
      const scene = given(reports(status)).scene;
      const repeated = after(scene, reports(status));
      expect(valueOf(repeated), status).toEqual(valueOf(scene));
      expect(auditTypes(repeated), status).toEqual([]);
      if (status !== 'starting') expect(repeated.folded.snapshot, status).toBe(scene.folded.snapshot);
    }
  });

  it('that say nothing, or that nobody understands, are left alone', () => {
    expect(after(working, reports('unknown')).folded.snapshot).toBe(working.folded.snapshot);
    expect(after(working, reports('melting')).folded.snapshot).toBe(working.folded.snapshot);
  });

  it('keep since when it is so, and say so once', () => {
    expect(contextOf(working)).toMatchObject({ status: 'working', changedAt: noon + 1_000, linked: true });
    expect(auditsIn(working)).toEqual([{ type: 'instance.changed', outcome: 'working' }]);
    expect(asked(working)).toEqual([
      ['instance.announce', { instance: 'c_test', availability: 'available', at: noon + 1_000 }],
    ]);
  });
});

describe('connecting', () => {
  it('shows the newest code to scan, asks for it again while it waits, and forgets it when it is linked', () => {
    let scene = after(given(asks('create')).scene, checked('unknown'), asks('connect'));
    expect(connectionOf(scene)).toBe('starting');
    expect(asked(scene)).toEqual([['instance.connect', { instance: 'c_test', phoneNumber: null }]]);
    scene = after(scene, done('connect', { status: 'scanning', qr: { code: 'one' } }));
    expect(connectionOf(scene)).toBe('scanning');
    expect(contextOf(scene).qr).toEqual({ code: 'one', at: scene.at });
    // It is asked for at once, and then every five seconds.
    expect(sourcesOf(scene)).toContain('instance.check');
    scene = after(scene, checked('scanning', { qr: { code: 'two', pairingCode: 'ABCD' } }));
    expect(contextOf(scene).qr).toMatchObject({ code: 'two', pairingCode: 'ABCD' });
    scene = after(scene, passes(instanceSettingsDefaults.scanEveryMs));
    expect(sourcesOf(scene)).toEqual(['instance.check']);
    scene = after(scene, reports('scanning', { qr: { code: 'three' } }));
    expect(contextOf(scene).qr?.code).toBe('three');
    scene = after(scene, reports('working'));
    expect(contextOf(scene)).toMatchObject({ qr: null, linked: true, status: 'working' });
  });

  it('never tells a code in an audit event', () => {
    const scene = after(given(asks('connect')).scene, reports('scanning', { qr: { code: 'secret' } }));
    expect(JSON.stringify(scene.actions.filter(({ type }) => type === 'audit'))).not.toContain('secret');
  });

  it('asks for a code to type in when a number is given', () => {
    const scene = given(asks('connect', { phoneNumber: '5511' })).scene;
    expect(asked(scene)).toEqual([['instance.connect', { instance: 'c_test', phoneNumber: '5511' }]]);
  });

  it('that fails says why and stays failed: what never worked is not brought back', () => {
    const scene = after(given(asks('connect')).scene, fails('connect', 'provider.refused'));
    expect(valueOf(scene).connection).toEqual({ failed: 'resting' });
    expect(auditsIn(scene)).toEqual([
      { type: 'instance.connect-failed', outcome: 'provider.refused' },
      { type: 'instance.changed', outcome: 'failed' },
    ]);
  });

  it('that leads nowhere ends', () => {
    const scene = after(given(asks('connect')).scene, passes(2 * minute));
    expect(connectionOf(scene)).toBe('failed');
  });

  it('a code that nobody scans in time is no reason to restart for ever', () => {
    const scene = after(given(reports('scanning'), reports('failed')).scene, passes(60 * minute));
    expect(valueOf(scene).connection).toEqual({ failed: 'resting' });
  });
});

describe('health', () => {
  it('is checked every thirty seconds', () => {
    let scene = after(working, passes(29_000));
    expect(sourcesOf(scene)).toEqual([]);
    scene = after(scene, passes(1_000));
    expect(asked(scene)).toEqual([['instance.check', { instance: 'c_test', status: 'working' }]]);
    scene = after(scene, checked('working'));
    expect(contextOf(scene).checkedAt).toBe(scene.at);
    expect(sourcesOf(after(scene, passes(30_000)))).toEqual(['instance.check']);
  });

  it('is not checked of what is stopped or deleted', () => {
    for (const given_ of [reports('stopped'), asks('delete'), asks('logout')]) {
      const scene = after(given(given_).scene, passes(10 * minute));
      expect([valueOf(scene).health, sourcesOf(scene)]).toEqual(['resting', []]);
    }
  });

  it('a check finds out what no webhook told', () => {
    const scene = after(working, passes(30_000), checked('failed'));
    expect(connectionOf(scene)).toBe('recovering');
  });

  it('one check without an answer is none, three are an outage', () => {
    let scene = working;
    for (const missed of [1, 2]) {
      scene = after(scene, passes(30_000), fails('check'));
      expect([connectionOf(scene), contextOf(scene).missed]).toEqual(['working', missed]);
    }
    const back = after(scene, passes(30_000), checked('working'));
    expect(contextOf(back).missed).toBe(0);
    scene = after(scene, passes(30_000), fails('check'));
    expect(connectionOf(scene)).toBe('recovering');
  });

  it('connected but deaf: sends go out, nothing comes in for longer than the tenant allows', () => {
    let scene = after(working, passes(30_000));
    scene = after(scene, checked('working', { silentSince: scene.at - 9 * minute }));
    expect(connectionOf(scene)).toBe('working');
    scene = after(scene, passes(30_000));
    const since = scene.at - 11 * minute;
    scene = after(scene, checked('working', { silentSince: since }));
    expect(connectionOf(scene)).toBe('recovering');
    expect(auditTypes(scene)).toContain('instance.deaf');
    // All that came since is to be looked for.
    expect(contextOf(scene).lostAt).toBe(since);
  });

  it('deafness is not looked for where the tenant does not want it', () => {
    const quiet = scenariosOf(instanceMachine, { settings: { deafAfterMs: 0 } });
    const scene = quiet.play(quiet.given(reports('working')).scene, [
      passes(30_000),
      checked('working', { silentSince: 1 }),
    ]);
    expect(connectionOf(scene)).toBe('working');
  });
});

describe('recovery', () => {
  const failed = after(working, reports('failed'));

  it('begins after a pause, restarts, and is over when it works', () => {
    expect(auditsIn(failed).map(({ outcome }) => outcome)).toEqual(['failed', 'recovering']);
    expect(sourcesOf(failed)).toEqual(['instance.announce']);
    let scene = after(failed, passes(6_000));
    expect(sourcesOf(scene)).toEqual(['instance.restart']);
    scene = after(scene, reports('stopped'), reports('starting'));
    expect(connectionOf(scene)).toBe('recovering');
    scene = after(scene, done('restart', { status: 'working' }));
    expect(connectionOf(scene)).toBe('working');
    expect(asked(scene).map(([source]) => source)).toEqual(['instance.announce', 'instance.repair']);
  });

  it('hands in what was missed since the last check that was answered', () => {
    let scene = after(working, passes(30_000), checked('working'));
    const { checkedAt } = contextOf(scene);
    scene = after(scene, reports('failed'), passes(6_000), done('restart', { status: 'working' }));
    const repair = asked(scene).find(([source]) => source === 'instance.repair');
    expect(repair?.[1]).toEqual({ instance: 'c_test', from: checkedAt, to: scene.at });
    scene = after(scene, done('repair', { found: 3, recovered: 2, complete: true }));
    expect(auditsIn(scene)).toEqual([{ type: 'instance.repaired', outcome: '2 of 3' }]);
    expect(contextOf(scene).repairFrom).toBeNull();
    expect(valueOf(scene).task).toBe('idle');
  });

  it('also when it came back by itself, and also when the restart is still under way', () => {
    const byItself = after(failed, reports('working'));
    expect(sourcesOf(byItself)).toContain('instance.repair');
    const early = after(failed, passes(6_000), reports('working'));
    expect(valueOf(early).task).toBe('restarting');
    expect(sourcesOf(after(early, done('restart', { status: 'working' })))).toEqual(['instance.repair']);
  });

  it('waits longer each time, and never longer than allowed', () => {
    const many = scenariosOf(instanceMachine, { settings: { ...settings, recoveriesMax: 10 } });
    let scene = many.given(reports('working'), reports('failed')).scene;
    const pauses: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      const [[, { dueAt }] = ['', { dueAt: 0 }]] = [...scene.timers].filter(([id]) => id.includes('backoff'));
      pauses.push(dueAt - scene.at);
      scene = many.play(scene, [passes(dueAt - scene.at), fails('restart')]);
    }
    expect(pauses.map((pause) => Math.round(pause / 5_000) * 5)).toEqual([5, 10, 20, 20, 20, 20]);
  });

  it('stops when it flaps, says so, and goes on when a person asks for it', () => {
    let scene = failed;
    const outcomes: (string | undefined)[] = [];
    for (let i = 0; i < 3; i += 1) {
      scene = after(scene, passes(25_000), done('restart', { status: 'working' }), reports('failed'));
      outcomes.push(...auditsIn(scene).map(({ type }) => type));
    }
    expect(outcomes.filter((type) => type === 'instance.recovery-stopped')).toHaveLength(1);
    expect(valueOf(scene).connection).toEqual({ failed: 'resting' });
    expect(sourcesOf(after(scene, passes(20_000)))).not.toContain('instance.restart');
    const forced = after(scene, asks('recover'));
    expect(sourcesOf(forced)).toEqual(['instance.announce', 'instance.restart']);
    expect(contextOf(forced).recoveries).toEqual([]);
  });

  it('counts only the restarts of its window', () => {
    let scene = failed;
    for (let i = 0; i < 10; i += 1)
      scene = after(
        scene,
        passes(5_000),
        done('restart', { status: 'working' }),
        passes(31 * minute),
        reports('failed'),
      );
    expect(connectionOf(scene)).toBe('recovering');
  });

  it('does not end in waiting: a restart that leads to nothing has failed', () => {
    const scene = after(failed, passes(6_000), done('restart', { status: 'starting' }), passes(61_000));
    expect(contextOf(scene).recoveries).toHaveLength(2);
  });

  it('a phone that was unlinked needs a person', () => {
    const scene = after(working, reports('scanning'));
    expect(contextOf(scene)).toMatchObject({ linked: false, reason: 'session.not-linked' });
    expect(connectionOf(after(scene, reports('failed')))).toBe('failed');
  });

  it('is left to people where the tenant wants it so', () => {
    const manual = scenariosOf(instanceMachine, { settings: { autoRecover: false } });
    const scene = manual.given(reports('working'), reports('failed')).scene;
    expect(valueOf(scene).connection).toEqual({ failed: 'resting' });
    expect(auditTypes(scene)).toContain('instance.recovery-stopped');
  });
});

describe('a restriction', () => {
  const restricted = after(working, reports('working', { restriction: { active: true, until: noon + 10 * minute } }));

  it('keeps it working for those who know it', () => {
    expect(connectionOf(restricted)).toBe('restricted');
    expect(asked(restricted)[0]?.[1]).toMatchObject({ availability: 'restricted' });
  });

  it('is not over because somebody does not speak of it', () => {
    expect(connectionOf(after(restricted, reports('working')))).toBe('restricted');
  });

  it('is over when the provider says so, or when its time has come', () => {
    expect(connectionOf(after(restricted, reports('working', { restriction: { active: false } })))).toBe('working');
    expect(connectionOf(after(restricted, passes(9 * minute)))).toBe('restricted');
    expect(connectionOf(after(restricted, passes(10 * minute)))).toBe('working');
  });
});

describe('the end', () => {
  it('a logout is final until somebody connects: what is reported of it starts nothing', () => {
    let scene = after(working, asks('logout'));
    expect(connectionOf(scene)).toBe('stopped');
    expect(sourcesOf(scene)).toEqual(['instance.announce', 'instance.logout']);
    scene = after(scene, done('logout'), reports('stopped'), reports('failed'), passes(60 * minute));
    expect(valueOf(scene).connection).toEqual({ failed: 'resting' });
    expect(sourcesOf(after(scene, asks('connect')))).toContain('instance.connect');
  });

  it('a deleted one is taken down at the provider and hears nothing more', () => {
    let scene = after(working, asks('delete'));
    expect(sourcesOf(scene)).toEqual(['instance.announce', 'instance.remove']);
    scene = after(scene, asks('connect'), asks('switch', { route: wish }), reports('working'), done('remove', {}));
    expect(auditTypes(scene)).toEqual(['instance.removed']);
    expect(connectionOf(after(scene, reports('failed'), passes(60 * minute)))).toBe('deleted');
  });
});

describe('the line', () => {
  const asking = after(working, asks('switch', { route: wish }));
  const moved = after(asking, done('verify', { line: 'l_1' }), done('move', { moved: 2 }));

  it('goes over step by step, each of them an audit event', () => {
    expect(asked(asking)).toEqual([['line.verify', { instance: 'c_test', wish, mode: 'switch' }]]);
    expect(auditsIn(asking)).toEqual([{ type: 'line.change-requested', subject: 'i_new', outcome: 'switch' }]);
    const verified = after(asking, done('verify'));
    expect(asked(verified)[0]).toMatchObject(['line.route', { change: { ...wish, step: 'trial' } }]);
    expect(sourcesOf(moved)).toEqual(['line.drain']);
    const trial = after(moved, done('drain', { left: 0 }));
    expect(valueOf(trial).line).toBe('trial');
    const confirming = after(trial, passes(instanceSettingsDefaults.trialMs));
    expect(sourcesOf(confirming)).toContain('line.verify');
    const settling = after(confirming, done('confirm'));
    expect(asked(settling).at(-1)).toMatchObject(['line.route', { change: { step: 'settle' } }]);
    const settled = after(settling, done('settle', { moved: 0 }));
    expect(valueOf(settled).line).toBe('steady');
    expect([verified, moved, trial, settled].flatMap(auditTypes)).toEqual([
      'line.verified',
      'line.moved',
      'line.drained',
      'line.settled',
    ]);
  });

  it('stays where it is when the new one does not work', () => {
    const scene = after(asking, fails('verify', 'line.target-not-working'));
    expect(valueOf(scene).line).toBe('steady');
    expect(auditsIn(scene)).toEqual([{ type: 'line.refused', outcome: 'line.target-not-working' }]);
  });

  it('comes back when the new one does not hold', () => {
    let scene = after(moved, done('drain', { left: 0 }), passes(instanceSettingsDefaults.trialMs), fails('confirm'));
    expect(asked(scene)[0]).toMatchObject(['line.route', { change: { step: 'return' } }]);
    scene = after(scene, done('return', { moved: 1 }));
    expect([valueOf(scene).line, auditTypes(scene)]).toEqual(['steady', ['line.change-undone']]);
  });

  it('is split without a trial', () => {
    const route = { ...wish, percent: 10, flag: 'beta' };
    let scene = after(working, asks('split', { route }), done('verify'));
    expect(asked(scene)[0]).toMatchObject(['line.route', { change: { ...route, step: 'split' } }]);
    scene = after(scene, done('move', { moved: 0 }));
    expect([valueOf(scene).line, auditTypes(scene)]).toEqual(['steady', ['line.split']]);
  });

  it('takes one change at a time', () => {
    const scene = after(moved, asks('switch', { route: wish }));
    expect([valueOf(scene).line, auditsIn(scene)]).toEqual([
      'draining',
      [{ type: 'line.refused', outcome: 'line.busy' }],
    ]);
  });

  it('says who serves it when that changed by itself', () => {
    const id = '0.instance.connection.recovering';
    const down = after(working, reports('failed'), done(id, { servedBy: 'i_other', moved: 3 }));
    expect(auditsIn(down)).toEqual([{ type: 'line.fell-back', subject: 'i_other' }]);
    const up = after(down, reports('working'), done('0.instance.connection.working', { servedBy: 'c_test', moved: 0 }));
    expect(auditTypes(up)).toEqual(['line.returned']);
    const unchanged = after(working, done('0.instance.connection.working', { servedBy: null, moved: 0 }));
    expect(auditTypes(unchanged)).toEqual([]);
  });
});

describe('every path', () => {
  instanceMachine.options.maxIterations = iterationsMax;
  const at = noon;
  const events = [
    ...['stopped', 'starting', 'scanning', 'working', 'failed'].map((status) => reports(status)),
    reports('working', { restriction: { active: true, until: at + minute } }),
    ...['connect', 'restart', 'recover', 'logout', 'delete'].map((operation) => asks(operation)),
    done('connect', { status: 'starting' }),
    done('restart', { status: 'starting' }),
    fails('restart'),
    done('logout'),
    done('remove'),
    { type: 'xstate.after.backoff.instance.connection.recovering.backingOff' },
    { type: 'xstate.after.recoverWithin.instance.connection.recovering.restarting' },
    { type: 'xstate.after.checkEvery.instance.health.waiting' },
    checked('failed'),
  ].map((event) => ({ at, eventId: 'e', ...event }));
  const paths = getShortestPaths(instanceMachine, {
    events: events as never,
    input: { tenant: 'demo', actor: 'i_1', at, settings: { ...instanceSettingsDefaults, recoveriesMax: 1 } },
    // Counters and times would make endlessly many.
    serializeState: ({ value, context }) =>
      JSON.stringify([value, context.status, context.linked, context.lostAt === null, context.recoveries.length]),
    limit: 200_000,
  });
  const states = paths.map(({ state }) => state);

  it('is walked', () => {
    const seen = new Set(states.map(({ context }) => context.status));
    const all: readonly InstanceState[] = [
      'unknown',
      'stopped',
      'starting',
      'scanning',
      'working',
      'restricted',
      'failed',
      'recovering',
      'deleted',
    ];
    expect([...seen].sort()).toEqual([...all].sort());
    expect(states.length).toBeGreaterThan(100);
  });

  it('keeps the state and what is remembered of it in step', () => {
    for (const { value, context } of states) {
      const { connection } = value as unknown as Value;
      expect(typeof connection === 'string' ? connection : Object.keys(connection)[0]).toBe(context.status);
    }
  });

  it('has a way back: a person can have it connected, and it can work, from everywhere but the end', () => {
    for (const { value, context, status } of states) {
      expect(status).toBe('active');
      const from: Scene = { ...working, folded: { ...working.folded, snapshot: resolved(value, context) } };
      const back = after(from, asks('connect'), done('connect', { status: 'working', restriction: { active: false } }));
      expect([context.status, connectionOf(back)]).toEqual([
        context.status,
        context.status === 'deleted' ? 'deleted' : 'working',
      ]);
    }
  });

  const resolved = (value: unknown, context: unknown) => instanceMachine.resolveState({ value, context } as never);
});
