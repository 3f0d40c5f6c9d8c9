/**
 * Variables in what is sent to many: `{{name}}` in words that people read. Works on contents as they are
 * asked for and as they are sent; ids, addresses and names of files and templates are left alone.
 */

/** Values by name. */
export type Variables = Readonly<Record<string, string>>;

/** Fields that hold words, and lists of words, wherever they are. */
const wordFields: ReadonlySet<string> = new Set(['text', 'caption', 'header', 'body', 'buttons']);

const mark = /\{\{\s*([a-zA-Z_]\w{0,59})\s*\}\}/g;

/** Names of the variables of a content, each once. */
export function variableNames(content: object): readonly string[] {
  const names = new Set<string>();
  mapWords(content, (words) => {
    for (const [, name = ''] of words.matchAll(mark)) names.add(name);
    return words;
  });
  return [...names];
}

/** The content with its variables put in; what a variable brings in is not read again. One without a value stays. */
export const withVariables = <Content extends object>(content: Content, variables: Variables): Content =>
  mapWords(content, (words) =>
    words.replace(mark, (found, name: string) => (Object.hasOwn(variables, name) ? (variables[name] ?? found) : found)),
  );

function mapWords<Content extends object>(content: Content, change: (words: string) => string): Content {
  const mapped = (value: unknown, field: string): unknown => {
    if (typeof value === 'string') return wordFields.has(field) ? change(value) : value;
    if (Array.isArray(value)) return value.map((one) => mapped(one, field));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, mapped(inner, name)]));
  };
  return mapped(content, '') as Content;
}
