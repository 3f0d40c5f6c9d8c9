// Goal: O1 to O6. Method: a private listener that counts connections, a fake resolver, and a real server that stands
// for the internet by being trusted where a test says so. Spellings: the list of the security reference (B3, B5).
import { type IncomingMessage, type RequestListener, createServer } from 'node:http';
import { type AddressInfo, type Server, createServer as createTcpServer } from 'node:net';
import { gzipSync } from 'node:zlib';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { type OutsideOptions, openOutside } from './adapters/undici-outside.ts';
import { type Outside, OutsideError, type OutsideRequest } from './outside.ts';
import { isPublicAddress } from './public-addresses.ts';

const servers: Server[] = [];
let privateConnections = 0;
let privatePort: number;

async function listenOn(server: Server, host = '127.0.0.1', port = 0): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  servers.push(server);
  return (server.address() as AddressInfo).port;
}

/** Answers as the internet would, at an address that a test trusts. */
async function web(listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listenOn(createServer(listener))}`;
}

const countConnections = () =>
  createTcpServer((socket) => {
    privateConnections += 1;
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret');
  });

beforeAll(async () => {
  privatePort = await listenOn(countConnections());
  // Where there is IPv6, its loopback is watched too.
  await listenOn(countConnections(), '::1', privatePort).catch(() => undefined);
});
afterAll(() => {
  for (const server of servers) server.close();
});

let outside = openOutside();
const open = (options: OutsideOptions = {}): Outside => (outside = openOutside({ ports: [privatePort], ...options }));
beforeEach(() => {
  privateConnections = 0;
});
afterEach(() => outside.close());

const wanted = (url: string, more: Partial<OutsideRequest> = {}): OutsideRequest => ({
  method: 'GET',
  url,
  redirectsMax: 3,
  bytesMax: 1_000,
  totalMs: 5_000,
  idleMs: 5_000,
  ...more,
});

const textOf = async (url: string, more: Partial<OutsideRequest> = {}): Promise<string> => {
  const { body } = await outside.request(wanted(url, more));
  const chunks: Buffer[] = [];
  for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};
const codeOf = (url: string, more: Partial<OutsideRequest> = {}): Promise<string> =>
  textOf(url, more).then(
    () => 'answered',
    (caught: unknown) => {
      if (!(caught instanceof OutsideError)) throw caught;
      return caught.code;
    },
  );

/** Every one means an address that is not public. `P` is the port of the private listener. */
const spellings: readonly string[] = [
  'http://127.0.0.1:P/',
  'http://127.1:P/',
  'http://127.0.1:P/',
  'http://2130706433:P/',
  'http://0x7f000001:P/',
  'http://0x7f.1:P/',
  'http://0x7F.0x0.0x0.0x1:P/',
  'http://0177.0.0.1:P/',
  'http://0177.0.0.01:P/',
  'http://017700000001:P/',
  'http://127.0.0.1.:P/',
  'http://１２７.０.０.１:P/',
  'http://127。0。0。1:P/',
  'http://①②⑦.⓪.⓪.①:P/',
  'http://%31%32%37.0.0.1:P/',
  'http://127.255.255.254:P/',
  'http://0.0.0.0:P/',
  'http://0:P/',
  'http:\\\\127.0.0.1:P\\',
  'http:127.0.0.1:P',
  '  http://127.0.0.1:P/  ',
  'ht\ntp://127.0.\t0.1:P/',
  'http://10.0.0.1:P/',
  'http://172.16.0.1:P/',
  'http://172.31.255.254:P/',
  'http://192.168.0.1:P/',
  'http://169.254.169.254:P/latest/meta-data/',
  'http://0xa9fea9fe:P/',
  'http://100.100.100.200:P/',
  'http://224.0.0.1:P/',
  'http://255.255.255.255:P/',
  'http://[::1]:P/',
  'http://[::]:P/',
  'http://[0:0:0:0:0:0:0:1]:P/',
  'http://[::ffff:127.0.0.1]:P/',
  'http://[::ffff:7f00:1]:P/',
  'http://[::127.0.0.1]:P/',
  'http://[64:ff9b::7f00:1]:P/',
  'http://[2002:7f00:1::]:P/',
  'http://[fd00:ec2::254]:P/',
  'http://[fe80::1]:P/',
  'http://[ff02::1]:P/',
];

describe('O1 no connection to an address that is not public', () => {
  test('the list has the 42 spellings of the reference, all different', () => {
    expect(new Set(spellings).size).toBe(42);
  });

  test.each(spellings)('not as %j', async (spelling) => {
    open();
    expect(await codeOf(spelling.replace('P', String(privatePort)))).toBe('address.not-public');
    expect(privateConnections).toBe(0);
  });

  test('while the listener does answer those who are trusted', async () => {
    open();
    const origin = `http://127.0.0.1:${privatePort}`;
    expect(await textOf(`${origin}/`, { trusted: [origin] })).toBe('secret');
    expect(privateConnections).toBe(1);
  });

  test.each(['127.0.0.1', '::1', '10.1.2.3', '::ffff:127.0.0.1', '169.254.169.254', 'fe80::1%1'])(
    'not by a name that resolves to %s, alone or among others',
    async (address) => {
      const found = { address, family: address.includes(':') ? 6 : 4 };
      open({ resolve: (name) => Promise.resolve(name === 'alone.example' ? [found] : [publicAddress, found]) });
      for (const name of ['alone.example', 'among.example'])
        expect(await codeOf(`http://${name}:${privatePort}/`)).toBe('address.not-public');
      expect(privateConnections).toBe(0);
    },
  );

  test('not by names of this machine', async () => {
    open();
    expect(await codeOf(`http://localhost:${privatePort}/`)).toMatch(/address.not-public|name.unresolved/);
    expect(await codeOf(`http://localhost.:${privatePort}/`)).toMatch(/address.not-public|name.unresolved/);
    expect(privateConnections).toBe(0);
  });

  /** What a name means at each question: rebinding. `public` is a server that answers, `private` a listener beside it. */
  const scripts: readonly (readonly [string, readonly string[][], readonly string[]])[] = [
    ['public, then private', [['public'], ['private']], ['public', 'refused', 'refused']],
    ['private, then public', [['private'], ['public']], ['refused', 'public', 'public']],
    ['public, then both', [['public'], ['public', 'private']], ['public', 'refused', 'refused']],
    ['both, then public', [['private', 'public'], ['public']], ['refused', 'public', 'public']],
  ];
  test.each(scripts)('not by a name that changes: %s', async (_, script, outcomes) => {
    // Two loopback addresses, one of which is said to be public: nothing leaves this machine.
    const addresses: Readonly<Record<string, string>> = { public: '127.0.0.1', private: '127.0.0.2' };
    const publicServer = createServer((_request, response) => response.setHeader('connection', 'close').end('public'));
    const port = await listenOn(publicServer);
    // Where the system has more than one loopback address.
    await listenOn(countConnections(), '127.0.0.2', port).catch(() => undefined);
    let asked = 0;
    open({
      ports: [port],
      isPublic: (address) => address === addresses['public'],
      resolve: () => {
        const answer = script[Math.min(asked, script.length - 1)] ?? [];
        asked += 1;
        return Promise.resolve(answer.map((name) => ({ address: addresses[name] ?? '', family: 4 })));
      },
    });
    const seen: string[] = [];
    for (let call = 1; call <= 3; call += 1) {
      const url = `http://rebinding.example:${port}/`;
      seen.push(await textOf(url).catch((caught: unknown) => (caught as Error).message));
      // One question per connection: what was checked is what is connected to.
      expect(asked).toBe(call);
    }
    expect(seen).toEqual(outcomes.map((outcome) => (outcome === 'refused' ? 'address.not-public' : outcome)));
    expect(privateConnections).toBe(0);
  });
});

const publicAddress = { address: '192.0.43.8', family: 4 };

describe('O3 redirects', () => {
  const hops: readonly (readonly [string, string])[] = [
    ['the private listener', 'http://127.0.0.1:P/'],
    ['it, in decimal', 'http://2130706433:P/'],
    ['it, without a scheme', '//127.0.0.1:P/'],
    ['it, over IPv6', 'http://[::ffff:127.0.0.1]:P/'],
    ['metadata', 'http://169.254.169.254:P/latest/'],
    ['a name of this machine', 'http://inside.example:P/'],
    ['a file', 'file:///etc/passwd'],
    ['credentials', 'http://user:word@public.example:P/'],
  ];
  test.each(hops)('to %s are not followed, at the first hop or the third', async (_, to) => {
    const target = to.replace('P', String(privatePort));
    const origin = await web((request, response) => {
      const left = Number(new URL(request.url ?? '/', 'http://x').searchParams.get('left'));
      response.writeHead(302, { location: left === 0 ? target : `/?left=${left - 1}` }).end();
    });
    open({ resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]) });
    for (const left of [0, 2])
      expect(await codeOf(`${origin}/?left=${left}`, { trusted: [origin] })).toMatch(
        /^(address.not-public|url.scheme-refused|url.credentials-refused)$/,
      );
    expect(privateConnections).toBe(0);
  });

  test('are followed as often as was said, and no request with a body is', async () => {
    const origin = await web((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end('there');
      else response.writeHead(307, { location: `/${left - 1}` }).end();
    });
    open();
    const trusted = [origin];
    expect(await textOf(`${origin}/3`, { trusted })).toBe('there');
    expect(await codeOf(`${origin}/4`, { trusted })).toBe('redirect.refused');
    expect(await codeOf(`${origin}/1`, { trusted, method: 'POST', body: 'x' })).toBe('redirect.refused');
  });

  test('tell another origin nothing of what was said to the first', async () => {
    const seen: IncomingMessage['headers'][] = [];
    const second = await web((request, response) => {
      seen.push(request.headers);
      response.end('there');
    });
    const first = await web((request, response) => {
      seen.push(request.headers);
      response.writeHead(302, { location: `${second}/` }).end();
    });
    open();
    await textOf(`${first}/`, {
      trusted: [first, second],
      headers: { authorization: 'Bearer key', 'x-api-key': 'key' },
    });
    expect(seen.map(({ authorization, 'x-api-key': key }) => [authorization, key])).toEqual([
      ['Bearer key', 'key'],
      [undefined, undefined],
    ]);
  });
});

describe('what may be called at all', () => {
  test.each([
    ['not a url', 'url.malformed'],
    ['', 'url.malformed'],
    ['http://', 'url.malformed'],
    [`http://a.example/${'x'.repeat(5_000)}`, 'url.malformed'],
    ['file:///etc/passwd', 'url.scheme-refused'],
    ['ftp://a.example/', 'url.scheme-refused'],
    ['gopher://127.0.0.1:6379/_x', 'url.scheme-refused'],
    ['data:text/plain,x', 'url.scheme-refused'],
    ['http://user@a.example/', 'url.credentials-refused'],
    ['http://:word@a.example/', 'url.credentials-refused'],
    ['http://a.example:6379/', 'url.port-refused'],
    ['https://a.example:22/', 'url.port-refused'],
    ['http://elsewhere.example:443/', 'host.not-allowed'],
    ['http://nota.example:443/', 'host.not-allowed'],
  ])('%s is refused: %s', async (url, code) => {
    open({ ports: [80, 443], resolve: () => Promise.resolve([publicAddress]) });
    expect(await codeOf(url, { hosts: ['a.example'] })).toBe(code);
  });

  test('hosts under an allowed one are called, and trusted ones', async () => {
    const names: string[] = [];
    open({ ports: [80], resolve: (name) => (names.push(name), Promise.reject(new Error('none'))) });
    for (const url of ['http://a.example/', 'http://b.a.example/', 'http://b.a.example./'])
      expect(await codeOf(url, { hosts: ['a.example'] })).toBe('name.unresolved');
    expect(names).toEqual(['a.example', 'b.a.example', 'b.a.example.']);
    const origin = await web((_, response) => response.end('mine'));
    expect(await textOf(origin, { hosts: ['a.example'], trusted: [origin] })).toBe('mine');
  });
});

describe('O4 everything has an end', () => {
  const bytes = (length: number) => 'x'.repeat(length);

  test('an answer that says, or turns out, to be too long is cut', async () => {
    const origin = await web((request, response) => {
      if (request.url === '/says') response.writeHead(200, { 'content-length': '1001' }).end(bytes(1_001));
      else {
        response.write(bytes(600));
        response.write(bytes(401));
        response.end();
      }
    });
    open();
    const trusted = [origin];
    expect(await codeOf(`${origin}/says`, { trusted })).toBe('answer.too-large');
    expect(await codeOf(`${origin}/streams`, { trusted })).toBe('answer.too-large');
    expect(await textOf(`${origin}/streams`, { trusted, bytesMax: 1_001 })).toHaveLength(1_001);
  });

  test('silence and slow dripping are cut', async () => {
    const origin = await web((request, response) => {
      if (request.url === '/silent') return;
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => {
        clearInterval(drip);
      });
    });
    open();
    const trusted = [origin];
    expect(await codeOf(`${origin}/silent`, { trusted, totalMs: 200 })).toBe('answer.too-slow');
    expect(await codeOf(`${origin}/drips`, { trusted, totalMs: 200 })).toBe('answer.too-slow');
  });

  test('an answer that breaks off is an error, not a shorter answer', async () => {
    const origin = await web((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      setTimeout(() => response.destroy(), 20);
    });
    open();
    expect(await codeOf(origin, { trusted: [origin] })).toBe('connection.lost');
  });

  test('a packed answer is not taken', async () => {
    const origin = await web((request, response) => {
      expect(request.headers['accept-encoding']).toBe('identity');
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'.repeat(10_000)));
    });
    open();
    expect(await codeOf(origin, { trusted: [origin] })).toBe('answer.encoded');
  });
});

describe('public addresses', () => {
  test.each(['1.1.1.1', '8.8.8.8', '100.63.255.255', '100.128.0.1', '172.15.0.1', '172.32.0.1', '2606:4700::1111'])(
    '%s is one',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );
  test.each(['', 'name', '1.2.3', '168.63.129.16', '192.0.0.192', '64:ff9b:1::1', '2001::1', '2001:db8::1', '5f00::1'])(
    '%s is none',
    (address) => {
      expect(isPublicAddress(address)).toBe(false);
    },
  );
});
