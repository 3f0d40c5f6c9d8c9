// Goal: the documents can be read by anyone and give nothing away; the page runs nothing, loads nothing,
// and shows all that the document says.
import { createHash } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createHttpServer } from '#runtime/http.ts';
import { createLogger } from '#runtime/logger.ts';

import type { ApiContext } from './deps.ts';
import { docsPage } from './docs-page.ts';
import { documentOf, documentRoutes } from './documents.ts';
import { mayCall, roles } from './roles.ts';
import { routesOf } from './routes.ts';
import { operationsOf } from './testing/document-check.ts';

const routes = routesOf({ runtime: {}, deps: {}, actors: {}, access: {} } as unknown as ApiContext);
const document = documentOf(routes);
const page = docsPage(document);
const server = createHttpServer({ logger: createLogger('silent'), bodyBytesMax: 1_024 });

beforeAll(async () => {
  documentRoutes(server, routes);
  await server.ready();
});
afterAll(() => server.close());

/** `audit.search` → `audit\.search`. */
const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

describe.each(['/openapi.json', '/docs'])('%s', (url) => {
  test('may be cached, and is not sent again while it is the same', async () => {
    const first = await server.inject({ url });
    expect(first.statusCode).toBe(200);
    expect(first.headers['cache-control']).toBe('public, max-age=300');
    const etag = String(first.headers.etag);
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    for (const header of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await server.inject({ url, headers: { 'if-none-match': header } });
      expect([header, again.statusCode, again.body, again.headers.etag]).toEqual([header, 304, '', etag]);
    }
    for (const header of ['"other"', etag.slice(1, -1)]) {
      const other = await server.inject({ url, headers: { 'if-none-match': header } });
      expect([header, other.statusCode, other.body]).toEqual([header, 200, first.body]);
    }
  });

  test('names no machine and no place but the reserved one of examples', async () => {
    const { body } = await server.inject({ url, headers: { host: 'prosa.internal.test' } });
    expect(body).not.toMatch(/prosa\.internal|localhost|127\.0\.0\.1|0\.0\.0\.0/);
    const places = [...body.matchAll(/\w+:\/\/([\w.-]+)/g)].map(([, host]) => host);
    expect([...new Set(places)].filter((host = '') => !/\.example(?:\.com)?$/.test(host))).toEqual([]);
  });
});

test('the document that is served is the one of the routes', async () => {
  const served = await server.inject({ url: '/openapi.json' });
  expect(served.json()).toEqual(JSON.parse(JSON.stringify(document)));
});

describe('the page', () => {
  test('runs nothing, loads nothing, and its policy allows its style alone', async () => {
    const { headers, body } = await server.inject({ url: '/docs' });
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(body).not.toMatch(
      /<(?:script|iframe|object|embed|form|base|img)\b|\son\w+=|\sstyle=|javascript:|@import|url\(/i,
    );
    const links = [...body.matchAll(/\s(?:href|src)="([^"]*)"/g)].map(([, target = '']) => target);
    expect(links.filter((target) => !target.startsWith('#'))).toEqual(['data:,', 'openapi.json']);
    const style = /<style>([^]*?)<\/style>/.exec(body)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    const policy = String(headers['content-security-policy']).split('; ');
    expect(policy).toEqual(
      expect.arrayContaining(["default-src 'none'", `style-src 'sha256-${hash}'`, "frame-ancestors 'none'"]),
    );
    expect(policy.join()).not.toMatch(/unsafe|\*|https?:/);
  });

  test('shows every operation, and every link of it leads somewhere', () => {
    const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(operationsOf(document).map(({ operation }) => operation.operationId)));
    const targets = [...page.matchAll(/\shref="#([^"]+)"/g)].map(([, id]) => id);
    expect(targets.length).toBeGreaterThan(100);
    expect(targets.filter((id) => !ids.includes(id))).toEqual([]);
  });

  test('has the table of roles as it is', () => {
    const table = /<table class="grants">[^]*?<\/table>/.exec(page)?.[0] ?? '';
    for (const [name, callers] of Object.entries(mayCall)) {
      const row = new RegExp(`#${literal(name)}">${literal(name)}</a></th>(.*?)</tr>`, 's').exec(table)?.[1] ?? '';
      const cells = [...row.matchAll(/class="(yes|no)"/g)].map(([, cell]) => cell === 'yes');
      expect([name, cells]).toEqual([name, roles.map((role) => (callers as readonly string[]).includes(role))]);
    }
  });

  test('shows fields of what is nested, of what is named elsewhere, and of alternatives', () => {
    const section = (id: string) => new RegExp(`<section id="${literal(id)}"[^]*?</section>`).exec(page)?.[0] ?? '';
    for (const field of ['items[].id', 'items[].state.value', 'next'])
      expect(section('conversations.list')).toContain(`<code>${field}</code>`);
    expect(section('conversations.read')).toContain('<code>timers[].dueAt</code>');
    expect(section('messages.send')).toContain('<code>buttons[].title</code>');
    for (const field of ['phone', 'name', 'text'])
      expect(section('conversations.search')).toContain(`<code>${field}</code>`);
  });

  test('takes every text as text', () => {
    const nasty = '<script>alert("x")</script>&\'';
    const operation = document.paths['/v1/health']?.['get'];
    if (operation === undefined) throw new Error('no operation');
    const planted = docsPage({
      ...document,
      info: {
        ...document.info,
        title: nasty,
        summary: nasty,
        description: `## ${nasty}\n\n- ${nasty}\n\n\`${nasty}\``,
      },
      paths: { [`/${nasty}`]: { get: { ...operation, summary: nasty, description: nasty } } },
    });
    expect(planted).not.toContain('<script');
    expect(planted).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;');
  });
});
