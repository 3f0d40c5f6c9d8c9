// Goal: one record is one line, and nothing that came from outside gets into it by an error.
import { Writable } from 'node:stream';

import { expect, test } from 'vitest';

import { OperatingError } from './errors.ts';
import { createLogger } from './logger.ts';

function written(write: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      text += chunk.toString();
      done();
    },
  });
  write(createLogger('info', 'test', stream));
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('a line has a time, a level, the service and its fields', () => {
  const [line] = written((logger) => logger.child('sender').info('sent', { tenant: 'demo', count: 2 }));
  expect(line).toMatchObject({ level: 'info', service: 'sender', tenant: 'demo', count: 2, msg: 'sent' });
  expect(line?.['time']).toMatch(/^\d{4}-\d{2}-\d{2}T.*Z$/);
});

test('values with line breaks and control characters stay one line', () => {
  expect(written((logger) => logger.info('x', { code: 'a\nb\u001b[31m\u2028"}' }))).toHaveLength(1);
});

test('of a foreign error only class, code and frames are kept, since its message may quote input', () => {
  const foreign = Object.assign(new Error('invalid input syntax: "Maria, +55 11 99999-0001"'), { code: '22P02' });
  const [line] = written((logger) =>
    logger.error('failed', { error: new OperatingError('database.unavailable', undefined, foreign) }),
  );
  expect(JSON.stringify(line)).not.toContain('Maria');
  expect(line?.['error']).toMatchObject({
    code: 'database.unavailable',
    message: 'Postgres cannot be reached.',
    cause: { class: 'Error', code: '22P02' },
  });
});
