// Goal: every command of the README does what it says. Method: the shell lines are taken from the
// text and run by a shell against the program; the two npm commands are run by the launcher's test
// and by CI itself.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { eventually } from '#runtime/testing/person.ts';

import { Program } from './testing/program.ts';

const run = promisify(execFile);
const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const lines = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap((match) => (match[1] ?? '').trim().split('\n'));

let program: Program;
beforeAll(async () => {
  program = await Program.start();
});
afterAll(() => program.close());

const sh = async (line: string): Promise<string> => {
  const here = line.replaceAll('http://127.0.0.1:3000', program.ready.url);
  const env = {
    PATH: process.env['PATH'],
    PROSA_KEY: program.ready.apiKey,
    // What the command line finds by itself when the program runs on the usual port and folder.
    PROSA_URL: program.ready.url,
    PROSA_DATA_DIR: program.dataDir,
    npm_config_cache: join(program.dataDir, 'npm'),
  };
  return (await run('sh', ['-c', here], { env, cwd: fileURLToPath(new URL('../', import.meta.url)) })).stdout;
};

test('the README holds the commands that this test knows', () => {
  expect(lines.map((line) => line.split(/[ '?]/).slice(0, 2).join(' '))).toEqual([
    'npm start',
    'npm test',
    'export PROSA_KEY=prosa_…',
    'curl -s',
    'curl -s',
    'curl -s',
    'npm run',
    'npx prosa',
    'npx prosa',
    'npx prosa',
    'npx prosa',
  ]);
});

test('its first message is answered at the simulated phone and seen in the list', async () => {
  const [write = '', read = '', list = ''] = lines.filter((line) => line.startsWith('curl'));
  expect(JSON.parse(await sh(write))).toMatchObject({ conversationId: expect.stringMatching(/^c_/) as string });
  const answer = await eventually(
    () => sh(read),
    (out) => out.includes('LGPD'),
  );
  expect((JSON.parse(answer) as { items: unknown[] }).items).toHaveLength(1);
  expect(JSON.parse(await sh(list))).toMatchObject({ items: [{ state: { value: 'consent' } }] });
});

test('its simulated provider has people who are heard', async () => {
  const [simulator = ''] = lines.filter((line) => line.startsWith('npm run'));
  const { webhook, secret = '' } = program.instance('waha');
  const told = simulator
    .replace('/webhooks/waha/TOKEN', webhook)
    .replace('SECRET', secret)
    .replace('--for 60', '--for 2');
  // What Prosa answers goes to the usual port, which others may have here.
  const said = await sh(`${told.replace('npm run', 'npm run --silent')} --port 0 --json`);
  const report = JSON.parse(said.trim().split('\n').at(-1) ?? '') as { messages: { wrote: number } };
  expect(report.messages.wrote).toBeGreaterThan(0);
  expect(report).toMatchObject({ webhooks: { taken: report.messages.wrote, lostMessages: [] } });
}, 60_000);

test('its commands say what they are for, and end well', async () => {
  const [doctor = '', list = '', verify = '', load = ''] = lines.filter((line) => line.startsWith('npx'));
  expect(await sh(doctor)).toMatch(/^ok +postgres /m);
  expect(await sh(list)).toMatch(/^c_\w+ +consent +active /m);
  expect(await sh(verify)).toMatch(/^differs +no$/m);
  expect(await sh(load)).toMatch(/^accepted +100$/m);
}, 90_000);
