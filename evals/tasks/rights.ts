/** Rights and wishes that hold in the midst of anything. */
import type { Task } from '../task.ts';
import { arrives, booksPlainly, inscribed, inscribesAs, maria, rowOf } from './usual.ts';

export const rightsTasks: readonly Task[] = [
  {
    id: 'clinica-br/parar-na-confirmacao',
    domain: 'clinica-br',
    kind: 'rights',
    purpose: 'PARAR instead of a yes: nothing is booked, and consent is withdrawn',
    people: [
      {
        who: 'ana',
        opens: 'Oi',
        answers: [...arrives(), [/Como posso ajudar/, 'marcar limpeza amanhã às 15h'], [/Posso marcar/, 'PARAR']],
        until: /consentimento foi retirado/,
      },
    ],
    neverSays: [/Marcado!/],
  },
  {
    id: 'clinica-br/nao-consente',
    domain: 'clinica-br',
    kind: 'rights',
    purpose: 'No consent: nothing is done',
    people: [
      {
        who: 'ana',
        opens: 'quero marcar uma limpeza amanhã às 15h',
        answers: [
          [/podemos guardar/, 'não'],
          [/obrigado por responder/, 'mas marca minha limpeza amanhã às 15h'],
        ],
        until: /não consigo continuar/,
      },
    ],
    neverSays: [/Posso marcar|Marcado/],
  },
  {
    id: 'clinica-br/meus-dados-no-meio',
    domain: 'clinica-br',
    kind: 'rights',
    purpose: 'What is kept about me? in the midst of a booking, which then is made',
    people: [
      {
        who: 'ana',
        opens: 'Oi',
        answers: [
          ...arrives(),
          [/Como posso ajudar/, 'quero marcar uma limpeza'],
          [/Para quando/, 'antes me diz: meus dados', 'amanhã às 15h'],
          [/Para retirar seu consentimento/, 'quero marcar uma limpeza'],
          ...booksPlainly('limpeza', 'amanhã às 15h'),
        ],
        until: /Até lá/,
      },
    ],
    rows: { appointments: ['ana: limpeza 2026-12-17 15:00'] },
    says: [/Nome: Ana Souza/, /Consentimento: dado em/],
  },
  {
    id: 'clinica-br/por-que',
    domain: 'clinica-br',
    kind: 'rights',
    purpose: 'Why are data kept? Explained before the yes',
    people: [
      {
        who: 'ana',
        opens: 'Oi',
        answers: [
          [/podemos guardar seu nome, seu número e as mensagens desta conversa, só/, 'por quê?'],
          [/Claro, explico/, 'ok, pode ser'],
          [/se chama\?/, 'pular'],
          [/Como posso ajudar/, 'quero marcar uma limpeza amanhã às 15h'],
          ...booksPlainly('limpeza', 'amanhã às 15h'),
        ],
        until: /Até lá/,
      },
    ],
    rows: { appointments: ['ana: limpeza 2026-12-17 15:00'] },
    says: [/Seus direitos/],
  },
  {
    id: 'clinica-br/desiste',
    domain: 'clinica-br',
    kind: 'rights',
    purpose: 'Given up in the midst',
    people: [
      {
        who: 'ana',
        opens: 'Oi',
        answers: [...arrives(), [/Como posso ajudar/, 'quero marcar uma limpeza'], [/Para quando/, 'deixa pra lá']],
        until: /parei por aqui/,
      },
    ],
  },
  {
    id: 'clinica-br/quer-uma-pessoa',
    domain: 'clinica-br',
    kind: 'rights',
    purpose: 'A person is asked for in the midst',
    people: [
      {
        who: 'ana',
        opens: 'Oi',
        answers: [
          ...arrives(),
          [/Como posso ajudar/, 'quero marcar uma limpeza'],
          [/Para quando/, 'prefiro falar com um atendente'],
        ],
        until: /pessoa da equipe/,
      },
    ],
  },
  {
    id: 'clinica-br/volta-depois-de-parar',
    domain: 'clinica-br',
    kind: 'rights',
    purpose: 'Back after PARAR: asked for consent again, then booked',
    people: [
      {
        who: 'ana',
        opens: 'Oi',
        answers: [
          [/podemos guardar/i, 'sim', 'sim'],
          [/se chama\?/i, 'Ana Souza', 'Ana Souza'],
          [/Como posso ajudar/, 'parar', 'quero marcar uma limpeza amanhã às 15h'],
          [/consentimento foi retirado/, 'oi, voltei'],
          ...booksPlainly('limpeza', 'amanhã às 15h'),
        ],
        until: /Até lá/,
      },
    ],
    rows: { appointments: ['ana: limpeza 2026-12-17 15:00'] },
    says: [/você pediu para parar/],
  },
  {
    id: 'congresso/parar-no-meio',
    domain: 'congresso',
    kind: 'rights',
    purpose: 'PARAR before the yes: no inscription',
    people: [
      {
        who: 'ana',
        opens: 'Oi',
        answers: [
          ...arrives(),
          [/Como posso ajudar/, 'quero me inscrever'],
          [/Está tudo certo/, 'quero sair'],
          ...inscribesAs(maria),
        ],
        until: /consentimento foi retirado/,
      },
    ],
    neverSays: [/Inscrição feita/],
  },
  {
    id: 'congresso/desiste',
    domain: 'congresso',
    kind: 'rights',
    purpose: 'Given up in the midst',
    people: [
      {
        who: 'ana',
        opens: 'Oi',
        answers: [
          ...arrives(),
          [/Como posso ajudar/, 'quero me inscrever'],
          [/\*CPF\*\?/, 'desisto'],
          ...inscribesAs(maria).slice(0, -1),
        ],
        until: /parei por aqui/,
      },
    ],
    neverSays: [/Inscrição feita/],
  },
  {
    id: 'clinica-br/menor-de-idade',
    domain: 'clinica-br',
    kind: 'rights',
    purpose: 'Somebody who is not of age: a person takes over, nothing is booked',
    people: [
      {
        who: 'ana',
        opens: 'Oi',
        answers: [
          ...arrives(),
          [/Como posso ajudar/, 'quero marcar uma limpeza'],
          [/Para quando/, 'tenho 15 anos, pode amanhã?'],
        ],
        until: /Uma pessoa da equipe|pessoa\*? da fila/,
      },
    ],
    says: [/um responsável precisa participar/],
    neverSays: [/Posso marcar/],
  },
  {
    id: 'clinica-br/apagar-dados-no-meio',
    domain: 'clinica-br',
    kind: 'rights',
    purpose: 'What is kept is to be erased, in the midst of a booking: a person takes over',
    people: [
      {
        who: 'ana',
        opens: 'Oi',
        answers: [
          ...arrives(),
          [/Como posso ajudar/, 'quero marcar uma limpeza'],
          [/Para quando/, 'quero que vocês apaguem meus dados'],
        ],
        until: /Uma pessoa da equipe|pessoa\*? da fila/,
      },
    ],
    says: [/apagar ou corrigir os dados/],
    neverSays: [/Posso marcar/],
  },
  {
    id: 'clinica-br/ja-disse-o-que-quer',
    domain: 'clinica-br',
    kind: 'booking',
    purpose: 'What is said before consent and name is done once there are both, and not asked again',
    people: [
      {
        who: 'ana',
        opens: 'Oi, quero marcar uma limpeza amanhã às 15h',
        answers: [...arrives(), [/Posso marcar/, 'sim'], [/por e-mail\?/, 'não']],
        until: /Até lá/,
      },
    ],
    rows: { appointments: ['ana: limpeza 2026-12-17 15:00'] },
    neverSays: [/Como posso ajudar/],
  },
  {
    id: 'congresso/pergunta-no-meio',
    domain: 'congresso',
    kind: 'registration',
    purpose: 'A question in the midst of an inscription, which then is gone on with where it was',
    people: [
      {
        who: 'ana',
        opens: 'Oi',
        answers: [
          ...arrives(),
          [/CONTINUAR/, 'continuar'],
          [/\*CPF\*\?/, 'antes: qual o valor da inscrição?', maria.cpf],
          ...inscribesAs(maria),
        ],
        until: inscribed,
      },
    ],
    rows: { participants: [rowOf('ana', maria)] },
    says: [/Vamos continuar sua inscrição/],
  },
];
