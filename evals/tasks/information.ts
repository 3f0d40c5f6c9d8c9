/** Questions about the congress. */
import type { Answer, Task } from '../task.ts';
import { arrives } from './usual.ts';

function information(
  id: string,
  purpose: string,
  wants: Task['people'][number]['opens'],
  {
    answers = [],
    until = /Quer saber mais/,
    ...rest
  }: Partial<Omit<Task, 'id' | 'purpose' | 'people'>> & {
    readonly answers?: readonly Answer[];
    readonly until?: RegExp;
  },
): Task {
  return {
    id: `congresso/${id}`,
    domain: 'congresso',
    kind: 'information',
    purpose,
    people: [{ who: 'ana', opens: 'Oi', answers: [...arrives(), ...answers, [/Como posso ajudar/, wants]], until }],
    ...rest,
  };
}

export const informationTasks: readonly Task[] = [
  information('informacoes-pelo-menu', 'The list, and one of it by its number', 'informações', {
    answers: [[/Sobre o que/, '3']],
    says: [/R\$ 120/],
  }),
  information('onde-fica', 'Where is it?', 'onde fica o local do evento?', { says: [/Rua das Flores, 100/] }),
  information('quanto-custa', 'How much is it?', 'qual o valor da inscrição para quem ainda é estudante?', {
    says: [/Estudantes pagam R\$ 120/],
  }),
  information(
    'certificado-por-voz',
    'In a voice note, as only a model understands it',
    { voice: 'vou receber algum papel de que participei, um certificado?' },
    {
      answers: [
        [/não consigo ajudar|não entendi/, 'informações'],
        [/Sobre o que/, 'vai ter certificado?'],
      ],
      says: [/24 horas/],
    },
  ),
  information('oficinas', 'In one’s own words', 'informações', {
    answers: [[/Sobre o que/, 'em que dia vai ter a oficina de clareamento?']],
    says: [/Dia 19/],
  }),
  information('nao-sabe', 'What is not known is not made up', 'informações', {
    answers: [
      [/Sobre o que/, 'dá para levar cachorro com carteirinha?', '2'],
      [/não consigo ajudar|não entendi|não tenho/i, 'menu'],
    ],
    until: /Como posso ajudar|Quer saber mais/,
    neverSays: [/cachorro/],
  }),
  information('informacoes-sem-modelo', 'The model is down: the list', 'tô perdida, me conta do negócio aí', {
    model: 'down',
    answers: [
      [/Escolha uma opção/, '2'],
      [/Sobre o que/, '1'],
    ],
    says: [/18 a 20 de março de 2027/],
  }),
  information('informacao-da-clinica', 'The clinic’s one text', 'onde fica a clínica?', {
    domain: 'clinica-br',
    until: /Rua das Acácias/,
  }),
];
