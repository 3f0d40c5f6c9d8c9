/** `prosa dev`: what `npm start` runs. */
import { defineCommand } from '../command.ts';
import { root } from '../session.ts';

export const dev = defineCommand({
  name: 'dev',
  summary: 'Run everything on this machine, as npm start does',
  description:
    'Settings come from the environment, see .env.example; data is kept in .data of the repository. With --json one line says when it is ready. Ctrl-C stops it.',
  examples: [
    ['dev', 'start, or go on where it was'],
    ['dev --json', 'one line for a program when it is ready'],
  ],
  async run(_input, { out }) {
    process.chdir(root);
    process.argv = [process.execPath, 'services/main.ts', ...(out.json ? ['--json'] : [])];
    await import('../../main.ts');
    // From here on it is that program, which ends the process by itself.
    return new Promise<never>(() => undefined);
  },
});
