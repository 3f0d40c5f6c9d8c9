/** What is paid by the token, in millionths of the tenant's currency unit. */
import type { ChatAnswer, ChatRequest } from './model-server.ts';
import type { TokenUsage } from './paid-calls.ts';

/** A token has more characters than this in the languages of people; for what is set aside. */
const charactersPerToken = 3;
/** The most that a server counts a picture as: gpt-4o-mini, 2 833 and 5 667 for each of at most 8 tiles (OpenAI's guide "Images and vision"). */
const imageTokensMost = 50_000;

/** At the price of a million. Without a price nothing is counted. */
export const costOf = (
  { inputTokens, outputTokens }: TokenUsage,
  price: { readonly input: number; readonly output: number } | undefined,
): number => (price === undefined ? 0 : Math.ceil(inputTokens * price.input + outputTokens * price.output));

/** The most that a call can take. */
export function mostTokens({ system, user, image, tools, outputTokensMax }: ChatRequest): TokenUsage {
  const characters = system.length + user.length + JSON.stringify(tools).length;
  const ofImage = image === undefined ? 0 : imageTokensMost;
  return { inputTokens: Math.ceil(characters / charactersPerToken) + ofImage, outputTokens: outputTokensMax };
}

/** What an answer took, as the server counts; guessed where it does not, never too low. */
export function usageOf({ usage, calls, text }: ChatAnswer, most: TokenUsage): TokenUsage {
  if (usage !== undefined) return usage;
  const characters = calls.reduce((sum, call) => sum + call.name.length + call.arguments.length, text.length);
  return { inputTokens: most.inputTokens, outputTokens: Math.ceil(characters / charactersPerToken) };
}
