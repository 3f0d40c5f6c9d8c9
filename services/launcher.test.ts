/**
 * The launcher, tried on a small project of its own: a copy of the launcher, one dependency in a file
 * beside it (so nothing is fetched), and a program that tells what it saw. On the Node that runs this,
 * and on an older one where the machine has one.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));
const searchPath = process.env['PATH'] ?? '';
const pinnedFolder = join(projectRoot, '.node');

/** A Node that is too old for the program, from the places where machines have one. */
const oldNode = [...searchPath.split(delimiter), '/usr/local/bin', '/usr/bin']
  .map((folder) => join(folder, 'node'))
  .find((path) => {
    if (!existsSync(path)) return false;
    const major = Number(/^v(\d+)/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' }))?.[1]);
    return major >= 18 && major < 26;
  });
const hasOldNode = oldNode !== undefined && existsSync(pinnedFolder);
if (!hasOldNode)
  process.stderr.write('launcher.test: no Node between 18 and 25 here; what concerns it is not tested.\n');

const nodes = [
  ['this Node', process.execPath, true],
  ['an older Node', oldNode ?? '', hasOldNode],
] as const;

/** Prints what it sees; with `wait`, counts signals for a while after the first and exits with 7. */
const program = `
const { value } = await import('tiny');
const say = (what: unknown): boolean => process.stdout.write(JSON.stringify(what) + '\\n');
const wait = process.argv.includes('wait');
if (wait) {
  let signals = 0;
  const alive = setInterval(() => undefined, 1_000);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {
    signals += 1;
    if (signals > 1) return;
    setTimeout(() => { say({ signals, signal }); process.exit(7); }, 600);
  });
  process.on('disconnect', () => { say('disconnected'); clearInterval(alive); });
}
say({
  pid: process.pid,
  node: process.version,
  args: process.argv.slice(2),
  channel: process.connected === true,
  told: process.env['PROSA_LAUNCHER'],
  value,
});
if (process.argv.includes('abort')) process.kill(process.pid, 'SIGKILL');
if (!wait) process.disconnect?.();
`;

let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  // A name with a space; only its owner may enter.
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'prosa launcher-')));
  mkdirSync(join(folder, 'services'));
  copyFileSync(join(projectRoot, 'services', 'launcher.mjs'), join(folder, 'services', 'launcher.mjs'));
  writeFileSync(join(folder, 'services', 'main.ts'), program);
  if (existsSync(pinnedFolder)) symlinkSync(pinnedFolder, join(folder, '.node'));
  depend('1.0.0', 'export const value = 1;\n');
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Gives the project one dependency, packed beside it, whose install script would leave a trace. */
function depend(version: string, text: string): void {
  const source = join(folder, 'tiny', 'package');
  mkdirSync(source, { recursive: true });
  const install = `touch '${folder}/script-ran'`;
  const manifest = { name: 'tiny', version, type: 'module', exports: './index.js', scripts: { install } };
  writeFileSync(join(source, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(source, 'index.js'), text);
  const archive = join(folder, 'tiny.tgz');
  execFileSync('tar', ['-czf', archive, '-C', dirname(source), 'package']);
  const integrity = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  // A development dependency, which an environment made for production would leave out.
  writeLock({
    'node_modules/tiny': { version, resolved: 'file:tiny.tgz', integrity, dev: true, hasInstallScript: true },
  });
}

function writeLock(packages: Readonly<Record<string, object>>, tiny = 'file:tiny.tgz'): void {
  const project = { name: 'fixture', version: '0.0.0', devDependencies: { tiny } };
  const scripts = { start: 'node services/launcher.mjs start', postinstall: `touch '${folder}/script-ran'` };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...project, type: 'module', scripts }));
  const lock = { name: 'fixture', version: '0.0.0', lockfileVersion: 3, packages: { '': project, ...packages } };
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
}

function patch(version: string, edits: readonly object[]): void {
  mkdirSync(join(folder, 'patches'), { recursive: true });
  const text = `export const patch = ${JSON.stringify({ package: 'tiny', version, edits })};\n`;
  writeFileSync(join(folder, 'patches', 'tiny.mjs'), text);
}

interface Launched {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when it ended and its output is complete. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

const bare = { PATH: searchPath, NODE_ENV: 'production' };

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = bare): Launched {
  const child = spawn(command, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }));
  return { child, stdout: () => stdout, stderr: () => stderr, ended };
}

const launch = (node: string, args: readonly string[], env?: NodeJS.ProcessEnv): Launched =>
  run(node, [join(folder, 'services', 'launcher.mjs'), ...args], env);

/** Lines that the program wrote. */
const linesOf = ({ stdout }: Launched): readonly unknown[] =>
  stdout()
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));

async function launchedProgram(launched: Launched): Promise<{ pid: number }> {
  await expect.poll(() => launched.stdout(), { timeout: 25_000, interval: 20 }).toContain('\n');
  return linesOf(launched)[0] as { pid: number };
}

const setUps = (text: string): number => text.split('Installing dependencies').length - 1;

/** The program's output ends a moment before the program does. */
async function expectGone(pid: number): Promise<void> {
  await expect.poll(() => isAlive(pid), { timeout: 5_000, interval: 20 }).toBe(false);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(existsSync('/proc/self/stat') ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '');
  } catch {
    return false;
  }
}

describe.each(nodes)('on %s', (_title, node, here) => {
  const isThisNode = node === process.execPath;

  test.skipIf(!here)('installs, runs no script, starts; the next start does nothing but start', async () => {
    const first = launch(node, ['start', '--json', 'a b'], { ...bare, HOME: '/dev/null' });
    expect(await first.ended).toEqual({ code: 0, signal: null });
    expect(linesOf(first)).toEqual([
      expect.objectContaining({
        node: process.version,
        args: ['--json', 'a b'],
        channel: !isThisNode,
        value: 1,
        ...(isThisNode ? { pid: first.child.pid } : { told: '1' }),
      }),
    ]);
    expect(setUps(first.stderr())).toBe(1);
    expect(existsSync(join(folder, 'script-ran'))).toBe(false);
    // HOME cannot be written, so npm's cache is inside.
    expect(existsSync(join(folder, '.cache', 'npm'))).toBe(true);

    const second = launch(node, ['start']);
    expect(await second.ended).toEqual({ code: 0, signal: null });
    expect(second.stderr()).toBe('');
  });

  test.skipIf(!here)('passes a signal on once and ends with the program’s code', async () => {
    const launched = launch(node, ['start', 'wait']);
    const { pid } = await launchedProgram(launched);
    launched.child.kill('SIGTERM');
    if (!isThisNode) {
      await sleep(30);
      launched.child.kill('SIGTERM');
    }
    expect(await launched.ended).toEqual({ code: 7, signal: null });
    expect(linesOf(launched)[1]).toEqual({ signals: 1, signal: 'SIGTERM' });
    await expectGone(pid);
  });

  test.skipIf(!here)('through npm: standard output is the program’s alone, a signal to npm arrives', async () => {
    const env = { ...bare, PATH: `${dirname(node)}${delimiter}${searchPath}` };
    const launched = run('npm', ['start', '--silent', '--', 'wait'], env);
    const { pid } = await launchedProgram(launched);
    launched.child.kill('SIGTERM');
    await launched.ended;
    expect(linesOf(launched)).toEqual([expect.objectContaining({ args: ['wait'] }), { signals: 1, signal: 'SIGTERM' }]);
    await expectGone(pid);
  });

  test.skipIf(!here)('does not outlive npm that was killed', async () => {
    const launcher = join(folder, 'services', 'launcher.mjs');
    const npm = run('/bin/sh', ['-c', '"$@" & wait', 'sh', node, launcher, 'start', 'wait'], {
      ...bare,
      npm_lifecycle_event: 'start',
    });
    const { pid } = await launchedProgram(npm);
    npm.child.kill('SIGKILL');
    await npm.ended;
    expect(linesOf(npm)[1]).toEqual({ signals: 1, signal: 'SIGTERM' });
    await expectGone(pid);
  });

  test.skipIf(!here)('ends as the program ended: by its signal', async () => {
    expect(await launch(node, ['start', 'abort']).ended).toEqual({ code: null, signal: 'SIGKILL' });
  });
});

test.skipIf(!hasOldNode)('a killed launcher is noticed by the program', async () => {
  const launched = launch(oldNode ?? '', ['start', 'wait']);
  const { pid } = await launchedProgram(launched);
  launched.child.kill('SIGKILL');
  await launched.ended;
  expect(linesOf(launched)[1]).toBe('disconnected');
  await expectGone(pid);
});

describe('set-up', () => {
  const node = process.execPath;

  test('happens once when several start at the same time', async () => {
    const all = [1, 2, 3].map(() => launch(node, ['start']));
    for (const { ended } of all) expect(await ended).toEqual({ code: 0, signal: null });
    expect(setUps(all.map(({ stderr }) => stderr()).join(''))).toBe(1);
    expect(readdirSync(join(folder, '.cache', 'set-up'))).toEqual([]);
  });

  test('follows the lock file, and heals what an interrupted one left', async () => {
    mkdirSync(join(folder, 'node_modules', 'tiny'), { recursive: true });
    mkdirSync(join(folder, '.cache', 'set-up'), { recursive: true });
    writeFileSync(join(folder, '.cache', 'set-up', '999999999.1'), '');
    writeFileSync(join(folder, '.cache', 'set-up', `${process.pid}.1`), '');
    await launch(node, ['start']).ended;

    depend('2.0.0', 'export const value = 2;\n');
    const launched = launch(node, ['start']);
    await launched.ended;
    expect(setUps(launched.stderr())).toBe(1);
    expect(linesOf(launched)).toEqual([expect.objectContaining({ value: 2 })]);
  });

  test('takes an install that npm finished, not one without an optional part made for this machine', async () => {
    await run('npm', ['ci', '--include=dev', '--ignore-scripts']).ended;
    const adopted = launch(node, ['start']);
    await adopted.ended;
    expect(setUps(adopted.stderr())).toBe(0);
    expect(linesOf(adopted)).toHaveLength(1);

    rmSync(join(folder, 'node_modules', '.prosa-set-up.json'));
    const lockPath = join(folder, 'package-lock.json');
    const lock = JSON.parse(readFileSync(lockPath, 'utf8')) as { packages: Record<string, object> };
    const part = {
      version: '1.0.0',
      integrity: 'sha512-x',
      optional: true,
      os: [process.platform],
      cpu: [process.arch],
    };
    lock.packages['node_modules/part'] = part;
    writeFileSync(lockPath, JSON.stringify(lock));
    const renewed = launch(node, ['start'], {
      ...bare,
      npm_config_registry: 'http://127.0.0.1:9',
      npm_config_fetch_retries: '0',
    });
    await renewed.ended;
    expect(setUps(renewed.stderr())).toBeGreaterThan(0);
  });

  test('applies patches once; when they change, to the package as it came', async () => {
    const edit = { file: 'index.js', find: 'value = 1', replace: 'value = 10' };
    patch('1.0.0', [edit]);
    const value = async (): Promise<unknown> => {
      const launched = launch(node, ['start']);
      await launched.ended;
      return (linesOf(launched)[0] as { value?: unknown } | undefined)?.value;
    };
    expect(await value()).toBe(10);
    rmSync(join(folder, 'node_modules', '.prosa-set-up.json'));
    expect(await value()).toBe(10);
    patch('1.0.0', [{ ...edit, replace: 'value = 20' }]);
    expect(await value()).toBe(20);
  });

  test.each([
    ['another version', '1.0.1', 'value = 1', 'is for tiny 1.0.1, installed is 1.0.0.'],
    ['a text that is not there', '1.0.0', 'value = 3', 'occurs 0 times in node_modules/tiny/index.js, not once.'],
    ['a text that is there twice', '1.0.0', 'e', 'times in node_modules/tiny/index.js, not once.'],
  ])('refuses a patch for %s in one line', async (_title, version, find, complaint) => {
    patch(version, [{ file: 'index.js', find, replace: 'other' }]);
    const launched = launch(node, ['start']);
    expect((await launched.ended).code).toBe(1);
    const last = launched.stderr().trimEnd().split('\n').at(-1);
    expect(last).toMatch(/^prosa: patches\/tiny\.mjs/);
    expect(last).toContain(complaint);
    expect(launched.stdout()).toBe('');
    expect(existsSync(join(folder, 'node_modules', '.prosa-set-up.json'))).toBe(false);
  });

  test('patch changes what npm installed, and installs nothing itself', async () => {
    patch('1.0.0', [{ file: 'index.js', find: 'value = 1', replace: 'value = 10' }]);
    const missing = launch(node, ['patch']);
    expect((await missing.ended).code).toBe(1);
    expect(missing.stderr()).toBe('prosa: patches/tiny.mjs is for tiny 1.0.0, installed is none.\n');

    await run('npm', ['ci', '--include=dev', '--ignore-scripts']).ended;
    for (const _again of [1, 2]) expect(await launch(node, ['patch']).ended).toEqual({ code: 0, signal: null });
    expect(readFileSync(join(folder, 'node_modules', 'tiny', 'index.js'), 'utf8')).toContain('value = 10;');
    expect(existsSync(join(folder, 'node_modules', '.prosa-set-up.json'))).toBe(false);
  });

  test('says in one line that there is no connection', async () => {
    writeLock({ 'node_modules/tiny': { version: '1.0.0', integrity: 'sha512-AAAA', dev: true } }, '1.0.0');
    const offline = {
      npm_config_registry: 'http://127.0.0.1:9',
      npm_config_fetch_retries: '0',
      npm_config_cache: folder,
    };
    const launched = launch(node, ['start'], { ...bare, ...offline });
    expect((await launched.ended).code).toBe(1);
    expect(launched.stderr()).toMatch(/\nprosa: .*the package registry cannot be reached \(ECONNREFUSED\).*\n$/);
  });

  test('says in one line that there is no npm', async () => {
    // A Node by itself: whatever lies beside the one at hand is out of sight.
    mkdirSync(join(folder, 'bin'));
    copyFileSync(node, join(folder, 'bin', 'node'));
    const launched = launch(join(folder, 'bin', 'node'), ['start'], {});
    expect((await launched.ended).code).toBe(1);
    expect(launched.stderr()).toMatch(/^.*\nprosa: npm was not found.*\n$|^prosa: npm was not found.*\n$/);
  });

  test.skipIf(!hasOldNode)('a partly fetched Node is not taken for a whole one', async () => {
    rmSync(join(folder, '.node'));
    for (const version of readdirSync(pinnedFolder)) {
      mkdirSync(join(folder, '.node', version, 'node_modules'), { recursive: true });
      mkdirSync(join(folder, '.node', `${version}.new`, 'node_modules'), { recursive: true });
    }
    const offline = {
      npm_config_registry: 'http://127.0.0.1:9',
      npm_config_fetch_retries: '0',
      npm_config_cache: folder,
    };
    const launched = launch(oldNode ?? '', ['start'], { ...bare, ...offline });
    expect((await launched.ended).code).toBe(1);
    expect(launched.stderr()).toMatch(/Fetching Node .*\nprosa: Fetching Node .* cannot be reached/);
  });

  test('explains its use', async () => {
    for (const args of [[], ['toString'], ['stop']]) {
      const launched = launch(node, args);
      expect((await launched.ended).code).toBe(2);
      expect(launched.stderr()).toMatch(/^usage: /);
    }
  });
});
