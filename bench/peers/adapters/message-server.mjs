/** `POST /conversations/<id>` `{id, text}` → reply; `GET /conversations/<id>` → state. Shared by peers without an entrance of their own. */
import { once } from 'node:events';
import { createServer } from 'node:http';

/** Serves on the loopback and says so on standard output. */
export async function serveMessages(port, { receive, look }) {
  const server = createServer((request, response) => {
    const conversation = decodeURIComponent(request.url.slice('/conversations/'.length));
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      const answer = request.method === 'POST' ? receive(conversation, JSON.parse(body)) : look(conversation);
      answer.then(
        (value) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value)),
        (caught) => response.writeHead(500).end(String(caught)),
      );
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  process.stdout.write(`${JSON.stringify({ event: 'ready' })}\n`);
}
