/** Behaviour of one's own appointments: seen, cancelled, moved. */
import { describe, expect, it } from 'vitest';
import { says } from '#machines/conversation/testing/steps.ts';
import { hour, story, talking, tomorrowAt15 } from '#machines/conversation/testing/story.ts';

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

  it('are chosen in words, at once or from the list', () => {
    const other = { ...later, service: 'avaliacao' };
    const both = { 'calendar.list': () => ({ appointments: [appointment, other] }) };
    for (const steps of [
      [says('quero cancelar a avaliação')],
      [says('desmarcar'), says('a avaliação')],
      [says('desmarcar'), says('a de sábado')],
    ]) {
      const { state, context } = story(steps, both);
      expect(state).toEqual(talking({ appointments: 'confirmingCancel' }));
      expect(context.appointments.chosen?.id).toBe('b2');
    }
    expect(story([says('desmarcar'), says('a limpeza')], two).state).toEqual(talking({ appointments: 'choosing' }));
  });

  it('can be left as they are, by the words of the button or others', () => {
    const chosen = [says('meus agendamentos'), says('1')];
    expect(story(chosen, one).state).toEqual(talking({ appointments: 'deciding' }));
    expect(story([...chosen, says('voltar')], one).state).toEqual(talking({ appointments: 'choosing' }));
    expect(story([...chosen, says('deixa pra lá')], one).state).toEqual(talking('menu'));
    expect(story([...chosen, says('cancelar')], one).state).toEqual(talking({ appointments: 'confirmingCancel' }));
  });

  it('are meant by a bare "cancelar" where nothing is being done', () => {
    for (const text of ['cancelar', 'quero cancelar'])
      expect(story([says(text)], one).last).toMatch(/Posso cancelar este horário/u);
    expect(story([says('cancelar')]).last).toMatch(/nenhum horário/u);
  });
});
