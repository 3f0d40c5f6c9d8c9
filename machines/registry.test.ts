/** Machines are found by name and version, and none of them can hang. */
import { initialTransition, setup, transition } from 'xstate';
import { describe, expect, it } from 'vitest';
import { bounded, findMachine, iterationsMax, machines } from './registry.ts';

const endless = setup({}).createMachine({
  initial: 'calm',
  states: { calm: { on: { go: 'a' } }, a: { always: 'b' }, b: { always: 'a' } },
});

describe('the registry', () => {
  it('finds each machine by its name and version', () => {
    expect([...machines.keys()]).toEqual([
      ...['conversation@1', 'conversation@2', 'instance@1', 'instance@2', 'service-queue@1'],
    ]);
    for (const { name, version, machine } of machines.values()) {
      expect(findMachine(name, version)?.machine).toBe(machine);
      expect(machine.id).toBe(name);
      expect(machine.version).toBe(version);
    }
  });

  it('does not guess', () => {
    expect(findMachine('conversation', '0')).toBeUndefined();
    expect(findMachine('conversation@1', '')).toBeUndefined();
    expect(findMachine('none', '1')).toBeUndefined();
  });

  it('bounds every machine', () => {
    for (const { machine } of machines.values()) expect(machine.options.maxIterations).toBe(iterationsMax);
  });

  it('gives settings that are plain JSON', () => {
    for (const { settingsDefaults } of machines.values())
      expect(JSON.parse(JSON.stringify(settingsDefaults))).toStrictEqual(settingsDefaults);
  });

  it('finds no fault with its own defaults, and some with what is not a setting', () => {
    for (const { problemsOf, settingsDefaults } of machines.values()) {
      expect(problemsOf(settingsDefaults)).toEqual([]);
      expect(problemsOf({ ...settingsDefaults, colour: 'blue' })).toEqual(['colour is not a setting']);
    }
  });

  it('gives machines that can be begun with their defaults', () => {
    for (const { machine, settingsDefaults } of machines.values()) {
      const input = { tenant: 'demo', actor: 'c_1', at: 1, settings: settingsDefaults };
      const [snapshot, actions] = initialTransition(machine, input);
      expect(snapshot.status).toBe('active');
      expect(actions).toEqual([]);
    }
  });
});

describe('a bounded machine', () => {
  it('throws out of an endless loop of `always`', () => {
    const machine = bounded(endless);
    const [calm] = initialTransition(machine);
    expect(() => transition(machine, calm, { type: 'go' })).toThrow(/Infinite loop/u);
  });

  it('that loops at once begins with status error: XState does not throw there', () => {
    const machine = bounded(
      setup({}).createMachine({ initial: 'a', states: { a: { always: 'b' }, b: { always: 'a' } } }),
    );
    const [snapshot] = initialTransition(machine);
    expect(snapshot.status).toBe('error');
    expect(String(snapshot.error)).toContain('Infinite loop');
  });

  it('keeps a smaller bound of its own', () => {
    const own = setup({}).createMachine({ options: { maxIterations: 10 } });
    expect(bounded(own).options.maxIterations).toBe(10);
  });
});
