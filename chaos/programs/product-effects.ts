/** The product's effects service, which tells when an effect passes the moments at which its process may die. */
import type { OutgoingRecord, RecordLog } from '#runtime/log/record-log.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { changedLog } from '#runtime/testing/changed-log.ts';
import { decodeRecord } from '#schemas/codec.ts';

import { startEffects } from '../../services/effects/effects.ts';
import type { EffectHandler } from '../../services/effects/handler.ts';
import { openHandlers } from '../../services/effects/handlers.ts';
import type { Reached } from './plan.ts';

/** Shorter than production's: a run waits for what a death left open. */
const pollMs = 50;

/** Starts it. */
export function startProductEffects(runtime: Runtime, reached: Reached): Promise<RunningService> {
  const { handlers, close } = openHandlers(runtime, () => '');
  const sources = new Map<string, string>();
  const telling = (source: string, handler: EffectHandler): EffectHandler => ({
    ...handler,
    async run(call) {
      sources.set(call.effectId, source);
      await reached('claimed', [source]);
      const output = await handler.run(call);
      await reached('carried-out', [source]);
      return output;
    },
  });
  const answeredIn = ({ headers, value }: OutgoingRecord): readonly string[] => {
    if (headers['ce_type'] !== 'prosa.effect.completed') return [];
    const record = decodeRecord(Buffer.from(value));
    const source = record.type === 'effect.completed' ? sources.get(record.effectId) : undefined;
    return source === undefined ? [] : [source];
  };
  const append: RecordLog['append'] = async (records) => {
    const answered = records.flatMap(answeredIn);
    await reached('answer-kept', answered);
    const positions = await runtime.log.append(records);
    await reached('answer-told', answered);
    return positions;
  };
  const told = new Map([...handlers].map(([source, handler]) => [source, telling(source, handler)]));
  return startEffects({ ...runtime, log: changedLog(runtime.log, { append }) }, { handlers: told, close, pollMs });
}
