/** Behaviour of a conversation whose person waits for somebody of the tenant's, or has somebody. */
import { describe, expect, it } from 'vitest';
import { paramsOf } from '#machines/testing/fold.ts';
import {
  type Scene,
  type Step,
  type Untold,
  auditsIn,
  passes,
  repliesIn,
  scenariosOf,
} from '#machines/testing/given.ts';
import type { ConversationContext } from './context.ts';
import { conversationMachine } from './machine.ts';
import { clinic } from './testing/outside.ts';
import { presses, requests, says, waysInto } from './testing/steps.ts';

const minute = 60_000;
const queue = { name: 'recepcao', capacity: 2, waitingMax: 9, minutesEach: 5 };
const withQueue = scenariosOf(conversationMachine, { settings: { ...clinic, queue } });
const without = scenariosOf(conversationMachine, { settings: clinic });

const asking = says('falar com atendente');
/** The record at which the person asked is the ticket: one message for each state before, and this one. */
const ticket = `e${waysInto.menu.length.toString().padStart(4, '0')}`;
const told = (type: string, details: Readonly<Record<string, string>> = {}): Untold => ({
  type,
  from: 'q_1',
  ticket,
  ...details,
});
const at = (position: number, minutes = 10): Untold =>
  told('queue.position', { position: position.toString(), minutes: minutes.toString() });
const takeover: Untold = { type: 'attendance.requested', operation: 'takeover', attendant: 'k_1' };
const handback: Untold = { ...takeover, operation: 'handback' };
const onPhone: Untold = { type: 'message.echoed', source: 'app' };
const granted = told('queue.granted', { attendant: 'k_1' });

const queued = [...waysInto.menu, asking, at(3)] as const;
const attended = [...queued, takeover, granted] as const;

const tellsIn = (scene: Scene): readonly string[] =>
  paramsOf(scene.actions, 'tell').map(({ name, details }) => `${name} ${String(details['ticket'])}`);
const contextOf = ({ folded }: Scene): ConversationContext => folded.snapshot.context as ConversationContext;
const stateAfter = (...steps: readonly Step[]) => withQueue.given(...steps).scene.folded.snapshot.value;
const inQueue = (state: string) => ({ waitingForPerson: { waiting: state } });
const isAttended = { waitingForPerson: 'attended' };
const inMenu = { assisting: { talking: 'menu' } };

describe('without a queue', () => {
  it('a person is promised, and no position told', () => {
    const { when } = without.given(...waysInto.menu);
    when(asking).then({ state: inQueue('unqueued'), replies: [/^Certo, Ana! .*MENU/su], audits: ['person.requested'] });
    expect(tellsIn(when(asking).scene)).toEqual([]);
  });

  it('an attendant takes over from anywhere, at once', () => {
    for (const steps of [waysInto.menu, waysInto.name, [...waysInto.menu, asking]])
      without
        .given(...steps)
        .when(takeover)
        .then({ state: isAttended, replies: [], audits: ['attendance.began'] });
  });
});

describe('in the queue', () => {
  it('is joined with what the settings say, and told the position and the wait', () => {
    const { scene } = withQueue.given(...waysInto.menu).when(asking);
    expect(paramsOf(scene.actions, 'tell')).toMatchObject([
      {
        to: { queue: 'recepcao' },
        name: 'queue.joined',
        details: { ticket, capacity: 2, waitingMax: 9, minutesEach: 5 },
      },
    ]);
    expect(repliesIn(scene)).toEqual([]);
    withQueue
      .given(...waysInto.menu, asking)
      .when(at(3))
      .then({ state: inQueue('queued'), replies: [/^Certo! .*3ª pessoa.*10 minutos.*SAIR DA FILA/su] });
  });

  it('the position is told again when it changed, once a minute, the latest', () => {
    const { scene } = withQueue.given(...queued).when(at(2));
    expect(repliesIn(scene)).toEqual([]);
    withQueue
      .given(...queued, at(2), passes(10_000), at(1, 0))
      .when(passes(minute))
      .then({ replies: [/^A fila andou! .*próxima pessoa.* em instantes/su] });
    withQueue
      .given(...queued, at(2), at(3))
      .when(passes(2 * minute))
      .then({ replies: [] });
    withQueue
      .given(...queued, passes(minute))
      .when(at(2))
      .then({ replies: [/2ª pessoa/u] });
  });

  it('whoever writes is heard by whoever will attend, and answered seldom', () => {
    const { when } = withQueue.given(...queued);
    when(says('minha conta veio errada')).then({ state: inQueue('queued'), replies: [/guardada/u] });
    withQueue
      .given(...queued, says('a'))
      .when(says('b'))
      .then({ replies: [] });
  });

  it('is left by words, by the button and for the menu', () => {
    for (const step of [says('sair da fila'), says('Cancelar!'), presses('queue.leave', 'x'), says('menu')]) {
      const { scene, then } = withQueue.given(...queued).when(step);
      then({ state: inMenu, replies: [/^Tudo bem, você saiu da fila/u], audits: ['person.cancelled'] });
      expect(tellsIn(scene)).toEqual([`queue.left ${ticket}`]);
      expect(contextOf(scene).attendance.ticket).toBeNull();
    }
  });

  it('is left by an opt-out and by silence', () => {
    expect(tellsIn(withQueue.given(...queued).when(says('PARAR')).scene)).toEqual([`queue.left ${ticket}`]);
    const { scene, then } = withQueue.given(...queued).when(passes(25 * 60 * minute));
    then({ status: 'done', state: 'expired', replies: [] });
    expect(tellsIn(scene)).toEqual([`queue.left ${ticket}`]);
  });

  it('another language keeps the place', () => {
    const { scene, then } = withQueue.given(...queued).when(says('English'));
    then({ state: inQueue('queued'), replies: [/^Sure, Ana!/u], audits: ['language.chosen'] });
    expect(tellsIn(scene)).toEqual([]);
    withQueue
      .given(...queued, says('English'), passes(minute))
      .when(at(2))
      .then({ replies: [/number 2/u] });
    withQueue
      .given(...queued, says('español'), passes(minute))
      .when(at(1, 1))
      .then({ replies: [/próxima persona.*1 minuto\./su] });
  });

  it('that is full says so, above the menu', () => {
    withQueue
      .given(...waysInto.menu, asking)
      .when(told('queue.full'))
      .then({ state: inMenu, replies: [/^No momento a fila de atendimento está cheia/u] });
  });

  it('that does not answer keeps nobody without a word', () => {
    withQueue
      .given(...waysInto.menu, asking)
      .when(passes(16_000))
      .then({ state: inQueue('unqueued'), replies: [/^Certo, Ana!/u], audits: ['queue.silent'] });
    expect(stateAfter(...waysInto.menu, asking, passes(16_000), at(1))).toEqual(inQueue('queued'));
  });

  it('that has forgotten the person leaves them waiting for whoever has time', () => {
    withQueue
      .given(...queued)
      .when(told('queue.forgot'))
      .then({ state: inQueue('unqueued'), replies: [] });
  });

  it('that speaks of a place that was given up is told so', () => {
    for (const steps of [waysInto.menu, queued, attended]) {
      const { scene } = withQueue.given(...steps).when({ ...at(1), ticket: 't_old' });
      expect(tellsIn(scene)).toEqual(['queue.left t_old']);
      expect(repliesIn(scene)).toEqual([]);
    }
  });
});

describe('an attendant', () => {
  it('of the queue is asked for at the queue, and the person told when there is one', () => {
    const { scene } = withQueue.given(...queued).when(takeover);
    expect(paramsOf(scene.actions, 'tell')).toMatchObject([
      { name: 'queue.takeover', details: { ticket, attendant: 'k_1' } },
    ]);
    withQueue
      .given(...queued, takeover)
      .when(granted)
      .then({ state: isAttended, replies: [/falando com uma pessoa/u], audits: ['attendance.began'] });
  });

  it('who has no room is refused, and the person keeps the place', () => {
    withQueue
      .given(...queued, takeover)
      .when(told('queue.refused', { attendant: 'k_1', reason: 'capacity' }))
      .then({ state: inQueue('queued'), replies: [], audits: ['attendance.refused'] });
  });

  it('is not kept away by a queue that does not answer, nor by one that does not know', () => {
    withQueue
      .given(...queued, takeover)
      .when(passes(16_000))
      .then({ state: isAttended, replies: [/falando com/u] });
    const unknown = told('queue.refused', { attendant: 'k_1', reason: 'unknown' });
    withQueue
      .given(...queued, takeover)
      .when(unknown)
      .then({ state: isAttended, replies: [/falando com/u] });
  });

  it('has the person to themselves: the machine is silent, and PARAR holds', () => {
    const { when } = withQueue.given(...attended);
    for (const text of ['oi', 'quero marcar', 'menu', 'English', 'falar com atendente'])
      when(says(text)).then({ state: isAttended, replies: [], audits: [] });
    const { scene, then } = when(says('PARAR'));
    then({ state: 'withdrawn', replies: [/não vai mais receber/u] });
    expect(tellsIn(scene)).toEqual([`queue.left ${ticket}`]);
  });

  it('writes through the API, which starts the silence anew', () => {
    withQueue
      .given(...attended, passes(29 * minute), requests('m_1', 'operator'), passes(29 * minute))
      .when(requests('m_2', 'operator'))
      .then({ state: isAttended, replies: ['mensagem m_2'] });
    // What others send does not.
    expect(stateAfter(...attended, passes(29 * minute), requests('m_1', 'api'), passes(2 * minute))).toEqual(inMenu);
  });

  it('hands back, and the place is free', () => {
    const { scene, then } = withQueue.given(...attended).when(handback);
    then({ state: inMenu, replies: [/terminou, e eu voltei/u], audits: ['attendance.ended'] });
    expect(tellsIn(scene)).toEqual([`queue.left ${ticket}`]);
    withQueue
      .given(...attended, handback)
      .when(handback)
      .then({ state: inMenu, replies: [], audits: [] });
  });

  it('who is silent for too long has handed back: who waits for an answer is told, others are let be', () => {
    withQueue
      .given(...attended, says('e aí?'))
      .when(passes(30 * minute))
      .then({ state: inMenu, replies: [/ninguém da equipe/u], audits: ['attendance.ended'] });
    const silent = [...attended, says('e aí?'), requests('m_1', 'operator')];
    withQueue
      .given(...silent)
      .when(passes(30 * minute))
      .then({ state: inMenu, replies: [] });
    withQueue
      .given(...silent, passes(30 * minute))
      .when(says('bom dia'))
      .then({ replies: [/^Olá de novo, Ana!/u] });
  });

  it('gets what was not decided about yet, and an effect that was out is waited for no more', () => {
    const model = scenariosOf(conversationMachine, { settings: { ...clinic, model: { model: 'stub' } } });
    const { scene } = model.given(...waysInto.menu, says('meu dente dói muito'), says('oi?')).when(takeover);
    expect(scene.folded.snapshot.value).toEqual(isAttended);
    expect(scene.actions.some(({ type }) => type === 'xstate.stopChild')).toBe(true);
    expect(contextOf(scene)).toMatchObject({ heard: null, inbox: [], attendance: { unanswered: true } });
  });

  it('may come before there was a consent, and never after a no', () => {
    for (const steps of [waysInto.idle, waysInto.consent]) {
      expect(stateAfter(...steps, takeover)).toEqual(isAttended);
      withQueue
        .given(...steps, takeover)
        .when(handback)
        .then({ state: 'idle', replies: [] });
    }
    withQueue
      .given(...waysInto.declined)
      .when(takeover)
      .then({ state: 'declined', audits: ['attendance.refused'] });
  });
});

describe('somebody who writes on the tenant’s phone', () => {
  it('attends, wherever the conversation is', () => {
    for (const steps of [waysInto.menu, waysInto.name, [...waysInto.menu, says('quero marcar')], queued])
      withQueue
        .given(...steps)
        .when(onPhone)
        .then({
          state: isAttended,
          replies: [],
          audits: ['attendant.wrote', 'attendance.began'],
          context: {},
        });
    expect(tellsIn(withQueue.given(...queued).when(onPhone).scene)).toEqual([`queue.left ${ticket}`]);
  });

  it('is only noted before there is a consent', () => {
    for (const state of ['consent', 'declined'] as const)
      withQueue
        .given(...waysInto[state])
        .when(onPhone)
        .then({ state, replies: [], audits: ['attendant.wrote'] });
  });

  it('has handed back after the silence', () => {
    const { when } = withQueue.given(...waysInto.menu, onPhone, passes(20 * minute), onPhone, passes(20 * minute));
    when(says('oi')).then({ state: isAttended, replies: [] });
    const { scene, then } = when(passes(11 * minute));
    then({ state: inMenu, replies: [] });
    expect(auditsIn(scene)).toEqual([{ type: 'attendance.ended', subject: 'phone', outcome: 'silent' }]);
  });
});
