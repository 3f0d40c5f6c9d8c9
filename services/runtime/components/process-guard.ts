/**
 * Child processes of tests that must not outlive them, not even a `kill -9` of the test run.
 *
 * Owns nothing itself: the guard is a shell that waits for its standard input to close (which the
 * kernel does when this process ends, however it ends), then kills the child and removes its folder.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

const script = 'cat >/dev/null; kill -9 "$1" 2>/dev/null; if [ -n "$2" ]; then rm -rf -- "$2"; fi';

/**
 * Kills process `pid` and removes `folder` (when given) once this process is gone. Returns the
 * function that ends the guard without doing either.
 */
export function guardProcess(pid: number, folder?: string): () => void {
  const guard = spawn('sh', ['-c', script, 'guard', String(pid), folder ?? ''], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.on('error', () => undefined);
  guard.unref();
  // Typed as a stream; it is a pipe, which can be kept from holding the event loop.
  (guard.stdin as unknown as { unref?: () => void }).unref?.();
  return () => {
    guard.kill('SIGKILL');
  };
}

/** Ends a child by `signal`, by SIGKILL after `graceMs`; resolves when it is gone. Idempotent. */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await gone;
  clearTimeout(timer);
}

/** Ports of 127.0.0.1 that are free now; distinct. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('A TCP server has no port.');
    return address.port;
  });
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}
