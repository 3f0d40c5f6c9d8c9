/**
 * The tools of `machines/conversation/tools.ts` as a model is shown them, and its calls read back.
 *
 * Only tools that are offered exist. Arguments have exactly the fields of their tool, within bounds, and handles are
 * among those that were given: anything else is no proposal, whatever it says.
 */
import { z } from 'zod';

import { type Proposal, type ToolName, type Tools, agents } from '#machines/conversation/tools.ts';
import type { ChatAnswer, OfferedTool } from '#runtime/models/model-server.ts';

/** Longest words of a person in an argument, and longest answer. Characters. */
const wordsMax = 200;
const answerMax = 1_000;
const sectionsMax = 8;
const argumentsMax = 8_000;

const words = (what: string) => z.string().min(1).max(wordsMax).describe(what);
const said = (what: string) => words(`${what}, verbatim; null if it was not said`).nullable();

/** Shapes of arguments, where some handles are shown; undefined for a tool that needs one and has none. */
const shapesOf = (handles: readonly string[]) => {
  const handle = handles.length === 0 ? undefined : z.enum(handles);
  const maybe = (what: string) => (handle === undefined ? z.null() : handle.nullable()).describe(what);
  return {
    route: z.strictObject({ to: z.enum([...agents, 'myData', 'person', 'menu']) }),
    schedule: z.strictObject({
      service: said('The service that is wanted'),
      when: said('The day or time that is wanted'),
    }),
    other_times: z.strictObject({ when: words('The other day or time that is wanted, verbatim') }),
    choose_time: handle && z.strictObject({ time: handle.describe('Handle of one of the times shown') }),
    cancel_appointment: z.strictObject({
      appointment: maybe('Handle of one of the appointments shown; null if it is not clear which'),
    }),
    move_appointment: z.strictObject({
      appointment: maybe('Handle of one of the appointments shown; null if it is not clear which'),
      when: said('The new day or time that is wanted'),
    }),
    fill: z.strictObject({
      fullName: said('Full name'),
      email: said('E-mail address'),
      cpf: said('CPF'),
      phone: said('Phone number'),
      city: said('City'),
      state: said('State'),
      profile: said('Profile'),
    }),
    answer:
      handle &&
      z.strictObject({
        text: z
          .string()
          .min(1)
          .max(answerMax)
          .describe('The answer: short, plain, nothing that the sections do not say'),
        sections: z.array(handle).min(1).max(sectionsMax).describe('Handles of the sections that it is made of'),
      }),
    unclear: z.strictObject({ reason: z.enum(['off-topic', 'not-understood', 'abuse']) }),
  } satisfies { readonly [Name in ToolName]: z.ZodType<Tools[Name]> | undefined };
};

const descriptions: Readonly<Record<ToolName, string>> = {
  route: 'Goes to a topic, to a person of the team, to what is kept of the person, or to the menu.',
  schedule: 'The person wants to make an appointment.',
  other_times: 'The person wants other times than the ones shown.',
  choose_time: 'The person chooses one of the times shown.',
  cancel_appointment: 'The person wants to cancel an appointment.',
  move_appointment: 'The person wants an appointment at another time.',
  fill: 'The person gives data for an inscription.',
  answer: 'Answers a question from the sections shown, and from nothing else.',
  unclear: 'It is not about what is offered, or it cannot be known what is wanted.',
};

type Shapes = ReturnType<typeof shapesOf>;

/** What is offered at one step. */
export interface Offer {
  readonly tools: readonly OfferedTool[];
  /** The first call that is a proposal, and how many were none or came after it. */
  read(calls: ChatAnswer['calls']): { readonly proposal: Proposal | null; readonly refused: number };
}

/** Offers tools, and handles to name things by. A tool that would need a handle and has none is not offered. */
export function offerOf(names: readonly ToolName[], handles: readonly string[]): Offer {
  const shapes: Shapes = shapesOf(handles);
  const offered = new Map<string, z.ZodType>(
    names.flatMap((name) => {
      const shape = shapes[name];
      return shape === undefined ? [] : [[name, shape] as const];
    }),
  );
  return {
    tools: [...offered].map(([name, shape]) => ({
      name,
      description: descriptions[name as ToolName],
      parameters: strictSchema(shape),
    })),
    read(calls) {
      const read = calls.map(({ name, arguments: text }) => {
        const args = offered.get(name)?.safeParse(jsonOf(text));
        // The shape under a name is that of the tool of this name.
        return args?.success === true ? ({ tool: name, args: args.data } as Proposal) : undefined;
      });
      const proposal = read.find((one) => one !== undefined) ?? null;
      return { proposal, refused: calls.length - (proposal === null ? 0 : 1) };
    },
  };
}

function jsonOf(text: string): unknown {
  if (text.length > argumentsMax) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * JSON Schema of the part that every server knows in strict mode: no bounds of lengths, which some refuse. They are
 * said in words, and kept when the arguments are read.
 */
function strictSchema(shape: z.ZodType): Readonly<Record<string, unknown>> {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, {
    override: ({ jsonSchema }) => {
      const { maxLength, maxItems, description } = jsonSchema;
      const most =
        maxLength !== undefined
          ? `At most ${maxLength.toString()} characters.`
          : maxItems !== undefined
            ? `At most ${maxItems.toString()}.`
            : undefined;
      delete jsonSchema.minLength;
      delete jsonSchema.maxLength;
      delete jsonSchema.minItems;
      delete jsonSchema.maxItems;
      if (most !== undefined) jsonSchema.description = description === undefined ? most : `${description}. ${most}`;
    },
  });
  return schema;
}
