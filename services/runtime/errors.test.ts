// Goal: the table of errors is whole and the documents say the same.
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { type ErrorCode, OperatingError, dispositionOf, errorTable } from './errors.ts';

const codes = Object.keys(errorTable) as ErrorCode[];

test.each(codes)('%s carries its own code, disposition and meaning', (code) => {
  const error = new OperatingError(code, 'at 1/2');
  expect(error).toMatchObject({ code, disposition: errorTable[code][0] });
  expect(error.message).toBe(`${errorTable[code][1]} at 1/2`);
});

test('services/README.md lists each of them, and no other', () => {
  const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const listed = [...text.matchAll(/^\| `([a-z-]+\.[a-z-]+)`\s*\| (\w+)\s*\| (.*?)\s*\|$/gm)].map(
    ([, code, disposition, meaning]) => [code, disposition, meaning],
  );
  expect(listed).toEqual(codes.map((code) => [code, ...errorTable[code]]));
});

test('what is not an operating error is a defect', () => {
  expect(dispositionOf(new TypeError('x'))).toBe('halt');
  expect(dispositionOf(undefined)).toBe('halt');
  expect(dispositionOf(new OperatingError('log.fenced'))).toBe('yield');
});
