/** `prosa configuration`: what the tenant sets. */
import { readFile, stat } from 'node:fs/promises';

import type { ConfigurationRevision } from '../../api/routes/configuration.ts';
import { defineCommand } from '../command.ts';
import { exitCodes, usageError } from '../exit-codes.ts';
import { text, word } from '../options.ts';
import { printable } from '../output.ts';

const path = '/v1/configuration';
/** The API takes no larger one. */
const fileBytesMax = 256 * 1_024;

export const configurationShow = defineCommand({
  name: 'configuration show',
  summary: "Show the tenant's configuration, as `configuration set` takes it",
  options: { revision: text('id', 'Another revision than the one in force (r_…)') },
  examples: [
    ['configuration show | tee clinic.json', 'to a file, to be changed'],
    ['configuration show --json | jq -r .revision', 'its name'],
  ],
  async run({ options: { revision } }, { api, out }) {
    const shown = await api().get<ConfigurationRevision>(
      revision === undefined ? path : `${path}/revisions/${encodeURIComponent(revision)}`,
    );
    if (!out.json) out.note(`Revision ${shown.revision}${shown.isCurrent ? ', in force' : ', not in force'}`);
    out.result(shown, () => JSON.stringify(shown.configuration, null, 2).split('\n').map(printable));
    return exitCodes.ok;
  },
});

export const configurationSet = defineCommand({
  name: 'configuration set',
  summary: 'Put a configuration in force, in place of all of the one before',
  description:
    'Conversations take it up with their next episode. When a setting is wrong all such settings are named, and nothing changes. docs/configuration.md explains each setting.',
  arguments: { file: word('File that holds it, as JSON') },
  options: {
    from: text('id', 'The revision that the file was made from (r_…): refused when another is in force by now'),
  },
  examples: [
    ['configuration set docs/examples/clinic.json', 'the sample'],
    ['configuration set clinic.json --from r_1F4…', 'only if nobody changed it meanwhile'],
  ],
  async run({ args: { file }, options: { from } }, { api, out }) {
    const to = from === undefined ? path : `${path}?${new URLSearchParams({ ifRevision: from }).toString()}`;
    const set = await api().put<Pick<ConfigurationRevision, 'revision'>>(to, await configurationIn(file));
    out.result(set, () => [`Revision ${set.revision} is in force.`]);
    return exitCodes.ok;
  },
});

async function configurationIn(file: string): Promise<object> {
  try {
    if ((await stat(file)).size > fileBytesMax) throw usageError('The file is larger than a configuration may be.');
    const content: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof content === 'object' && content !== null) return content;
  } catch (caught) {
    if (caught instanceof SyntaxError) throw usageError('The file is not JSON.');
    if (caught instanceof Error && 'code' in caught)
      throw usageError(`The file cannot be read (${String(caught.code)}).`);
    throw caught;
  }
  throw usageError('The file holds no configuration.');
}
