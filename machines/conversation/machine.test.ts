/** Behaviour of the conversation with agents: what a person says, what is done about it, what is answered. */
import { describe, expect, it } from 'vitest';
import { type Scene, type Step, auditsIn, noon, passes, repliesIn, scenariosOf } from '#machines/testing/given.ts';
import type { ModelAnswer } from './asks.ts';
import type { ConversationContext } from './context.ts';
import { conversationMachine } from './machine.ts';
import type { ConversationSettings } from './settings.ts';
import { type Outside, askedIn, clinic, outsideWith, playWith } from './testing/outside.ts';
import { presses, says, sends, waysInto } from './testing/steps.ts';
import type { Proposal } from './tools.ts';

const inMenu = waysInto.menu;

/** What happened, from the menu on. */
function story(steps: readonly Step[], outside: Partial<Outside> = {}, settings: Partial<ConversationSettings> = {}) {
  const { given, play } = scenariosOf(conversationMachine, { settings: { ...clinic, ...settings } });
  const begun = given(...inMenu).scene;
  const scenes = playWith(outsideWith(outside), play)(begun, steps);
  const last = scenes.at(-1) ?? begun;
  return {
    state: last.folded.snapshot.value,
    context: last.folded.snapshot.context as ConversationContext,
    texts: scenes.flatMap(repliesIn),
    last: scenes.flatMap(repliesIn).at(-1) ?? '',
    audits: scenes.flatMap(auditsIn).map(({ type }) => type),
    asked: scenes.flatMap((scene: Scene) => askedIn(scene)),
  };
}

const talking = (value: unknown) => ({ assisting: { talking: value } });
/** Noon of the scenarios is Wednesday, 15 October 2025, 9:00 in São Paulo. */
const hour = 3_600_000;
const tomorrowAt15 = noon + 30 * hour;

const proposes = (...proposals: readonly (Proposal | null)[]): Outside['model.propose'] =>
  (() => {
    const left = [...proposals];
    return (): ModelAnswer => ({
      proposal: left.shift() ?? null,
      refused: 0,
      model: 'stub',
      usage: { inputTokens: 10, outputTokens: 5 },
      costMicros: 7,
      latencyMs: 1,
      requestHash: '0',
    });
  })();
const withModel: Partial<ConversationSettings> = { model: { model: 'stub' } };

describe('booking', () => {
  it('goes from service to time to yes, and by mail', () => {
    const { texts, asked, audits, state } = story([
      says('quero marcar uma limpeza'),
      says('amanhã às 15h'),
      says('sim'),
      says('ana@example.com'),
    ]);
    expect(asked.map(({ src }) => src)).toEqual(['calendar.find', 'calendar.hold', 'calendar.book', 'mail.confirm']);
    expect(asked[1]?.input).toEqual({ service: 'limpeza', start: tomorrowAt15, moving: null });
    expect(texts[1]).toMatch(/Posso marcar\?.*Limpeza.*quinta-feira, 16 de outubro de 2025, às 15h/su);
    expect(texts[2]).toMatch(/Marcado!/u);
    expect(audits).toEqual(['appointment.booked']);
    expect(state).toEqual(talking('menu'));
  });

  it('takes service and time from one message', () => {
    const { asked, state } = story([says('quero marcar uma limpeza amanhã às 15h')]);
    expect(asked.map(({ src }) => src)).toEqual(['calendar.find', 'calendar.hold']);
    expect(state).toEqual(talking({ scheduling: 'confirming' }));
  });

  it('is begun by a service with a time, though nobody said to book', () => {
    expect(story([says('limpeza amanhã às 15h tem como?')]).state).toEqual(talking({ scheduling: 'confirming' }));
    expect(story([says('quanto custa a limpeza?')]).context.scheduling.service).toBeNull();
  });

  it('names the record with the yes, and books nothing without one', () => {
    const before = story([says('quero marcar uma limpeza amanhã às 15h')]);
    expect(before.asked.some(({ src }) => src === 'calendar.book')).toBe(false);
    const after = story([says('quero marcar uma limpeza amanhã às 15h'), says('pode ser')]);
    expect(after.asked.at(-1)).toMatchObject({
      src: 'calendar.book',
      input: { confirmedBy: 'e0006' },
    });
  });

  it.each([
    ['sim, pode marcar', 'yes'],
    ['pode marcar esse horário', 'yes'],
    ['confirmo', undefined],
    ['sim, confirmado', 'yes'],
    ['não, não quero mais marcar', 'no'],
    ['sim, cancela', undefined],
    ['quero marcar', undefined],
    ['pode marcar?', undefined],
    ['sim, mas à noite', undefined],
  ])('hears in %j at the confirmation: %j', (answer, meant) => {
    const { asked } = story([says('marcar limpeza amanhã às 15h'), says(answer)]);
    expect(asked.some(({ src }) => src === 'calendar.book')).toBe(meant === 'yes');
    expect(asked.some(({ src }) => src === 'calendar.release')).toBe(meant === 'no');
  });

  it('asks which service when none was named, and takes a number, a row or a name', () => {
    for (const answer of [says('2'), says('limpeza'), sends({ kind: 'list', id: 'service.limpeza', title: 'Limpeza' })])
      expect(story([says('quero marcar'), answer]).context.scheduling.service).toBe('limpeza');
  });

  it('shows what is free on a day, and takes a number, a row, an hour', () => {
    const begun = [says('quero marcar uma limpeza'), says('amanhã de manhã')];
    const { context, state, last } = story(begun);
    expect(state).toEqual(talking({ scheduling: 'choosingTime' }));
    expect(context.scheduling.shown.length).toBeGreaterThan(2);
    expect(last).toMatch(/\*1\* .*\n\*2\* /u);
    const second = context.scheduling.shown[1]?.start ?? 0;
    const answers = [
      says('2'),
      says('a segunda'),
      sends({ kind: 'list', id: `time.${second.toString()}`, title: 'x' }),
    ];
    for (const answer of answers) expect(story([...begun, answer]).context.scheduling.chosen?.start).toBe(second);
  });

  it('says that the wanted time is not free, and what is nearest to it', () => {
    const at = (hours: number) => ({ start: tomorrowAt15 + hours * hour, end: tomorrowAt15 + (hours + 1) * hour });
    for (const found of [[], [at(0.5)]]) {
      let looked = 0;
      const { last, asked, context } = story([says('limpeza amanhã às 15h, quero marcar')], {
        'calendar.find': () => ({ slots: looked++ === 0 ? found : [-6, -5, -2, 1, 2, 3, 18].map(at), closed: false }),
      });
      expect(asked.map(({ src }) => src)).toEqual(['calendar.find', 'calendar.find']);
      expect(last).toMatch(/não está livre.*qui 16\/10 16h00/su);
      expect(context.scheduling.shown).toEqual([-5, -2, 1, 2, 3].map(at));
    }
  });

  it('looks further when there is nothing on the day', () => {
    const free = { start: tomorrowAt15 + 20 * hour, end: tomorrowAt15 + 21 * hour };
    let looked = 0;
    const { last, asked } = story([says('limpeza amanhã, quero marcar')], {
      'calendar.find': () => ({ slots: looked++ === 0 ? [] : [free], closed: false }),
    });
    expect(asked.map(({ src }) => src)).toEqual(['calendar.find', 'calendar.find']);
    expect(last).toMatch(/não está livre.*sex 17\/10 11h00/su);
  });

  it('does not take the number of a menu for that of a service', () => {
    expect(story([says('1')]).context.scheduling.service).toBeNull();
  });

  it('is of another service once one is named, at the same time where no other is', () => {
    const begun = [says('quero marcar uma limpeza amanhã de tarde')];
    expect(story([...begun, says('na verdade quero uma avaliação às 14h')]).context.scheduling).toMatchObject({
      service: 'avaliacao',
      chosen: { start: tomorrowAt15 - hour },
    });
    const atConfirming = story([says('marcar limpeza amanhã às 15h'), says('não, avaliação')]);
    expect(atConfirming.context.scheduling).toMatchObject({ service: 'avaliacao', chosen: { start: tomorrowAt15 } });
    expect(atConfirming.state).toEqual(talking({ scheduling: 'confirming' }));
  });

  it('says when it is closed, and asks for another day', () => {
    const { last, state } = story([says('quero marcar uma limpeza'), says('domingo')], {
      'calendar.find': () => ({ slots: [], closed: true }),
    });
    expect(last).toMatch(/não atendemos/u);
    expect(state).toEqual(talking({ scheduling: 'choosingWhen' }));
  });

  it('offers others when somebody was faster, before the yes and after it', () => {
    const other = { start: tomorrowAt15 + hour, end: tomorrowAt15 + 2 * hour };
    const taken = () => ({ outcome: 'taken' as const, alternatives: [other] });
    for (const outside of [{ 'calendar.hold': taken }, { 'calendar.book': taken }]) {
      const { texts, state, context } = story(
        [says('marcar limpeza amanhã às 15h'), says('sim')].slice(0, 'calendar.hold' in outside ? 1 : 2),
        outside,
      );
      expect(texts.at(-1)).toMatch(/acabaram de marcar/u);
      expect(state).toEqual(talking({ scheduling: 'choosingTime' }));
      expect(context.scheduling.shown).toEqual([other]);
    }
  });

  it('does not take the button of an earlier summary for a yes', () => {
    const { asked, state } = story([
      says('marcar limpeza amanhã às 15h'),
      says('amanhã às 16h'),
      presses(`book.yes.h${tomorrowAt15.toString(36)}`, 'Sim'),
    ]);
    expect(asked.some(({ src }) => src === 'calendar.book')).toBe(false);
    expect(state).toEqual(talking({ scheduling: 'confirming' }));
  });

  it('gives the time back after a no, and asks for another', () => {
    const { asked, last, state } = story([says('marcar limpeza amanhã às 15h'), says('não')]);
    expect(asked.at(-1)?.src).toBe('calendar.release');
    expect(last).toMatch(/não marquei/u);
    expect(state).toEqual(talking({ scheduling: 'choosingWhen' }));
  });

  it('asks which is meant, and never guesses', () => {
    const { state, context, asked } = story([says('quero marcar uma limpeza'), says('sexta que vem às 10h')]);
    expect(asked).toEqual([]);
    expect(state).toEqual(talking({ scheduling: 'choosingReading' }));
    expect(context.scheduling.readings.length).toBeGreaterThan(1);
    const then = story([says('quero marcar uma limpeza'), says('sexta que vem às 10h'), says('1')]);
    expect(then.asked[0]?.src).toBe('calendar.find');
  });

  it('is given up by a word, and by the menu, a person, another agent', () => {
    const begun = [says('quero marcar uma limpeza')];
    expect(story([...begun, says('cancelar')]).state).toEqual(talking('menu'));
    expect(story([...begun, says('menu')]).state).toEqual(talking('menu'));
    expect(story([...begun, says('falar com atendente')]).state).toEqual({
      waitingForPerson: { waiting: 'unqueued' },
    });
    expect(story([...begun, says('quero me inscrever')]).state).toEqual(talking({ registration: 'fullName' }));
  });

  it('says so when the calendar is away, and goes on', () => {
    const { last, audits, state } = story([says('marcar limpeza amanhã às 15h')], {
      'calendar.find': () => ({ error: 'calendar.unavailable' }),
    });
    expect(last).toMatch(/não consegui fazer isso agora/u);
    expect(audits).toContain('scheduling.failed');
    expect(state).toEqual(talking('menu'));
  });

  it('does not say that a mail was sent which was not', () => {
    const { last } = story([says('marcar limpeza amanhã às 15h'), says('sim'), says('ana@example.com')], {
      'mail.confirm': () => ({ sent: false }),
    });
    expect(last).toMatch(/Não consegui mandar o e-mail/u);
  });

  it('asks about an address that looks mistyped', () => {
    const begun = [says('marcar limpeza amanhã às 15h'), says('sim'), says('ana@gmial.com')];
    expect(story(begun).last).toMatch(/ana@gmail\.com/u);
    expect(story([...begun, says('sim')]).asked.at(-1)).toMatchObject({ input: { to: 'ana@gmail.com' } });
    expect(story([...begun, says('ana@gmial.com')]).asked.at(-1)).toMatchObject({ input: { to: 'ana@gmial.com' } });
  });
});

describe('appointments that one has', () => {
  const appointment = { id: 'b1', service: 'limpeza', start: tomorrowAt15, end: tomorrowAt15 + hour };
  const later = { ...appointment, id: 'b2', start: tomorrowAt15 + 48 * hour, end: tomorrowAt15 + 49 * hour };
  const one = { 'calendar.list': () => ({ appointments: [appointment] }) };
  const two = { 'calendar.list': () => ({ appointments: [appointment, later] }) };

  it('are told', () => {
    expect(story([says('meus agendamentos')], two).last).toMatch(/\*1\* qui 16\/10 15h00 Limpeza\n\*2\* /u);
    expect(story([says('meus agendamentos')]).last).toMatch(/nenhum horário/u);
  });

  it('are cancelled after a yes alone', () => {
    const asked = story([says('quero cancelar minha consulta')], one);
    expect(asked.last).toMatch(/Posso cancelar.*Limpeza.*16 de outubro/su);
    expect(asked.asked.map(({ src }) => src)).toEqual(['calendar.list']);
    const done = story([says('quero cancelar minha consulta'), says('sim')], one);
    expect(done.asked.at(-1)).toMatchObject({ src: 'calendar.cancel', input: { appointment: 'b1' } });
    expect(done.last).toMatch(/Cancelado/u);
    const kept = story([says('quero cancelar minha consulta'), says('não')], one);
    expect(kept.asked.some(({ src }) => src === 'calendar.cancel')).toBe(false);
  });

  it('are chosen where there are several', () => {
    const { asked } = story([says('desmarcar'), says('2'), says('sim')], two);
    expect(asked.at(-1)).toMatchObject({ input: { appointment: 'b2' } });
  });

  it('are moved, and the old time is given with the new one', () => {
    const { asked } = story([says('quero remarcar para sexta às 10h'), says('sim')], one);
    expect(asked.map(({ src }) => src)).toEqual(['calendar.list', 'calendar.find', 'calendar.hold', 'calendar.book']);
    expect(asked.at(-1)).toMatchObject({ input: { moving: 'b1' } });
  });
});

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
});

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
});

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
