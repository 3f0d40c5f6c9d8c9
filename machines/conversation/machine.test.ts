/** Behaviour of the conversation around its agents: a model, bursts, files, whoever comes back. What each agent does is told beside it. */
import { describe, expect, it } from 'vitest';
import { type Step, passes, repliesIn, scenariosOf } from '#machines/testing/given.ts';
import type { ModelQuestion } from './asks.ts';
import type { ConversationContext } from './context.ts';
import { conversationMachine } from './machine.ts';
import type { ConversationSettings } from './settings.ts';
import { askedIn, clinic, outsideWith, playWith } from './testing/outside.ts';
import { says, sends, waysInto } from './testing/steps.ts';
import { hour, proposes, story, talking, withModel } from './testing/story.ts';

const inMenu = waysInto.menu;

describe('a model', () => {
  it('is not asked what words say', () => {
    const { asked } = story([says('quero marcar uma limpeza'), says('menu'), says('2')], {}, withModel);
    expect(asked.map(({ src }) => src)).toEqual(['calendar.list']);
  });

  it('proposes, and the machine reads the person’s own words', () => {
    const { asked, state } = story(
      [says('meu dente tá horrível, dá pra limpar amanhã umas 15h?')],
      { 'model.propose': proposes({ tool: 'schedule', args: { service: 'Limpeza', when: 'amanhã às 15h' } }) },
      withModel,
    );
    expect(asked.map(({ src }) => src)).toEqual(['model.propose', 'calendar.find', 'calendar.hold']);
    expect(state).toEqual(talking({ scheduling: 'confirming' }));
  });

  it('cannot confirm, and cannot choose what was not shown', () => {
    const begun = [says('quero marcar uma limpeza'), says('amanhã de manhã'), says('aquele mais cedinho por favor')];
    const made = story(begun, { 'model.propose': proposes({ tool: 'choose_time', args: { time: 's99' } }) }, withModel);
    expect(made.state).toEqual(talking({ scheduling: 'choosingTime' }));
    const shown = story(begun, { 'model.propose': proposes({ tool: 'choose_time', args: { time: 's1' } }) }, withModel);
    expect(shown.state).toEqual(talking({ scheduling: 'confirming' }));
    expect(shown.asked.some(({ src }) => src === 'calendar.book')).toBe(false);
  });

  it('fills only what stands in the message, and what is valid', () => {
    const fill = {
      fullName: 'Maria da Silva',
      email: 'x@evil.example',
      cpf: '111',
      phone: null,
      city: null,
      state: null,
      profile: null,
    };
    const { context } = story(
      [says('quero me inscrever'), says('então, me chamam de Maria da Silva desde 1990, cpf 111')],
      { 'model.propose': proposes({ tool: 'fill', args: fill }) },
      withModel,
    );
    expect(context.registration.fields).toEqual({ fullName: 'Maria da Silva' });
  });

  it('that is down is not waited for twice: menus serve', () => {
    const { asked, last, audits } = story([says('xyz'), says('zyx')], {}, withModel);
    expect(asked.map(({ src }) => src)).toEqual(['model.propose']);
    expect(audits).toEqual(['model.unavailable']);
    expect(last).toMatch(/Escolha uma opção/u);
  });

  it('costs add up, and are told to it', () => {
    const { context, asked } = story([says('xyz'), says('zyx')], { 'model.propose': proposes(null, null) }, withModel);
    expect(context.model.spentMicros).toBe(14);
    expect(asked[1]?.input).toMatchObject({ spentMicros: 7 });
  });

  it('is shown the turns before, ours too, as many and as old as the tenant says', () => {
    const settings: Partial<ConversationSettings> = { model: { model: 'stub', turnsMax: 3, turnsLifeMs: 60_000 } };
    const { asked } = story(
      [says('menu'), passes(120_000), says('oi, sumi'), says('xyz')],
      { 'model.propose': proposes(null, null) },
      settings,
    );
    const { turns } = asked.at(-1)?.input as unknown as { turns: { by: string; text: string }[] };
    expect(turns.length).toBeLessThanOrEqual(2);
    expect(JSON.stringify(turns)).not.toMatch(/"menu"/u);
  });
});

describe('messages that come while something is done', () => {
  const { given, play } = scenariosOf(conversationMachine, { settings: { ...clinic, ...withModel } });
  const thinking = given(...inMenu, says('xyz')).scene;
  const nothing: Step = { type: 'xstate.done.actor.model', output: { proposal: null, costMicros: 0 } };

  it('are kept, joined, and taken afterwards', () => {
    expect(thinking.folded.snapshot.value).toEqual({ assisting: { working: 'thinking' } });
    const kept = play(thinking, [says('quero marcar'), says('uma limpeza')]);
    expect(repliesIn(kept)).toEqual([]);
    const after = play(kept, [nothing]);
    expect(after.folded.snapshot.value).toEqual(talking({ scheduling: 'choosingWhen' }));
    expect((after.folded.snapshot.context as ConversationContext).inbox).toEqual([]);
  });

  it('are kept up to a bound, the newest', () => {
    const kept = play(
      thinking,
      Array.from({ length: 50 }, (_, i) => says(`linha ${i.toString()}`)),
    );
    const { inbox } = kept.folded.snapshot.context as ConversationContext;
    expect(inbox).toHaveLength(20);
    expect(inbox.at(-1)?.content).toEqual({ kind: 'text', text: 'linha 49' });
  });

  it('stop everything when they are an opt-out', () => {
    const after = play(thinking, [says('PARAR')]);
    expect(after.folded.snapshot.value).toBe('withdrawn');
  });

  it('of one burst are one question, where the tenant waits for more', () => {
    const bursts = scenariosOf(conversationMachine, {
      settings: { ...clinic, model: { model: 'stub', burstMs: 2_500 } },
    });
    const gathering = bursts.given(...inMenu, says('então'), says('é que')).scene;
    expect(gathering.folded.snapshot.value).toEqual({ assisting: { working: 'gathering' } });
    const asked = bursts.play(gathering, [passes(3_000)]);
    expect(askedIn(asked)[0]?.input).toMatchObject({ said: 'então\né que' });
  });
});

describe('voice notes and images', () => {
  const media: Partial<ConversationSettings> = { media: { speechModel: 'whisper-1', visionModel: 'stub' } };
  const { given, play } = scenariosOf(conversationMachine, { settings: { ...clinic, ...media } });
  const voice = sends({ kind: 'audio', media: { voice: true } });
  const stored: Step = {
    type: 'media.stored',
    messageEventId: 'e0003',
    kind: 'audio',
    fileId: 'm_1',
    mimetype: 'audio/ogg',
    bytes: 9,
  };
  const through = playWith(outsideWith(), play);

  it('are read once their file is there, and heard as if written', () => {
    const waiting = given(...inMenu, voice).scene;
    expect(waiting.folded.snapshot.value).toEqual({ assisting: { working: 'receiving' } });
    const scenes = through(waiting, [stored]);
    expect(scenes.flatMap(askedIn)[0]).toMatchObject({
      src: 'speech.transcribe',
      input: { file: 'm_1', locale: 'pt-BR' },
    });
    expect(scenes.at(-1)?.folded.snapshot.value).toEqual(talking({ scheduling: 'choosingWhen' }));
  });

  it('cost the conversation what reading them costs, where that has a price', () => {
    const priced = { media: { ...media.media, speechPrice: 1 }, model: { model: 'stub' } };
    const scenes = scenariosOf(conversationMachine, { settings: { ...clinic, ...priced } });
    const read = playWith(
      outsideWith({
        'model.propose': proposes(null),
        'speech.transcribe': () => ({ text: 'hmm, não sei bem', costMicros: 40 }),
      }),
      scenes.play,
    );
    const asked = read(scenes.given(...inMenu, voice).scene, [stored, voice, { ...stored, messageEventId: 'e0007' }])
      .flatMap(askedIn)
      .map(({ src, input }) => [src, (input as ModelQuestion).spentMicros]);
    expect(asked).toEqual([
      ['speech.transcribe', 0],
      ['model.propose', 40],
      ['speech.transcribe', 47],
      ['model.propose', 87],
    ]);
  });

  it('are asked for in writing when they cannot be had or read', () => {
    const waiting = given(...inMenu, voice).scene;
    const failed = play(waiting, [{ type: 'media.failed', messageEventId: 'e0003', kind: 'audio', reason: 'x' }]);
    expect(repliesIn(failed)[0]).toMatch(/Pode escrever/u);
    expect(repliesIn(play(waiting, [passes(61_000)]))[0]).toMatch(/Pode escrever/u);
    const [, answered] = playWith(outsideWith({ 'speech.transcribe': () => ({ error: 'speech.unreadable' }) }), play)(
      waiting,
      [stored],
    );
    expect(answered === undefined ? '' : repliesIn(answered)[0]).toMatch(/Pode escrever/u);
  });

  it('of another message change nothing', () => {
    const waiting = given(...inMenu, voice).scene;
    const other = play(waiting, [{ ...stored, messageEventId: 'e9999' }]);
    expect(other.folded.snapshot.value).toEqual({ assisting: { working: 'receiving' } });
  });
});

describe('whoever comes back', () => {
  it('is answered what was asked at once, without the menu in between', () => {
    const { given } = scenariosOf(conversationMachine, { settings: clinic });
    const { scene } = given(...inMenu, passes(25 * hour)).when(says('quero marcar uma limpeza'));
    expect(scene.folded.snapshot.value).toEqual(talking({ scheduling: 'choosingWhen' }));
    expect(scene.folded.episode).toBe(2);
  });

  it('is greeted by name when there was only a greeting', () => {
    const { given } = scenariosOf(conversationMachine, { settings: clinic });
    expect(repliesIn(given(...inMenu, passes(25 * hour)).when(says('oi')).scene)[0]).toMatch(/Olá de novo, Ana!/u);
  });
});
