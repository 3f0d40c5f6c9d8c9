/** Booking at the clinic. */
import type { Answer, Saying, Task } from '../task.ts';
import { arrives, booked, booksPlainly } from './usual.ts';

/** A booking of a cleaning tomorrow at 15h, but for what is given. */
function booking(
  id: string,
  purpose: string,
  {
    wants = 'quero marcar uma limpeza amanhã às 15h',
    answers = [],
    when = 'amanhã às 15h',
    service = 'limpeza',
    row = 'ana: limpeza 2026-12-17 15:00',
    until = booked,
    ...rest
  }: Partial<Omit<Task, 'id' | 'purpose' | 'domain' | 'people'>> & {
    readonly wants?: Saying;
    readonly answers?: readonly Answer[];
    readonly when?: string;
    readonly service?: string;
    readonly row?: string | readonly string[];
    readonly until?: RegExp;
  },
): Task {
  return {
    id: `clinica-br/${id}`,
    domain: 'clinica-br',
    kind: 'booking',
    purpose,
    people: [
      {
        who: 'ana',
        opens: 'Oi',
        answers: [...arrives(), ...answers, [/Como posso ajudar/, wants], ...booksPlainly(service, when)],
        until,
      },
    ],
    rows: { appointments: [row].flat() },
    says: [/Marcado!/],
    ...rest,
  };
}

export const bookingTasks: readonly Task[] = [
  booking('marca-numa-frase', 'Service and time in one message', {
    says: [/quinta-feira, 17 de dezembro de 2026, às 15h/],
  }),
  booking('marca-pelo-menu', 'Numbers alone', {
    wants: '1',
    answers: [
      [/O que você quer marcar/, '2'],
      [/Para quando/, 'sexta às 10h'],
    ],
    row: 'ana: limpeza 2026-12-18 10:00',
  }),
  booking('marca-por-botoes', 'Taps instead of words', {
    wants: { presses: /Marcar/ },
    answers: [
      [/O que você quer marcar/, { presses: /Avaliação/ }],
      [/Para quando/, 'amanhã de manhã'],
      [/Tenho estes horários/, { presses: /09h00/ }],
      [/Posso marcar/, { presses: /Sim/ }],
    ],
    row: 'ana: avaliacao 2026-12-17 09:00',
  }),
  booking('giria-e-erros', 'Slang and typing errors', {
    wants: 'oii td bem?? qria marca uma limpesa pra amnha as 15hs pfvr',
  }),
  booking('com-as-proprias-palavras', 'Words that only a model understands', {
    wants: 'meu dente tá horrível, dá pra limpar amanhã umas 15h?',
    says: [/Limpeza/],
  }),
  booking('muda-de-ideia', 'A no at the confirmation, then another time', {
    answers: [
      [/Posso marcar/, 'não'],
      [/não marquei/, 'sexta às 10h'],
    ],
    row: 'ana: limpeza 2026-12-18 10:00',
  }),
  booking('corrige-na-confirmacao', 'Another time instead of a yes', {
    answers: [[/Posso marcar/, 'melhor às 16h']],
    row: 'ana: limpeza 2026-12-17 16:00',
  }),
  booking('troca-de-servico', 'Another service when times are shown', {
    wants: 'quero marcar uma limpeza amanhã de tarde',
    answers: [[/horários para \*Limpeza\*/, 'na verdade quero marcar clareamento amanhã às 14h']],
    row: 'ana: clareamento 2026-12-17 14:00',
  }),
  booking('rajada', 'One wish in five messages at once', {
    wants: { burst: ['oi', 'quero marcar', 'uma limpeza', 'amanhã', 'às 15h'] },
  }),
  booking('por-voz', 'A voice note', { wants: { voice: 'quero marcar uma limpeza amanhã às 15h' } }),
  booking('sim-por-voz', 'A yes in a voice note', { answers: [[/Posso marcar/, { voice: 'sim, pode marcar' }]] }),
  booking('foto-com-legenda', 'A picture of a note, and what is wanted below it', {
    wants: { picture: 'Dra. Lúcia pede: limpeza', caption: 'quero marcar isto para amanhã às 15h' },
  }),
  booking('documento', 'A document, which nobody reads, then words', {
    wants: { sends: { media: { kind: 'document', mimetype: 'application/pdf', filename: 'pedido.pdf' } } },
    answers: [[/não leio documentos/, 'queria marcar uma limpeza amanhã às 15h']],
    says: [/não leio documentos/],
  }),
  booking('localizacao', 'A place, which says nothing', {
    wants: { sends: { location: { latitude: -23.5, longitude: -46.6, name: 'Minha casa' } } },
  }),
  booking('fora-do-horario', 'An hour at which nobody is there', {
    wants: 'quero marcar uma limpeza amanhã às 20h',
    says: [/não atendemos/, /Marcado!/],
  }),
  booking('feriado', 'A holiday', {
    wants: 'quero marcar uma limpeza dia 25 às 10h',
    answers: [[/não atendemos/, 'então dia 28 às 10h']],
    row: 'ana: limpeza 2026-12-28 10:00',
    says: [/não atendemos/],
  }),
  booking('domingo', 'A Sunday', {
    wants: 'quero marcar uma limpeza domingo às 10h',
    answers: [[/não atendemos/, 'segunda às 10h']],
    row: 'ana: limpeza 2026-12-21 10:00',
    says: [/não atendemos/],
  }),
  booking('data-passada', 'A day that is over', {
    wants: 'quero marcar uma limpeza ontem às 10h',
    answers: [[/já passou/, 'amanhã às 10h']],
    row: 'ana: limpeza 2026-12-17 10:00',
    says: [/já passou/],
  }),
  booking('longe-demais', 'Further ahead than can be booked', {
    wants: 'quero marcar uma limpeza dia 10 de maio de 2027 às 10h',
    says: [/Não encontrei horário/],
  }),
  booking('data-ambigua', 'A day that may be two: it is asked', {
    wants: 'quero marcar uma limpeza quinta que vem às 10h',
    answers: [[/qual destes/, '2']],
    row: 'ana: limpeza 2026-12-24 10:00',
    says: [/qual destes/, /24 de dezembro/],
  }),
  booking('horario-ocupado', 'A time that somebody has', {
    before: { appointments: ['bruno: limpeza 2026-12-17 15:00'] },
    answers: [[/não está livre/, '2']],
    row: ['ana: limpeza 2026-12-17 14:00', 'bruno: limpeza 2026-12-17 15:00'],
    says: [/não está livre/],
  }),
  booking('outro-horario-da-lista', 'A time said in words, of those shown', {
    wants: 'quero marcar uma limpeza amanhã de tarde',
    answers: [[/Tenho estes horários/, 'pode ser o das 14h30']],
    row: 'ana: limpeza 2026-12-17 14:30',
  }),
  booking('ultimo-da-lista', 'The last of the times shown, as only a model understands it', {
    wants: 'quero marcar uma limpeza amanhã de tarde',
    answers: [[/Tenho estes horários/, 'queria o último aí da lista', '5']],
    row: 'ana: limpeza 2026-12-17 15:00',
  }),
  booking('por-email', 'A mistyped address, and a confirmation by e-mail', {
    answers: [
      [/por e-mail\?/, 'ana.souza@gmial.com'],
      [/quis dizer \*ana\.souza@gmail\.com\*/, 'sim'],
    ],
    until: /mandei a confirmação/,
  }),
  booking('quase-sim', 'A yes with a but is none', {
    answers: [[/Posso marcar/, 'acho que sim, mas preciso ver com meu marido antes', 'sim']],
  }),
  booking('fora-do-assunto', 'A question about something else in the midst', {
    wants: 'quero marcar uma limpeza',
    answers: [[/Para quando/, 'você sabe quem ganhou o jogo do Corinthians ontem?', 'amanhã às 15h']],
    neverSays: [/Corinthians|campe/i],
  }),
  booking('ofensa', 'An insult in the midst', {
    wants: 'quero marcar uma limpeza',
    answers: [[/Para quando/, 'que merda de robô, seu idiota', 'amanhã às 15h']],
    neverSays: [/idiota|merda/i],
  }),
  booking('cumprimento-no-meio', 'A greeting in the midst: the question again', {
    wants: 'quero marcar uma limpeza',
    answers: [[/Para quando/, 'bom dia', 'amanhã às 15h']],
  }),
  booking('para-o-filho', 'A mother for her son, with a number that is no time', {
    wants: 'quero marcar uma limpeza para meu filho de 8 anos',
    answers: [[/Para quando|Não entendi bem a data/, 'amanhã às 15h']],
  }),
  booking('dois-no-mesmo-telefone', 'Two people on one phone, one after the other', {
    answers: [
      [/por e-mail\?/, 'não', 'não'],
      [/Até lá/, 'agora meu marido quer marcar uma avaliação amanhã às 16h'],
      [/Posso marcar/, 'sim', 'sim'],
    ],
    row: ['ana: avaliacao 2026-12-17 16:00', 'ana: limpeza 2026-12-17 15:00'],
  }),
  booking('modelo-fora-do-ar', 'The model is down: menus', {
    model: 'down',
    wants: 'meu dente tá horrível, dá pra limpar amanhã umas 15h?',
  }),
  booking('orcamento-esgotado', 'Nothing more may be spent: menus', {
    model: 'spent',
    wants: 'meu dente tá horrível, dá pra limpar amanhã umas 15h?',
  }),
  booking('voz-sem-orcamento', 'Nothing more may be spent on voice notes: it is written', {
    model: 'spent',
    wants: { voice: 'quero marcar uma limpeza amanhã às 15h' },
    answers: [[/Pode escrever/, 'quero marcar uma limpeza amanhã às 15h']],
    says: [/Pode escrever/],
  }),
  booking('sem-modelo', 'No model at all', { model: 'none', wants: 'dá pra limpar meus dentes?' }),
  booking('rajada-com-modelo', 'A burst that a model is asked about once', {
    settings: { model: { model: 'stub', burstMs: 300 } },
    wants: { burst: ['meu dente tá horrível', 'dá pra limpar', 'amanhã umas 15h?'] },
  }),
  {
    id: 'clinica-br/corrida',
    domain: 'clinica-br',
    kind: 'booking',
    purpose: 'Two people want the same time: one has it, the other is offered others',
    people: [
      {
        who: 'ana',
        opens: 'Oi',
        answers: [
          ...arrives(),
          [/Como posso ajudar/, 'quero marcar uma limpeza amanhã às 15h'],
          ...booksPlainly('limpeza', 'amanhã às 15h'),
        ],
        until: booked,
      },
      {
        who: 'bruno',
        opens: 'oi',
        after: { who: 'ana', reads: /Posso marcar/ },
        answers: [
          ...arrives('Bruno Lima'),
          [/Como posso ajudar/, 'marcar limpeza amanhã às 15h'],
          [/não está livre|acabaram de marcar/, 'amanhã às 16h'],
          ...booksPlainly('limpeza', 'amanhã às 16h'),
        ],
        until: booked,
      },
    ],
    rows: { appointments: ['ana: limpeza 2026-12-17 15:00', 'bruno: limpeza 2026-12-17 16:00'] },
    says: [/não está livre|acabaram de marcar/],
  },
  {
    id: 'clinica-br/em-ingles',
    domain: 'clinica-br',
    kind: 'booking',
    purpose: 'In English',
    people: [
      {
        who: 'ana',
        opens: 'Hi',
        answers: [
          [/podemos guardar/, 'English, please'],
          [/may we keep|keep your name|Answer \*YES\*|Reply \*YES\*/i, 'yes'],
          [/your name\?|call you/i, 'Grace Miller'],
          [/How can I help/, 'book a cleaning tomorrow at 3pm'],
          [/Shall I book/, 'yes'],
          [/by e-mail\?/, 'no'],
        ],
        until: /See you then/,
      },
    ],
    rows: { appointments: ['ana: limpeza 2026-12-17 15:00'] },
    says: [/Thursday/],
    neverSays: [/Posso marcar|Marcado/],
  },
  {
    id: 'clinica-br/em-espanhol',
    domain: 'clinica-br',
    kind: 'booking',
    purpose: 'In Spanish',
    people: [
      {
        who: 'ana',
        opens: 'Hola',
        answers: [
          [/podemos guardar/, 'en español por favor'],
          [/Responde \*SÍ\*/, 'sí'],
          [/te llamas/, 'Lucía Gómez'],
          [/puedo ayudarte/, 'quiero reservar una limpieza mañana a las 15'],
          [/¿Reservo/, 'sí'],
          [/por correo\?/, 'no'],
        ],
        until: /Nos vemos/,
      },
    ],
    rows: { appointments: ['ana: limpeza 2026-12-17 15:00'] },
    says: [/jueves/],
    neverSays: [/Posso marcar|Marcado/],
  },
];
