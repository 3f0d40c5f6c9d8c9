/** What a program says when it is ready. */
import type { Demo } from './demo.ts';

/** Says on stdout that the program serves: one JSON line for programs, or a form for people with commands to try. */
export function announce(json: boolean, dataDir: string, url: string, demo: Demo | undefined): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ event: 'ready', url, ...demo, dataDir })}\n`);
    return;
  }
  const lines = [`Prosa is ready at ${url}`, `  data    ${dataDir}`];
  if (demo !== undefined) {
    lines.push(`  tenant  ${demo.tenant}`, `  key     ${demo.apiKey}`);
    for (const { provider, webhook, secret, headers } of demo.instances) {
      const shown = Object.entries(headers ?? {}).map(([name, value]) => `header ${name}: ${value}`);
      const proof = secret === undefined ? shown : [`HMAC secret ${secret}`];
      lines.push(`  ${provider.padEnd(10)} ${url}${webhook}${proof.map((one) => `  (${one})`).join('')}`);
    }
    const authorization = `-H 'authorization: Bearer ${demo.apiKey}'`;
    lines.push(
      '',
      'Write as a person with a simulated WhatsApp:',
      `  curl -s ${url}/v1/simulator/messages ${authorization} -H 'content-type: application/json' -d '{"from":"5511999990001","text":"Oi"}'`,
      'Read what that phone received:',
      `  curl -s '${url}/v1/simulator/messages?phone=5511999990001' ${authorization}`,
      '',
      'Ctrl-C stops.',
    );
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}
