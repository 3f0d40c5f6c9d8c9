/** The simulator's own routes, `/simulator/…`, beside those of the server that it pretends to be. */
import { z } from 'zod';

import { readFaults } from './faults.ts';
import type { JsonAnswer, JsonRoutes } from './json-http.ts';
import type { Said } from './personalities/personality.ts';
import type { Simulator } from './simulator.ts';

const number = z.string().regex(/^\d{6,15}$/);

const writing = z
  .strictObject({
    from: number,
    text: z.string().min(1).max(4_096).optional(),
    button: z.strictObject({ id: z.string().max(256), title: z.string().max(256) }).optional(),
    location: z.strictObject({ latitude: z.number(), longitude: z.number() }).optional(),
    /** How the events name the person; as the faults want when absent. */
    naming: z.enum(['number', 'both', 'hidden']).optional(),
  })
  .refine(({ text, button, location }) => [text, button, location].filter((one) => one !== undefined).length === 1, {
    message: 'one of text, button and location',
  });

const target = z.strictObject({ url: z.url({ protocol: /^https?$/ }), secret: z.string().default('') });

function saidIn({ text, button, location }: z.infer<typeof writing>): Said {
  if (button !== undefined) return { kind: 'button', ...button };
  if (location !== undefined) return { kind: 'location', ...location };
  return { kind: 'text', text: text ?? '' };
}

/** Reads a body, and answers 400 with what is wrong with it. */
function having<Shape extends z.ZodType>(
  shape: Shape,
  body: unknown,
  work: (read: z.output<Shape>) => JsonAnswer,
): JsonAnswer {
  const read = shape.safeParse(body);
  return read.success ? work(read.data) : [400, { error: z.prettifyError(read.error) }];
}

/** The routes. */
export function controlRoutes(simulator: Omit<Simulator, 'url'>): JsonRoutes {
  return {
    'POST /simulator/messages': (_match, body) =>
      having(writing, body, (said) => [202, { id: simulator.says(said.from, saidIn(said), said.naming) }]),
    'GET /simulator/phones/{}': ([phone = '']) => [200, { number: phone, items: simulator.phone(phone) }],
    'POST /simulator/faults': (_match, body) => {
      simulator.setFaults(readFaults(body));
      return [204];
    },
    'POST /simulator/webhook': (_match, body) =>
      having(target, body, (read) => {
        simulator.connect(read);
        return [204];
      }),
    'POST /simulator/scan': () =>
      simulator.session.scan() ? [204] : [409, { error: 'there is no code; start the session first' }],
    'GET /simulator/report': () => [200, simulator.report()],
  };
}
