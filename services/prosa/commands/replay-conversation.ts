/** `prosa replay steps` and `prosa replay export`: one conversation again. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { HistoryItem, ReplayStep } from '../../api/routes/conversation-replay.ts';
import type { Page } from '../api.ts';
import { defineCommand } from '../command.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { listOptions } from '../lists.ts';
import { moment, optionalInteger, text, word } from '../options.ts';
import { type Output, printable } from '../output.ts';

const id = word('Id of the conversation (c_…)');
const exampleId = 'c_01M7XY07TEGVRTR4BBJ222T4AY';

export const replaySteps = defineCommand({
  name: 'replay steps',
  summary: 'Fold a conversation again, and show what each record did',
  description:
    'For each record: the states before and after, what it changed in the context, what came out. What was said, and the context, are shown to keys that may see them; each such look is audited.',
  arguments: { id },
  options: {
    to: optionalInteger('n', 'To this offset', { min: 0, max: Number.MAX_SAFE_INTEGER - 1 }),
    at: moment('To this moment'),
    ...listOptions,
  },
  examples: [
    [`replay steps ${exampleId}`, 'from its beginning'],
    [`replay steps ${exampleId} --to 48213 --json | jq .to`, 'to an offset, one JSON object per line'],
  ],
  async run({ args, options: { to, at, limit, cursor } }, { api, out }) {
    const path = `/v1/conversations/${encodeURIComponent(args.id)}/replay`;
    const { items, next } = await api().list<ReplayStep>(path, { to, at }, limit, cursor);
    for (const step of items) out.item(step, () => stepLines(out, step));
    if (next !== null) out.note(`There are more: --cursor ${next}`);
    if (items.length === 0) out.note('It has no record up to there.');
    return exitCodes.ok;
  },
});

/** What people are shown of one value; --json has it whole. */
const shownCharacters = 500;
/** What every record has, or what is told of the step itself. */
const unshown = new Set(['tenant', 'actor', 'causationId', 'occurredAt', 'providerAt', 'revision', 'raw']);

function stepLines(out: Output, step: ReplayStep): readonly string[] {
  const change = step.from === step.to ? step.to : `${step.from} → ${step.to}`;
  const detail = (mark: string, name: string, value: unknown): string =>
    `    ${mark} ${printable(name)} ${printable(shortened(JSON.stringify(value)))}`;
  return [
    out.styled('bold', printable(`${step.offset}  ${step.at}  ${step.type}  ${step.outcome}  ${change}`)),
    ...(step.erased === true ? ['    (erased)'] : []),
    detail('in ', step.type, factsOf(step)),
    ...(step.changes ?? []).map(({ path, before, after }) => detail('chg', path, { before, after })),
    ...step.outputs.map((output) => detail('out', output.type, factsOf(output))),
  ];
}

/** What tells one record of a type from another: its own plain fields, and what was sealed. */
const factsOf = ({ record, content }: Pick<ReplayStep, 'record' | 'content'>): object =>
  Object.fromEntries(
    Object.entries({ ...record, ...(content as object | undefined) }).filter(
      ([name, value]) => value !== null && !unshown.has(name),
    ),
  );

const shortened = (text: string): string =>
  text.length <= shownCharacters ? text : `${text.slice(0, shownCharacters)} … (--json has all)`;

export const replayExport = defineCommand({
  name: 'replay export',
  summary: 'Write a conversation as history files, which the tests of machines run',
  description: 'They hold what was said: keep them as carefully. Each export is audited. No file is written over.',
  arguments: { id },
  options: { output: text('folder', 'Where the files go (this folder if not given)') },
  examples: [[`replay export ${exampleId} --output machines/conversation/histories`, 'as a test of the machine']],
  async run({ args, options }, { api, out }) {
    const path = `/v1/conversations/${encodeURIComponent(args.id)}/history`;
    const { items } = await api().get<Page<HistoryItem>>(path);
    const folder = options.output ?? '.';
    await mkdir(folder, { recursive: true });
    const written: (Omit<HistoryItem, 'text'> & { readonly file: string })[] = [];
    for (const [i, { text: content, ...history }] of items.entries()) {
      const file = join(folder, `${args.id}-${history.machine}-${history.machineVersion}-${i + 1}.jsonl`);
      await writeFile(file, content, { flag: 'wx', mode: 0o600 }).catch((caught: unknown) => {
        const code = caught instanceof Error && 'code' in caught ? String(caught.code) : 'failed';
        throw new CommandError(exitCodes.failure, `${file} cannot be written (${code}).`, {
          ...(code === 'EEXIST'
            ? { hint: 'It is there already. Take it away, or name another folder with --output.' }
            : {}),
        });
      });
      written.push({ file, ...history });
    }
    out.result({ items: written }, () =>
      written.map(({ file, episodes, events, exact }) =>
        printable(
          `${file}: ${episodes} episodes, ${events} events${exact ? '' : ', does not end in the state on record'}`,
        ),
      ),
    );
    if (written.length === 0) out.note('The conversation has no episode yet.');
    return exitCodes.ok;
  },
});
