/**
 * Whether a configuration can be put in force. What a machine's settings may be, the machine says;
 * callers check before they `configure`, since a revision that is stored can no longer be refused.
 */
import type { FindMachine } from '../actor/machines.ts';
import { OperatingError } from '../errors.ts';
import { sendingShape } from './sending-policy.ts';
import type { Configuration } from './tenants.ts';

/** Throws `config.invalid`, naming every setting that is wrong and never its value. */
export function checkConfiguration(configuration: Configuration, find: FindMachine): void {
  const problems = configurationProblems(configuration, find);
  if (problems.length > 0) throw new OperatingError('config.invalid', problems.join('; '));
}

/** What is wrong with a configuration, one sentence for each setting, by name and never by value; none if it can be put in force. */
export function configurationProblems({ machines, sending }: Configuration, find: FindMachine): readonly string[] {
  const ofMachines = Object.entries(machines).flatMap(([name, { version, settings }]) => {
    const release = find(name, version);
    if (release === undefined) return [`machines.${name}: there is no such machine or version`];
    const missing = (release.needsOf?.(settings) ?? []).filter((other) => machines[other] === undefined);
    return [
      ...release.problemsOf(settings).map((problem) => `machines.${name}.settings: ${problem}`),
      ...missing.map((other) => `machines.${name}.settings: needs machines.${other}`),
    ];
  });
  return [...ofMachines, ...problemsOfSending(sending)];
}

/** By place and code, or in our own words: messages of the library can quote the value. */
function problemsOfSending(sending: Configuration['sending']): readonly string[] {
  const issues = sendingShape.optional().safeParse(sending).error?.issues ?? [];
  return issues.map(
    ({ path, code, message }) => `${['sending', ...path].join('.')}: ${code === 'custom' ? message : code}`,
  );
}
