/**
 * Answers of a model, before anybody sees them: no links but the tenant's, no formatting, no CPF, no other language.
 * What cannot be made right is refused.
 */
import { containsCpf } from '#machines/understanding/brazilian-ids.ts';

import { languageOf } from './policy.ts';

/** The answer as it may be shown; undefined when it may not. */
export function shownAnswer(
  text: string,
  { locale, linksAllowed = [] }: { readonly locale: string; readonly linksAllowed?: readonly string[] | undefined },
): string | undefined {
  const cleaned = withoutLinks(withoutMarkup(text), linksAllowed)
    .replace(/[^\S\n]+/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .replace(/\( ?\)|\[ ?\]/g, '')
    .trim();
  if (!/\p{L}/u.test(cleaned) || containsCpf(cleaned) || isInOtherLanguage(cleaned, locale)) return undefined;
  return cleaned;
}

/** Pictures, link texts, HTML, code, headings, tables, emphasis, and what is not seen. */
const withoutMarkup = (text: string): string =>
  text
    .replace(/[\p{Cf}\p{Co}\p{Cn}]|[\p{Cc}--[\n\t]]/gv, '')
    .replace(/!\[[^\]\n]*\]\([^)\n]*\)/g, '')
    .replace(/\[([^\]\n]*)\]\(([^)\n]*)\)/g, '$1 $2')
    .replace(/<\/?[a-z!][^>\n]*>/gi, '')
    .replace(/^[ \t]*(?:#{1,6}|>+|[-=*_|:]{3,})[ \t]*/gm, '')
    .replace(/[`*~|]+/g, '')
    .replace(/(?<![\p{L}\p{N}/])_+|_+(?![\p{L}\p{N}/])/gu, '');

/** With a scheme, or a name that a phone makes a link of. */
const link =
  /\b[a-z][a-z\d+.-]{1,20}:\/\/[^\s<>"]+|\b(?:javascript|data|mailto|tel|sms|whatsapp|intent):[^\s<>"]+|(?<![\p{L}\p{N}@.-])(?:[\p{L}\p{N}-]+\.)+\p{L}{2,24}(?::\d{1,5})?(?:\/[^\s<>"]*|(?![\p{L}\p{N}@-]))/giu;

function withoutLinks(text: string, allowed: readonly string[]): string {
  return text.replace(link, (found) => {
    const bare = found.replace(/[.,;:!?)\]}'»”]+$/u, '');
    // "amanhã.Depois": a full stop without a space after it.
    if (!bare.includes('/') && !bare.includes(':') && !isDomain(bare)) return found;
    return allowed.some((start) => isBelow(bare, start)) ? found : '';
  });
}

/** Top-level names that are words' ends too are none where no path follows; these are names of the web. */
const isDomain = (text: string): boolean =>
  /^(?:www\..+|.+\.(?:com|net|org|gov|edu|info|biz|app|dev|site|online|link|shop|store|club|xyz|top|live|io|co|me|ly|gl|br|pt|us|uk|ar|mx|es|cl|pe|uy|py|tv|cc|to|ai|ru|cn))$/iu.test(
    text,
  );

/** True for the same origin and a path below: "https://clinic.example.evil.io" is not below "https://clinic.example". */
function isBelow(text: string, start: string): boolean {
  const [url, allowed] = [URL.parse(text), URL.parse(start)];
  if (url === null || allowed === null || url.origin === 'null' || url.username !== '' || url.password !== '')
    return false;
  if (url.origin !== allowed.origin || !url.href.startsWith(allowed.href)) return false;
  const rest = url.href.slice(allowed.href.length);
  return rest === '' || allowed.href.endsWith('/') || /^[/?#]/.test(rest);
}

/** Words that one language has and the others have not. */
const markers: Readonly<Record<string, ReadonlySet<string>>> = {
  pt: new Set(
    'não são você vocês uma com em do da dos das no na nos nas ao às até é também pelo pela isso seu sua há será serão ou mais'.split(
      ' ',
    ),
  ),
  en: new Set(
    'the is are and of to in at for from until on with you your this that will be it not or by we can'.split(' '),
  ),
  es: new Set(
    'el los las y con del al hasta usted ustedes también es son en por su hay será serán o más una lo pero'.split(' '),
  ),
};

/** Words in one language more than in the expected one that say that it is another. */
const markersMin = 3;

/** True when it is plainly in another language; short answers never are. */
export function isInOtherLanguage(text: string, locale: string): boolean {
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? [];
  // Letters of another script than the one that all three are written in.
  const foreign = words.filter((word) => !/^\p{Script=Latin}+$/u.test(word)).length;
  if (foreign > words.length / 2) return true;
  const count = (language: string) => words.filter((word) => markers[language]?.has(word) === true).length;
  const own = languageOf(locale);
  const most = Math.max(...Object.keys(markers).map((language) => (language === own ? 0 : count(language))));
  return most >= markersMin && most > 2 * count(own);
}
