/** Behaviour towards one who arrives, or comes back: what they wanted first, how old they say they are, yesterday's questions. */
import { describe, expect, it } from 'vitest';
import { type Step, auditsIn, passes, repliesIn, scenariosOf } from '#machines/testing/given.ts';
import type { ConversationContext } from './context.ts';
import { conversationMachine } from './machine.ts';
import { clinic, outsideWith, playWith } from './testing/outside.ts';
import { says, waysInto } from './testing/steps.ts';
import { hour, story, talking } from './testing/story.ts';

const { given, play } = scenariosOf(conversationMachine, { settings: clinic });
function arriving(...steps: readonly Step[]) {
  const scenes = playWith(outsideWith(), play)(given().scene, steps);
  const last = scenes.at(-1) ?? given().scene;
  return {
    state: last.folded.snapshot.value,
    context: last.folded.snapshot.context as ConversationContext,
    texts: scenes.flatMap(repliesIn),
    audits: scenes.flatMap(auditsIn).map(({ type }) => type),
  };
}

describe('what was wanted first', () => {
  it.each<readonly [string, readonly Step[]]>([
    ['in the first message', [says('oi, quero marcar uma limpeza'), says('sim'), says('Ana Souza')]],
    ['at the question for consent', [says('oi'), says('quero marcar uma limpeza'), says('sim'), says('Ana Souza')]],
    ['at the question for the name', [says('oi'), says('sim'), says('quero marcar uma limpeza'), says('Ana Souza')]],
  ])('is done once there is a consent and a name: %s', (_, steps) => {
    const { state, texts, context } = arriving(...steps);
    expect(state).toEqual(talking({ scheduling: 'choosingWhen' }));
    expect(context).toMatchObject({ name: 'Ana Souza', inbox: [], scheduling: { service: 'limpeza' } });
    expect(texts.slice(-2)).toEqual([
      'Prazer, Ana! 🙂',
      expect.stringMatching(/^Para quando você quer marcar \*Limpeza/u),
    ]);
  });

  it('is heard beside the name', () => {
    const { state, context } = arriving(says('oi'), says('sim'), says('Me chamo Ana, quero marcar uma limpeza'));
    expect(context.name).toBe('Ana');
    expect(state).toEqual(talking({ scheduling: 'choosingWhen' }));
  });

  it('is no name, and a name may have thanks beside it', () => {
    const begun = [says('oi'), says('sim')];
    expect(arriving(...begun, says('cancela a limpeza'))).toMatchObject({ state: 'name', context: { name: null } });
    expect(arriving(...begun, says('me chamo Ana, valeu')).context.name).toBe('Ana');
    expect(arriving(...begun, says('não'))).toMatchObject({ state: talking('menu'), context: { name: null } });
  });

  it('is forgotten with a no', () => {
    const { context, state } = arriving(says('oi, quero marcar uma limpeza'), says('não'));
    expect(state).toBe('declined');
    expect(context.inbox).toEqual([]);
  });
});

describe('one who comes back', () => {
  it('has yesterday’s question answered by nothing: a number, a yes, an old button', () => {
    for (const text of ['2', 'sim', 'não', 'obrigada']) {
      const { scene } = given(...waysInto.menu, says('quero marcar'), passes(25 * hour)).when(says(text));
      expect(scene.folded.snapshot.value).toEqual(talking('menu'));
      expect(repliesIn(scene)).toEqual([expect.stringMatching(/^Olá de novo, Ana! 👋 Como posso ajudar\?/u)]);
    }
  });
});

describe('one who wants what is kept of them erased', () => {
  it('is served by a person', () => {
    const { texts, state } = story([says('quero marcar'), says('quero que vocês apaguem meus dados')]);
    expect(texts.at(-2)).toMatch(/apagar ou corrigir os dados/u);
    expect(state).toEqual({ waitingForPerson: { waiting: 'unqueued' } });
  });
});

describe('one who says that they are not of age', () => {
  it('agrees through somebody who is', () => {
    const { state, texts, audits, context } = arriving(says('oi'), says('tenho 15 anos'));
    expect(state).toBe('consent');
    expect(texts.at(-1)).toMatch(/peça para um responsável/u);
    expect(audits).toContain('consent.minor');
    expect(context.consent.status).toBe('requested');
  });

  it('is served by a person', () => {
    const { texts, state } = story([says('quero marcar uma limpeza'), says('tenho 15 anos, pode ser amanhã?')]);
    expect(texts.at(-2)).toMatch(/um responsável precisa participar/u);
    expect(state).toEqual({ waitingForPerson: { waiting: 'unqueued' } });
    expect(story([says('quero marcar uma limpeza para minha filha de 8 anos')]).state).toEqual(
      talking({ scheduling: 'choosingWhen' }),
    );
  });
});
