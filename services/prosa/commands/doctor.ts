/** `prosa doctor`: what is wrong with this installation, and what to do about it. */
import { inheritedEnvironment, readConfig } from '#runtime/config.ts';
import { OperatingError } from '#runtime/errors.ts';

import { defineCommand } from '../command.ts';
import { type Check, type Finding, fail, ok } from '../doctor/check.ts';
import { exitCodes } from '../exit-codes.ts';
import { flag } from '../options.ts';
import { printable } from '../output.ts';
import type { Session } from '../session.ts';

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'Look for what is wrong with this installation, and tell what to do about it',
  description:
    'Looks at the settings in the environment and all that they name, and changes nothing. The exit code is 0 when nothing failed, 6 when all that failed is that something does not answer, else 1.',
  options: { production: flag('As production would see it: what it needs and does not have') },
  examples: [
    ['doctor', 'why does it not start?'],
    ['doctor --production', 'what is missing for production?'],
  ],
  async run({ options }, session) {
    const { out } = session;
    const found: { name: string; finding: Finding }[] = [];
    for (const { name, run } of await checksOf(session, options.production)) {
      session.signal.throwIfAborted();
      const finding = await run();
      found.push({ name, finding });
      if (!out.json) out.item(undefined, () => linesOf(session, name, finding));
    }
    const failed = found.filter(({ finding }) => finding.status === 'fail');
    if (out.json) {
      out.result(
        { ok: failed.length === 0, checks: found.map(({ name, finding }) => ({ name, ...finding })) },
        () => [],
      );
    }
    if (failed.length === 0) return exitCodes.ok;
    return failed.every(({ finding }) => finding.away) ? exitCodes.unavailable : exitCodes.failure;
  },
});

/** With wrong settings there is nothing else to look at. */
async function checksOf({ environment, api }: Session, production: boolean): Promise<readonly Check[]> {
  const settings = (finding: Finding): Check => ({ name: 'settings', run: async () => finding });
  try {
    const config = readConfig(
      production ? { ...inheritedEnvironment(environment), PROSA_MODE: 'production' } : environment,
    );
    const [{ machineChecks }, { dependencyChecks }] = await Promise.all([
      import('../doctor/machine.ts'),
      import('../doctor/dependencies.ts'),
    ]);
    return [settings(ok(config.mode)), ...machineChecks(config), ...dependencyChecks(config, api)];
  } catch (caught) {
    if (!(caught instanceof OperatingError)) throw caught;
    return [settings(fail(caught.message, 'Set what is named; .env.example says what each is for.'))];
  }
}

const colours = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

function linesOf({ out }: Session, name: string, { status, detail, fix }: Finding): readonly string[] {
  const mark = out.styled(colours[status], status.padEnd(4));
  const line = `${mark}  ${name.padEnd(11)}  ${printable(detail)}`;
  return fix === undefined ? [line] : [line, `${' '.repeat(19)}${printable(fix)}`];
}
