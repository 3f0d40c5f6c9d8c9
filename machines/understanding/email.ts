/** E-mail addresses as people type them, or say them to a transcription. */
import { textLengthMax } from '../conversation/lexicon.ts';

/** What was read of an address. `hint` is the whole address as it was probably meant: to be asked, not taken. */
export type EmailReading =
  /** The domain is in lower case; the part before it as it was typed. */
  | { readonly kind: 'ok'; readonly email: string; readonly hint?: string }
  | { readonly kind: 'invalid'; readonly hint?: string }
  | { readonly kind: 'none' };

/** RFC 5321, 4.5.3.1. */
const addressLengthMax = 254;
const localLengthMax = 64;

/** The e-mail address in a text. Two that differ are invalid: ask which one. */
export function readEmail(text: string): EmailReading {
  const found = [...new Set(addressesIn(text.slice(0, textLengthMax)))];
  const [written] = found;
  if (written === undefined) return { kind: looksLikeDomain(text.slice(0, textLengthMax)) ? 'invalid' : 'none' };
  if (found.length > 1) return { kind: 'invalid' };
  const at = written.lastIndexOf('@');
  const local = written.slice(0, at);
  const domain = written.slice(at + 1).toLowerCase();
  const meant = meantDomain(domain);
  const hint = meant === undefined || !isAddress(local, meant) ? {} : { hint: `${local}@${meant}` };
  return isAddress(local, domain) ? { kind: 'ok', email: `${local}@${domain}`, ...hint } : { kind: 'invalid', ...hint };
}

/** Everything with an @, without what stands around it; spoken signs are written first. */
function addressesIn(text: string): readonly string[] {
  const plain = text
    .normalize('NFKC')
    .slice(0, textLengthMax)
    .replace(/\p{Cf}/gu, '');
  const written = plain.includes('@') ? plain : spelled(plain);
  const runs = written.replace(/ ?@ ?/gu, '@').match(/[^\s<>()[\],;:"“”|\\]*@[^\s<>()[\],;:"“”|\\]*/gu) ?? [];
  return runs.map((run) => run.replace(/^['‘*.]+/u, '').replace(/['’*.!?]+$/u, '')).filter((run) => run !== '@');
}

/** "ana ponto souza arroba gmail ponto com" with its signs. */
function spelled(text: string): string {
  if (!/ (?:arroba|at) /iu.test(text)) return text;
  return text
    .replace(/ (?:arroba|at) (?=\S+ (?:ponto|punto|dot) )/iu, '@')
    .replace(/(?<=\S) (?:ponto|punto|dot) (?=\S)/giu, '.')
    .replace(/(?<=\S) (?:underline|sublinhado|underscore) (?=\S)/giu, '_')
    .replace(/(?<=\S) (?:traco|traço|hifen|hífen|guion|dash) (?=\S)/giu, '-');
}

/** True if the whole text would be an address but for the @: "ana.gmail.com". */
const looksLikeDomain = (text: string): boolean => /^\s*[a-z\d._-]{1,64}\.com(?:\.br)?\s*$/iu.test(text);

function isAddress(local: string, domain: string): boolean {
  if (local.length > localLengthMax || local.length + 1 + domain.length > addressLengthMax) return false;
  const isLocal = /^[a-z\d!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z\d!#$%&'*+/=?^_`{|}~-]+)*$/iu.test(local);
  const labels = domain.split('.');
  const areLabels = labels.every((label) => /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/u.test(label));
  return isLocal && areLabels && labels.length > 1 && /^[a-z]{2,}$/u.test(labels.at(-1) ?? '');
}

/** Providers of mailboxes and the ends that their domains have; `*` is any country's besides. */
const providers: ReadonlyMap<string, readonly string[]> = new Map([
  ['gmail', ['com']],
  ['hotmail', ['com', '*']],
  ['outlook', ['com', '*']],
  ['yahoo', ['com', 'com.br', '*']],
  ['icloud', ['com']],
  ['protonmail', ['com', '*']],
  ['live', ['com', '*']],
  ['msn', ['com']],
  ['uol', ['com.br']],
  ['bol', ['com.br']],
  ['terra', ['com.br', 'com', '*']],
  ['globo', ['com']],
]);

/** Near enough to a provider's name to be taken for a slip, but a provider of its own. */
const realNames: ReadonlySet<string> = new Set(['mail', 'email', 'ymail', 'gmx', 'fmail', 'tera', 'globe']);

/** Ends that are slips, and what they are slips of. */
const slippedEnds: ReadonlyMap<string, string> = new Map([
  ...'con cmo ocm comm vom xom cpm cim clm coom comn conm ccom com.com coml c0m'
    .split(' ')
    .map((end) => [end, 'com'] as const),
  ...'com.rb com.b com.r com.bt com.brr con.br combr co.br cm.br com.be.br comm.br cmo.br vom.br com.vr com.nr com.br.br'
    .split(' ')
    .map((end) => [end, 'com.br'] as const),
]);

/** Names shorter than this are too near to other words to be guessed at. */
const guessedNameMin = 5;

/** The domain that was probably meant; undefined if it is fine, for all that is known. */
function meantDomain(domain: string): string | undefined {
  const dot = domain.indexOf('.');
  const name = dot < 0 ? domain : domain.slice(0, dot);
  const end = dot < 0 ? '' : domain.slice(dot + 1);
  const meantName = providers.has(name) || realNames.has(name) ? name : (nearProvider(name) ?? name);
  const meantEnd = endOf(meantName, slippedEnds.get(end) ?? end);
  const meant = `${meantName}.${meantEnd}`;
  return meantEnd === '' || meant === domain ? undefined : meant;
}

/** The provider's first end where the one that was typed is none of its own. */
function endOf(name: string, end: string): string {
  const ends = providers.get(name);
  if (ends === undefined || ends.includes(end)) return end;
  const isCountry = /^(?:com?\.)?[a-z]{2}$/u.test(end) && end !== 'co' && end !== 'cm';
  return isCountry && ends.includes('*') ? end : (ends[0] ?? end);
}

const nearProvider = (name: string): string | undefined =>
  name.length > 16
    ? undefined
    : [...providers.keys()].find((known) => known.length >= guessedNameMin && isOneSlip(name, known));

/** True if one letter too many, too few, wrong, or swapped with the next makes the difference. */
function isOneSlip(typed: string, meant: string): boolean {
  let start = 0;
  while (start < typed.length && typed[start] === meant[start]) start += 1;
  const rest = (text: string, from: number): string => text.slice(from);
  return (
    rest(typed, start + 1) === rest(meant, start) ||
    rest(typed, start) === rest(meant, start + 1) ||
    rest(typed, start + 1) === rest(meant, start + 1) ||
    (typed[start] === meant[start + 1] &&
      typed[start + 1] === meant[start] &&
      rest(typed, start + 2) === rest(meant, start + 2))
  );
}
