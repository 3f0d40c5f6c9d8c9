/** `prosa eval`: simulated people with something to be done, and whether it is. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { readConfig } from '#runtime/config.ts';

import type { EvalReport } from '../../../evals/report.ts';
import type { RunOptions } from '../../../evals/run.ts';
import { defineCommand } from '../command.ts';
import { CommandError, exitCodes, usageError } from '../exit-codes.ts';
import { flag, integer, text } from '../options.ts';
import { type Output, factLines } from '../output.ts';
import { startProgress } from '../progress.ts';
import { root } from '../session.ts';

/** Somebody who waits for a real model waits longer. */
const realPatienceMs = 60_000;

export const evaluate = defineCommand({
  name: 'eval',
  summary: 'Have simulated people book, register and ask, and judge what came of it',
  description:
    'Runs every task of evals/ against the services in this process, on a database of its own: compares the business rows, what was said and what may not be, and the rules of writing (a consent, a yes); then folds every conversation from its records. Without --model a scripted stub proposes, the same each time. With it, an OpenAI-compatible API does, by OPENAI_API_KEY, several times for pass^k; this has been tried against the stub alone. Ends with 1 when a task fails.',
  options: {
    tasks: text('text', 'Only tasks whose id has this in it'),
    trials: integer('n', 'How often each task is tried', { min: 1, max: 20, absent: 1 }),
    parallel: integer('n', 'Tasks at a time', { min: 1, max: 50, absent: 10 }),
    model: text('name', 'Model of a real API, instead of the stub'),
    'base-url': text('url', 'Where that API is (OPENAI_BASE_URL)'),
    dialogues: flag('Print what was said, too'),
    readme: flag('Write the dialogues that README.md shows into it again'),
  },
  examples: [
    ['eval', 'all tasks, with the stub'],
    ['eval --tasks congresso/ --dialogues', 'those of one domain, word by word'],
    ['eval --base-url http://127.0.0.1:8000/v1 --model qwen3 --trials 4 --json', 'pass^1 to pass^4, cost and latency'],
  ],
  async run({ options }, { out, signal, environment }) {
    const { runTasks, allTasks, reportOf, shownInReadme, dialoguesOf, withDialogues } = await openEvals();
    const real = realOf(options, environment);
    const asked = options.tasks;
    const tasks = options.readme
      ? allTasks.filter(({ id }) => shownInReadme.includes(id))
      : allTasks.filter(({ id }) => asked === undefined || id.includes(asked));
    if (tasks.length === 0) throw usageError('No task has that in its id.', 'The files of evals/tasks/ name them.');
    const progress = startProgress(out, 'trials');
    const outcome = await runTasks({
      tasks,
      trials: options.trials,
      parallel: options.parallel,
      progress: (done, total) => progress.at(done, total),
      signal,
      real,
      ...(real === undefined ? {} : { patienceMs: realPatienceMs }),
    }).finally(() => progress.end());
    if (signal.aborted) return exitCodes.interrupted;
    if (options.readme) await renewReadme(withDialogues, dialoguesOf(outcome.trials, { brief: true }));
    if (options.dialogues)
      for (const trial of outcome.trials) {
        const { task, tenant: trialId, dialogues: said, problems } = trial;
        out.item({ task: task.id, trial: trialId, problems, dialogues: said }, () => [dialoguesOf([trial]), '']);
      }
    const report = reportOf(real?.model ?? 'stub', outcome);
    out.result(report, () => reportLines(out, report));
    return report.failed.length > 0 || report.diverged.length > 0 ? exitCodes.failure : exitCodes.ok;
  },
});

/** They are part of the repository, and not of an image that only runs. */
async function openEvals() {
  try {
    const [{ runTasks }, { allTasks }, { reportOf }, { shownInReadme, dialoguesOf, withDialogues }] = await Promise.all(
      [
        import('../../../evals/run.ts'),
        import('../../../evals/tasks/all.ts'),
        import('../../../evals/report.ts'),
        import('../../../evals/dialogues.ts'),
      ],
    );
    return { runTasks, allTasks, reportOf, shownInReadme, dialoguesOf, withDialogues };
  } catch (caught) {
    if (caught instanceof Error && 'code' in caught && caught.code === 'ERR_MODULE_NOT_FOUND')
      throw new CommandError(exitCodes.unavailable, 'The tasks are not here.', {
        hint: 'Run it in the repository, with its development packages.',
      });
    throw caught;
  }
}

function realOf(
  { model, 'base-url': baseUrl }: { readonly model: string | undefined; readonly 'base-url': string | undefined },
  environment: Parameters<typeof readConfig>[0],
): RunOptions['real'] {
  if (model === undefined) {
    if (baseUrl !== undefined) throw usageError('--base-url needs --model.');
    return undefined;
  }
  const { openai } = readConfig(environment);
  const url = baseUrl ?? openai.baseUrl;
  if (!URL.canParse(url)) throw usageError('The address is not one such as http://127.0.0.1:8000/v1.');
  return { model, baseUrl: url, apiKey: openai.apiKey };
}

async function renewReadme(withDialogues: (text: string, dialogues: string) => string, said: string): Promise<void> {
  const path = join(root, 'README.md');
  await writeFile(path, withDialogues(await readFile(path, 'utf8'), said));
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

const reportLines = (out: Output, report: EvalReport): readonly string[] => [
  ...report.failed.flatMap(({ task, purpose, problems }) => [
    out.styled('red', `failed  ${task}: ${purpose}`),
    ...problems.map((problem) => `        ${problem}`),
  ]),
  ...report.diverged.map((one) => out.styled('red', `replays otherwise  ${one}`)),
  ...factLines(out, [
    ['model', report.model],
    ['passed', `${report.passed} of ${report.trials} trials of ${report.tasks} tasks in ${report.seconds} s`],
    ...Object.entries(report.byDomain).map(([domain, one]) => [domain, `${one.passed} of ${one.trials}`] as const),
    ...report.pass.map((share, index) => [`pass^${index + 1}`, percent(share)] as const),
    ['model steps', `${report.modelSteps}, cost ${report.cost.toFixed(4)}`],
    [
      'latency',
      `p50 ${report.latencyMs.p50 ?? '-'} ms  p95 ${report.latencyMs.p95 ?? '-'} ms  max ${report.latencyMs.max ?? '-'} ms`,
    ],
    ['replayed', `${report.replayed} conversations, ${report.diverged.length} otherwise`],
  ]),
];
