/** What people say in most tasks. */
import type { Registration } from '#machines/conversation/asks.ts';

import type { Answer, Saying } from '../task.ts';

/** Agrees to the notice and gives a name. */
export const arrives = (name = 'Ana Souza'): readonly Answer[] => [
  [/podemos guardar/i, 'sim'],
  [/se chama\?/i, name],
];

/** A booking to the end by words that every menu takes, whatever else was not understood. */
export const booksPlainly = (service: string, when: string): readonly Answer[] => [
  [/Posso marcar\?/, 'sim'],
  [/por e-mail\?/, 'não'],
  [/O que você quer marcar/, service, service],
  [/Para quando você quer|Não entendi bem a data|Que outro dia/, when, when],
  [/Como posso ajudar|(?:Escolha|escolher) uma opção|mande \*PESSOA\*/i, '1', 'marcar'],
];

/** The end of a booking. */
export const booked = /Até lá/;

/** Someone's data for an inscription, as they write it. */
export type Inscribed = Registration;

/** Data of nobody: the CPFs are valid by their digits alone. */
export const maria: Inscribed = {
  fullName: 'Maria Aparecida da Silva',
  email: 'maria@example.com',
  cpf: '529.982.247-25',
  phone: '11 98888-7777',
  city: 'Campinas',
  state: 'SP',
  profile: 'estudante',
};
export const joao: Inscribed = {
  fullName: 'João Pereira Lima',
  email: 'joao.lima@example.com',
  cpf: '111.444.777-35',
  phone: '(21) 97777-6666',
  city: 'Niterói',
  state: 'RJ',
  profile: 'profissional',
};

/** The row of an inscription. */
export const rowOf = (who: string, one: Inscribed, phone?: string): string => {
  const e164 = phone ?? `+55${one.phone.replace(/\D/g, '')}`;
  return `${who}: ${one.fullName}, ${one.email}, ${one.cpf.replace(/\D/g, '')}, ${e164}, ${one.city}/${one.state}, ${one.profile}`;
};

/** Answers every question of an inscription, again as often as it is asked; `first` are earlier answers to one. */
export function inscribesAs(
  one: Inscribed,
  first: Partial<Readonly<Record<keyof Inscribed, readonly Saying[]>>> = {},
): readonly Answer[] {
  const asked: Readonly<Record<keyof Inscribed, RegExp>> = {
    fullName: /nome completo/,
    email: /\*e-mail\*\?|e-mail não parece certo|com esse e-mail/,
    cpf: /\*CPF\*\?|CPF não confere|com esse CPF/,
    phone: /\*telefone\*|Faltou o DDD|telefone não parece/,
    city: /Em que \*cidade\*|Não entendi a cidade/,
    state: /\*estado\*|Não entendi o estado/,
    profile: /\*perfil\*|um dos perfis/,
  };
  return [
    ...(Object.keys(asked) as (keyof Inscribed)[]).map((field): Answer => [
      asked[field],
      ...(first[field] ?? []),
      one[field],
      one[field],
    ]),
    [/Está tudo certo\?/, 'sim'],
    [/Como posso ajudar|(?:Escolha|escolher) uma opção|mande \*PESSOA\*/i, '1', 'quero me inscrever'],
  ];
}

/** The end of an inscription, whatever became of its mail. */
export const inscribed = /e-mail de confirmação já foi/;
