/** Two people who want one time at the same moment. */
import type { Rows, Someone, Task, Who } from '../task.ts';
import { arrives } from './usual.ts';

const wanted = 'limpeza 2026-12-17 15:00';

/** Wants that time, and takes what is offered instead when it cannot be had. */
const wantsIt = (who: Who): Someone => ({
  who,
  opens: 'Oi',
  answers: [
    ...arrives(who === 'ana' ? 'Ana Souza' : 'Bruno Lima'),
    [/Como posso ajudar/, 'quero marcar uma limpeza amanhã às 15h'],
    [/acabaram de marcar|não está livre/, '1'],
    [/Posso marcar/, 'sim', 'sim'],
    [/por e-mail\?/, 'não'],
  ],
  until: /Até lá/,
});

/** One has it, the other one of the times that were offered instead. */
function oneEach({ appointments }: Required<Rows>): boolean {
  const [first, second] = ['ana', 'bruno'].map((who) => appointments.filter((line) => line.startsWith(`${who}:`)));
  const isOneEach = appointments.length === 2 && first?.length === 1 && second?.length === 1;
  return isOneEach && appointments.filter((line) => line.endsWith(wanted)).length === 1;
}

/** Races, each at a tenant of its own. */
export const raceTasks = (count: number): readonly Task[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `race/${index.toString()}`,
    domain: 'clinica-br',
    kind: 'booking',
    purpose: 'Two people want the same time at the same moment',
    model: 'none',
    people: [wantsIt('ana'), wantsIt('bruno')],
    rows: oneEach,
    says: [/(?:acabaram de marcar|não está livre)[\s\S]*\*1\*/],
  }));
