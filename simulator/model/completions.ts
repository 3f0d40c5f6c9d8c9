/** Answers in the form of `/v1/chat/completions`: whole, or in pieces. */
import type { ScriptedCall } from './scripts.ts';

/** What is said. */
export interface Said {
  readonly model: string;
  /** Arguments that are text go out as they are. */
  readonly calls: readonly ScriptedCall[];
  readonly text: string;
  readonly inputTokens: number;
  readonly finish?: 'length';
  /** False for a server that does not count. */
  readonly usage?: boolean;
}

/** Pieces, and how they end. */
export interface Stream {
  readonly chunks: readonly Readonly<Record<string, unknown>>[];
  readonly ends: 'whole' | 'dies' | 'stalls';
}

const pieceLength = 24;

const argumentsOf = ({ args }: ScriptedCall): string => (typeof args === 'string' ? args : JSON.stringify(args));

const toolCallsOf = ({ calls }: Said) =>
  calls.map((call, index) => ({
    index,
    id: `call_${index.toString()}`,
    type: 'function',
    function: { name: call.tool, arguments: argumentsOf(call) },
  }));

const finishOf = ({ finish, calls }: Said): string => finish ?? (calls.length > 0 ? 'tool_calls' : 'stop');

function usageOf({ inputTokens, calls, text, usage = true }: Said): object {
  if (!usage) return {};
  const characters = calls.reduce((sum, call) => sum + argumentsOf(call).length, text.length);
  const outputTokens = Math.ceil(characters / 4) + 4;
  return {
    usage: { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens },
  };
}

/** In one piece. */
export const completionOf = (said: Said): object => ({
  id: 'chatcmpl-stub',
  object: 'chat.completion',
  created: 0,
  model: said.model,
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        content: said.text === '' ? null : said.text,
        ...(said.calls.length === 0 ? {} : { tool_calls: toolCallsOf(said).map(({ index: _, ...call }) => call) }),
      },
      finish_reason: finishOf(said),
    },
  ],
  ...usageOf(said),
});

/** In pieces, as servers cut them. */
export function streamOf(said: Said): Stream {
  const chunk = (choices: readonly object[], rest: object = {}) => ({
    id: 'chatcmpl-stub',
    object: 'chat.completion.chunk',
    created: 0,
    model: said.model,
    choices,
    ...rest,
  });
  const delta = (part: object, finish: string | null = null) =>
    chunk([{ index: 0, delta: part, finish_reason: finish }]);
  return {
    chunks: [
      delta({ role: 'assistant', content: said.text === '' ? null : '' }),
      ...piecesOf(said.text).map((content) => delta({ content })),
      ...toolCallsOf(said).flatMap(({ function: called, ...call }) => [
        delta({ tool_calls: [{ ...call, function: { name: called.name, arguments: '' } }] }),
        ...piecesOf(called.arguments).map((piece) =>
          delta({ tool_calls: [{ index: call.index, function: { arguments: piece } }] }),
        ),
      ]),
      delta({}, finishOf(said)),
      chunk([], usageOf(said)),
    ],
    ends: 'whole',
  };
}

function piecesOf(text: string): readonly string[] {
  const length = Math.max(pieceLength, Math.ceil(text.length / 200));
  return Array.from({ length: Math.ceil(text.length / length) }, (_, i) => text.slice(i * length, (i + 1) * length));
}
