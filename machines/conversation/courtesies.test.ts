/** Behaviour towards what is said beside what is wanted. */
import { describe, expect, it } from 'vitest';
import { says } from './testing/steps.ts';
import { story, talking, withModel } from './testing/story.ts';

const done = [says('marcar limpeza amanhã às 15h'), says('sim'), says('não')];

describe('courtesies', () => {
  it.each(['obrigada!', 'ok, muito obrigado 🙏', 'valeu', 'não, obrigada', 'tchau', 'era só isso', '❤️'])(
    'thanks and goodbyes are answered as such, and no model is asked: %j',
    (text) => {
      const { last, state, asked } = story([...done, says(text)], {}, withModel);
      expect(last).toMatch(/^Por nada!/u);
      expect(state).toEqual(talking('menu'));
      expect(asked.some(({ src }) => src === 'model.propose')).toBe(false);
    },
  );

  it.each(['ok', '👍', 'não', 'beleza', '😂😂'])('what wants nothing is not misunderstood: %j', (text) => {
    expect(story([...done, says(text)]).last).toMatch(/^Combinado! 🙂 Precisando/u);
  });

  it('are not answered for ever', () => {
    const { texts } = story([...done, says('valeu'), says('👍'), says('😀'), says('😀')]);
    expect(texts.slice(-2)).toEqual([expect.stringMatching(/^Por nada/u), expect.stringMatching(/^Combinado! 🙂/u)]);
  });

  it('a yes where nothing was asked is answered by what there is', () => {
    expect(story([...done, says('sim')]).last).toMatch(/^Como posso ajudar\?\n\n\*1\* Marcar/u);
  });

  it('thanks in the midst of something leave the question open', () => {
    const { last, state } = story([says('quero marcar'), says('obrigada')]);
    expect(last).toMatch(/^Claro! 🙂 O que você quer marcar/u);
    expect(state).toEqual(talking({ scheduling: 'choosingService' }));
  });
});

describe('giving up', () => {
  it('is no opt-out in the midst of something, and asks what is meant elsewhere', () => {
    const begun = [says('quero marcar uma limpeza')];
    expect(story([...begun, says('não quero mais')]).last).toMatch(/^Tudo bem, parei por aqui/u);
    const { last, context } = story([says('não quero mais')]);
    expect(last).toMatch(/mande \*PARAR\*/u);
    expect(context.consent.status).toBe('given');
    for (const steps of [[], begun]) expect(story([...steps, says('PARAR')]).state).toBe('withdrawn');
  });

  it('is the menu where there is nothing to give up', () => {
    expect(story([says('voltar')]).last).toMatch(/^Como posso ajudar\?/u);
  });
});

describe('a no that the question has no use for', () => {
  it.each(['não', 'não precisa', 'não quero marcar'])('ends what was begun: %j', (text) => {
    expect(story([says('quero marcar'), says(text)]).last).toMatch(/^Tudo bem, parei por aqui/u);
  });

  it('is none where more is said', () => {
    const { state } = story([says('quero marcar uma limpeza'), says('não vou poder de manhã, tem depois do almoço?')]);
    expect(state).not.toEqual(talking('menu'));
  });
});

describe('one who asks who is speaking', () => {
  it('is told that it is a machine, and how to reach a person', () => {
    expect(story([says('você é um robô?')]).last).toMatch(
      /^Sou o atendimento automático de \*Clínica Aurora\*.*PESSOA/su,
    );
    const { last, state } = story([says('quero marcar'), says('com quem estou falando?')]);
    expect(last).toMatch(/^Sou o atendimento.*O que você quer marcar/su);
    expect(state).toEqual(talking({ scheduling: 'choosingService' }));
  });

  it.each(['me passa pra recepção', 'chama alguém aí', 'preciso de ajuda'])('reaches one by %j', (text) => {
    expect(story([says(text)]).state).toEqual({ waitingForPerson: { waiting: 'unqueued' } });
  });
});

describe('anger', () => {
  it('is met with an apology and a person, not with a lesson', () => {
    expect(story([says('seu robô burro')]).last).toMatch(/^Sinto muito.*\*PESSOA\*.*Como posso ajudar/su);
    const { last, state } = story([says('quero marcar'), says('que porcaria, isso não funciona')]);
    expect(last).toMatch(/^Sinto muito.*O que você quer marcar/su);
    expect(state).toEqual(talking({ scheduling: 'choosingService' }));
  });
});

describe('the menu', () => {
  it.each(['1', 'um', 'a primeira', 'opção 1', '1️⃣', 'Marcar horário'])('takes %j for its first item', (text) => {
    expect(story([says(text)]).state).toEqual(talking({ scheduling: 'choosingService' }));
  });
});
