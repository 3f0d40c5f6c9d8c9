/** A mail server of a run: who was sent how much. */
import type { AddressInfo } from 'node:net';

import { SMTPServer } from 'smtp-server';

/** Starts one that takes every mail; `mails` are the addresses that they were for. */
export async function startMailServer(): Promise<{
  readonly mails: readonly string[];
  readonly port: number;
  close(): Promise<void>;
}> {
  const mails: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData: (stream, { envelope }, done) => {
      stream.resume().on('end', () => {
        mails.push(...envelope.rcptTo.map(({ address }) => address));
        done();
      });
    },
  });
  // What clients make that are killed.
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  return { mails, port, close };
}
