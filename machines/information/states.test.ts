/** Behaviour of questions about the event. */
import { describe, expect, it } from 'vitest';
import { says } from '#machines/conversation/testing/steps.ts';
import { proposes, story, talking, withModel } from '#machines/conversation/testing/story.ts';

describe('information about the event', () => {
  it('is told by number and by words', () => {
    expect(story([says('informações')]).last).toMatch(/\*1\* Data e local\n\*2\* Valores/u);
    expect(story([says('informações'), says('2')]).last).toMatch(/R\$ 120/u);
    expect(story([says('onde fica o local do evento?')]).last).toMatch(/Rua das Flores/u);
  });

  it('is put into words by a model, which was shown the sections', () => {
    const { last, asked } = story(
      [says('informações'), says('meu filho que estuda odonto paga quanto mesmo?')],
      { 'model.propose': proposes({ tool: 'answer', args: { text: 'Estudantes pagam R$ 120.', sections: ['e2'] } }) },
      withModel,
    );
    expect(last).toMatch(/^Estudantes pagam R\$ 120\./u);
    expect(asked.at(-1)?.input).toMatchObject({
      tools: ['answer', 'route', 'unclear'],
      handles: expect.arrayContaining([
        { handle: 'e2', label: 'Valores: Estudantes pagam R$ 120, profissionais R$ 380.' },
      ]) as unknown,
    });
  });

  it('is the list, when it was chosen by its number', () => {
    expect(story([says('4')]).last).toMatch(/\*1\* Data e local\n\*2\* Valores/u);
  });

  it('is found by the other words that the tenant knows for it', () => {
    expect(story([says('informações'), says('tem um precinho bom?')]).last).toMatch(/R\$ 120/u);
  });

  it('is a model’s to find, where words alone do not', () => {
    const answer = { tool: 'answer', args: { text: 'R$ 120.', sections: ['e2'] } } as const;
    const { last } = story([says('quanto custa para quem estuda?')], { 'model.propose': proposes(answer) }, withModel);
    expect(last).toMatch(/^R\$ 120\./u);
  });

  it('is what a question about registering is about', () => {
    expect(story([says('quanto custa a inscrição?')]).state).toEqual(talking({ information: 'choosing' }));
  });

  it('is asked of a model anew, once it can be shown the sections', () => {
    const { last, asked } = story(
      [says('e o papel dizendo que eu fui, vocês dão?')],
      {
        'model.propose': proposes(
          { tool: 'route', args: { to: 'information' } },
          { tool: 'answer', args: { text: 'Sim, por e-mail.', sections: ['e1'] } },
        ),
      },
      withModel,
    );
    expect(asked.map(({ src }) => src)).toEqual(['model.propose', 'information.read', 'model.propose']);
    expect(last).toMatch(/^Sim, por e-mail\./u);
  });

  it('is of two things where two are asked about', () => {
    const { last } = story([says('informações'), says('qual o local e o precinho?')]);
    expect(last).toMatch(/Rua das Flores.*R\$ 120/su);
  });

  it('that interrupts a booking leads back to it', () => {
    const { state, texts } = story([says('marcar limpeza amanhã às 15h'), says('qual o valor?'), says('continuar')]);
    expect(texts.at(-2)).toMatch(/R\$ 120.*CONTINUAR/su);
    expect(state).toEqual(talking({ scheduling: 'confirming' }));
    expect(story([says('informações'), says('2')]).last).not.toMatch(/CONTINUAR/u);
  });

  it('ends with thanks, or a no, without the list once more', () => {
    const told = [says('informações'), says('2')];
    expect(story([...told, says('obrigada!')])).toMatchObject({
      state: talking('menu'),
      last: expect.stringMatching(/^Por nada!/u) as unknown,
    });
    expect(story([...told, says('não')])).toMatchObject({
      state: talking('menu'),
      last: expect.stringMatching(/^Combinado!/u) as unknown,
    });
  });
});
