/**
 * One provider instance (a number's session at WAHA, Evolution, …): how it is, what is done to keep it
 * so, and who serves its line. Four regions at once:
 *
 *   connection   unknown · stopped · starting · scanning · working · restricted · failed · recovering · deleted
 *
 *                any report or check leads to the state that it names, from any other but `deleted`
 *                starting    a connection was asked for; a stop is no news while it is under way
 *                restricted  it works, and may not write to new chats; ends by itself
 *                failed ──linked, and not too often──► recovering: backingOff ─► restarting ──too long──► failed
 *                   └──too often: says so, and stays until it is asked or seen to work
 *
 *   task         idle ⇄ connecting · restarting · loggingOut · removing · repairing      what is asked of the provider
 *   health       waiting ──checkEvery──► checking ──► waiting;  resting while there is nothing to check
 *   line         steady ─► verifying ─► moving ─► draining ─► trial ─► confirming ─► settling ─► steady
 *                                └─ split ─► steady                        └─ failed ─► returning ─► steady
 *
 * A region talks to another by raising an event. No final state: late records of a deleted instance
 * change nothing.
 */
import { connection } from './connection.ts';
import { newContext } from './context.ts';
import { health } from './health.ts';
import { line } from './line.ts';
import { instanceSetup } from './setup.ts';
import { task } from './task.ts';

/** Rule of versions: see `machines/registry.ts`. Version 1 kept the latest report, and did nothing. */
export const instanceVersion = '2';

/** The machine; pure, see `machines/README.md`. */
export const instanceMachine = instanceSetup.createMachine({
  id: 'instance',
  version: instanceVersion,
  context: ({ input }) => newContext(input),
  type: 'parallel',
  states: { connection, task, health, line },
});
