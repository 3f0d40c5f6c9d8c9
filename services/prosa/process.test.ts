// Goal: as a program: found by npx and npm on any Node, ended by Ctrl-C, quiet when its reader leaves,
// with the demo tenant's key at hand. Method: real processes, against the whole program.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { eventually } from '#runtime/testing/person.ts';

import { Program } from '../testing/program.ts';
import { exitCodes } from './exit-codes.ts';

const root = join(import.meta.dirname, '..', '..');
const bin = join(import.meta.dirname, 'prosa.mjs');
const searchPath = process.env['PATH'] ?? '';

/** A Node that is too old for the program itself, where there is one, and the right one is at hand for it. */
const oldNode = [...searchPath.split(delimiter), '/usr/local/bin', '/usr/bin']
  .map((folder) => join(folder, 'node'))
  .find((path) => {
    if (!existsSync(path) || !existsSync(join(root, '.node'))) return false;
    const major = Number(/^v(\d+)/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' }))?.[1]);
    return major >= 18 && major < 26;
  });
const nodes = [
  ['this Node', process.execPath],
  ...(oldNode === undefined ? [] : [['an older Node', oldNode] as const]),
] as const;

const phone = '5511999990011';

let program: Program;
let conversation: string;
let folder: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'prosa-process-'));
  program = await Program.start();
  for (const [i, text] of ['Oi', 'sim', 'Maria da Silva'].entries()) {
    conversation = (await program.says(phone, text)).conversationId;
    await eventually(
      () => program.phone(phone),
      (items) => items.length > i,
    );
  }
});
afterEach(() => {
  for (const child of children.splice(0))
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
});
afterAll(async () => {
  await program.close();
  rmSync(folder, { recursive: true, force: true });
});

/** No key is given: on this machine the demo tenant's is found. */
const environment = (node: string = process.execPath) => ({
  PATH: `${dirname(node)}${delimiter}${searchPath}`,
  HOME: folder,
  PROSA_URL: program.ready.url,
  PROSA_DATA_DIR: program.dataDir,
  npm_config_cache: join(folder, 'npm'),
  npm_config_registry: 'http://127.0.0.1:9',
  npm_config_fetch_retries: '0',
});

function launch(command: string, args: readonly string[], node?: string) {
  const child = spawn(command, args, { cwd: root, env: environment(node), stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
    stdout,
    stderr,
  }));
  return { child, stdout: () => stdout, ended };
}

describe.each(nodes)('on %s', (_title, node) => {
  test('the command is found, finds the key, and ends with its exit code', async () => {
    const list = await launch(node, [bin, 'conversations', 'ls', '--json'], node).ended;
    expect(list).toMatchObject({ code: exitCodes.ok, stderr: '' });
    expect(list.stdout).toContain(`"id":"${conversation}"`);
    expect(await launch(node, [bin, 'conversations', 'show', 'c_none'], node).ended).toMatchObject({
      code: exitCodes.notFound,
    });
  });

  test('Ctrl-C ends it', async () => {
    const watching = launch(node, [bin, 'conversations', 'tail', conversation], node);
    await eventually(
      async () => watching.stdout(),
      (out) => out !== '',
    );
    watching.child.kill('SIGINT');
    expect(await watching.ended).toMatchObject({ code: exitCodes.interrupted, signal: null });
  });
});

test('npx and npm run it in the folder of the repository', async () => {
  const oldest = nodes.at(-1)?.[1];
  for (const [command, ...args] of [
    ['npx', 'prosa', 'conversations', 'show', conversation, '--json'],
    ['npm', 'run', '--silent', 'prosa', '--', 'conversations', 'show', conversation, '--json'],
  ] as const) {
    const { code, stdout } = await launch(command, args, oldest).ended;
    expect(JSON.parse(stdout)).toMatchObject({
      id: conversation,
      state: { value: { assisting: { talking: 'menu' } } },
    });
    expect(code).toBe(exitCodes.ok);
  }
  const { code } = await launch('npx', ['prosa', 'conversations', 'show', 'c_none'], oldest).ended;
  expect(code).toBe(exitCodes.notFound);
});

test('a reader that has seen enough is no failure', async () => {
  const reader = '5511999990012';
  const { conversationId } = await program.says(reader, 'Oi');
  const line = `"${process.execPath}" "${bin}" conversations tail ${conversationId} --json | head -1`;
  const piped = launch('sh', ['-c', line]);
  await eventually(
    async () => piped.stdout(),
    (out) => out !== '',
  );
  // The next line finds nobody.
  await program.says(reader, 'sim');
  const { code, stdout, stderr } = await piped.ended;
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout.trim().split('\n')).toHaveLength(1);
});

test('a running installation is well', async () => {
  const { code, stdout } = await launch(process.execPath, [bin, 'doctor', '--json']).ended;
  expect(code).toBe(exitCodes.ok);
  const { checks } = JSON.parse(stdout) as {
    readonly checks: readonly { readonly name: string; readonly status: string; readonly detail: string }[];
  };
  expect(checks.filter(({ name, status }) => name !== 'port' && status !== 'ok')).toEqual([]);
  expect(checks.find(({ name }) => name === 'data folder')?.detail).toMatch(/in use by process \d+/);
});

test('dev runs everything, says so in one line, and drains', async () => {
  const data = mkdtempSync(join(folder, 'dev-'));
  const child = spawn(process.execPath, [bin, 'dev', '--json'], {
    cwd: folder,
    env: { PATH: searchPath, PORT: '0', PROSA_DATA_DIR: data },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  await eventually(
    async () => out,
    (text) => text.includes('\n'),
    60_000,
  );
  expect(JSON.parse(out)).toMatchObject({ event: 'ready', tenant: 'demo', dataDir: data });
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
}, 90_000);

describe('what if the machine were one of a file', () => {
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  const machine = pathToFileURL(join(root, 'machines', 'conversation', 'machine.ts')).href;
  const xstate = import.meta.resolve('xstate');
  /** One to each message. */
  const replies = 3;
  const run = (module: string) =>
    launch(process.execPath, [bin, 'replay', 'what-if', conversation, '--module', module, '--json']).ended;

  test('that does the same', async () => {
    const { code, stdout } = await run(write('same.mjs', `export { conversationMachine } from '${machine}';\n`));
    expect(JSON.parse(stdout)).toMatchObject({
      conversationId: conversation,
      verdicts: ['same-replies'],
      replies: { same: replies, different: 0 },
    });
    expect(code).toBe(exitCodes.ok);
  });

  test('that does otherwise', async () => {
    const text = `import { setup } from '${xstate}';
const reply = { type: 'reply', params: { content: { kind: 'text', text: 'other' } } };
export const other = setup({ actions: { reply: () => undefined } }).createMachine({
  id: 'other', context: {}, initial: 'only', states: { only: { on: { 'message.received': { actions: reply } } } },
});
`;
    const { code, stdout } = await run(write('other.mjs', text));
    expect(code).toBe(exitCodes.differs);
    expect(JSON.parse(stdout)).toMatchObject({
      verdicts: expect.arrayContaining(['different-replies', 'state-unreachable']) as string[],
      replies: { different: replies },
      unreached: expect.arrayContaining(['assisting.talking.menu']) as string[],
    });
  });

  test('that is none', async () => {
    for (const [name, text] of [
      ['none.mjs', 'export const a = 1;\n'],
      ['broken.mjs', 'export const a = ;\n'],
    ] as const) {
      expect(await run(write(name, text))).toMatchObject({ code: exitCodes.usage, stdout: '' });
    }
    expect(await run('/nonexistent.mjs')).toMatchObject({ code: exitCodes.usage });
  });
});
