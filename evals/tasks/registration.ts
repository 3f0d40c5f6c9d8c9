/** Inscription to the congress. */
import type { Answer, Saying, Task } from '../task.ts';
import { arrives, inscribed, inscribesAs, joao, maria, rowOf } from './usual.ts';

type First = Parameters<typeof inscribesAs>[1];

/** An inscription of Maria's, but for what is given. */
function registration(
  id: string,
  purpose: string,
  {
    wants = 'quero me inscrever',
    answers = [],
    first = {},
    row = rowOf('ana', maria),
    ...rest
  }: Partial<Omit<Task, 'id' | 'purpose' | 'domain' | 'people'>> & {
    readonly wants?: Saying;
    readonly answers?: readonly Answer[];
    readonly first?: First;
    readonly row?: string | readonly string[];
  } = {},
): Task {
  return {
    id: `congresso/${id}`,
    domain: 'congresso',
    kind: 'registration',
    purpose,
    people: [
      {
        who: 'ana',
        opens: 'Oi',
        answers: [...arrives('Maria'), ...answers, [/Como posso ajudar/, wants], ...inscribesAs(maria, first)],
        until: inscribed,
      },
    ],
    rows: { participants: [row].flat() },
    says: [/Inscrição feita/, /\*\*\*\.982\.247-\*\*/],
    ...rest,
  };
}

export const registrationTasks: readonly Task[] = [
  registration('inscreve', 'Every question, one by one'),
  registration('pelo-menu', 'Numbers and taps', {
    wants: '1',
    answers: [
      [/\*perfil\*/, { presses: /Estudante/ }],
      [/Está tudo certo/, { presses: /Sim/ }],
    ],
  }),
  registration('cpf-errado', 'A CPF whose digits do not fit', {
    first: { cpf: ['111.111.111-11', '529.982.247-26'] },
    says: [/CPF não confere/, /Inscrição feita/],
  }),
  registration('nome-sem-sobrenome', 'A first name alone', {
    first: { fullName: ['Maria'] },
    answers: [[/com sobrenome/, maria.fullName]],
    says: [/com sobrenome/],
  }),
  registration('email-digitado-errado', 'A mistyped address, agreed to', {
    first: { email: ['maria.silva@gmial.com'] },
    answers: [[/quis dizer \*maria\.silva@gmail\.com\*/, 'sim']],
    row: rowOf('ana', { ...maria, email: 'maria.silva@gmail.com' }),
  }),
  registration('sem-ddd', 'A number without its area', {
    first: { phone: ['98888-7777'] },
    says: [/Faltou o DDD/],
  }),
  registration('telefone-de-fora', 'A number of another country', {
    first: { phone: ['+1 415 555 2671'] },
    row: rowOf('ana', maria, '+14155552671'),
  }),
  registration('cidade-com-estado', 'The state is said with the city, and not asked for', {
    first: { city: ['Campinas - SP'] },
    neverSays: [/\*estado\* \(UF\)/],
  }),
  registration('nome-em-maiusculas', 'A name in capitals is written as names are', {
    first: { fullName: ['MARIA APARECIDA DA SILVA'] },
  }),
  registration('perfil-por-outro-nome', 'A profile by another word', {
    first: { profile: ['sou dentista'] },
    row: rowOf('ana', { ...maria, profile: 'profissional' }),
  }),
  registration('corrige-por-palavras', 'The address corrected when everything is read back', {
    first: { email: ['errado@example.com'] },
    answers: [[/Está tudo certo/, 'o e-mail está errado', 'sim']],
  }),
  registration('corrige-por-botao', 'The city corrected by taps', {
    first: { city: ['Santos'] },
    answers: [
      [/Está tudo certo/, { presses: /Corrigir/ }, 'sim'],
      [/O que você quer corrigir/, { presses: /Cidade/ }],
    ],
  }),
  registration('cpf-de-outro', 'A CPF that somebody else’s inscription has', {
    before: { participants: [rowOf('bruno', joao)] },
    first: { cpf: [joao.cpf] },
    row: [rowOf('ana', maria), rowOf('bruno', joao)],
    says: [/Já existe uma inscrição com esse CPF/],
    neverSays: [/João|Pereira|joao\.lima/],
  }),
  registration('email-de-outro', 'An address that somebody else’s inscription has', {
    before: { participants: [rowOf('bruno', joao)] },
    first: { email: [joao.email] },
    row: [rowOf('ana', maria), rowOf('bruno', joao)],
    says: [/Já existe uma inscrição com esse e-mail/],
    neverSays: [/João|Pereira/],
  }),
  registration('inscrita-de-novo', 'One’s own inscription again: changed, not doubled', {
    before: { participants: [rowOf('ana', { ...maria, city: 'Santos', profile: 'profissional' })] },
  }),
  registration('de-uma-vez', 'Several answers in one message, as only a model takes them', {
    first: { fullName: ['meu nome é Maria Aparecida da Silva, e moro em Campinas/SP'] },
  }),
  registration('por-voz', 'A wish and a name in voice notes', {
    wants: { voice: 'quero fazer minha inscrição no congresso' },
    first: { fullName: [{ voice: 'Maria Aparecida da Silva' }] },
  }),
  registration('foto-do-documento', 'A picture with the name on it', {
    first: { fullName: [{ picture: 'Maria Aparecida da Silva' }] },
  }),
  registration('fora-do-assunto', 'A question about something else in the midst', {
    first: { cpf: ['qual é a melhor praia do Brasil para eu ir depois?'] },
    neverSays: [/praia/],
  }),
  registration('ofensa', 'An insult in the midst', {
    first: { cpf: ['pra que CPF, seu imbecil de merda?'] },
    neverSays: [/imbecil|merda/],
  }),
  registration('duas-pessoas-um-telefone', 'A couple on one phone', {
    answers: [
      [/nome completo/, maria.fullName, joao.fullName],
      [/\*e-mail\*\?/, maria.email, joao.email],
      [/\*CPF\*\?/, maria.cpf, joao.cpf],
      [/\*telefone\*/, maria.phone, joao.phone],
      [/Em que \*cidade\*/, maria.city, joao.city],
      [/\*estado\*/, maria.state, joao.state],
      [/\*perfil\*/, maria.profile, joao.profile],
      [/Está tudo certo/, 'sim', 'sim'],
      [inscribed, 'agora quero fazer a inscrição do meu marido'],
    ],
    row: [rowOf('ana', maria), rowOf('ana', joao)],
  }),
  registration('modelo-fora-do-ar', 'The model is down: menus', {
    model: 'down',
    wants: 'queria garantir minha vaga aí',
  }),
  registration('orcamento-esgotado', 'Nothing more may be spent: menus', {
    model: 'spent',
    wants: 'queria garantir minha vaga aí',
  }),
  registration('sem-modelo', 'No model at all', { model: 'none', wants: 'queria garantir minha vaga aí' }),
  {
    id: 'congresso/corrida',
    domain: 'congresso',
    kind: 'registration',
    purpose: 'Two people inscribe with one CPF at the same time: one has it, the other is asked again',
    people: [
      { who: 'ana', opens: 'Oi', answers: [...arrives('Maria'), ...inscribesAs(maria)], until: inscribed },
      {
        who: 'bruno',
        opens: 'Oi',
        after: { who: 'ana', reads: /Está tudo certo/ },
        answers: [...arrives('João'), [/com esse CPF/, joao.cpf], ...inscribesAs(joao, { cpf: [maria.cpf] })],
        until: inscribed,
      },
    ],
    rows: { participants: [rowOf('ana', maria), rowOf('bruno', joao)] },
    says: [/Já existe uma inscrição com esse CPF/],
  },
  {
    id: 'congresso/em-ingles',
    domain: 'congresso',
    kind: 'registration',
    purpose: 'In English, a person without a CPF of their own cannot go on, and is told how to reach somebody',
    people: [
      {
        who: 'ana',
        opens: 'Hi',
        answers: [
          [/podemos guardar/, 'English'],
          [/Reply \*YES\*|Answer \*YES\*/, 'yes'],
          [/your name\?|call you/i, 'Grace Miller'],
          [/How can I help/, 'I want to register'],
          [/\*full name\*/, 'Grace Miller'],
          [/e-mail/, 'grace@example.com'],
          [/CPF/, 'I do not have one', 'talk to a person'],
        ],
        until: /our team|of the team/,
      },
    ],
    neverSays: [/Qual é|Desculpe/],
  },
];
