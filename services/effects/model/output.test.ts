// Goal: what a model writes reaches a person only as plain words in their language.
import { describe, expect, test } from 'vitest';

import { isInOtherLanguage, shownAnswer } from './output.ts';

const linksAllowed = ['https://clinica.example/evento', 'https://mapas.example/'];
const shown = (text: string) => shownAnswer(text, { locale: 'pt-BR', linksAllowed });

describe('a link', () => {
  test.each([
    'https://clinica.example/evento',
    'https://clinica.example/evento/programa?dia=2',
    'https://mapas.example/?q=auditorio',
  ])('%s stays', (url) => {
    expect(shown(`Veja em ${url} o programa.`)).toBe(`Veja em ${url} o programa.`);
  });

  test.each([
    'https://evil.example/login',
    'http://clinica.example/evento',
    'https://clinica.example/outro',
    'https://clinica.example/eventos-falsos',
    'https://clinica.example.evil.io/evento',
    'https://clinica.example@evil.io/evento',
    'https://user:pw@clinica.example/evento',
    'HTTPS://EVIL.EXAMPLE/x',
    'evil.com',
    'www.evil.com.br/x',
    'bit.ly/3abc',
    'wa.me/5511999990001',
    'evil.io/evento',
    'javascript:alert(1)',
    'tel:+5511999990001',
    'ftp://evil.example/x',
  ])('%s goes', (url) => {
    expect(shown(`Veja em ${url} o programa.`)).toBe('Veja em o programa.');
  });

  test('of Markdown is judged by where it leads', () => {
    expect(shown('[clinica.example](https://evil.example/x) é o site')).not.toMatch(/evil/);
    expect(shown('![x](https://evil.example/p.png?q=segredo)O evento é aqui')).toBe('O evento é aqui');
  });

  test('is no word after a full stop without a space', () => {
    expect(shown('Fica no térreo.Depois há outra sala.')).toBe('Fica no térreo.Depois há outra sala.');
  });
});

test.each([
  ['**Atenção**: _leve_ o `documento`', 'Atenção: leve o documento'],
  ['# Programa\n\n\n\n- manhã\n- tarde', 'Programa\n\n- manhã\n- tarde'],
  ['<b>Olá</b> <script>x</script>', 'Olá x'],
  ['```\nalgo\n```', 'algo'],
  ['Ol\u202eá\u200b mundo', 'Olá mundo'],
])('%j is shown as %j', (text, plain) => {
  expect(shown(text)).toBe(plain);
});

test.each(['O CPF é 529.982.247-25.', 'cpf 52998224725', '', '   ', '---', '12', 'https://evil.example'])(
  '%j is not shown',
  (text) => {
    expect(shown(text)).toBeUndefined();
  },
);

describe('the language', () => {
  const texts = {
    'pt-BR': 'O estacionamento fica no subsolo e a entrada é pela rua de trás; você não precisa pagar.',
    en: 'The car park is in the basement and the entrance is from the street behind; you do not have to pay.',
    es: 'El estacionamiento está en el sótano y la entrada es por la calle de atrás; usted no tiene que pagar.',
  };
  const locales = Object.keys(texts) as (keyof typeof texts)[];
  test.each(locales.flatMap((of) => locales.map((locale) => [of, locale] as const)))('%s for %s', (of, locale) => {
    expect(isInOtherLanguage(texts[of], locale)).toBe(of !== locale);
  });

  test('of a few words, or with names of another, is anybody’s', () => {
    for (const text of [
      'Sim, às 9h.',
      'Check-in: 8h',
      'A palestra "The State of the Art in AI" é às 10h no auditório.',
    ])
      expect(isInOtherLanguage(text, 'pt-BR')).toBe(false);
  });

  test('is not written in other letters', () => {
    expect(isInOtherLanguage('Парковка находится в подвале', 'pt-BR')).toBe(true);
  });
});
