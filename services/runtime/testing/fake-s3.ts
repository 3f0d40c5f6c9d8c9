/**
 * A bucket for tests: holds objects in memory, checks every signature, keeps multipart uploads, and fails as often as
 * it is told to.
 */
import { createHash } from 'node:crypto';
import { type IncomingMessage, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { signed } from '../blobs/aws-signature.ts';
import type { S3Config } from '../config.ts';

/** The bucket. */
export interface FakeS3 {
  readonly config: S3Config;
  /** Objects by their whole path. */
  readonly objects: Map<string, Buffer>;
  /** Multipart uploads that are neither complete nor ended. */
  readonly uploads: Map<string, Map<number, Buffer>>;
  /** `PUT` or `POST /path?uploadId`, in order. */
  readonly requests: string[];
  /** Statuses of the next answers, instead of the right ones. */
  readonly faults: number[];
  close(): Promise<void>;
}

const readBody = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/** Starts one on loopback. */
export async function startFakeS3(): Promise<FakeS3> {
  const objects = new Map<string, Buffer>();
  const uploads = new Map<string, Map<number, Buffer>>();
  const requests: string[] = [];
  const faults: number[] = [];
  const key = { accessKeyId: 'fake', secretAccessKey: 'fake-secret', region: 'us-east-1' };
  let serial = 0;

  const isSigned = (request: IncomingMessage, url: URL, body: Buffer): boolean => {
    const date = String(request.headers['x-amz-date']);
    const at = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
    const expected = signed({ method: request.method ?? '', url, headers: {}, body }, key, at);
    return expected.authorization === request.headers.authorization;
  };

  const answer = (
    method: string,
    url: URL,
    body: Buffer,
  ): readonly [status: number, body: string | Buffer, tag?: string] => {
    const upload = url.searchParams.get('uploadId');
    const parts = uploads.get(upload ?? '');
    if (method === 'POST' && url.searchParams.has('uploads')) {
      const id = `upload-${(serial += 1)}`;
      uploads.set(id, new Map());
      return [200, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`];
    }
    if (upload !== null && parts === undefined) return [404, '<Error/>'];
    if (method === 'PUT' && parts !== undefined) {
      parts.set(Number(url.searchParams.get('partNumber')), body);
      return [200, '', `"${createHash('md5').update(body).digest('hex')}"`];
    }
    if (method === 'POST' && parts !== undefined) {
      const numbers = [...body.toString().matchAll(/<PartNumber>(\d+)</g)].map(([, number]) => Number(number));
      objects.set(url.pathname, Buffer.concat(numbers.map((number) => parts.get(number) ?? Buffer.alloc(0))));
      uploads.delete(upload ?? '');
      return [200, '<CompleteMultipartUploadResult/>'];
    }
    if (method === 'DELETE') {
      if (parts === undefined) objects.delete(url.pathname);
      else uploads.delete(upload ?? '');
      return [204, ''];
    }
    if (method === 'PUT') {
      objects.set(url.pathname, body);
      return [200, '', '"whole"'];
    }
    const object = objects.get(url.pathname);
    return object === undefined ? [404, '<Error><Code>NoSuchKey</Code></Error>'] : [200, object];
  };

  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const url = new URL(request.url ?? '/', `http://${request.headers.host ?? ''}`);
      requests.push(`${request.method ?? ''} ${url.search.replace(/=.*/, '')}`.trim());
      const fault = faults.shift();
      const [status, content, tag] =
        fault === undefined
          ? isSigned(request, url, body)
            ? answer(request.method ?? '', url, body)
            : ([403, '<Error><Code>SignatureDoesNotMatch</Code></Error>'] as const)
          : ([fault, '<Error/>'] as const);
      response.writeHead(status, tag === undefined ? {} : { etag: tag }).end(content);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    config: { ...key, endpoint: `http://127.0.0.1:${port}/`, bucket: 'a bucket', prefix: 'prosa/' },
    objects,
    uploads,
    requests,
    faults,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
}
