/**
 * A model that follows a script, for dialogues without one:
 *
 *   node simulator/model/main.ts [--port 3020] [--script reasonable|obedient] [--latency 300] [--fault server-error]
 *
 * Then `OPENAI_BASE_URL=http://127.0.0.1:3020/v1 OPENAI_MODEL=scripted npm start`. Exit code: 0, 2 for wrong arguments.
 */
import { parseArgs } from 'node:util';

import { createLogger } from '#runtime/logger.ts';
import { drainOnSignal, runMain } from '#runtime/process.ts';

import { faultModes } from './faults.ts';
import { startModelServer } from './model-server.ts';
import { type Script, obedient, reasonable } from './scripts.ts';

const scripts: Readonly<Record<string, Script | undefined>> = { reasonable, obedient };

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '3020' },
      script: { type: 'string', default: 'reasonable' },
      latency: { type: 'string', default: '0' },
      fault: { type: 'string' },
    },
    strict: true,
  });
  const script = scripts[values.script];
  const fault = faultModes.find((mode) => mode === values.fault);
  const [port, latencyMs] = [Number(values.port), Number(values.latency)];
  if (
    script === undefined ||
    (values.fault !== undefined && fault === undefined) ||
    !(port >= 0) ||
    !(latencyMs >= 0)
  ) {
    process.stderr.write(
      `model: scripts are ${Object.keys(scripts).join(', ')}; faults are ${faultModes.join(', ')}\n`,
    );
    process.exitCode = 2;
    return;
  }
  const server = await startModelServer({ port, script, latencyMs });
  server.fault = fault;
  process.stdout.write(`${JSON.stringify({ event: 'ready', url: server.url })}\n`);
  drainOnSignal(createLogger('error', 'model'), () => server.close());
}

await runMain(main);
