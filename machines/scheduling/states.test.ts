/** Behaviour of booking: from the first word to the confirmation by e-mail. */
import { describe, expect, it } from 'vitest';
import { noon } from '#machines/testing/given.ts';
import { presses, says, sends } from '#machines/conversation/testing/steps.ts';
import { hour, story, talking, tomorrowAt15 } from '#machines/conversation/testing/story.ts';

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

  it('takes the title of a button or a row written out for a tap', () => {
    const shown = [says('quero marcar uma limpeza'), says('amanhã de manhã')];
    expect(story([...shown, says('Outros horários')]).state).toEqual(talking({ scheduling: 'choosingWhen' }));
    const titled = story([...shown, says('qui 16/10 09h00')]);
    expect(titled.state).toEqual(talking({ scheduling: 'confirming' }));
    const { asked } = story([says('marcar limpeza amanhã às 15h'), says('Sim, pode marcar')]);
    expect(asked.at(-1)?.src).toBe('calendar.book');
  });

  it.each(['não', 'nenhum desses', 'tem outro horário?', 'não posso nesses'])(
    'asks when else, when none of the times shown suits: %j',
    (answer) => {
      const { state, last } = story([says('quero marcar uma limpeza'), says('amanhã de manhã'), says(answer)]);
      expect(state).toEqual(talking({ scheduling: 'choosingWhen' }));
      expect(last).toMatch(/^Para quando/u);
    },
  );

  it('asks for the address after a yes to the mail, and takes thanks for a no', () => {
    const booked = [says('marcar limpeza amanhã às 15h'), says('sim')];
    expect(story([...booked, says('quero sim')]).last).toMatch(/^Qual é o seu \*e-mail\*/u);
    expect(story([...booked, says('sim'), says('ana@example.com')]).asked.at(-1)?.src).toBe('mail.confirm');
    for (const thanks of ['obrigada!', 'só isso, valeu'])
      expect(story([...booked, says(thanks)])).toMatchObject({ state: talking('menu'), last: 'Combinado! Até lá. 👋' });
  });

  it('asks anew when the yes came after the hold had ended and the time is still free', () => {
    const same = { start: tomorrowAt15, end: tomorrowAt15 + hour };
    const { texts, state, asked } = story([says('marcar limpeza amanhã às 15h'), says('sim')], {
      'calendar.book': () => ({ outcome: 'taken', alternatives: [same] }),
    });
    expect(asked.map(({ src }) => src)).toEqual(['calendar.find', 'calendar.hold', 'calendar.book', 'calendar.hold']);
    expect(texts.slice(-2).join()).toMatch(/continua livre.*Posso marcar\?/su);
    expect(state).toEqual(talking({ scheduling: 'confirming' }));
  });

  it('is not begun by somebody who says that they do not want to', () => {
    expect(story([says('não quero marcar nada')]).asked).toEqual([]);
    expect(story([says('não quero marcar nada')]).state).toEqual(talking('menu'));
  });

  it('says of a move that it is one', () => {
    const one = {
      'calendar.list': () => ({ appointments: [{ id: 'b1', service: 'limpeza', start: noon, end: noon }] }),
    };
    expect(story([says('remarcar')], one).last).toMatch(/^Para quando você quer mudar \*Limpeza\*/u);
    expect(story([says('remarcar para sexta às 10h'), says('não')], one).texts.at(-1)).toMatch(/não mudei/u);
  });

  it('keeps the time that is said before the service', () => {
    const { texts, state } = story([says('quero marcar'), says('amanhã às 15h'), says('limpeza')]);
    expect(texts[1]).toBe(texts[0]);
    expect(state).toEqual(talking({ scheduling: 'confirming' }));
  });
});
