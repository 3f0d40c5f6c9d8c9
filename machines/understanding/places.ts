/** Brazilian states and cities as people write them. */
import { fold, textLengthMax, tokensOf } from '../conversation/lexicon.ts';

/** What was read of a place; a part that was not said is absent, and one of them is there. */
export interface PlaceReading {
  /** As it is written: "São Paulo", "Rio de Janeiro". Not looked up anywhere. */
  readonly city?: string;
  /** Two capital letters. */
  readonly state?: string;
}

/** Code, name, capital. */
const states: readonly (readonly [code: string, name: string, capital: string])[] = [
  ['AC', 'Acre', 'Rio Branco'],
  ['AL', 'Alagoas', 'Maceió'],
  ['AP', 'Amapá', 'Macapá'],
  ['AM', 'Amazonas', 'Manaus'],
  ['BA', 'Bahia', 'Salvador'],
  ['CE', 'Ceará', 'Fortaleza'],
  ['DF', 'Distrito Federal', 'Brasília'],
  ['ES', 'Espírito Santo', 'Vitória'],
  ['GO', 'Goiás', 'Goiânia'],
  ['MA', 'Maranhão', 'São Luís'],
  ['MT', 'Mato Grosso', 'Cuiabá'],
  ['MS', 'Mato Grosso do Sul', 'Campo Grande'],
  ['MG', 'Minas Gerais', 'Belo Horizonte'],
  ['PA', 'Pará', 'Belém'],
  ['PB', 'Paraíba', 'João Pessoa'],
  ['PR', 'Paraná', 'Curitiba'],
  ['PE', 'Pernambuco', 'Recife'],
  ['PI', 'Piauí', 'Teresina'],
  ['RJ', 'Rio de Janeiro', 'Rio de Janeiro'],
  ['RN', 'Rio Grande do Norte', 'Natal'],
  ['RS', 'Rio Grande do Sul', 'Porto Alegre'],
  ['RO', 'Rondônia', 'Porto Velho'],
  ['RR', 'Roraima', 'Boa Vista'],
  ['SC', 'Santa Catarina', 'Florianópolis'],
  ['SP', 'São Paulo', 'São Paulo'],
  ['SE', 'Sergipe', 'Aracaju'],
  ['TO', 'Tocantins', 'Palmas'],
];

const capitals: ReadonlyMap<string, string> = new Map(states.map(([code, , capital]) => [code, capital]));

const stateNames: ReadonlyMap<string, string> = new Map([
  ...states.flatMap(([code, name]): [string, string][] => [
    [fold(code), code],
    [fold(name), code],
  ]),
  ['minas', 'MG'],
  ['brasilia', 'DF'],
  ['rio grande do sul rs', 'RS'],
]);

/** What people call cities, where it is not their name. */
const nicknames: ReadonlyMap<string, PlaceReading> = new Map([
  ['rio', { city: 'Rio de Janeiro', state: 'RJ' }],
  ['bh', { city: 'Belo Horizonte', state: 'MG' }],
  ['beaga', { city: 'Belo Horizonte', state: 'MG' }],
  ['sampa', { city: 'São Paulo', state: 'SP' }],
  ['poa', { city: 'Porto Alegre', state: 'RS' }],
  ['floripa', { city: 'Florianópolis', state: 'SC' }],
  ['bsb', { city: 'Brasília', state: 'DF' }],
]);

const leads =
  /^(?:(?:oi|ola|bom dia|boa tarde|boa noite|eu|ah|entao|e|sou|venho|moro|resido|vivo|fico|estou|aqui|minha cidade|meu estado|a cidade|o estado|cidade|estado|municipio|uf|no|na|em|do|da|de|o|a)(?= |$) ?)+/u;

/** One of these anywhere, and it is no place's name. */
const notPlaces: ReadonlySet<string> = new Set(
  `nao sei quero queria preciso sim obrigado obrigada oi ola onde que qual porque como quando marcar agendar consulta
  cancelar atendente ajuda menu cpf email telefone capital ok http https www`.split(/\s+/u),
);

const lengthMax = 80;
const wordsMax = 8;
const particles: ReadonlySet<string> = new Set(['de', 'da', 'do', 'das', 'dos', 'e']);

/** The code of the state (UF) that the text is, by code or name, with or without accents: "sp", "Ceara", "moro em Minas". */
export function readState(text: string): string | undefined {
  const folded = fold(text.slice(0, lengthMax * 2));
  return stateIn(folded) ?? stateIn(folded.replace(leads, ''));
}

function stateIn(folded: string): string | undefined {
  const name = folded.replace(/ (?:brasil|br)$/u, '');
  const whole = stateNames.get(name);
  if (whole !== undefined) return whole;
  // "Minas Gerais (MG)".
  const twice = /^(.+) ([a-z]{2})$/u.exec(name);
  const code = stateNames.get(twice?.[2] ?? '');
  return code !== undefined && stateNames.get(twice?.[1] ?? '') === code ? code : undefined;
}

/** City, and the state where it is said: "São Paulo - SP", "sp capital", "moro em santos/sp"; undefined if it is no place's name. */
export function readCity(text: string): PlaceReading | undefined {
  const written = text
    .slice(0, textLengthMax)
    .normalize('NFC')
    .replace(/\s+/gu, ' ')
    .trim()
    .replace(/[.!]+$/u, '');
  if (written.length > lengthMax || !/^[\p{L}\p{M}'’.,()/|\s\-–—]+$/u.test(written)) return undefined;
  const folded = fold(written);
  if (
    folded === '' ||
    notPlaces.has(folded) ||
    tokensOf(folded).some((token) => token !== 'capital' && notPlaces.has(token))
  )
    return undefined;
  const isCapital = /^capital | capital$/u.test(folded);
  return (
    (isCapital ? capitalIn(folded) : undefined) ?? cityIn(isCapital ? written.replace(/ capital$/iu, '') : written)
  );
}

/** "sp capital", "capital de São Paulo". */
function capitalIn(folded: string): PlaceReading | undefined {
  const state = stateIn(folded.replace(/^capital (?:d[eoa] )?| (?:a )?capital$/gu, ''));
  const city = capitals.get(state ?? '');
  return city === undefined || state === undefined ? undefined : { city, state };
}

function cityIn(written: string): PlaceReading | undefined {
  const { name, state } = splitOf(written);
  const city = withoutLeads(name);
  const folded = fold(city);
  const nickname = nicknames.get(folded);
  if (nickname !== undefined && (state === undefined || nickname.state === state)) return nickname;
  // A bare code is a state, not a city.
  const code = folded.length === 2 ? stateNames.get(folded) : undefined;
  if (code !== undefined && state === undefined) return { state: code };
  const words = tokensOf(folded);
  if (folded.replace(/ /gu, '').length < 2 || words.length > wordsMax) return undefined;
  return { city: inTitleCase(city), ...(state === undefined ? {} : { state }) };
}

/** The state behind a mark ("Santos, São Paulo"), or its code behind a blank ("santos sp"). */
function splitOf(written: string): { readonly name: string; readonly state: string | undefined } {
  const plain = written.replace(/[\s,/\-–—(]{1,3}(?:brasil|br)\)?$/iu, '');
  const marked = /^(.*\S)\s?(?:[,/|(]|\s[-–—]\s?|[-–—](?=\p{L}{2}$))\s?([^,/|()]+)\)?$/u.exec(plain);
  const behind = marked === null ? undefined : stateIn(fold(marked[2] ?? '').replace(/^estado d[eoa] /u, ''));
  if (behind !== undefined) return { name: marked?.[1] ?? '', state: behind };
  const coded = /^(.*\S) (\p{L}{2})$/u.exec(plain);
  const code = coded === null ? undefined : stateNames.get(fold(coded[2] ?? ''));
  return code === undefined ? { name: plain, state: undefined } : { name: coded?.[1] ?? '', state: code };
}

function withoutLeads(name: string): string {
  const words = name
    .replace(/[,()/|]/gu, ' ')
    .split(' ')
    .filter((word) => /\p{L}/u.test(word));
  const folded = words.map(fold).join(' ');
  const lead = leads.exec(folded)?.[0].trim() ?? '';
  // A name may begin like a lead: "A Estrada" is left with its article where nothing else went before.
  return lead.length === folded.length ? words.join(' ') : words.slice(tokensOf(lead).length).join(' ');
}

/** Changes the case only of a name written all small or all capital. */
function inTitleCase(name: string): string {
  if (name !== name.toLowerCase() && name !== name.toUpperCase()) return name;
  return name
    .toLowerCase()
    .split(' ')
    .map((word, index) => (index > 0 && particles.has(word) ? word : capitalised(word)))
    .join(' ');
}

const capitalised = (word: string): string =>
  word.replace(/(^|[-'’.])(\p{L})/gu, (_, before: string, letter: string) => `${before}${letter.toUpperCase()}`);
