// Goal: the edge limits, cuts and passes on as deploy/nginx says, and its logs hold nothing that opens a door. Method: the
// real nginx with these files in front of a small upstream, found through a name server that the test commands.
// Only addresses, patience and rates differ from what is deployed.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { type IncomingMessage, type Server, createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { freePorts } from '#runtime/components/process-guard.ts';
import { eventually } from '#runtime/testing/person.ts';

import { projectFolder } from '../testing/compose-file.ts';
import { type NameServer, startNameServer } from '../testing/name-server.ts';
import {
  type Change,
  type RunningNginx,
  canResolve,
  complaintsOf,
  copyConfiguration,
  findNginx,
  readEdgeFile,
  startNginx,
} from '../testing/nginx.ts';

const nginx = findNginx();
if (nginx === undefined) {
  if (process.env['CI']) throw new Error('There is no nginx here, and CI is set: nothing may be skipped.');
  process.stderr.write('edge.test: NO NGINX: THE EDGE IS NOT TESTED. Debian: apt-get install nginx-light\n');
}

const forms = [
  ['nginx-1.22.conf', nginx !== undefined],
  ['nginx.conf', nginx !== undefined && canResolve(nginx.version)],
] as const;

const bodyBytesMax = 6 * 1_024 * 1_024;
const burst = 20;

/** What reached a service. */
interface Arrived {
  readonly service: string;
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly bytes: number;
}

/** A service that tells its name and remembers what came. */
async function startUpstream(service: string, host: string, port: number, arrived: Arrived[]): Promise<Server> {
  const server = createServer((request, response) => {
    let bytes = 0;
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('end', () => {
      const { method, url, headers } = request;
      arrived.push({ service, method, url, headers, bytes });
      response.setHeader('x-request-id', `id-of-${service}`).end(service);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  return server;
}

const token = (n: number): string => `token-${n}-that-opens`;
const problem = (status: number, code: string) => ({ type: `about:blank#${code}`, title: code, status, code });

test('the resolver looks again every 5 seconds, slow requests end after 10, 6 MiB are the most', () => {
  for (const [file] of forms) expect(readEdgeFile(file)).toMatch(/resolver \S+ valid=5s/);
  const edge = readEdgeFile('edge.conf');
  for (const line of ['client_header_timeout 10s;', 'client_body_timeout 10s;', 'client_max_body_size 6m;']) {
    expect(edge).toContain(line);
  }
});

test('every list of the API has its route in the log', () => {
  const folder = join(projectFolder, 'services', 'api', 'routes');
  const files = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  const paths = files.flatMap((name) => [...readFileSync(join(folder, name), 'utf8').matchAll(/'\/v1\/([a-z-]+)/g)]);
  const lists = new Set(paths.map(([, list]) => list));
  expect(lists.size).toBeGreaterThan(4);
  const known = /\?<route_list>([^)]+)\)/.exec(readEdgeFile('edge.conf'))?.[1]?.split('|') ?? [];
  expect([...lists].filter((list) => list === undefined || !known.includes(list))).toEqual([]);
});

describe.each(forms)('%s', (file, here) => {
  const arrived: Arrived[] = [];
  let folder: string;
  let names: NameServer;
  let edge: RunningNginx;
  let url: string;
  let servicePort: number;
  const upstreams: Server[] = [];

  beforeAll(async () => {
    if (!here || nginx === undefined) return;
    folder = mkdtempSync(join(tmpdir(), 'prosa-edge-'));
    names = await startNameServer();
    const [port = 0, apiPort = 0, ingestPort = 0] = await freePorts(3);
    servicePort = ingestPort;
    url = `http://127.0.0.1:${port}`;
    names.addresses.set('ingest', '127.0.0.1').set('api', '127.0.0.1');
    upstreams.push(await startUpstream('ingest', '127.0.0.1', ingestPort, arrived));
    upstreams.push(await startUpstream('api', '127.0.0.1', apiPort, arrived));
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const ofForm: readonly Change[] =
      file === 'nginx.conf'
        ? [
            ['pid /tmp/', `pid ${folder}/`],
            ...temporary.map((name): Change => [`${name}_temp_path /tmp/`, `${name}_temp_path ${folder}/temp/`]),
          ]
        : [
            ['pid /run/', `pid ${folder}/`],
            ['error_log /var/log/nginx/error.log notice', 'error_log stderr notice'],
            ['error_log /var/log/nginx/error.log alert', 'error_log stderr alert'],
            ['access_log /var/log/nginx/access.log', 'access_log /dev/stdout'],
            ['http {', `http {\n${temporary.map((name) => `${name}_temp_path ${folder}/temp/${name};`).join('\n')}`],
          ];
    const changes: readonly Change[] = [
      ...ofForm,
      ['listen 8080 default_server', `listen 127.0.0.1:${port} default_server`],
      ['resolver 127.0.0.11 valid=5s', `resolver 127.0.0.1:${names.port} valid=1s`],
      [' ingest:3000', ` ingest:${ingestPort}`],
      [' api:3000', ` api:${apiPort}`],
      ['client_body_timeout 10s', 'client_body_timeout 1s'],
      ['client_header_timeout 10s', 'client_header_timeout 1s'],
      ['zone=instance:10m rate=50r/s', 'zone=instance:10m rate=1r/s'],
      ['zone=instance burst=200', `zone=instance burst=${burst}`],
    ];
    copyConfiguration(folder, file, changes);
    expect(complaintsOf(nginx.path, folder, file)).toBe('');
    edge = await startNginx(nginx.path, folder, file, port);
  });

  afterAll(async () => {
    if (!here) return;
    await edge.stop();
    await names.close();
    for (const upstream of upstreams) {
      upstream.closeAllConnections();
      upstream.close();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  const post = (path: string, body: string | Uint8Array<ArrayBuffer> = '{}', headers: Record<string, string> = {}) =>
    fetch(`${url}${path}`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...headers },
      signal: AbortSignal.timeout(20_000),
    });

  /** Sends as it is told, and gives what comes back: one answer, or what there is when the edge closes. */
  const raw = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
      let answer = '';
      socket.on('connect', () => socket.write(text));
      socket.on('data', (chunk) => {
        answer += chunk.toString();
        const [head = '', body] = answer.split('\r\n\r\n');
        if (body?.length === Number(/content-length: (\d+)/i.exec(head)?.[1])) socket.destroy();
      });
      socket.on('close', () => resolve(answer));
      // A reset is a close, too.
      socket.on('error', (error) => ('code' in error && error.code === 'ECONNRESET' ? resolve(answer) : reject(error)));
      socket.setTimeout(10_000, () => socket.destroy(new Error('the edge did not close')));
    });

  test.skipIf(!here)('passes webhooks to ingest as they are', async () => {
    const response = await post(`/webhooks/waha/${token(1)}?a=b%20c`, '{"x":1}', { 'x-webhook-hmac': 'abc' });
    expect([response.status, await response.text()]).toEqual([200, 'ingest']);
    expect(response.headers.get('x-request-id')).toBe('id-of-ingest');
    expect(arrived.at(-1)).toMatchObject({
      service: 'ingest',
      method: 'POST',
      url: `/webhooks/waha/${token(1)}?a=b%20c`,
      bytes: 7,
      headers: { 'x-webhook-hmac': 'abc', 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' },
    });
    expect(arrived.at(-1)?.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/);
  });

  test
    .skipIf(!here)
    .each(['/v1/conversations?limit=1', '/docs', '/docs/a', '/openapi.json', '/schema-registry/subjects'])(
    'passes %s to the API',
    async (path) => {
      const response = await fetch(`${url}${path}`, { headers: { 'x-forwarded-for': '6.6.6.6' } });
      expect([response.status, await response.text()]).toEqual([200, 'api']);
      expect(arrived.at(-1)).toMatchObject({ url: path, headers: { 'x-forwarded-for': '127.0.0.1' } });
    },
  );

  test.skipIf(!here).each(['/', '/metrics', '/livez', '/readyz', '/v2/x', '/webhooks', '/v1/../metrics'])(
    'keeps %s from those outside',
    async (path) => {
      const before = arrived.length;
      const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 404 /);
      expect(answer).toMatch(/\r\nContent-Type: application\/problem\+json\r\n/);
      expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject(problem(404, 'not-found'));
      expect(arrived).toHaveLength(before);
    },
  );

  test.skipIf(!here)('lets a burst of one instance through, then answers 429, and others are not touched', async () => {
    const answers = await Promise.all(Array.from({ length: burst * 3 }, () => post(`/webhooks/waha/${token(2)}`)));
    const passed = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status === 429);
    expect(passed.length).toBeGreaterThan(burst);
    expect(passed.length + refused.length).toBe(burst * 3);
    const [first] = refused;
    expect(first?.headers.get('retry-after')).toBe('1');
    expect(first?.headers.get('content-type')).toBe('application/problem+json');
    const body = (await first?.json()) as { requestId: string };
    expect(body).toMatchObject(problem(429, 'rate-limited'));
    expect(body.requestId).toBe(first?.headers.get('x-request-id'));
    expect((await post(`/webhooks/waha/${token(3)}`)).status).toBe(200);
    // The same token written in another way is the same instance.
    expect((await post(`/webhooks/waha/%74${token(2).slice(1)}`)).status).toBe(429);
  });

  test.skipIf(!here)('takes 6 MiB, and not a byte more', async () => {
    const fits = await post(`/webhooks/waha/${token(4)}`, new Uint8Array(bodyBytesMax));
    expect(fits.status).toBe(200);
    expect(arrived.at(-1)?.bytes).toBe(bodyBytesMax);
    const before = arrived.length;
    const announced = `POST /webhooks/waha/${token(4)} HTTP/1.1\r\nHost: a\r\nContent-Length: ${bodyBytesMax + 1}\r\nConnection: close\r\n\r\n`;
    const answer = await raw(announced);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject(problem(413, 'body-too-large'));
    expect(arrived).toHaveLength(before);
  });

  test.skipIf(!here)('cuts a body that does not come, and the service never hears of it', async () => {
    const before = arrived.length;
    const head = `POST /webhooks/waha/${token(5)} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`;
    const since = Date.now();
    expect(await raw(head)).toMatch(/^(HTTP\/1\.1 408 |$)/);
    expect(Date.now() - since).toBeLessThan(8_000);
    expect(arrived).toHaveLength(before);
  });

  test.skipIf(!here)('cuts headers that do not come', async () => {
    expect(await raw(`POST /webhooks/waha/${token(5)} HTTP/1.1\r\nHost:`)).toMatch(/^(HTTP\/1\.1 408 |$)/);
  });

  test.skipIf(!here || process.platform !== 'linux')('follows a service to another address', async () => {
    upstreams.push(await startUpstream('moved', '127.0.0.2', servicePort, arrived));
    expect(await (await post(`/webhooks/waha/${token(6)}`)).text()).toBe('ingest');
    names.addresses.set('ingest', '127.0.0.2');
    const answered = async () => {
      await sleep(200);
      return (await post(`/webhooks/waha/${token(6)}`)).text();
    };
    // Looked up every second here. Where it was still answers, so nothing but the name can lead away from it.
    await eventually(answered, (name) => name === 'moved', 6_000);
  });

  test.skipIf(!here)('says 503 with a time to come again when the service is away', async () => {
    names.addresses.set('ingest', '127.0.0.1');
    for (const upstream of upstreams.splice(0)) {
      upstream.closeAllConnections();
      upstream.close();
    }
    const response = await post(`/webhooks/waha/${token(7)}?secret-query=1`);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('2');
    expect(await response.json()).toMatchObject(problem(503, 'upstream-away'));
    names.addresses.delete('ingest');
    await sleep(1_200);
    expect((await post(`/webhooks/waha/${token(7)}`)).status).toBe(503);
  });

  test.skipIf(!here)('logs a line of JSON for each request, and never a token or a query', async () => {
    await fetch(`${url}/v1/secret-person?q=secret-query`);
    await raw(`GET /webhooks/secret-provider/${token(8)} HTTP/1.1\r\nHost: secret-host\r\nConnection: close\r\n\r\n`);
    await raw(`NONSENSE ${token(8)}\r\n\r\n`);
    const lines = await eventually(
      () =>
        Promise.resolve(
          edge
            .logs()
            .split('\n')
            .filter((line) => line.startsWith('{')),
        ),
      (all) => all.length > burst * 3 + 20,
    );
    const entries = lines.map((line) => JSON.parse(line) as Record<string, string>);
    const routes = new Set(entries.map(({ route }) => route));
    expect([...routes].toSorted()).toEqual(
      ['/docs', '/openapi.json', '/schema-registry', '/v1/conversations', '/webhooks/waha/:token', 'other'].toSorted(),
    );
    for (const status of ['200', '404', '413', '429', '503']) {
      expect(
        entries.some((entry) => entry['status'] === status),
        status,
      ).toBe(true);
    }
    for (const entry of entries) expect(entry['requestId']).toMatch(/^([0-9a-f]{32}|id-of-\w+)$/);
    expect(edge.logs()).not.toMatch(/that-opens|secret-|%74|a=b/);
  });
});
