import { describe, expect, test } from 'vitest';

import type { Template } from '#runtime/templates/templates.ts';

import { templateText } from './template-text.ts';

const template: Template = {
  id: '1',
  businessAccountId: '2',
  name: 'lembrete',
  language: 'pt_BR',
  category: 'UTILITY',
  status: 'APPROVED',
  header: { format: 'TEXT', text: 'Clínica {{1}}', variables: ['1'] },
  body: { text: 'Olá {{nome}}, até {{ dia }}. {{nome}}!', variables: ['nome', 'dia'] },
  footer: 'Não responda',
  buttons: [
    { index: 0, type: 'QUICK_REPLY', text: 'Confirmar', variables: 0 },
    { index: 1, type: 'URL', text: 'Ver', variables: 1 },
  ],
  syncedAt: new Date(0),
};
const wanted = {
  name: 'lembrete',
  language: 'pt_BR',
  header: ['Vida'],
  body: ['Ana $& {{dia}}', 'terça'],
  buttons: ['abc'],
};

test('variables stand where the template has them, as they were given', () => {
  expect(templateText(template, wanted)).toBe(
    'Clínica Vida\n\nOlá Ana $& {{dia}}, até terça. Ana $& {{dia}}!\n\nNão responda\n\n1. Confirmar',
  );
});

test('one without header, footer and buttons is its body', () => {
  const plain: Template = { ...template, header: undefined, footer: undefined, buttons: [] };
  expect(templateText(plain, { name: 'lembrete', language: 'pt_BR', body: ['Ana', 'terça'] })).toBe(
    'Olá Ana, até terça. Ana!',
  );
});

test.each([
  ['no header', { header: undefined }, 'header has 1, not 0'],
  ['too few', { body: ['Ana'] }, 'body has 2, not 1'],
  ['too many', { body: ['Ana', 'terça', 'x'] }, 'body has 2, not 3'],
  ['no button', { buttons: [] }, 'buttons has 1, not 0'],
])('other variables than it has are refused: %s', (_, given, how) => {
  const asked = { ...wanted, ...given };
  expect(() => templateText(template, asked)).toThrow(
    expect.objectContaining({
      status: 422,
      code: 'template-variables-wrong',
      message: expect.stringContaining(how) as string,
    }) as Error,
  );
});

test.each([
  [undefined, 404, 'template-unknown'],
  [{ ...template, status: 'PAUSED' }, 409, 'template-not-approved'],
  [{ ...template, header: { format: 'LOCATION', variables: [] } }, 422, 'template-variables-wrong'],
] as const)('what cannot be sent is refused (%#)', (known, status, code) => {
  expect(() => templateText(known, wanted)).toThrow(expect.objectContaining({ status, code }) as Error);
});

describe('a template with a file above it', () => {
  const pictured: Template = { ...template, header: { format: 'IMAGE', variables: [] } };
  const file = { kind: 'image', url: 'https://files.example/foto.png', mimetype: 'image/png' } as const;
  const { header: _, ...bare } = wanted;

  test('is its words, the file apart', () => {
    expect(templateText(pictured, { ...bare, headerMedia: file })).toMatch(/^Olá Ana/);
  });

  test.each([
    ['none', pictured, bare, 'a file of the kind image, not none'],
    ['of another kind', pictured, { ...bare, headerMedia: { ...file, kind: 'video' as const } }, 'not video'],
    ['where it has words', template, { ...wanted, headerMedia: file }, 'no file, not image'],
    ['where it has nothing', { ...template, header: undefined }, { ...bare, headerMedia: file }, 'no file, not image'],
  ])('is refused with another file than it has: %s', (_case, known, asked, how) => {
    expect(() => templateText(known, asked)).toThrow(
      expect.objectContaining({ status: 422, message: expect.stringContaining(how) as string }) as Error,
    );
  });
});
