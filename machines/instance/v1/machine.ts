/**
 * One provider instance (a number's session at WAHA, Evolution, …): the latest state that the
 * provider reported.
 *
 *            stopped ─┐
 *           starting ─┤
 *   unknown ─────────►├─ any report leads to the state it names, from any other
 *           scanning ─┤  (a repeated report changes nothing and says nothing)
 *            working ─┤
 *             failed ─┘
 *
 * No final state: an instance is followed for as long as it exists. What is to be done about a
 * failed one is decided elsewhere, from the audit of the change.
 */
import { assign, setup } from 'xstate';
import type { ActionParams, ActorInput, InstanceEvent as AnyInstanceEvent } from '#machines/machine.ts';

/** Rule of versions: see `machines/registry.ts`. */
export const instanceVersion = '1';

/** What a provider can say about an instance. */
export type InstanceStatus = InstanceEvent['status'];

/** It knows reports alone. */
type InstanceEvent = Extract<AnyInstanceEvent, { readonly type: 'instance.reported' }>;

/** Plain JSON. */
export interface InstanceContext {
  readonly status: InstanceStatus;
  /** Epoch milliseconds of the report that brought this status; null before the first. */
  readonly changedAt: number | null;
}

/** The machine has no settings. */
export type InstanceSettings = Readonly<Record<string, never>>;

/** No settings. */
export const instanceSettingsDefaults: InstanceSettings = {};

/** There is nothing to set. */
export const instanceSettingsProblems = (settings: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.keys(settings).map((name) => `${name.slice(0, 40)} is not a setting`);

const changed = ({ event }: { readonly event: InstanceEvent }): ActionParams['audit'] => ({
  type: 'instance.changed',
  outcome: event.status,
});

/** The machine; pure, see `machines/README.md`. */
export const instanceMachine = setup({
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-assertion -- XState's idiom: the assertion carries the types
  types: {} as { context: InstanceContext; events: InstanceEvent; input: ActorInput<InstanceSettings> },
  actions: {
    // Declared for the host, which turns it into a record; nothing happens here.
    audit: (_: unknown, _params: ActionParams['audit']) => undefined,
    keepStatus: assign({ status: ({ event }) => event.status, changedAt: ({ event }) => event.at }),
  },
  guards: {
    changesTo: ({ context, event }, params: { readonly status: InstanceStatus }) =>
      event.status === params.status && context.status !== params.status,
  },
}).createMachine({
  id: 'instance',
  version: instanceVersion,
  context: { status: 'unknown', changedAt: null },
  initial: 'unknown',
  on: {
    'instance.reported': [
      {
        guard: { type: 'changesTo', params: { status: 'unknown' } },
        target: '.unknown',
        actions: ['keepStatus', { type: 'audit', params: changed }],
      },
      {
        guard: { type: 'changesTo', params: { status: 'stopped' } },
        target: '.stopped',
        actions: ['keepStatus', { type: 'audit', params: changed }],
      },
      {
        guard: { type: 'changesTo', params: { status: 'starting' } },
        target: '.starting',
        actions: ['keepStatus', { type: 'audit', params: changed }],
      },
      {
        guard: { type: 'changesTo', params: { status: 'scanning' } },
        target: '.scanning',
        actions: ['keepStatus', { type: 'audit', params: changed }],
      },
      {
        guard: { type: 'changesTo', params: { status: 'working' } },
        target: '.working',
        actions: ['keepStatus', { type: 'audit', params: changed }],
      },
      {
        guard: { type: 'changesTo', params: { status: 'failed' } },
        target: '.failed',
        actions: ['keepStatus', { type: 'audit', params: changed }],
      },
    ],
  },
  states: { unknown: {}, stopped: {}, starting: {}, scanning: {}, working: {}, failed: {} },
});
