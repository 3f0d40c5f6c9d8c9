/** Appointments that people have at the clinic: seen, cancelled, moved; and what is others'. */
import type { Answer, Task } from '../task.ts';
import { arrives, booksPlainly } from './usual.ts';

const anas = 'ana: limpeza 2026-12-17 15:00';
const later = 'ana: avaliacao 2026-12-21 09:00';
const brunos = 'bruno: clareamento 2026-12-22 10:00';

function appointments(
  id: string,
  purpose: string,
  wants: Task['people'][number]['opens'],
  {
    answers = [],
    until,
    ...rest
  }: Partial<Omit<Task, 'id' | 'purpose' | 'domain' | 'people'>> & {
    readonly answers?: readonly Answer[];
    readonly until: RegExp;
  },
): Task {
  return {
    id: `clinica-br/${id}`,
    domain: 'clinica-br',
    kind: 'appointments',
    purpose,
    before: { appointments: [anas] },
    people: [{ who: 'ana', opens: 'Oi', answers: [...arrives(), ...answers, [/Como posso ajudar/, wants]], until }],
    ...rest,
  };
}

const cancelled = { appointments: [`${anas} cancelled`] } as const;

export const appointmentsTasks: readonly Task[] = [
  appointments('quando-e', 'When is it?', 'que dia é minha consulta mesmo?', {
    until: /Seus horários/,
    says: [/qui 17\/12 15h00 Limpeza/],
  }),
  appointments('nenhum', 'There is none', 'quero cancelar minha consulta', {
    before: {},
    until: /não tem nenhum horário/,
  }),
  appointments('cancela', 'Cancelled after a yes', 'preciso desmarcar minha consulta', {
    answers: [[/Posso cancelar/, 'sim']],
    until: /Cancelado/,
    rows: cancelled,
    says: [/17 de dezembro/],
  }),
  appointments(
    'cancela-por-voz',
    'A voice note',
    { voice: 'preciso cancelar meu horário' },
    {
      answers: [[/Posso cancelar/, { presses: /Sim/ }]],
      until: /Cancelado/,
      rows: cancelled,
    },
  ),
  appointments('desiste-de-cancelar', 'A no: it stays', 'quero cancelar minha consulta', {
    answers: [[/Posso cancelar/, 'não, deixa']],
    until: /deixei marcado/,
  }),
  appointments('cancela-e-vai-ao-menu', 'The menu instead of an answer: it stays', 'quero cancelar minha consulta', {
    answers: [
      [/Posso cancelar/, 'menu'],
      [/Como posso ajudar/, 'quero cancelar minha consulta', 'meus agendamentos'],
    ],
    until: /Seus horários/,
    says: [/15h00 Limpeza/],
  }),
  appointments('cancela-um-de-dois', 'One of two, by its number', 'desmarcar', {
    before: { appointments: [anas, later] },
    answers: [
      [/Qual horário/, '2'],
      [/Posso cancelar/, 'sim'],
    ],
    until: /Cancelado/,
    rows: { appointments: [anas, `${later} cancelled`] },
  }),
  appointments('cancela-pela-lista', 'From the list of one’s own', 'meus agendamentos', {
    answers: [
      [/Seus horários/, '1'],
      [/O que você quer fazer/, '2'],
      [/Posso cancelar/, 'pode'],
    ],
    until: /Cancelado/,
    rows: cancelled,
  }),
  appointments('remarca', 'Moved: the new time and no other', 'quero remarcar para sexta às 10h', {
    answers: [[/Posso mudar/, 'sim']],
    until: /Horário mudado/,
    rows: { appointments: ['ana: limpeza 2026-12-18 10:00'] },
  }),
  appointments('remarca-em-dois-passos', 'Moved, with when said afterwards', 'preciso remarcar', {
    answers: [
      [/Para quando/, 'sexta de manhã'],
      [/Tenho estes horários/, 'às 9h'],
      [/Posso mudar/, 'isso'],
    ],
    until: /Horário mudado/,
    rows: { appointments: ['ana: limpeza 2026-12-18 09:00'] },
  }),
  appointments('remarca-pela-lista', 'Moved from the list', 'ver meus horários', {
    answers: [
      [/Seus horários/, '1'],
      [/O que você quer fazer/, '1'],
      [/Para quando/, 'segunda às 14h'],
      [/Posso mudar/, 'sim'],
    ],
    until: /Horário mudado/,
    rows: { appointments: ['ana: limpeza 2026-12-21 14:00'] },
  }),
  appointments(
    'remarca-para-ocupado',
    'Moved to a time that somebody has: others',
    'quero remarcar para sexta às 10h',
    {
      before: { appointments: [anas, 'bruno: limpeza 2026-12-18 10:00'] },
      answers: [
        [/não está livre/, 'sexta às 11h'],
        [/Posso mudar/, 'sim'],
      ],
      until: /Horário mudado/,
      rows: { appointments: ['ana: limpeza 2026-12-18 11:00', 'bruno: limpeza 2026-12-18 10:00'] },
    },
  ),
  appointments('desiste-de-remarcar', 'Not moved after a no', 'quero remarcar para sexta às 10h', {
    answers: [
      [/Posso mudar/, 'não'],
      [/não marquei|não mudei/, 'deixa pra lá'],
    ],
    until: /parei por aqui/,
  }),
  appointments(
    'imprevisto',
    'Cancelled in words that only a model understands',
    'surgiu um imprevisto e vou ter que cancelar a ida ao dentista na quinta',
    {
      answers: [[/Posso cancelar/, 'sim']],
      until: /Cancelado/,
      rows: cancelled,
    },
  ),
  appointments('cancela-e-marca', 'Cancelled, then another one booked', 'cancelar minha consulta', {
    answers: [
      [/Posso cancelar/, 'sim'],
      [/Cancelado/, 'agora quero marcar uma avaliação segunda às 9h'],
      [/Como posso ajudar/, 'cancelar minha consulta'],
      ...booksPlainly('avaliação', 'segunda às 9h'),
    ],
    until: /Até lá/,
    rows: { appointments: [`${anas} cancelled`, later] },
  }),
  appointments('cancela-sem-modelo', 'The model is down: the list', 'surgiu um imprevisto na quinta, e agora?', {
    model: 'down',
    answers: [
      [/Escolha uma opção/, '2'],
      [/Seus horários/, '1'],
      [/O que você quer fazer/, '2'],
      [/Posso cancelar/, 'sim'],
    ],
    until: /Cancelado/,
    rows: cancelled,
  }),
  appointments(
    'consulta-de-outro',
    'Somebody else’s appointment is as if it were not there',
    'quero cancelar a consulta do Bruno, sou a esposa dele',
    {
      before: { appointments: [brunos] },
      until: /não tem nenhum horário/,
      neverSays: [/clareamento/i, /22\/12|22 de dezembro/, /10h/],
    },
  ),
  appointments(
    'horario-de-outro',
    'When somebody else comes is not told',
    'que horas é a consulta do Bruno Lima, telefone 11 99001-0002?',
    {
      before: { appointments: [brunos] },
      answers: [[/Escolha uma opção|Para quando/, 'meus agendamentos']],
      until: /não tem nenhum horário/,
      neverSays: [/clareamento/i, /22\/12|22 de dezembro/, /10h/],
    },
  ),
];
