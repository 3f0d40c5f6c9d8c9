/** Templates as Meta has them, page by page. */
import { z } from 'zod';

import { graphHeaders, graphUrl } from '../../cloud/graph.ts';
import { graphReason } from '../../cloud/graph-errors.ts';
import type { Instance } from '../../instances/instances.ts';
import { type MetaTemplate, metaTemplate } from '../templates.ts';

const pageSize = 100;
/** Meta allows 6 000 templates per account. */
const pagesMax = 100;
const timeoutMs = 10_000;
const fields = 'id,name,language,status,category,components';

const pageShape = z.looseObject({
  data: z.array(z.unknown()),
  paging: z
    .looseObject({ cursors: z.looseObject({ after: z.string() }).optional(), next: z.string().optional() })
    .optional(),
});
const errorShape = z.looseObject({ error: z.looseObject({ code: z.number() }) });

/** They cannot be read now, or not with this token. `code` is a reason as deliveries have it. */
export class TemplatesUnavailable extends Error {
  override readonly name = 'TemplatesUnavailable';
  readonly code: string;

  constructor(code: string) {
    super('the templates cannot be read');
    this.code = code;
  }
}

/** All templates of an instance's business account. Throws `TemplatesUnavailable`. */
export async function readTemplates(instance: Instance, businessAccountId: string): Promise<readonly MetaTemplate[]> {
  const all: MetaTemplate[] = [];
  let after: string | undefined;
  for (let page = 0; page < pagesMax; page++) {
    const url = graphUrl(instance, `${businessAccountId}/message_templates`);
    url.search = new URLSearchParams({
      fields,
      limit: String(pageSize),
      ...(after === undefined ? {} : { after }),
    }).toString();
    const { data, paging } = await readPage(url, instance);
    all.push(...data.flatMap((one) => metaTemplate.safeParse(one).data ?? []));
    // The address of the next page holds the token and may be anywhere: only the cursor is taken.
    after = paging?.next === undefined ? undefined : paging.cursors?.after;
    if (after === undefined) return all;
  }
  throw new TemplatesUnavailable('provider.answer-unexpected');
}

async function readPage(url: URL, instance: Instance): Promise<z.infer<typeof pageShape>> {
  const answer = await fetch(url, {
    headers: { accept: 'application/json', ...graphHeaders(instance) },
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  }).catch(() => undefined);
  // What it says goes no further: it may quote the token.
  const body: unknown = await answer?.json().catch(() => undefined);
  if (answer === undefined) throw new TemplatesUnavailable('provider.unreachable');
  const page = pageShape.safeParse(body);
  if (answer.ok && page.success) return page.data;
  throw new TemplatesUnavailable(
    answer.ok ? 'provider.answer-unexpected' : graphReason(errorShape.safeParse(body).data?.error.code),
  );
}
