/**
 * House rules that no compiler knows. Each is a function over one file (or the list of files) that
 * gives complaints; each complaint says what to do instead. Every rule is also tried on a planted
 * violation, and the suite asserts that it saw the files it is about.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';
import { describe, expect, test } from 'vitest';

import { topicTable } from '#schemas/topics.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A source file by its path from the root, with forward slashes. */
interface SourceFile {
  readonly path: string;
  readonly text: string;
}

type FileRule = (file: SourceFile) => readonly string[];

const isTest = (path: string): boolean => path.endsWith('.test.ts');
/** Tests and what only they use: contract cases, harnesses of adapters, everything in testing/. */
const isTesting = (path: string): boolean => isTest(path) || /(\/testing\/|\.cases\.ts$|\/harness\.ts$)/.test(path);
/** `services/api/routes.ts` → `api`; undefined for what is not in a service's folder. */
const serviceOf = (path: string): string | undefined => {
  const name = /^services\/([^/]+)\//.exec(path)?.[1];
  return name === 'runtime' || name === 'testing' ? undefined : name;
};

// ---------------------------------------------------------------------- rules

/** Who may import whom: schemas ← machines ← services; services meet on topics. */
const layers: FileRule = (file) =>
  importsOf(file).flatMap((target) => {
    const advice = layerAdvice(file.path, target);
    return advice === undefined ? [] : [`${file.path} imports ${target}: ${advice}`];
  });

function layerAdvice(path: string, target: string): string | undefined {
  const to = (folder: string): boolean => target.startsWith(folder);
  const ours = /^(schemas|machines|services|bench|chaos|simulator|evals|console)\//.test(target);
  const tries = /^(bench|chaos|simulator|evals)\//.test(path);
  if (ours && !isTesting(path) && !tries && isTesting(target))
    return 'only tests, bench/, chaos/, evals/ and simulator/ use what is in testing/.';
  if (to('services/launcher') && path !== 'services/prosa/prosa.mjs')
    return 'the launcher runs before anything else; start it as a process.';
  if (path.startsWith('schemas/')) {
    return ours && !to('schemas/') ? 'schemas depend on nothing of ours; move the type here.' : undefined;
  }
  if (path.startsWith('machines/')) {
    if (ours) return to('machines/') || to('schemas/') ? undefined : 'a machine is pure; let it name an action.';
    // Number plans are tables and their look-up: no clock, no I/O.
    if (isTesting(path) || target === 'xstate' || target === 'libphonenumber-js/max') return undefined;
    return 'a machine uses xstate alone; what it needs comes as data of an event.';
  }
  if (isTest(path)) return undefined;
  if (path.startsWith('services/runtime/')) return runtimeAdvice(target);
  if (isTesting(path)) return undefined;
  const service = serviceOf(path);
  // Set-up makes the demo tenant; the command line starts the program and speaks the API's types.
  if (service === undefined || service === 'set-up' || service === 'prosa' || !to('services/')) return undefined;
  const near = to('services/runtime/') || to(`services/${service}/`);
  return near ? undefined : 'services meet on topics; shared code belongs in services/runtime.';
}

function runtimeAdvice(target: string): string | undefined {
  if (target.startsWith('machines/') && target !== 'machines/machine.ts') {
    return 'the runtime knows no particular machine; take it as an argument.';
  }
  if (target.startsWith('services/') && !target.startsWith('services/runtime/')) {
    return 'the runtime knows no service; take what you need as an argument.';
  }
  return undefined;
}

/** Where a client library may appear besides adapters/ folders and tests. */
const clientHomes: Readonly<Record<string, RegExp | undefined>> = {
  kafkajs: undefined,
  ioredis: undefined,
  nodemailer: undefined,
  undici: undefined,
  openai: undefined,
  pg: /^services\/runtime\/database\//,
  avsc: /^schemas\/codec\.ts$/,
  testcontainers: /^services\/runtime\/components\//,
};

/** Libraries that speak to the outside stay behind a port. */
const clients: FileRule = ({ path, text }) =>
  importsOf({ path, text }).flatMap((target) => {
    const name = target.split('/')[0] ?? '';
    if (!Object.hasOwn(clientHomes, name) || path.includes('/adapters/') || isTesting(path)) return [];
    if (clientHomes[name]?.test(path) === true) return [];
    return [`${path} imports ${name}: put it behind a port, in an adapters/ folder.`];
  });

/** The environment is read, checked and frozen in one place. */
const environment: FileRule = ({ path, text }) => {
  if (path === 'services/runtime/config.ts' || path === 'services/launcher.mjs' || isTesting(path)) return [];
  const reads = nodesOf({ path, text }).filter(
    (node) =>
      ts.isPropertyAccessExpression(node) &&
      node.name.text === 'env' &&
      ts.isIdentifier(node.expression) &&
      node.expression.text === 'process',
  );
  return reads.map(() => `${path} reads the environment: add a setting to services/runtime/config.ts.`);
};

const topicNames: readonly string[] = topicTable.map(({ name }) => name);

/** Names of topics are spelt once. */
const topicLiterals: FileRule = ({ path, text }) => {
  if (path === 'schemas/topics.ts') return [];
  return nodesOf({ path, text }).flatMap((node) =>
    ts.isStringLiteralLike(node) && topicNames.includes(node.text)
      ? [`${path} spells '${node.text}': use topics from schemas/topics.ts.`]
      : [],
  );
};

/** Nothing is left for later, and no test is left out or alone. */
const leftovers: FileRule = ({ path, text }) => {
  const later = /\b(T[O]DO|F[I]XME|X[X]X)\b/.exec(text)?.[0];
  const alone = /\b(?:describe|suite|it|test)\.(?:only|skip|todo|fails)\b/.exec(text)?.[0];
  return [
    ...(later === undefined ? [] : [`${path} has a ${later}: do it now, or open an issue.`]),
    ...(alone === undefined ? [] : [`${path} has ${alone}: run all tests, or use skipIf with its reason.`]),
  ];
};

/** A thing lives where its noun lives. */
const folderNames: FileRule = ({ path }) => {
  const vague = path.split('/').find((part) => /^(utils?|common|helpers?|shared|misc|lib|types)$/.test(part));
  return vague === undefined ? [] : [`${path} is in ${vague}/: name the folder after the thing in it.`];
};

/** A folder is a service if and only if it can be started. */
const serviceFolders = (files: readonly SourceFile[]): readonly string[] => {
  const paths = new Set(files.map(({ path }) => path));
  const services = new Set(files.flatMap(({ path }) => serviceOf(path) ?? []));
  return [...services]
    .filter((name) => !paths.has(`services/${name}/main.ts`))
    .map((name) => `services/${name} has no main.ts: add it, or move the folder to services/runtime.`);
};

// -------------------------------------------------------------------- reading

/** Targets of a file's imports: paths from the root for files of ours, names for packages. */
function importsOf({ path, text }: SourceFile): readonly string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => {
    if (fileName.startsWith('.')) return posix.join(posix.dirname(path), fileName);
    return fileName.replace(/^#runtime\//, 'services/runtime/').replace(/^#/, '');
  });
}

/** Every node of a file's syntax tree; kept, since several rules ask. */
function nodesOf({ path, text }: SourceFile): readonly ts.Node[] {
  const known = nodesByText.get(text);
  if (known !== undefined) return known;
  const found: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    found.push(node);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.ES2024, false));
  nodesByText.set(text, found);
  return found;
}

const nodesByText = new Map<string, readonly ts.Node[]>();

function readFiles(): readonly SourceFile[] {
  return ['schemas', 'machines', 'services', 'bench', 'chaos', 'simulator', 'evals', 'console', 'deploy', 'patches']
    .flatMap((folder) => pathsIn(folder))
    .filter((path) => /\.(ts|mjs)$/.test(path))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

function pathsIn(folder: string): readonly string[] {
  try {
    return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
      .filter((path) => !path.includes('node_modules/'));
  } catch {
    // console/ comes later.
    return [];
  }
}

// ---------------------------------------------------------------------- tests

const fileRules = { layers, clients, environment, topicLiterals, leftovers, folderNames };

describe('the house rules', () => {
  const files = readFiles();

  test('see every layer', () => {
    const paths = files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'schemas/topics.ts',
        'machines/machine.ts',
        'services/runtime/errors.ts',
        'services/main.ts',
        'services/launcher.mjs',
        'services/tidy.test.ts',
      ]),
    );
    expect(files.flatMap(importsOf)).toContain('schemas/topics.ts');
    expect(topicNames).toHaveLength(new Set(topicNames).size);
    expect(topicNames).not.toHaveLength(0);
  });

  test.each(Object.entries(fileRules))('%s', (_name, rule) => {
    expect(files.flatMap((file) => rule(file))).toEqual([]);
  });

  test('serviceFolders', () => {
    expect(serviceFolders(files)).toEqual([]);
  });
});

describe('a planted violation is found', () => {
  const leftover = ['TO', 'DO'].join('');
  const alone = ['test', 'only'].join('.');
  const topic = topicNames[0] ?? '';

  const planted: readonly (readonly [FileRule, string, string])[] = [
    [layers, 'schemas/a.ts', `import type { M } from '#machines/machine.ts';`],
    [layers, 'machines/a/a.ts', `import { f } from '#runtime/errors.ts';`],
    [layers, 'machines/a/a.ts', `import { f } from '../../services/api/routes.ts';`],
    [layers, 'machines/a/a.ts', `import { readFile } from 'node:fs/promises';`],
    [layers, 'machines/a/a.ts', `const m = await import('zod');`],
    [layers, 'machines/a/a.test.ts', `import { f } from '#runtime/errors.ts';`],
    [layers, 'services/runtime/a.ts', `import { m } from '#machines/conversation/machine.ts';`],
    [layers, 'services/runtime/a.ts', `import { m } from '../api/routes.ts';`],
    [layers, 'services/runtime/a.ts', `import { m } from './testing/echo-machine.ts';`],
    [layers, 'services/api/a.ts', `export { m } from '../sender/sender.ts';`],
    [layers, 'services/api/a.ts', `import { m } from '#runtime/testing/person.ts';`],
    [layers, 'services/api/a.ts', `import '../launcher.mjs';`],
    [clients, 'services/api/a.ts', `import pg from 'pg';`],
    [clients, 'services/runtime/log/a.ts', `import { Kafka } from 'kafkajs';`],
    [clients, 'services/sender/a.ts', `import { request } from 'undici';`],
    [clients, 'schemas/a.ts', `import avro from 'avsc';`],
    [clients, 'services/effects/model/a.ts', `import OpenAI from 'openai';`],
    [clients, 'bench/a.ts', `import { Pool } from 'undici';`],
    [clients, 'services/runtime/a.ts', `import { K } from 'testcontainers/build/x.js';`],
    [environment, 'services/api/a.ts', `export const home = process.env['HOME'];`],
    [topicLiterals, 'services/api/a.ts', `export const t = '${topic}';`],
    [topicLiterals, 'services/api/a.test.ts', `export const t = \`${topic}\`;`],
    [leftovers, 'services/api/a.ts', `// ${leftover}: later`],
    [leftovers, 'services/api/a.test.ts', `${alone}('x', () => undefined);`],
    [folderNames, 'services/api/utils/a.ts', ''],
  ];
  test.each(planted)('%o %s %s', (rule, path, text) => {
    expect(rule({ path, text })).toHaveLength(1);
  });

  const welcome: readonly (readonly [FileRule, string, string])[] = [
    [layers, 'machines/a/a.ts', `import { setup } from 'xstate'; import { t } from '#schemas/topics.ts';`],
    [layers, 'services/runtime/a.ts', `import type { M } from '#machines/machine.ts';`],
    [layers, 'services/api/a.ts', `import { m } from '#runtime/errors.ts'; import { n } from './b.ts';`],
    [layers, 'services/api/a.test.ts', `import { m } from '../sender/sender.ts';`],
    [layers, 'services/main.ts', `import { m } from './sender/sender.ts';`],
    [layers, 'bench/a.ts', `import { f } from '#runtime/testing/fake-waha.ts';`],
    [clients, 'services/sender/adapters/waha.ts', `import { request } from 'undici';`],
    [clients, 'services/runtime/database/a.ts', `import pg from 'pg';`],
    [environment, 'services/api/a.ts', `// process.env is read elsewhere\nexport const text = 'process.env';`],
    [topicLiterals, 'services/api/a.ts', `// ${topic}`],
    [leftovers, 'services/api/a.test.ts', `describe.skipIf(true)('x', () => undefined);`],
  ];
  test.each(welcome)('and what is allowed is not: %o %s %s', (rule, path, text) => {
    expect(rule({ path, text })).toEqual([]);
  });

  test('a service that cannot be started', () => {
    const file = (path: string): SourceFile => ({ path, text: '' });
    expect(serviceFolders([file('services/api/a.ts'), file('services/runtime/a.ts')])).toHaveLength(1);
    expect(serviceFolders([file('services/api/a.ts'), file('services/api/main.ts')])).toEqual([]);
  });
});
