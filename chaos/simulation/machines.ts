/** The machines that simulated hosts run: the echo machine with one defect more, and the real ones. */
import { findMachine } from '#machines/registry.ts';
import { conversationVersion } from '#machines/conversation/machine.ts';
import type { FindMachine, MachineRelease } from '#runtime/actor/machines.ts';
import { echoConfiguration, findEcho } from '#runtime/testing/echo-machine.ts';
import type { Configuration } from '#runtime/tenants/tenants.ts';

/** What a machine that ends its process does it through: whoever runs a simulation listens. */
export const killer: { kill: (() => void) | undefined } = { kill: undefined };

interface Told {
  readonly event: { readonly type: string; readonly content?: { readonly text?: string } };
}

const echo = findEcho('conversation', 'echo');
if (echo === undefined) throw new Error('there is no echo machine');

/** Throws on `boom`, and ends its process on `kill` as long as somebody listens. */
const release: MachineRelease = {
  ...echo,
  machine: echo.machine.provide({
    guards: {
      explodes: ({ event }: Told) => {
        const text = event.content?.text ?? '';
        if (text.startsWith('kill')) killer.kill?.();
        if (text.startsWith('boom')) throw new Error('the machine threw');
        return false;
      },
    },
  } as never),
};
release.machine.options.maxIterations = 100;

/** All machines. */
export const findSimulated: FindMachine = (name, version) =>
  name === release.name && version === release.version ? release : findMachine(name, version);

/** Configurations by the machine that they put in force. */
export const configurations: Readonly<Record<'echo' | 'conversation', Configuration>> = {
  echo: echoConfiguration,
  conversation: {
    machines: { conversation: { version: conversationVersion, settings: {} } },
    answerGroups: false,
  },
};
