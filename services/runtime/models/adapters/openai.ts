/**
 * Model servers over the `openai` package.
 *
 * Owns: what each server was found not to take.
 *
 * P1 Nothing is repeated here: who calls knows how much time is left.
 * P2 No redirect is followed, and nothing of the environment goes along: a key reaches the server it is for.
 * P3 The bytes of an answer are counted and timed as they come, below the package.
 * P4 No error holds what was sent or answered.
 */
import type OpenAI from 'openai';
import { z } from 'zod';

import { Lru } from '../../lru.ts';
import { type Watch, bounded, watchOver } from '../answer-watch.ts';
import {
  type CallBounds,
  type ChatAnswer,
  type ChatRequest,
  type ModelEndpoint,
  ModelError,
  type ModelFailure,
  type ModelParameters,
  type ModelServer,
} from '../model-server.ts';

/** Loaded when it is first needed: it takes a tenth of a second and 40 MB. */
const load = () => import('openai');
type Library = Awaited<ReturnType<typeof load>>;

type Parameters = OpenAI.Chat.ChatCompletionCreateParamsStreaming;

/** Parameters that some compatible servers and models do not take. */
const optional = ['temperature', 'parallel_tool_calls', 'stream_options', 'max_completion_tokens'] as const;
type Optional = (typeof optional)[number];

const endpointsMax = 1_000;
const callsMax = 16;

/** Opens it; nothing is loaded or connected before the first call. */
export function openModelServer(): ModelServer {
  const untaken = new Lru<string, ReadonlySet<Optional>>(endpointsMax);

  const chatOnce = async (client: OpenAI, parameters: Parameters, watch: Watch): Promise<ChatAnswer> => {
    const reading = startReading();
    try {
      for await (const chunk of await client.chat.completions.create(parameters, { signal: watch.signal }))
        reading.take(chunk);
    } catch (caught) {
      // What is there of an answer that is too long is looked at like any other.
      if (!watch.isFull()) throw caught;
    }
    // The package ends a stream that was aborted as if it were whole.
    if (watch.timedOut()) throw new ModelError('timeout');
    return { ...reading.answer(), parameters: plainOf(parameters) };
  };

  return {
    async chat(endpoint, request, bounds, signal) {
      const library = await load();
      const where = `${endpoint.baseUrl} ${endpoint.model}`;
      for (;;) {
        const without = untaken.get(where) ?? new Set<Optional>();
        const watch = watchOver(bounds, signal);
        try {
          return await chatOnce(
            clientOf(library, endpoint, watch, bounds),
            parametersOf(endpoint, request, without),
            watch,
          );
        } catch (caught) {
          const refused = refusedParameter(library, caught);
          if (refused === undefined || without.has(refused)) throw errorOf(library, caught, watch);
          untaken.set(where, new Set([...without, refused]));
        } finally {
          watch.end();
        }
      }
    },

    async transcribe(endpoint, { content, mimetype, language }, bounds, signal) {
      const library = await load();
      const watch = watchOver(bounds, signal);
      try {
        const file = await library.toFile(content, `voice.${extensionOf(mimetype)}`, { type: mimetype });
        const answer: unknown = await clientOf(library, endpoint, watch, bounds).audio.transcriptions.create(
          { model: endpoint.model, file, response_format: 'json', ...(language === undefined ? {} : { language }) },
          { signal: watch.signal },
        );
        return textOf(answer);
      } catch (caught) {
        throw errorOf(library, caught, watch);
      } finally {
        watch.end();
      }
    },
  };
}

function clientOf(library: Library, endpoint: ModelEndpoint, watch: Watch, bounds: CallBounds): OpenAI {
  const { baseUrl: baseURL, apiKey } = endpoint;
  return new library.default({
    baseURL,
    apiKey: apiKey ?? 'none',
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    ...(apiKey === undefined ? { defaultHeaders: { authorization: null } } : {}),
    maxRetries: 0,
    logLevel: 'off',
    fetch: async (url, init) => bounded(await fetch(url, { ...init, redirect: 'error' }), watch, bounds.bytesMax),
  });
}

function parametersOf({ model }: ModelEndpoint, request: ChatRequest, without: ReadonlySet<Optional>): Parameters {
  const { system, user, image, tools, outputTokensMax } = request;
  const given: Required<Pick<Parameters, Optional>> = {
    temperature: 0,
    parallel_tool_calls: false,
    stream_options: { include_usage: true },
    max_completion_tokens: outputTokensMax,
  };
  const kept = optional.filter((name) => !without.has(name) && (name !== 'parallel_tool_calls' || tools.length > 0));
  return {
    model,
    stream: true,
    messages: [
      { role: 'system', content: system },
      {
        role: 'user',
        content:
          image === undefined
            ? user
            : [
                { type: 'text', text: user },
                { type: 'image_url', image_url: { url: image } },
              ],
      },
    ],
    ...(tools.length === 0
      ? {}
      : {
          tool_choice: 'required' as const,
          tools: tools.map(({ name, description, parameters }) => ({
            type: 'function' as const,
            function: { name, description, parameters: { ...parameters }, strict: true },
          })),
        }),
    ...Object.fromEntries<unknown>([
      // The older name of the same bound.
      ...(without.has('max_completion_tokens') ? [['max_tokens', outputTokensMax] as const] : []),
      ...kept.map((name) => [name, given[name]] as const),
    ]),
  };
}

/** Those that are a number, a word or a switch: words, tools and pictures are not among them. */
const plainOf = ({ model: _, ...parameters }: Parameters): ModelParameters =>
  Object.fromEntries(
    Object.entries(parameters).filter((entry): entry is [string, string | number | boolean] =>
      ['string', 'number', 'boolean'].includes(typeof entry[1]),
    ),
  );

/** What is read of a piece of a stream. Servers are only said to be compatible: what has another form is not there. */
const chunkShape = z.object({
  choices: z
    .array(
      z.object({
        delta: z.object({
          content: z.string().nullish().catch(null),
          tool_calls: z
            .array(
              z.object({
                index: z.number().int().catch(0),
                function: z
                  .object({ name: z.string().nullish().catch(null), arguments: z.string().nullish().catch(null) })
                  .nullish(),
              }),
            )
            .nullish()
            .catch(null),
        }),
      }),
    )
    .catch([]),
  usage: z
    .object({ prompt_tokens: z.number().int().min(0), completion_tokens: z.number().int().min(0) })
    .nullish()
    .catch(null),
});

/** Puts the pieces of a stream together. */
function startReading() {
  const calls = new Map<number, { name: string; arguments: string }>();
  let text = '';
  let usage: ChatAnswer['usage'];
  return {
    take(received: unknown): void {
      const chunk = chunkShape.safeParse(received).data;
      const counted = chunk?.usage;
      if (counted != null) usage = { inputTokens: counted.prompt_tokens, outputTokens: counted.completion_tokens };
      const delta = chunk?.choices[0]?.delta;
      text += delta?.content ?? '';
      for (const { index, function: piece } of delta?.tool_calls ?? []) {
        const call = calls.get(index) ?? { name: '', arguments: '' };
        call.name += piece?.name ?? '';
        call.arguments += piece?.arguments ?? '';
        if (calls.size < callsMax) calls.set(index, call);
      }
    },
    answer: (): Omit<ChatAnswer, 'parameters'> => ({ calls: [...calls.values()], text, usage }),
  };
}

function textOf(answer: unknown): string {
  const text: unknown = typeof answer === 'object' && answer !== null && 'text' in answer ? answer.text : undefined;
  if (typeof text !== 'string') throw new ModelError('unreadable');
  return text;
}

/** The parameter that a server does not take, of those that it can do without. */
function refusedParameter(library: Library, caught: unknown): Optional | undefined {
  if (!(caught instanceof library.APIError) || caught.status !== 400) return undefined;
  return optional.find((name) => caught.param === name || (caught.param == null && caught.message.includes(name)));
}

/** P4: a failure is made anew of what is known of it. */
function errorOf(library: Library, caught: unknown, watch: Watch): ModelError {
  if (caught instanceof ModelError) return caught;
  if (watch.timedOut()) return new ModelError('timeout');
  if (caught instanceof library.APIError && caught.status !== undefined) {
    const { status, code, headers } = caught as { status: number; code: unknown; headers: Headers | undefined };
    return new ModelError(failureOf(status, code), retryAfterOf(headers));
  }
  if (caught instanceof library.APIConnectionError) return new ModelError('connection');
  // A line of a stream that does not parse, or one that says that something went wrong midway.
  return new ModelError(
    caught instanceof SyntaxError || caught instanceof library.OpenAIError ? 'unreadable' : 'connection',
  );
}

function failureOf(status: number, code: unknown): ModelFailure {
  if (status === 402 || (status === 429 && code === 'insufficient_quota')) return 'spent';
  if (status === 429) return 'rate-limited';
  if (status === 408 || status === 409 || status >= 500) return 'server';
  return status === 401 || status === 403 || status === 404 ? 'denied' : 'refused';
}

/** Seconds or a date, as HTTP has it, or milliseconds, as some servers do. */
function retryAfterOf(headers: Headers | undefined): number | undefined {
  const inMs = Number.parseFloat(headers?.get('retry-after-ms') ?? '');
  if (inMs >= 0) return inMs;
  const text = headers?.get('retry-after') ?? '';
  const seconds = Number.parseFloat(text);
  if (seconds >= 0) return seconds * 1_000;
  const until = Date.parse(text);
  return Number.isNaN(until) ? undefined : Math.max(0, until - Date.now());
}

/** Servers tell the format by the name of the file. */
function extensionOf(mimetype: string): string {
  const subtype = mimetype.split(';')[0]?.split('/')[1] ?? '';
  return { mpeg: 'mp3', mp4: 'm4a', opus: 'ogg', 'x-wav': 'wav' }[subtype] ?? subtype.replace(/\W/g, '');
}
