// Goal: what the documents name is there. Method: every link, heading, file, route, command, setting and metric is taken
// from the text of all Markdown files and looked for in the sources; each rule is also tried on a planted mistake.
// Whether a sentence is true is beyond it: tables and numbers have tests beside the code that they are of.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

import type { ApiContext } from './api/deps.ts';
import { routesOf } from './api/routes.ts';
import { commands } from './prosa/commands.ts';
import { commonOptions } from './prosa/command.ts';

interface Document {
  /** From the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

type Rule = (document: Document) => readonly string[];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const paths = readdirSync(root, { withFileTypes: true })
  .filter(({ name }) => !/^(node_modules|\.git|\.node|\.data|\.cache)$/.test(name))
  .flatMap((entry) => (entry.isDirectory() ? pathsIn(entry.name) : [entry.name]));
const documents = paths.filter((path) => path.endsWith('.md')).map(read);
/** What is not prose, and may name a setting or a metric. */
const sources = paths
  .filter((path) => /\.(ts|mjs|ya?ml|conf|sh|example)$/.test(path) && path !== 'services/docs.test.ts')
  .map((path) => read(path).text)
  .join('\n');

function pathsIn(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      posix.join(
        ...join(entry.parentPath, entry.name)
          .slice(root.length + 1)
          .split(/[\\/]/),
      ),
    )
    .filter((path) => !path.includes('node_modules/'));
}

function read(path: string): Document {
  return { path, text: readFileSync(join(root, path), 'utf8') };
}

// ---------------------------------------------------------------------- rules

const matches = (text: string, pattern: RegExp): readonly string[] => [
  ...new Set([...text.matchAll(pattern)].map(([all, first]) => first ?? all)),
];

/** A heading as GitHub names it in addresses. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');

/** Relative links lead to a file or a folder, and to a heading of it. */
const links: Rule = ({ path, text }) =>
  matches(text, /\]\(((?!https?:)[^()\s]+)\)/g).filter((link) => {
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : posix.join(posix.dirname(path), file);
    if (!existsSync(join(root, target))) return true;
    if (anchor === undefined) return false;
    return !matches(read(target).text, /^#+ (.*)$/gm)
      .map(anchorOf)
      .includes(anchor);
  });

/** Made by `deploy/secrets.sh`, and by what fetches. */
const made = /^((deploy\/)?secrets|\.cache)\/$/;

/** Files and folders are there, however much of their path is left out. */
const files: Rule = ({ path, text }) =>
  matches(text, /`((?:[\w@.-]+\/)*(?:[\w@.-]+\.(?:ts|mjs|md|json|sh|conf|ya?ml|avsc)|[\w@.-]+\/))`/g).filter((name) => {
    const wanted = /^\.\.?\//.test(name) ? posix.join(posix.dirname(path), name) : name;
    const isThere = (one: string): boolean =>
      wanted.endsWith('/') ? `/${one}`.includes(`/${wanted}`) : `/${one}`.endsWith(`/${wanted}`);
    return !made.test(name) && !paths.some(isThere);
  });

const routes = routesOf({ runtime: {}, deps: {}, actors: {}, access: {} } as unknown as ApiContext).map(
  ({ method, path }) => `${method} ${path.replaceAll(/:\w+/g, '{}')}`,
);

/** Routes with a method are those of the API. */
const apiRoutes: Rule = ({ text }) =>
  matches(text, /\b((?:GET|POST|PUT|DELETE) \/v1\/[\w/{}-]+)/g).filter(
    (route) => !routes.includes(route.replaceAll(/\{\w*\}/g, '{}').replace(/\/$/, '')),
  );

const scripts = Object.keys((JSON.parse(read('package.json').text) as { scripts: object }).scripts);
const words = new Set(commands.flatMap(({ name }) => [name, name.split(' ')[0] ?? '']));

/** `npm run` names a script; `prosa` a command, with options that it has. */
const commandLines: Rule = ({ text }) => [
  ...matches(text, /\bnpm run (?:--silent )?([\w-]+)/g).filter((script) => !scripts.includes(script)),
  ...matches(text, /(?:npx prosa|npm run prosa --|`prosa) ([a-z][^`|#\n]*)/g).filter((line) => {
    const [first = '', second = ''] = line.trim().split(/\s+/);
    const command = [`${first} ${second}`, first].flatMap(
      (said) => commands.find(({ name }) => name === said) ?? [],
    )[0];
    if (command === undefined) return !words.has(first);
    const known = { ...command.options, ...commonOptions };
    return matches(line, /--([a-z][\w-]*)/g).some((option) => !Object.hasOwn(known, option));
  }),
];

/** Environment variables and metrics are known to some source; Python's names are its own. */
const names: Rule = ({ text }) =>
  matches(
    text.replaceAll(/```python[\s\S]*?```/g, ''),
    /\b([A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9]|wa_[a-z_]*[a-z])\b/g,
  ).filter((name) => !sources.includes(name));

const rules = { links, files, apiRoutes, commandLines, names };

// ---------------------------------------------------------------------- tests

test('every folder with a document is read', () => {
  expect(documents.map(({ path }) => path)).toEqual(
    expect.arrayContaining(['README.md', 'docs/sending.md', 'services/README.md', 'chaos/simulation/README.md']),
  );
});

describe.each(Object.entries(rules))('%s', (_name, rule) => {
  test.each(documents.map((document) => [document.path, document] as const))('%s', (_path, document) => {
    expect(rule(document)).toEqual([]);
  });
});

const planted: readonly (readonly [Rule, string, number])[] = [
  [links, '[a](services/none.ts) [b](README.md#no-such-heading) [c](#none)', 3],
  [links, '[a](services/README.md) [b](README.md#how-it-flows) [c](https://example.com/none)', 0],
  [files, '`services/none.ts`, `none/`', 2],
  [files, '`services/main.ts`, `host.ts`, `adapters/`, `.env.example`, `{a}.ts`', 0],
  [apiRoutes, '`GET /v1/none`, `PUT /v1/conversations/{id}`', 2],
  [apiRoutes, '`GET /v1/conversations/{id}/state?at=…`, `POST /v1/queues/{instance}/resume`', 0],
  [commandLines, '`npm run none`, `npx prosa none`, `prosa replay verify --none`', 3],
  [commandLines, '`npm run chaos`, `npx prosa conversations ls --json`, `prosa deliveries`', 0],
  [names, 'PROSA_NONE, wa_none_total', 2],
  [names, 'KAFKA_BROKERS, SMTP_…, wa_deliveries_total', 0],
];
test.each(planted)('a mistake is found, and nothing else: %o %s', (rule, text, count) => {
  expect(rule({ path: 'README.md', text })).toHaveLength(count);
});
