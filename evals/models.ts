/** The servers of models of a run: stubs that follow a script, one that is down, and the files that people send. */
import { hash } from 'node:crypto';

import { startFakeServer } from '#runtime/testing/fake-server.ts';

import { type ModelServer, startModelServer } from '../simulator/model/model-server.ts';
import { obedient } from '../simulator/model/scripts.ts';
import { pictureOf, voiceNoteOf } from '../simulator/model/voice-note.ts';

/** They run. */
export interface ModelServers {
  readonly reasonable: ModelServer;
  /** Obeys every order that it reads. */
  readonly obedient: ModelServer;
  /** Nobody listens there. */
  readonly downUrl: string;
  /** Origin of voice notes and pictures. */
  readonly filesUrl: string;
  /** Address of a voice note in which that is said, of a picture that reads so. */
  voiceNote(said: string): string;
  picture(text: string): string;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Starts them. */
export async function startModels(): Promise<ModelServers> {
  const [reasonable, obeying, down] = [
    await startModelServer(),
    await startModelServer({ script: obedient }),
    await startModelServer(),
  ];
  await down.close();
  const files = new Map<string, { readonly type: string; readonly content: Buffer }>();
  const server = await startFakeServer({}, (request, response) => {
    const file = files.get(request.url ?? '');
    if (file === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': file.type }).end(file.content);
    return Promise.resolve();
  });
  const keep = (name: string, type: string, content: Buffer): string => {
    const path = `/${hash('sha256', content).slice(0, 16)}/${name}`;
    files.set(path, { type, content });
    return `${server.url}${path}`;
  };
  let closed: Promise<unknown> | undefined;
  return {
    reasonable,
    obedient: obeying,
    downUrl: down.url,
    filesUrl: server.url,
    voiceNote: (said) => keep('audio.ogg', 'audio/ogg', voiceNoteOf(said)),
    picture: (text) => keep('foto.png', 'image/png', pictureOf(text)),
    async close() {
      await (closed ??= Promise.all([reasonable.close(), obeying.close(), server.close()]));
    },
  };
}
