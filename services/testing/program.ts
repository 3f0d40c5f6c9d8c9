/**
 * The whole program as a process of its own, for black-box tests: start, kill, restart, talk to it as
 * its users do.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The ready line. */
export interface Ready {
  readonly url: string;
  readonly tenant: string;
  readonly apiKey: string;
  readonly dataDir: string;
  readonly instances: readonly {
    readonly id: string;
    readonly provider: string;
    readonly webhook: string;
    readonly secret?: string;
    readonly headers?: Readonly<Record<string, string>>;
  }[];
}

/** A message at a simulated phone. */
export interface PhoneItem {
  readonly id: string;
  readonly type: string;
  readonly text: string;
}

/** The cluster is fourteen processes, and a test machine has two cores that others use too. */
const readyTimeoutMs = { 'main.ts': 60_000, 'cluster.ts': 110_000 } as const;
type ProgramFile = keyof typeof readyTimeoutMs;

/** The program on one data directory, through any number of lives. */
export class Program {
  readonly dataDir: string;
  /** Everything that all lives wrote to stdout and stderr. */
  output = '';
  readonly #environment: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #ready: Ready | undefined;

  readonly #file: ProgramFile;

  private constructor(dataDir: string, environment: Readonly<Record<string, string>>, file: ProgramFile) {
    this.#file = file;
    this.dataDir = dataDir;
    this.#environment = environment;
  }

  /** A program on a fresh data directory, started: everything in one process, or the cluster. */
  static async start(
    environment: Readonly<Record<string, string>> = {},
    file: ProgramFile = 'main.ts',
  ): Promise<Program> {
    const program = new Program(await mkdtemp(join(tmpdir(), 'prosa-program-')), environment, file);
    await program.start();
    return program;
  }

  get ready(): Ready {
    if (this.#ready === undefined) throw new Error('the program is not running');
    return this.#ready;
  }

  instance(provider: string): Ready['instances'][number] {
    const found = this.ready.instances.find((instance) => instance.provider === provider);
    if (found === undefined) throw new Error(`there is no ${provider} instance`);
    return found;
  }

  /** Starts a life; resolves at its ready line. */
  async start(): Promise<void> {
    const { PATH, NODE_COMPILE_CACHE } = process.env;
    const child = spawn(process.execPath, [new URL(`../${this.#file}`, import.meta.url).pathname, '--json'], {
      env: { PATH, NODE_COMPILE_CACHE, PORT: '0', PROSA_DATA_DIR: this.dataDir, ...this.#environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
      this.output += chunk.toString();
    });
    this.#ready = await new Promise<Ready>((resolve, reject) => {
      const timeout = setTimeout(() => {
        child.kill();
        reject(new Error(`not ready in time: ${errors.slice(-2_000)}`));
      }, readyTimeoutMs[this.#file]);
      createInterface({ input: child.stdout }).on('line', (line) => {
        this.output += `${line}\n`;
        clearTimeout(timeout);
        resolve(JSON.parse(line) as Ready);
      });
      child.once('exit', (code) => {
        clearTimeout(timeout);
        reject(new Error(`ended with ${code} before it was ready: ${errors.slice(-2_000)}`));
      });
    });
  }

  /** Ends this life; gives the exit code, or null when it was killed. */
  async end(signal: 'SIGTERM' | 'SIGKILL' | 'SIGINT' = 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill(signal);
    return exited;
  }

  /** Ends it for good and removes its data. */
  async close(): Promise<void> {
    await this.end('SIGTERM');
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Calls the API with the demo key. */
  async api(
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    const response = await fetch(`${this.ready.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.ready.apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(15_000),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }

  /** Writes as a simulated person; throws when it was not accepted. */
  async says(
    phone: string,
    text: string,
    messageId?: string,
  ): Promise<{ readonly eventId: string; readonly conversationId: string }> {
    const { status, body } = await this.api('POST', '/v1/simulator/messages', {
      from: phone,
      text,
      ...(messageId === undefined ? {} : { messageId }),
    });
    if (status !== 202) throw new Error(`not accepted: ${status}`);
    return body as { eventId: string; conversationId: string };
  }

  /** All that a simulated phone received. */
  async phone(phone: string): Promise<readonly PhoneItem[]> {
    const { body } = await this.api('GET', `/v1/simulator/messages?phone=${phone}&limit=200`);
    return (body as { items: PhoneItem[] }).items;
  }
}
