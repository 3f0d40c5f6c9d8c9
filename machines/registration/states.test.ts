/** Behaviour of an inscription: asked for, validated, looked up, corrected, saved. */
import { describe, expect, it } from 'vitest';
import { says } from '#machines/conversation/testing/steps.ts';
import { story, talking, withModel } from '#machines/conversation/testing/story.ts';

describe('inscription', () => {
  const answers = [
    says('Maria Aparecida da Silva'),
    says('maria@example.com'),
    says('529.982.247-25'),
    says('11 98888-7777'),
    says('São Paulo'),
    says('SP'),
    says('estudante'),
  ];
  const filled = [says('quero me inscrever'), ...answers];

  it('asks field after field, reads back, saves after a yes, mails', () => {
    const { texts, asked, audits } = story([...filled, says('sim')]);
    const summary = texts.find((text) => text.includes('Confira')) ?? '';
    expect(summary).toMatch(/Maria Aparecida da Silva.*maria@example\.com.*\*\*\*\.982\.247-\*\*/su);
    expect(texts.join()).not.toMatch(/529\.982\.247-25|52998224725/u);
    expect(asked.map(({ src }) => src)).toEqual([
      'participants.check',
      'participants.check',
      'participants.save',
      'mail.confirm',
    ]);
    expect(asked[2]?.input).toMatchObject({
      registration: { cpf: '52998224725', phone: '+5511988887777', state: 'SP', profile: 'estudante' },
    });
    expect(audits).toContain('participant.registered');
  });

  it.each([
    ['Maria', 'fullName', /sobrenome/u],
    ['maria@', 'email', /não parece certo/u],
    ['111.111.111-11', 'cpf', /não confere/u],
    ['98888-7777', 'phone', /DDD/u],
    ['xx', 'state', /sigla/u],
    ['astronauta', 'profile', /Não entendi/u],
  ] as const)('does not take %j for %s', (wrong, field, complaint) => {
    const place = ['fullName', 'email', 'cpf', 'phone', 'city', 'state', 'profile'].indexOf(field);
    const { last, state } = story([says('quero me inscrever'), ...answers.slice(0, place), says(wrong)]);
    expect(last).toMatch(complaint);
    expect(state).toEqual(talking({ registration: field }));
  });

  it('says what is wrong with a number without asking a model', () => {
    const { last, asked } = story(
      [says('quero me inscrever'), ...answers.slice(0, 2), says('529.982.247-26')],
      {},
      withModel,
    );
    expect(last).toMatch(/CPF não confere/u);
    expect(asked.map(({ src }) => src)).toEqual(['participants.check']);
  });

  it('asks again for what another inscription has', () => {
    const { last, state } = story([says('quero me inscrever'), ...answers.slice(0, 3)], {
      'participants.check': ({ field }) => ({ taken: field === 'cpf' }),
    });
    expect(last).toMatch(/Já existe uma inscrição com esse CPF/u);
    expect(state).toEqual(talking({ registration: 'cpf' }));
  });

  it('is corrected at the confirmation, by the name of a field', () => {
    const { asked, context } = story([
      ...filled,
      says('o e-mail está errado'),
      says('m.silva@example.com'),
      says('sim'),
    ]);
    expect(asked.find(({ src }) => src === 'participants.save')?.input).toMatchObject({
      registration: { email: 'm.silva@example.com', cpf: '52998224725' },
    });
    expect(context.registration.fields).toEqual({});
  });

  it('asks for the state only where the city did not say it', () => {
    const { state } = story([says('quero me inscrever'), ...answers.slice(0, 4), says('São Paulo - SP')]);
    expect(state).toEqual(talking({ registration: 'profile' }));
  });

  it('is gone on with after a question in the midst of it, or after it was left', () => {
    const half = [says('quero me inscrever'), ...answers.slice(0, 2), says('qual o valor?')];
    expect(story(half).last).toMatch(/R\$ 120.*mande \*CONTINUAR\*/su);
    expect(story([...half, says('continuar')]).last).toMatch(/Vamos continuar.*CPF/su);
    const left = story([says('quero me inscrever'), ...answers.slice(0, 2), says('menu'), says('quero me inscrever')]);
    expect(left.state).toEqual(talking({ registration: 'cpf' }));
    expect(left.context.registration.fields).toEqual({
      fullName: 'Maria Aparecida da Silva',
      email: 'maria@example.com',
    });
  });

  it('is corrected in the midst of it, too', () => {
    const { state, context } = story([says('quero me inscrever'), ...answers.slice(0, 2), says('errei o e-mail')]);
    expect(state).toEqual(talking({ registration: 'email' }));
    expect(context.registration.fields).toEqual({ fullName: 'Maria Aparecida da Silva' });
  });

  it('is corrected by the title of the button, written out', () => {
    expect(story([...filled, says('Corrigir')]).state).toEqual(talking({ registration: 'choosingField' }));
  });

  it('that was made is cancelled by a person, and to ask for that is no opt-out', () => {
    for (const words of ['cancelar minha inscrição', 'quero cancelar minha inscrição no congresso']) {
      const { state, texts, context } = story([says(words)]);
      expect(state).toEqual({ waitingForPerson: { waiting: 'unqueued' } });
      expect(texts[0]).toMatch(/quem resolve é a nossa equipe/u);
      expect(context.consent.status).toBe('given');
    }
    // Where there are no inscriptions it is what it always was.
    expect(story([says('cancelar minha inscrição')], {}, { agents: ['scheduling'] }).state).toBe('withdrawn');
  });

  it('offers a person to one who has not got what is asked for', () => {
    const { last, state } = story([says('quero me inscrever'), ...answers.slice(0, 1), says('não tenho e-mail')]);
    expect(last).toMatch(/mande \*PESSOA\*/u);
    expect(state).toEqual(talking({ registration: 'email' }));
  });

  it('asks for the state anew when the city was corrected', () => {
    const { state, context } = story([...filled, says('quero mudar a cidade'), says('Niterói')]);
    expect(state).toEqual(talking({ registration: 'state' }));
    expect(context.registration.fields).toMatchObject({ city: 'Niterói', profile: 'estudante' });
  });

  it('is gone on with from the menu, by a word', () => {
    const { state } = story([says('quero me inscrever'), ...answers.slice(0, 2), says('voltar'), says('continuar')]);
    expect(state).toEqual(talking({ registration: 'cpf' }));
  });
});
