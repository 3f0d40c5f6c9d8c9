/** `prosa instances`: connections to providers. */
import type { InstanceItem } from '../../api/routes/instances.ts';
import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { listOptions, showPage } from '../lists.ts';
import { word } from '../options.ts';
import { factLines } from '../output.ts';

export const instancesLs = defineCommand({
  name: 'instances ls',
  summary: 'List instances, oldest first',
  options: listOptions,
  examples: [['instances ls', 'which providers are connected']],
  async run({ options: { limit, cursor } }, { api, out }) {
    const page = await api().list<InstanceItem>('/v1/instances', {}, limit, cursor);
    return showPage(out, page, {
      ID: (one) => one.id,
      PROVIDER: (one) => one.provider,
      NAME: (one) => one.name,
      LINE: (one) => one.line,
    });
  },
});

export const instancesShow = defineCommand({
  name: 'instances show',
  summary: 'Show an instance, without its credentials',
  arguments: { id: word('Id of the instance (i_…)') },
  examples: [['instances show i_01M7XY06KQHZKMHBWJQRSXSC6R', 'how it is configured']],
  async run({ args }, { api, out }) {
    const one = await api().get<InstanceItem>(`/v1/instances/${encodeURIComponent(args.id)}`);
    out.result(one, () =>
      factLines(out, [
        ['instance', one.id],
        ['provider', one.provider],
        ['name', one.name],
        ['line', one.line],
        ...Object.entries(one.config).map(
          ([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : String(value)] as const,
        ),
      ]),
    );
    return exitCodes.ok;
  },
});
