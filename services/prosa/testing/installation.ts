/** A running installation for tests of commands: the real API with every service, over a real socket. */
import type { AddressInfo } from 'node:net';

import { eventually } from '#runtime/testing/person.ts';

import type { Role } from '../../api/roles.ts';
import { type ApiWorld, openApiWorld } from '../../api/testing/api-world.ts';
import { exitCodes } from '../exit-codes.ts';
import { type Ran, type RunEnvironment, type Running, prosa, startProsa } from './prosa.ts';

/** What a program reads from a command. */
export type Body = Readonly<Record<string, unknown>>;

/** Items of a page. */
export const itemsOf = (body: Body): readonly Body[] => body['items'] as readonly Body[];

/** Results that came one by one. */
export const linesOf = (stdout: string): readonly Body[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Body);

/** An installation, and the command line on it. Command lines are words with single blanks between them. */
export class Installation {
  readonly api: ApiWorld;
  readonly url: string;
  #phones = 5_511_987_660_000;

  private constructor(api: ApiWorld) {
    this.api = api;
    this.url = `http://127.0.0.1:${(api.server.server.address() as AddressInfo).port}`;
  }

  static async open(): Promise<Installation> {
    const api = await openApiWorld();
    await api.startServices();
    return new Installation(api);
  }

  /** On an API that is there, with whatever services it has. Closes it. */
  static over(api: ApiWorld): Installation {
    return new Installation(api);
  }

  close(): Promise<void> {
    return this.api.close();
  }

  /** The environment of somebody with a key of a role. */
  as(role: Role): RunEnvironment {
    return { PROSA_URL: this.url, PROSA_API_KEY: this.api.keys[role] };
  }

  run(line: string, role: Role = 'admin'): Promise<Ran> {
    return prosa(line.split(' '), this.as(role));
  }

  start(line: string, role: Role = 'admin'): Running {
    return startProsa(line.split(' '), this.as(role));
  }

  /** What a command answers to a program; throws unless it ended well and quietly. */
  async answer(line: string, role: Role = 'admin'): Promise<Body> {
    const { code, stdout, stderr } = await this.run(`${line} --json`, role);
    if (code !== exitCodes.ok || stderr !== '') throw new Error(`${line} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout) as Body;
  }

  /** A number that nobody has written from. */
  newPhone(): string {
    return String(this.#phones++);
  }

  /** Writes as a person; gives the conversation. */
  async says(phone: string, text: string): Promise<string> {
    const { admin } = this.api.keys;
    const { status, body } = await this.api.call(admin, 'POST', '/v1/simulator/messages', { from: phone, text });
    if (status !== 202) throw new Error(`not accepted: ${status}`);
    return String(body['conversationId']);
  }

  /** A new person who says these things, each after the answer to the one before. */
  async talk(texts: readonly string[]): Promise<string> {
    const phone = this.newPhone();
    let conversation = '';
    for (const [i, text] of texts.entries()) {
      conversation = await this.says(phone, text);
      await eventually(
        () => this.api.call(this.api.keys.admin, 'GET', `/v1/conversations/${conversation}/messages`),
        ({ body }) => itemsOf(body).filter(({ status }) => status === 'sent').length > i,
      );
    }
    return conversation;
  }
}
