import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readEmail } from './email.ts';

it.each([
  ['ana@gmail.com', 'ana@gmail.com'],
  ['Ana.Souza@GMAIL.com.', 'Ana.Souza@gmail.com'],
  ['meu e-mail é ana@clinica.com.br, ok?', 'ana@clinica.com.br'],
  ['ana @ gmail.com', 'ana@gmail.com'],
  ['<ana@x.org>', 'ana@x.org'],
  ['mailto:ana+lista@x.org', 'ana+lista@x.org'],
  ['ana arroba gmail ponto com', 'ana@gmail.com'],
  ['ana ponto souza arroba uol ponto com ponto br', 'ana.souza@uol.com.br'],
  ['ana@ymail.com', 'ana@ymail.com'],
  ['ana@yahoo.com.ar', 'ana@yahoo.com.ar'],
  ['ana@outlook.pt', 'ana@outlook.pt'],
  ['ana@x.com ana@x.com', 'ana@x.com'],
])('reads %j', (text, email) => {
  expect(readEmail(text)).toEqual({ kind: 'ok', email });
});

it.each([
  ['ana@gmial.com', 'ana@gmail.com'],
  ['ana@gmal.com', 'ana@gmail.com'],
  ['ana@gmail.con', 'ana@gmail.com'],
  ['ana@gmail.com.br', 'ana@gmail.com'],
  ['ana@gmail.co', 'ana@gmail.com'],
  ['ana@hotmal.com', 'ana@hotmail.com'],
  ['ana@hormail.com', 'ana@hotmail.com'],
  ['ana@outlok.com', 'ana@outlook.com'],
  ['ana@yahoo.com.rb', 'ana@yahoo.com.br'],
  ['ana@uol.com', 'ana@uol.com.br'],
  ['ana@empresa.con.br', 'ana@empresa.com.br'],
])('reads %j, and asks whether %s was meant', (text, hint) => {
  expect(readEmail(text)).toEqual({ kind: 'ok', email: text, hint });
});

it.each([
  ['ana@gmail', 'ana@gmail.com'],
  ['ana@gmail,com', 'ana@gmail.com'],
  ['a@b', undefined],
  ['ana..b@x.com', undefined],
  ['.ana@', undefined],
  ['ana.gmail.com', undefined],
  ['a@b.com c@d.com', undefined],
  [`${'a'.repeat(65)}@x.com`, undefined],
  [`a@${'b.'.repeat(130)}com`, undefined],
  ['ana@-x.com', undefined],
  ['josé@x.com', undefined],
])('takes %j for no address, though one was tried', (text, hint) => {
  expect(readEmail(text)).toEqual(hint === undefined ? { kind: 'invalid' } : { kind: 'invalid', hint });
});

it.each(['não tenho', '', 'sexta às 15h', '@'])('finds none tried in %j', (text) => {
  expect(readEmail(text)).toEqual({ kind: 'none' });
});

it('reads back what it has read, within the bounds, and never throws', () => {
  const piece = fc.constantFrom('ana', '@', '.', 'gmail', 'com', ' ', ' arroba ', ' ponto ', '-', 'x', ',', '<');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.emailAddress(),
        fc.array(piece, { maxLength: 12 }).map((all) => all.join('')),
      ),
      (text) => {
        const read = readEmail(text);
        if (read.kind !== 'ok') return;
        expect(read.email.length).toBeLessThanOrEqual(254);
        expect(readEmail(read.email)).toEqual(read);
        if (read.hint !== undefined) expect(readEmail(read.hint)).toEqual({ kind: 'ok', email: read.hint });
      },
    ),
    { numRuns: 200 },
  );
});
