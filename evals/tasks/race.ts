/** Two people who want one time at the same moment. */
import type { Rows, Someone, Task, Who } from '../task.ts';
import { arrives } from './usual.ts';

const wanted = 'limpeza 2026-12-17 15:00';

/** Wants that time, until they have it or are offered others. */
const wantsIt = (who: Who): Someone => ({
  who,
  opens: 'Oi',
  answers: [
    ...arrives(who === 'ana' ? 'Ana Souza' : 'Bruno Lima'),
    [/Como posso ajudar/, 'quero marcar uma limpeza amanhã às 15h'],
    [/Posso marcar/, 'sim'],
  ],
  until: /Marcado!|acabaram de marcar|não está livre/,
});

/** One has it, and nobody anything else. */
const oneHasIt = ({ appointments }: Required<Rows>): boolean =>
  appointments.length === 1 && appointments[0]?.endsWith(wanted) === true;

/** Races, each at a tenant of its own. */
export const raceTasks = (count: number): readonly Task[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `race/${index.toString()}`,
    domain: 'clinica-br',
    kind: 'booking',
    purpose: 'Two people want the same time at the same moment',
    model: 'none',
    people: [wantsIt('ana'), wantsIt('bruno')],
    rows: oneHasIt,
    says: [/Marcado!/, /(?:acabaram de marcar|não está livre)[\s\S]*\*1\*/],
  }));
