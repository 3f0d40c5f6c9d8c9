/** Files: media that people sent, and media to be sent. */
import { Readable } from 'node:stream';

import { z } from 'zod';

import { peeked, typeOf } from '#runtime/blobs/file-type.ts';
import { openFiles } from '#runtime/blobs/postgres-files.ts';
import { Problem } from '#runtime/http.ts';
import { newUlid } from '#runtime/records.ts';
import type { Chunks } from '#runtime/vault/frames.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';

import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { FileAnswer, type Route, UploadedFile, defineRoute, fileAnswer, fileBody, notFound } from '../route.ts';
import { idParams } from '../shapes.ts';

/** Largest file that is taken. The edge has the same bound. */
const fileBytesMax = 16 * 1_024 * 1_024;

const nothing = (): Readable => Readable.from([]);

/** The routes of files. */
export function fileRoutes({ runtime, access }: ApiContext): readonly Route[] {
  return [
    defineRoute({
      name: 'files.upload',
      method: 'POST',
      path: '/v1/files',
      summary: 'Keeps a file, to be sent in messages',
      description:
        'The body is the file, 16 MiB at most, with its media type as `Content-Type`. What is kept as its type is what its content says; programs are refused. `id` is the `fileId` of media in messages, any number of them. Not idempotent.',
      body: fileBody,
      status: 201,
      response: z
        .object({
          id: z.string(),
          mimetype: z.string().describe('As found by looking into it'),
          bytes: z.number(),
        })
        .meta({ id: 'StoredFile', description: 'A file that is kept.' }),
      problems: ['file-refused'],
      example: {
        body: new UploadedFile('text/plain', nothing()),
        answer: { id: exampleIds.file, mimetype: 'text/plain', bytes: 48 },
      },
      async handler({ key, body: { content, contentType } }) {
        const { tenant } = key;
        const { head, all } = await peeked(bounded(content));
        const looked = typeOf(head, /^audio\//i.test(contentType) ? 'audio' : 'document', contentType);
        if ('refused' in looked) {
          await all.return(undefined);
          throw new Problem(422, 'file-refused', 'The file is empty, or of a kind that is not taken.');
        }
        const at = runtime.now();
        const subject = tenantSubject(tenant);
        const { id, mimetype, bytes } = await openFiles(runtime).put({
          tenant,
          // Whom it is for is not known yet, and may be many.
          actor: subject,
          person: subject,
          at,
          id: `f_${newUlid(at)}`,
          mimetype: looked.mimetype,
          content: all,
        });
        await access.record(key, [{ actor: key.id, action: 'file.uploaded', subject: id }]);
        return { id, mimetype, bytes };
      },
    }),

    defineRoute({
      name: 'files.read',
      method: 'GET',
      path: '/v1/files/:id',
      summary: 'A file, as its sender sent it',
      description: 'To be saved, never to be shown as a page: it comes from outside. Each read is audited.',
      params: idParams,
      status: 200,
      response: fileAnswer,
      problems: ['file-gone'],
      example: { params: { id: exampleIds.file }, answer: new FileAnswer('image/jpeg', 0, nothing()) },
      async handler({ key, params }) {
        const file = await openFiles(runtime).read(key.tenant, params.id);
        if (file === undefined) throw notFound();
        if (file.state !== 'open') throw new Problem(410, 'file-gone', 'The file was erased, or is lost.');
        try {
          const actor = file.actor.startsWith('c_') ? file.actor : key.id;
          await access.record(key, [{ actor, action: 'access.file', subject: file.id }]);
        } catch (caught) {
          file.content.destroy();
          throw caught;
        }
        return new FileAnswer(file.mimetype, file.bytes, file.content);
      },
    }),
  ];
}

async function* bounded(content: Readable): Chunks {
  let bytes = 0;
  for await (const chunk of content as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > fileBytesMax) throw new Problem(413, 'body-too-large', 'The body is too large.');
    yield chunk;
  }
}
