/** What everyday messages mean in pt-BR, and what must not be guessed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InboundContent } from '#schemas/content.ts';
import { fold, textLengthMax } from './lexicon.ts';
import { languageOf } from './texts/catalogue.ts';
import {
  acceptsClearly,
  answerOf,
  asksWhy,
  buttonIds,
  callNameOf,
  choiceOf,
  greets,
  nameOf,
  optsOut,
  skipsName,
  textOf,
  wordedChoiceOf,
} from './understanding.ts';

const { lexicon } = languageOf('pt-BR');
const text = (said: string): InboundContent => ({ kind: 'text', text: said });
const button = (id: string, title: string): InboundContent => ({ kind: 'button', id, title });

describe('yes and no', () => {
  it.each(
    `sim|Sim!|SIM|s|ss|S.|simmm|siiim|claro|Claro que sim|pode ser|Pode ser sim|ok|OK 👍|okkk|aceito|Eu aceito|concordo
    |blz|beleza|tá|tá bom|👍|👍🏽|👍👍|✅|com certeza|sim, por favor|oi, sim|bora|isso|de acordo|pode sim|podem guardar
    |sim, aceito|quero|Autorizo.|sim obrigada|𝐒𝐈𝐌|ｓｉｍ|1|1️⃣|Sim, tudo bem`
      .split('|')
      .map((said) => said.trim()),
  )('takes %j for a yes', (said) => {
    expect(answerOf(text(said), lexicon)).toBe('yes');
  });

  it.each(
    `não|nao|Não!|n|nn|NÃO|naooo|não aceito|Nao quero|agora não|Agora não, obrigado|recuso|não, obrigada|👎|❌|claro que não
    |não concordo|prefiro não|de jeito nenhum|deixa pra lá|melhor não|não, tudo bem|2|não, pode deixa|ok, não|aceito não|sim não`
      .split('|')
      .map((said) => said.trim()),
  )('takes %j for a no', (said) => {
    expect(answerOf(text(said), lexicon)).toBe('no');
  });

  it.each(
    `talvez|oi|oi, tudo bem?|Oi tudo bem|tudo bem|não sei|sim ou não?|pode?|pode ser?|quero informações|depende|sim mas não sei|😀|...|
    |quero saber o preço|acho que sim, vou ver|por que não|12|cancelar|Ana|3|claro é a minha operadora`
      .split('|')
      .map((said) => said.trim()),
  )('does not guess at %j', (said) => {
    expect(answerOf(text(said), lexicon)).toBeUndefined();
  });

  it('takes the buttons, whatever their title says', () => {
    expect(answerOf(button(buttonIds.yes, 'Não'), lexicon)).toBe('yes');
    expect(answerOf(button(buttonIds.no, 'Sim'), lexicon)).toBe('no');
    expect(answerOf(button('of.another', 'Sim'), lexicon)).toBe('yes');
  });

  it('wants a clear yes after a refusal', () => {
    for (const said of ['sim', 'Aceito!', 'quero', 'sim, eu aceito', 'mudei de ideia', 'Sim 👍', 'oi, quero sim'])
      expect(acceptsClearly(text(said), lexicon), said).toBe(true);
    for (const said of ['ok', 'blz', '👍', 'tá bom', 'obrigado', 'valeu', 'oi', 'não quero', 'tudo bem', ''])
      expect(acceptsClearly(text(said), lexicon), said).toBe(false);
  });
});

describe('opt-out', () => {
  it.each([
    ...['PARAR', 'parar', 'Parar.', 'parar!!!', 'Sair', 'STOP', 'descadastrar', 'Revogar', 'cancelar inscrição'],
    ...['por favor, parar', 'quero sair', 'PARAR 🛑', '*PARAR*', 'revogo meu consentimento', 'pararrr', 'P\u200BARAR'],
    ...['não quero mais receber mensagens', 'Pare de me mandar mensagens, por favor', 'me descadastre'],
  ])('takes %j', (said) => {
    expect(optsOut(text(said), lexicon)).toBe(true);
  });

  it.each([
    ...['cancelar', 'Cancelar', 'cancelar consulta', 'quero cancelar', 'não quero parar', 'vou parar aí amanhã', 'não'],
    ...['sair mais cedo', 'parar ou não?', 'onde posso parar o carro', '', 'quero'],
  ])('leaves %j alone', (said) => {
    expect(optsOut(text(said), lexicon)).toBe(false);
  });

  it('takes the button and a caption', () => {
    expect(optsOut(button(buttonIds.optOut, 'x'), lexicon)).toBe(true);
    expect(optsOut({ kind: 'image', media: {}, caption: 'PARAR' }, lexicon)).toBe(true);
  });
});

describe('questions about consent', () => {
  it.each(
    [
      'por quê?',
      'Pra quê?',
      'saber mais',
      'SABER MAIS',
      'o que é isso',
      'oq é isso?',
      'como assim',
      'não entendi',
    ].concat([
      '?',
      '???',
      'pq',
      'quais dados vocês guardam?',
      'por que vocês querem isso?',
      'oi, o que é isso?',
      'quem é?',
    ]),
  )('takes %j', (said) => {
    expect(asksWhy(text(said), lexicon)).toBe(true);
  });

  it.each(['sim', 'não', 'oi', 'Ana', '...', '', 'quero marcar'])('leaves %j alone', (said) => {
    expect(asksWhy(text(said), lexicon)).toBe(false);
  });
});

describe('menu', () => {
  it.each([
    ...[
      ['1', 'information'],
      ['1.', 'information'],
      ['1️⃣', 'information'],
      ['opção 1', 'information'],
    ],
    ...[
      ['Informações', 'information'],
      ['quero informações, por favor', 'information'],
      ['um', 'information'],
    ],
    ...[
      ['2', 'myData'],
      ['meus dados', 'myData'],
      ['quero ver os meus dados', 'myData'],
    ],
    ...[
      ['3', 'person'],
      ['três', 'person'],
      ['falar com uma pessoa', 'person'],
      ['Quero falar com um atendente', 'person'],
    ],
    ...[
      ['atendente', 'person'],
      ['tem algum humano aí?', 'person'],
      ['menu', 'menu'],
      ['VOLTAR', 'menu'],
      ['opções', 'menu'],
    ],
  ])('takes %j for %s', (said, choice) => {
    expect(choiceOf(text(said), lexicon)).toBe(choice);
  });

  it.each(['4', '12', '1 2', 'não quero atendente', 'oi', 'bom dia', '', 'pessoa jurídica', 'a'])(
    'leaves %j',
    (said) => {
      expect(choiceOf(text(said), lexicon)).toBeUndefined();
    },
  );

  it('takes the buttons', () => {
    expect(choiceOf(button(buttonIds.information, ''), lexicon)).toBe('information');
    expect(choiceOf({ kind: 'list', id: buttonIds.person, title: '' }, lexicon)).toBe('person');
  });

  it('takes numbers only where it is told to', () => {
    expect(wordedChoiceOf(text('3'), lexicon)).toBeUndefined();
    expect(wordedChoiceOf(text('atendente'), lexicon)).toBe('person');
  });
});

describe('names', () => {
  it.each([
    ...[
      ['Ana', 'Ana'],
      ['ana', 'Ana'],
      ['ANA MARIA DE SOUZA', 'Ana Maria de Souza'],
      ['joão da silva', 'João da Silva'],
    ],
    ...[
      ['Meu nome é Ana', 'Ana'],
      ['meu nome e ana', 'Ana'],
      ['sou o Zé', 'Zé'],
      ['Me chamo Ana Souza', 'Ana Souza'],
    ],
    ...[
      ['oi, me chamo Ana', 'Ana'],
      ['Olá, bom dia! Sou a Ana.', 'Ana'],
      ['pode me chamar de Bia 😊', 'Bia'],
    ],
    ...[
      ['Nome: Ana Souza', 'Ana Souza'],
      ['é a Ana', 'Ana'],
      ['Ana, obrigada', 'Ana'],
      ['sim, Ana', 'Ana'],
    ],
    ...[
      ["d'ávila", "D'Ávila"],
      ['ana-maria', 'Ana-Maria'],
      ['Maria A. Silva', 'Maria A. Silva'],
      ['McDonald', 'McDonald'],
    ],
    ...[
      ['Costa e Silva', 'Costa e Silva'],
      ['  Ana \n Souza ', 'Ana Souza'],
      ['Fernando Pessoa', 'Fernando Pessoa'],
    ],
    ...[
      ['Li', 'Li'],
      ['Αλέξανδρος', 'Αλέξανδρος'],
      ['مريم', 'مريم'],
      ['Ana Claro', 'Ana Claro'],
      ['“Ana”', 'Ana'],
    ],
  ])('reads %j as %j', (said, name) => {
    expect(nameOf(text(said), lexicon)).toBe(name);
  });

  it.each([
    ...['123', 'Ana123', 'a', 'oi', 'Oi, tudo bem?', 'bom dia', '😀', '😀😀', 'https://x.com/ana', 'www.ana.com'],
    ...['ana.com', 'ana@x.com', '', ' ', '...', 'sim', 'não', 'ok', 'kkkkkk', 'aaaa', 'meu nome é', 'por quê?', 'menu'],
    ...[
      'quero marcar uma consulta',
      'Ana e quero marcar',
      'parar',
      'atendente',
      'pular',
      'não quero dizer',
      '+55 11 9',
    ],
    ...[
      'a'.repeat(81),
      'Ana\u0000<script>',
      'um dois três quatro cinco seis sete oito nove',
      '<b>Ana</b>',
      '\ud800\ud800',
    ],
  ])('does not take %j', (said) => {
    expect(nameOf(text(said), lexicon)).toBeUndefined();
  });

  it('takes 80 characters and no more', () => {
    const eighty = `Jo${'ao '.repeat(2)}`.trim() + 'bc'.repeat(36).concat('d');
    const long = eighty.padEnd(80, 'e');
    expect(nameOf(text(long), lexicon)).toBe(long);
    expect(nameOf(text(`${long}f`), lexicon)).toBeUndefined();
  });

  it('calls people by their first name', () => {
    expect(callNameOf('Ana Souza', lexicon)).toBe('Ana');
    expect(callNameOf('Dona Maria Silva', lexicon)).toBe('Dona Maria');
    expect(callNameOf('Dr. José', lexicon)).toBe('Dr. José');
    expect(callNameOf('Seu', lexicon)).toBe('Seu');
  });

  it('lets one skip', () => {
    expect(skipsName(text('*PULAR*'), lexicon)).toBe(true);
    expect(skipsName(text('Ana'), lexicon)).toBe(false);
  });
});

describe('reading', () => {
  it('finds text, title and caption, and nothing else', () => {
    expect(textOf(text('a'))).toBe('a');
    expect(textOf(text(' \n'))).toBeUndefined();
    expect(textOf(button('x', 'Sim'))).toBe('Sim');
    expect(textOf({ kind: 'document', media: {}, caption: 'c' })).toBe('c');
    expect(textOf({ kind: 'audio', media: { voice: true } })).toBeUndefined();
    expect(textOf({ kind: 'location', latitude: 0, longitude: 0, name: 'n' })).toBeUndefined();
    expect(textOf({ kind: 'contacts', contacts: [] })).toBeUndefined();
    expect(textOf({ kind: 'poll', options: ['sim'] })).toBeUndefined();
    expect(textOf({ kind: 'unknown', text: 'u' })).toBe('u');
  });

  it('takes a kind newer than itself for unreadable', () => {
    const newer = { kind: 'hologram', beam: 1 } as unknown as InboundContent;
    expect(textOf(newer)).toBeUndefined();
    expect(answerOf(newer, lexicon)).toBeUndefined();
  });

  it('greets back only greetings', () => {
    expect(greets(text('Oi, bom dia! Tudo bem? 😊'), lexicon)).toBe(true);
    expect(greets(text('oi, quero marcar'), lexicon)).toBe(false);
    expect(greets(text('😊'), lexicon)).toBe(false);
  });

  it('reads a bounded beginning of any text, and never throws', () => {
    const nasty = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 3000 }),
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      fc.constantFrom('?', ' .', 'a', '👍', '\u0301', '﷽', "'", 'oi ', 'n ').map((unit) => unit.repeat(5000)),
    );
    fc.assert(
      fc.property(nasty, (said) => {
        const content = text(said);
        for (const ask of [answerOf, optsOut, asksWhy, choiceOf, greets, nameOf, acceptsClearly, skipsName])
          ask(content, lexicon);
        expect(fold(said)).toBe(fold(said.slice(0, textLengthMax)));
        const name = nameOf(content, lexicon);
        if (name !== undefined) expect(name).toMatch(/^\p{L}[\p{L}\p{M}'’.\- ]{1,}$/u);
      }),
      { numRuns: 300 },
    );
  });

  it('folds its own words to themselves', () => {
    const lists = Object.values(lexicon.words).flatMap((list) => (Array.isArray(list) ? (list as string[]) : []));
    expect(lists.length).toBeGreaterThan(200);
    // A word that folding changes could never be found.
    expect(lists.filter((word) => fold(word) !== word)).toEqual([]);
  });
});
