/** The documents' own routes; they are served by `../documents.ts`. */
import { z } from 'zod';

import type { Operation, OperationAnswer } from '../operation.ts';

const common = {
  tag: 'documents',
  method: 'GET',
  roles: undefined,
  problems: [],
  operating: false,
  example: {},
} as const;

const unchanged: OperationAnswer = {
  status: 304,
  meaning: 'What `If-None-Match` names is still so.',
  headers: ['ETag'],
};

/** The documents. */
export const documentOperations: readonly Operation[] = [
  {
    ...common,
    name: 'documents.openapi',
    path: '/openapi.json',
    summary: 'The OpenAPI document',
    description: 'Made from the routes themselves. May be cached; has an `ETag`.',
    answers: [
      {
        status: 200,
        meaning: 'OpenAPI 3.1.',
        contentType: 'application/json',
        headers: ['ETag'],
        shape: z.looseObject({ openapi: z.string(), paths: z.looseObject({}) }),
      },
      unchanged,
    ],
  },
  {
    ...common,
    name: 'documents.page',
    path: '/docs',
    summary: 'This page',
    description: 'The OpenAPI document for people: no scripts, nothing loaded from elsewhere.',
    answers: [{ status: 200, meaning: 'One HTML page.', contentType: 'text/html', headers: ['ETag'] }, unchanged],
  },
];
