/** The outside world of a conversation's tests: what each effect answers, at once. */
import type { Asks, AskSource, Slot } from '#machines/conversation/asks.ts';
import type { ConversationSettings } from '#machines/conversation/settings.ts';
import { conversationSettingsDefaults } from '#machines/conversation/settings.ts';
import type { Scene, Step } from '#machines/testing/given.ts';

const weekday = [
  ['08:00', '12:00'],
  ['13:00', '18:00'],
] as const;

/** A tenant that offers everything. */
export const clinic: ConversationSettings = {
  ...conversationSettingsDefaults,
  businessName: 'Clínica Aurora',
  agents: ['scheduling', 'appointments', 'registration', 'information'],
  scheduling: {
    services: [
      { id: 'avaliacao', name: 'Avaliação', aliases: ['consulta'], durationMinutes: 60 },
      { id: 'limpeza', name: 'Limpeza', durationMinutes: 30 },
    ],
    openingHours: { mon: weekday, tue: weekday, wed: weekday, thu: weekday, fri: weekday },
    holidays: ['2025-12-25'],
  },
  registration: {
    eventName: 'Congresso Aurora',
    profiles: [
      { id: 'estudante', name: 'Estudante' },
      { id: 'profissional', name: 'Profissional', aliases: ['dentista'] },
    ],
  },
  event: { source: 'congresso.json' },
};

/** What each effect answers; an error is a code. */
export type Outside = {
  readonly [Source in AskSource]: (input: Asks[Source][0]) => Asks[Source][1] | { readonly error: string };
};

const hour = 3_600_000;

/** Everything is free and works; each answer can be another one. */
export function outsideWith(other: Partial<Outside> = {}): Outside {
  return {
    'model.propose': () => ({ error: 'model.unavailable' }),
    'calendar.find': ({ from, to, max }) => ({ slots: slotsWithin(from, to).slice(0, max), closed: false }),
    'calendar.hold': ({ start }) => ({ outcome: 'held', hold: `h${start.toString(36)}`, until: start }),
    'calendar.book': ({ hold }) => {
      const start = Number.parseInt(hold.slice(1), 36);
      return { outcome: 'booked', appointment: { id: `b${hold}`, service: 'limpeza', start, end: start + hour } };
    },
    'calendar.release': () => ({}),
    'calendar.list': () => ({ appointments: [] }),
    'calendar.cancel': () => ({ outcome: 'cancelled' }),
    'participants.check': () => ({ taken: false }),
    'participants.save': () => ({ outcome: 'saved', participant: 'p_1' }),
    'mail.confirm': () => ({ sent: true }),
    'speech.transcribe': () => ({ text: 'quero marcar uma limpeza' }),
    'image.read': () => ({ text: 'um sorriso' }),
    'information.read': () => ({
      sections: [
        { id: 'local', title: 'Data e local', text: 'Rua das Flores, 100, de 18 a 20 de março.', aliases: [] },
        {
          id: 'valores',
          title: 'Valores',
          text: 'Estudantes pagam R$ 120, profissionais R$ 380.',
          aliases: ['precinho'],
        },
      ],
    }),
    ...other,
  };
}

/** Whole hours of an interval. */
function slotsWithin(from: number, to: number): readonly Slot[] {
  const slots: Slot[] = [];
  for (let start = Math.ceil(from / hour) * hour; start < to && slots.length < 20; start += hour)
    slots.push({ start, end: start + hour });
  return slots;
}

interface Spawned {
  readonly id: string;
  readonly src: AskSource;
  readonly input: never;
}

/** Effects that the latest step asked for. */
export const askedIn = (scene: Scene): readonly Spawned[] =>
  scene.actions.filter(({ type }) => type === 'xstate.spawnChild').map(({ params }) => params as Spawned);

const stepsMax = 30;

/** Plays steps, each until nothing is waited for; gives the scenes, effects answered in between included. */
export function playWith(outside: Outside, play: (from: Scene, steps: readonly Step[]) => Scene) {
  return function through(from: Scene, steps: readonly Step[]): readonly Scene[] {
    const scenes: Scene[] = [];
    let scene = from;
    const take = (step: Step): void => {
      scene = play(scene, [step]);
      scenes.push(scene);
    };
    for (const step of steps) {
      take(step);
      for (let count = 0; askedIn(scene).length > 0; count += 1) {
        if (count > stepsMax) throw new Error('effects without end');
        for (const { id, src, input } of askedIn(scene)) take(answerOf(outside, id, src, input));
      }
    }
    return scenes;
  };
}

function answerOf(outside: Outside, id: string, src: AskSource, input: never): Step {
  const answer = outside[src](input);
  return 'error' in answer
    ? { type: `xstate.error.actor.${id}`, actorId: id, error: { code: answer.error, message: '' } }
    : { type: `xstate.done.actor.${id}`, actorId: id, output: answer };
}
