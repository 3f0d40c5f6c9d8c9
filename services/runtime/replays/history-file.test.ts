/**
 * Goal: a conversation that was had is a history that the tests of machines run. Method: real services, the
 * released machine; what is exported is folded by machines/testing/history.ts, which knows nothing of it.
 */
import { afterEach, expect, test } from 'vitest';

import { conversationVersion } from '#machines/conversation/machine.ts';
import { findMachine } from '#machines/registry.ts';
import { fold as foldHistory, isNew, parseHistory } from '#machines/testing/history.ts';

import { type ReplayWorld, openReplayWorld } from '../../replay/testing/replay-world.ts';
import { openJournalFold } from '../actor/journal.ts';
import { findEcho } from '../testing/echo-machine.ts';
import type { Person } from '../testing/person.ts';
import { testTenant } from '../testing/runtime.ts';
import { type HistoryFile, historyFilesOf } from './history-file.ts';
import { watchMachines } from './watched-machines.ts';

let replays: ReplayWorld;
afterEach(() => replays.close());

const configuration = (settings: Record<string, unknown>) => ({
  machines: { conversation: { version: conversationVersion, settings } },
  answerGroups: false,
});

async function exported(person: Person, find = findMachine): Promise<readonly HistoryFile[]> {
  const machines = watchMachines(find);
  const of = { tenant: testTenant, actor: person.entry.conversation };
  const journal = await openJournalFold({ ...replays.worker, find: machines.find }, of, 0);
  return historyFilesOf(journal.steps(Number.MAX_SAFE_INTEGER), machines);
}

/** Fires the timers that are pending, as the timer service would when they are due. */
async function timesOut(person: Person): Promise<void> {
  await replays.caughtUp();
  const of = { tenant: testTenant, actor: person.entry.conversation };
  const journal = await openJournalFold({ ...replays.worker, find: findMachine }, of, 0);
  let pending: readonly { readonly timerId: string; readonly generation: string; readonly dueAt: number }[] = [];
  for await (const { after } of journal.steps(Number.MAX_SAFE_INTEGER)) pending = after.timers;
  const [timer] = pending;
  if (timer === undefined) throw new Error('no timer is pending');
  const { timerId, generation, dueAt } = timer;
  await person.tell({ type: 'timer.fired', timerId, generation, occurredAt: dueAt });
}

test('episodes with answers, a repetition and a timer run as a golden history and end where they ended', async () => {
  replays = await openReplayWorld({ configuration: configuration({}) });
  await replays.startServices(findMachine);
  const person = await replays.meet('5511900000007');
  await person.says('Oi');
  await person.says('sim');
  await person.says('sim', 'said-twice');
  await person.says('Maria', 'said-twice');
  await person.says('Maria da Silva');
  await timesOut(person);
  await person.says('Oi de novo');
  await replays.caughtUp();

  const files = await exported(person);
  expect(files).toMatchObject([{ machine: 'conversation', machineVersion: conversationVersion, exact: true }]);
  const history = parseHistory(files[0]?.text ?? '');
  expect(isNew(history)).toBe(false);
  expect(history.lines.map(({ event }) => event.type)).toEqual([
    'message.received',
    'message.received',
    'message.received',
    'message.received',
    'session.expired',
    'message.received',
  ]);
  expect(foldHistory(history)).toEqual(history);
  // And it would notice.
  const changed = parseHistory((files[0]?.text ?? '').replace('Maria da Silva', 'Maria de Souza'));
  expect(foldHistory(changed)).not.toEqual(changed);
});

test('other settings begin another file, which is given what the last episode left', async () => {
  replays = await openReplayWorld({ configuration: configuration({ locale: 'en' }) });
  await replays.startServices(findMachine);
  const person = await replays.meet('5511900000007');
  await person.says('hi');
  await timesOut(person);
  const revision = await replays.world
    .runtime('prosa_api')
    .tenants.configure(testTenant, configuration({ locale: 'es' }));
  await person.says('hola');
  await person.tell(
    { type: 'message.received', instance: replays.world.instance.id, kind: 'text', group: false, revision },
    { messageId: 'm', stableId: 'm', chat: 'x', sender: { address: 'x' }, content: { kind: 'text', text: 'sí' } },
  );
  await replays.caughtUp();
  const files = await exported(person);
  expect(files.every(({ exact }) => exact)).toBe(true);
  for (const { text } of files) expect(foldHistory(parseHistory(text))).toEqual(parseHistory(text));
  expect(files.reduce((sum, { episodes }) => sum + episodes, 0)).toBe(2);
});

test('what put an actor in quarantine is no part of it', async () => {
  replays = await openReplayWorld();
  await replays.startServices();
  const person = await replays.meet('5511900000007');
  for (const text of ['a', 'boom', 'b']) await person.says(text);
  await person.tell({ type: 'conversation.released', requestedBy: 'k_test' });
  await replays.caughtUp();
  const [file, ...rest] = await exported(person, findEcho);
  expect(rest).toEqual([]);
  expect(file).toMatchObject({ events: 1, episodes: 1, exact: true });
});
