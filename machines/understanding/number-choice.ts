/** A choice from a numbered list. */
import { fold, tokensOf } from '../conversation/lexicon.ts';

const table = (words: string): ReadonlyMap<string, number> =>
  new Map(
    words.split(',').flatMap((each, index) =>
      each
        .trim()
        .split(/\s+/u)
        .map((word): [string, number] => [word, index + 1]),
    ),
  );

/** From 1 on, the words of all languages. */
const cardinals = table(`um uma one uno una, dois duas two dos, tres three, quatro four cuatro, cinco five, seis six,
  sete seven siete, oito eight ocho, nove nine nueve, dez ten diez`);
const ordinals = table(`primeiro primeira first primero primera primer 1o 1a 1st, segundo segunda second 2o 2a 2nd,
  terceiro terceira third tercero tercera tercer 3o 3a 3rd, quarto quarta fourth cuarto cuarta 4o 4a 4th,
  quinto quinta fifth 5o 5a 5th, sexto sexta sixth 6o 6a 6th, setimo setima seventh septimo septima 7o 7a 7th,
  oitavo oitava eighth octavo octava 8o 8a 8th, nono nona ninth noveno novena 9o 9a 9th,
  decimo decima tenth 10o 10a 10th`);
const last: ReadonlySet<string> = new Set(['ultimo', 'ultima', 'last', 'derradeira']);
const lastButOne: ReadonlySet<string> = new Set(['penultimo', 'penultima']);

/** Mean nothing beside a choice. No "as", no "dia": "às 2" and "dia 2" are times. */
const fillers: ReadonlySet<string> = new Set(
  `a o os la el lo the e eh eu i ll can may opcao opcion option alternativa numero number num nr item horario slot
  essa esse esta este this that quero queria escolho escolhi prefiro prefere preferia pode podes ser fico com vou de da do
  gostaria por favor pf pfv pls please obrigado obrigada obg thanks gracias quiero elijo prefiero want d like take
  ok okay sim si yes entao acho que pra mim para me marca marque marcar agenda agendar oi ola`.split(/\s+/u),
);

/** Words that are weighed; a longer text is no choice. */
const tokensMax = 10;

/**
 * The entry of a list of `count` that the whole text chooses, from 1: "2", "a segunda", "opção 2", "o último",
 * "the first one"; in all languages. Undefined if it says none, several, or one that is not there.
 */
export function readChoice(text: string, count: number): number | undefined {
  const tokens = tokensOf(fold(text)).filter((token) => !/\p{Extended_Pictographic}/u.test(token) || /\d/u.test(token));
  if (tokens.length > tokensMax) return undefined;
  const left = tokens.filter((token) => !fillers.has(token));
  // "The second one", "la primera una".
  const said =
    left.length > 1 && (ordinals.has(left[0] ?? '') || last.has(left[0] ?? '')) && left.at(-1) === 'one'
      ? left.slice(0, -1)
      : left;
  const [only = ''] = said;
  const chosen = said.length === 1 ? numberOf(only, count) : undefined;
  return chosen !== undefined && chosen >= 1 && chosen <= count ? chosen : undefined;
}

function numberOf(word: string, count: number): number | undefined {
  if (/^\d{1,3}$/u.test(word)) return Number(word);
  if (last.has(word)) return count;
  if (lastButOne.has(word)) return count - 1;
  return ordinals.get(word) ?? cardinals.get(word);
}
