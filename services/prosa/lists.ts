/** What commands that list things share. */
import type { Page } from './api.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { integer, text } from './options.ts';
import { type Cell, type Output, tableLines } from './output.ts';

/** Most items that one command gives. */
export const itemsMax = 10_000;

/** Options of every list. */
export const listOptions = {
  limit: integer('n', 'Most items', { min: 1, max: itemsMax, absent: 50 }),
  cursor: text('cursor', 'Go on where an earlier list ended'),
};

/** Shows a page: as it is, or as a table of one row for each item. */
export function showPage<Item>(
  out: Output,
  page: Page<Item>,
  columns: Readonly<Record<string, (item: Item) => Cell>>,
): ExitCode {
  const cells = Object.values(columns);
  out.result(page, () =>
    tableLines(
      out,
      Object.keys(columns),
      page.items.map((item) => cells.map((cell) => cell(item))),
    ),
  );
  if (out.json) return exitCodes.ok;
  if (page.items.length === 0) out.note('There is nothing to list.');
  if (page.next !== null) out.note(`There are more: --limit for a longer list, or --cursor ${page.next}`);
  return exitCodes.ok;
}

/** A time in a table: to the second, in UTC. */
export const shortTime = (at: string | null): string | null => at?.replace(/\.\d+Z$/, 'Z') ?? null;
