/** What people say in whose turns processes die: a booking each of a time of their own, an inscription each of their own. */
import type { Turn } from '../services/testing/arrival.ts';

/** That no mail left. */
export const notMailed = /Não consegui mandar|não saiu/;
/** That one left, or none. */
export const mailedOrNot = new RegExp(`mandei a confirmação|já foi|${notMailed.source}`);

/** Times of a day, so that each conversation books one of its own. */
const times = [
  '8h',
  '8h30',
  '9h',
  '9h30',
  '10h',
  '10h30',
  '11h',
  '13h',
  '13h30',
  '14h',
  '14h30',
  '15h',
  '15h30',
  '16h',
];
const days = ['quinta', 'sexta', 'segunda', 'terça'];

/** What a person says then, by the number of their conversation. */
export const talks: Readonly<Record<'booking' | 'registration', (serial: number) => readonly Turn[]>> = {
  booking: (serial) => [
    [
      `meu dente tá horrível, dá pra limpar na ${days[Math.floor(serial / times.length)] ?? ''} às ${times[serial % times.length] ?? ''}?`,
      /O que você quer marcar/,
    ],
    ['limpeza', /Posso marcar/],
    ['sim', /Marcado/],
    [addressOf(serial), mailedOrNot],
  ],
  registration: (serial) => [
    ['quero me inscrever', /nome completo/],
    ['Maria Aparecida da Silva', /e-mail/],
    [addressOf(serial), /CPF/],
    [cpfOf(serial), /telefone/],
    ['11 98888-7777', /cidade/],
    ['Campinas', /estado/i],
    ['SP', /perfil/],
    ['estudante', /Está tudo certo/],
    ['sim', mailedOrNot],
  ],
};

/** Where a person has their mail. */
export const addressOf = (serial: number): string => `pessoa${serial.toString()}@example.com`;

/** One whose digits fit. */
function cpfOf(serial: number): string {
  const digits = Array.from((529_000_000 + serial).toString(), Number);
  for (const weights of [10, 11]) {
    const sum = digits.reduce((total, digit, at) => total + digit * (weights - at), 0);
    digits.push(((sum * 10) % 11) % 10);
  }
  return digits.join('');
}

/** A text without what is of each person alone. */
export const withoutOwn = (text: string): string => text.replaceAll(/\d[\dh]*|[\wç]+-feira/g, '#');
