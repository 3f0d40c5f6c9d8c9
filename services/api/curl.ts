/** A shell line for an example. The URL and the secrets come from the environment. */
import type { Operation } from './operation.ts';

const hmac = (digest: string): string =>
  `$(printf %s "$BODY" | openssl dgst -${digest} -hmac "$SECRET" | sed 's/.* //')`;

/** Headers that prove who calls. */
const proofs: Readonly<Record<NonNullable<Operation['proof']>, string>> = {
  wahaSignature: `x-webhook-hmac: ${hmac('sha512')}`,
  cloudSignature: `x-hub-signature-256: sha256=${hmac('sha256')}`,
  evolutionSecret: 'authorization: Bearer $SECRET',
};

/** Every line but the last ends in a backslash. */
export function curlOf({ method, path, roles, proof, example, body, fileType }: Operation): string {
  const url = `"$PROSA_URL${pathOf(path, example.params)}${queryOf(example.query)}"`;
  const data = body === undefined ? undefined : jsonOf(example.body);
  const plain = method === (data === undefined && fileType === undefined ? 'GET' : 'POST');
  const parts = [plain ? `curl -s ${url}` : `curl -s -X ${method} ${url}`];
  if (roles !== undefined) parts.push('-H "authorization: Bearer $PROSA_KEY"');
  if (data !== undefined) parts.push(`-H 'content-type: application/json'`);
  if (proof !== undefined && data !== undefined) {
    parts.push(`-H "${proofs[proof]}"`);
    return `BODY=${quoted(data)}\n${[...parts, '-d "$BODY"'].join(' \\\n  ')}`;
  }
  if (data !== undefined) parts.push(`-d ${quoted(data)}`);
  if (fileType !== undefined) {
    const content = fileType === 'audio/ogg' ? '@voice.ogg' : quoted(textOf(example.body));
    parts.push(`-H 'content-type: ${fileType}'`, `--data-binary ${content}`);
  }
  return parts.join(' \\\n  ');
}

const lineLengthMax = 50;

/** On one line when it is short. */
function jsonOf(value: unknown): string {
  const line = JSON.stringify(value);
  return line.length <= lineLengthMax ? line : JSON.stringify(value, null, 2);
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const pathOf = (path: string, params: unknown): string =>
  path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(textOf(entriesOf(params)[name])));

function queryOf(query: unknown): string {
  const given = Object.entries(entriesOf(query));
  const pairs = given.map(([name, value]) => `${name}=${encodeURIComponent(textOf(value))}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

const entriesOf = (given: unknown): Readonly<Record<string, unknown>> => ({ ...(given as object | undefined) });
const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
