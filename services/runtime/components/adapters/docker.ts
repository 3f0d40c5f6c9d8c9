/** What the finders need to know of Docker, asked over its socket so that "no daemon" takes milliseconds. */
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;
type Endpoint = { socketPath: string } | { host: string; port: number };

/** Where the daemon listens, by `DOCKER_HOST` or at its usual sockets; undefined when there is none. */
function endpoint(environment: Environment): Endpoint | undefined {
  const host = environment['DOCKER_HOST'];
  if (host?.startsWith('unix://') === true) return { socketPath: host.slice('unix://'.length) };
  if (host !== undefined && host !== '') {
    const url = new URL(host);
    return { host: url.hostname, port: Number(url.port === '' ? 2375 : url.port) };
  }
  const sockets = [
    '/var/run/docker.sock',
    join(environment['XDG_RUNTIME_DIR'] ?? '/nonexistent', 'docker.sock'),
    join(homedir(), '.docker/run/docker.sock'),
  ];
  const socketPath = sockets.find((path) => existsSync(path));
  return socketPath === undefined ? undefined : { socketPath };
}

/** One call of the Engine API; its status, or undefined when it fails or takes longer than `timeoutMs`. */
function call(at: Endpoint, method: 'GET' | 'POST', path: string, timeoutMs: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const sent = request({ ...at, method, path, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      let failed = false;
      // A pull answers 200 at once and reports its failure in the stream of progress.
      response.on('data', (chunk: Buffer) => (failed ||= chunk.includes('"error"')));
      response.on('end', () => {
        resolve(failed ? undefined : response.statusCode);
      });
      response.on('error', () => {
        resolve(undefined);
      });
    });
    sent.on('error', () => {
      resolve(undefined);
    });
    sent.end();
  });
}

/** Whether a daemon answers and `image` is there, or could be pulled when `pullTimeoutMs` is above 0. */
export async function dockerHasImage(image: string, pullTimeoutMs: number, environment: Environment): Promise<boolean> {
  const at = endpoint(environment);
  if (at === undefined || (await call(at, 'GET', '/_ping', 1_000)) !== 200) return false;
  if ((await call(at, 'GET', `/images/${image}/json`, 5_000)) === 200) return true;
  if (pullTimeoutMs <= 0) return false;
  const [name = image, tag = 'latest'] = image.split(':');
  const query = new URLSearchParams({ fromImage: name, tag });
  return (await call(at, 'POST', `/images/create?${query.toString()}`, pullTimeoutMs)) === 200;
}
