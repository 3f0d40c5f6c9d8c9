/**
 * Whether a configuration can be put in force. What a machine's settings may be, the machine says;
 * callers check before they `configure`, since a revision that is stored can no longer be refused.
 */
import type { FindMachine } from '../actor/machines.ts';
import { OperatingError } from '../errors.ts';
import type { Configuration } from './tenants.ts';

/** Throws `config.invalid`, naming every setting that is wrong and never its value. */
export function checkConfiguration({ machines }: Configuration, find: FindMachine): void {
  const problems = Object.entries(machines).flatMap(([name, { version, settings }]) => {
    const release = find(name, version);
    if (release === undefined) return [`machines.${name}: there is no such machine or version`];
    return release.problemsOf(settings).map((problem) => `machines.${name}.settings: ${problem}`);
  });
  if (problems.length > 0) throw new OperatingError('config.invalid', problems.join('; '));
}
