/**
 * The steps of deploy/Dockerfile, done in a plain folder where no image can be had: COPY copies what
 * .dockerignore lets through, RUN runs. Knows the instructions that the file has, and refuses others.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { basename, delimiter, dirname, join, matchesGlob, relative } from 'node:path';

import { projectFolder } from './compose-file.ts';

/** An instruction, its continued lines joined. */
export interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** A built stage: what a container would have at `/`, and how it would run. */
export interface BuiltStage {
  readonly root: string;
  readonly workFolder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly user: string | undefined;
  readonly command: readonly string[];
}

/** The instructions of deploy/Dockerfile. */
export function readDockerfile(): readonly Instruction[] {
  const text = readFileSync(join(projectFolder, 'deploy', 'Dockerfile'), 'utf8').replaceAll(/\\\n/g, ' ');
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      const [name = '', ...rest] = line.trim().split(/\s+/);
      return { name, rest: rest.join(' ') };
    });
}

/** Builds the last stage below `folder`. Throws with the output of a step that failed. */
export function buildStages(folder: string, instructions: readonly Instruction[]): BuiltStage {
  const built = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const { name, rest } of instructions) {
    if (name === 'FROM') {
      const title = / AS (\w+)$/.exec(rest)?.[1] ?? 'final';
      stage = new Stage(join(folder, title), built);
      built.set(title, stage);
    } else if (stage === undefined) throw new Error(`${name} before FROM`);
    else stage.take(name, rest);
  }
  if (stage === undefined) throw new Error('there is no stage');
  return stage;
}

class Stage implements BuiltStage {
  readonly root: string;
  workFolder: string;
  readonly environment: Record<string, string> = {};
  user: string | undefined;
  command: readonly string[] = [];
  readonly #others: ReadonlyMap<string, Stage>;

  constructor(root: string, others: ReadonlyMap<string, Stage>) {
    this.root = root;
    this.workFolder = root;
    this.#others = others;
    mkdirSync(root, { recursive: true });
  }

  take(name: string, rest: string): void {
    if (name === 'WORKDIR') mkdirSync((this.workFolder = this.#pathOf(rest)), { recursive: true });
    else if (name === 'COPY') this.#copy(rest);
    else if (name === 'RUN') this.#run(rest);
    else if (name === 'ENV') this.#set(rest);
    else if (name === 'USER') this.user = rest;
    else if (name === 'CMD') this.command = JSON.parse(rest) as string[];
    else if (name !== 'LABEL' && name !== 'EXPOSE') throw new Error(`${name} is not known here`);
  }

  #set(rest: string): void {
    const [name = '', ...value] = rest.split('=');
    this.environment[name] = value.join('=').replace(/^"(.*)"$/, '$1');
  }

  #pathOf(path: string): string {
    return path.startsWith('/') ? join(this.root, path) : join(this.workFolder, path);
  }

  #copy(rest: string): void {
    const words = rest.split(' ');
    const from = words[0]?.startsWith('--from=') === true ? words.shift()?.slice('--from='.length) : undefined;
    const other = from === undefined ? undefined : this.#others.get(from);
    if (from !== undefined && other === undefined) throw new Error(`there is no stage ${from}`);
    const target = words.pop() ?? '';
    for (const source of words) {
      const path = other === undefined ? join(projectFolder, source) : join(other.root, source);
      const destination = this.#pathOf(target.endsWith('/') ? join(target, basename(source)) : target);
      mkdirSync(dirname(destination), { recursive: true });
      const filter = (file: string): boolean => !isIgnored(relative(projectFolder, file));
      cpSync(path, destination, { recursive: true, verbatimSymlinks: true, ...(other === undefined && { filter }) });
    }
  }

  #run(command: string): void {
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], {
      cwd: this.workFolder,
      encoding: 'utf8',
      env: {
        ...this.environment,
        // The Node of the image is the one that runs this.
        PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
        HOME: process.env['HOME'],
        npm_config_cache: process.env['npm_config_cache'],
        // This machine's registry, proxy and certificates; the npm of the image would look beside itself for them.
        npm_config_globalconfig: process.env['npm_config_globalconfig'],
        npm_config_userconfig: process.env['npm_config_userconfig'],
        NODE_EXTRA_CA_CERTS: process.env['NODE_EXTRA_CA_CERTS'],
        // What was installed here is in npm's cache.
        npm_config_prefer_offline: 'true',
      },
    });
    if (status !== 0) throw new Error(`RUN ${command} ended with ${String(status)}:\n${stdout}\n${stderr}`);
  }
}

const ignorePatterns = readFileSync(join(projectFolder, '.dockerignore'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => ({ glob: line.replace(/^!/, ''), ignores: !line.startsWith('!') }));

/**
 * Whether .dockerignore keeps a path (from the root) out: the last pattern that fits the path or a
 * folder above it decides (moby's patternmatcher).
 */
export function isIgnored(path: string): boolean {
  const parts = path.split('/');
  const heads = parts.map((_part, index) => parts.slice(0, index + 1).join('/'));
  // Docker's `*` takes names that begin with a dot too.
  const undotted = heads.map((head) => head.replaceAll(/(^|\/)\./g, '$1_'));
  const last = ignorePatterns.findLast(({ glob }) => undotted.some((head) => matchesGlob(head, glob)));
  return last?.ignores ?? false;
}

/** Every file below a folder, by its path from there. */
export const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
