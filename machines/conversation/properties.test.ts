/**
 * What holds for every conversation with agents, whatever people, models and the outside world say: found by
 * random sequences. And purity: folding is repeatable, in one go or through JSON at each step.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FoldedSnapshot, type ToldEvent, begin, tell, throughJson } from '#machines/testing/fold.ts';
import { type Scene, type Step, auditsIn, noon, passes, repliesIn, scenariosOf } from '#machines/testing/given.ts';
import type { ConversationContext } from './context.ts';
import { inboxMax } from './hearing.ts';
import { conversationMachine } from './machine.ts';
import { type Outside, askedIn, clinic, outsideWith } from './testing/outside.ts';
import { presses, requests, says, sends, waysInto } from './testing/steps.ts';
import type { Proposal } from './tools.ts';

const runs = 80;
const settings = {
  ...clinic,
  model: { model: 'stub', turnsMax: 6, burstMs: 2_000 },
  media: { speechModel: 'whisper-1', visionModel: 'stub' },
};
const bursts = scenariosOf(conversationMachine, { settings });
const { given, play } = bursts;
/** The same without waiting for more, for courses in which no time goes by. */
const hasty = { ...settings, model: { ...settings.model, burstMs: 0 } };

const vocabulary = [
  ...[
    'oi',
    'sim',
    'não',
    'ok',
    'menu',
    'cancelar',
    'voltar',
    'falar com atendente',
    '1',
    '2',
    '3',
    '4',
    '5',
    'bla bla',
  ],
  ...['quero marcar uma limpeza', 'marcar consulta amanhã às 15h', 'amanhã de manhã', 'sexta que vem', 'ontem', '15h'],
  ...['meus agendamentos', 'cancelar minha consulta', 'remarcar para sexta', 'desmarcar', 'não posso ir'],
  ...['quero me inscrever', 'Maria da Silva', 'maria@example.com', 'ana@gmial.com', '529.982.247-25', '111.111.111-11'],
  ...['11 98888-7777', 'São Paulo - SP', 'SP', 'estudante', 'o e-mail está errado', 'informações', 'quanto custa?'],
  ...['continuar', 'obrigada', '👍', 'não quero mais', 'cancelar minha inscrição', 'errei o nome', 'tenho 15 anos'],
  ...['English', 'español', 'idioma', 'my data', 'mis datos', '', '?', '😀', 'a'.repeat(3_000)],
];
const anyText = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...vocabulary) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 200 }) },
);
const anyMessage: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: anyText.map(says) },
  fc
    .constantFrom(
      'menu.scheduling',
      'book.yes.h1',
      'service.limpeza',
      'times.other',
      'registration.yes.1',
      'cancel.yes.b1',
    )
    .map((id) => presses(id, id)),
  fc.constantFrom<Step>(
    sends({ kind: 'audio', media: { voice: true } }),
    sends({ kind: 'image', media: {}, caption: 'olha' }),
    sends({ kind: 'document', media: { filename: 'x.pdf' } }),
    sends({ kind: 'location', latitude: 1, longitude: 2 }),
    requests('m_1'),
    { type: 'message.echoed', source: 'app' },
    { type: 'media.failed', messageEventId: 'e0003', kind: 'audio', reason: 'x' },
  ),
  fc.nat(40_000).map((seconds) => passes(seconds * 100)),
);
const anyProposal: fc.Arbitrary<Proposal | null> = fc.oneof(
  fc.constant(null),
  fc
    .constantFrom(
      'scheduling' as const,
      'appointments' as const,
      'registration' as const,
      'information' as const,
      'person' as const,
    )
    .map((to): Proposal => ({ tool: 'route', args: { to } })),
  fc
    .record({ service: fc.option(anyText), when: fc.option(anyText) })
    .map((args): Proposal => ({ tool: 'schedule', args })),
  fc.constantFrom('s1', 's2', 's99', 'x').map((time): Proposal => ({ tool: 'choose_time', args: { time } })),
  fc
    .constantFrom('a1', 'a9', null)
    .map((appointment): Proposal => ({ tool: 'cancel_appointment', args: { appointment } })),
  anyText.map((text): Proposal => ({ tool: 'answer', args: { text, sections: [] } })),
  fc.constant<Proposal>({ tool: 'unclear', args: { reason: 'abuse' } }),
);

/** An outside world that answers anything that it may, and fails as it likes. */
interface Fate {
  readonly fails: boolean;
  readonly turn: number;
  readonly proposal: Proposal | null;
}
const anyFate: fc.Arbitrary<Fate> = fc.record({
  fails: fc.boolean(),
  turn: fc.nat(3),
  proposal: anyProposal,
});

const hour = 3_600_000;
function outsideOf({ turn, proposal }: Fate): Outside {
  const start = 1_760_640_000_000 + turn * hour;
  const slot = { start, end: start + hour };
  const appointments = Array.from({ length: turn }, (_, i) => ({
    ...slot,
    id: `b${i.toString()}`,
    service: 'limpeza',
  }));
  return outsideWith({
    'model.propose': () => ({
      proposal,
      refused: 0,
      model: 'stub',
      parameters: {},
      usage: { inputTokens: 1, outputTokens: 1 },
      costMicros: 1,
      latencyMs: 1,
      requestHash: '0',
    }),
    'calendar.find': () => ({ slots: turn === 0 ? [] : [slot], closed: turn === 3 }),
    'calendar.hold': () =>
      turn === 2 ? { outcome: 'taken', alternatives: [] } : { outcome: 'held', hold: 'h1', until: 0 },
    'calendar.list': () => ({ appointments }),
    'participants.check': () => ({ taken: turn === 2 }),
    'participants.save': () =>
      turn === 2 ? { outcome: 'taken', field: 'email' } : { outcome: 'saved', participant: 'p' },
  });
}

/** Messages, some of them while effects are out, and every effect answered sooner or later. */
const anyCourse = fc.array(fc.record({ step: anyMessage, answered: fc.boolean(), fate: anyFate }), { maxLength: 25 });
type Course = typeof anyCourse extends fc.Arbitrary<infer Value> ? Value : never;

const scenesOf = (course: Course): readonly Scene[] => played(course).map(({ scene }) => scene);
/** The steps that were taken, in a course in which no time goes by. */
const stepsOf = (course: Course) =>
  played(
    course.filter(({ step }) => 'type' in step),
    scenariosOf(conversationMachine, { settings: hasty }),
  ).flatMap(({ step }) => ('type' in step ? [step] : []));

function played(course: Course, { given, play } = bursts): readonly { readonly step: Step; readonly scene: Scene }[] {
  const scenes: { step: Step; scene: Scene }[] = [];
  let open: readonly ReturnType<typeof askedIn>[number][] = [];
  let scene = given(...waysInto.menu).scene;
  const take = (step: Step): void => {
    scene = play(scene, [step]);
    scenes.push({ step, scene });
    for (const { type, params } of scene.actions) {
      const { id } = params as { readonly id?: string };
      if (type === 'xstate.stopChild') open = open.filter((one) => one.id !== id);
      if (type === 'xstate.spawnChild') open = [...open, params as (typeof open)[number]];
    }
  };
  const answer = (fate: Fate): void => {
    for (let count = 0; open.length > 0 && count < 40; count += 1) {
      const [{ id, src, input }, ...rest] = open as [(typeof open)[number], ...typeof open];
      open = rest;
      const output = outsideOf(fate)[src](input);
      take(
        fate.fails && count % 2 === 0
          ? { type: `xstate.error.actor.${id}`, error: { code: 'x', message: '' } }
          : { type: `xstate.done.actor.${id}`, output },
      );
    }
  };
  for (const { step, answered, fate } of course) {
    take(step);
    if (answered) answer(fate);
  }
  return scenes;
}

const contextIn = ({ folded }: Scene): ConversationContext => folded.snapshot.context as ConversationContext;
const valueIn = ({ folded }: Scene): string => JSON.stringify(folded.snapshot.value);
const isBusy = (scene: Scene): boolean => valueIn(scene).includes('working');

describe('any course of a conversation with agents', () => {
  it('never throws, can be said, and stays small', () => {
    fc.assert(
      fc.property(anyCourse, (course) => {
        for (const scene of scenesOf(course)) {
          for (const reply of repliesIn(scene)) {
            expect(reply.trim()).not.toBe('');
            expect(reply.length).toBeLessThanOrEqual(4096);
          }
          const context = contextIn(scene);
          expect(context.inbox.length).toBeLessThanOrEqual(inboxMax);
          expect(context.turns.length).toBeLessThanOrEqual(6);
          expect(JSON.stringify({ ...context, settings: null, inbox: [] }).length).toBeLessThan(30_000);
        }
      }),
      { numRuns: runs },
    );
  });

  it('has decided about what it heard whenever it waits for the person', () => {
    fc.assert(
      fc.property(anyCourse, (course) => {
        for (const scene of scenesOf(course)) {
          if (isBusy(scene) || scene.folded.snapshot.status === 'done') continue;
          expect(contextIn(scene).heard, valueIn(scene)).toBeNull();
          if (valueIn(scene).includes('talking')) expect(contextIn(scene).inbox, valueIn(scene)).toEqual([]);
        }
      }),
      { numRuns: runs },
    );
  });

  it('waits for something whenever it is busy, and for the person no longer than the session', () => {
    fc.assert(
      fc.property(anyCourse, (course) => {
        for (const scene of scenesOf(course)) {
          if (scene.folded.snapshot.status === 'done' || valueIn(scene) === '"idle"') continue;
          expect([...scene.timers.keys()], valueIn(scene)).toContain('silence');
        }
      }),
      { numRuns: runs },
    );
  });

  it('books, cancels and saves only what the person said yes to', () => {
    fc.assert(
      fc.property(anyCourse, (course) => {
        for (const scene of scenesOf(course)) {
          for (const { src, input } of askedIn(scene)) {
            if (!['calendar.book', 'calendar.cancel', 'participants.save'].includes(src)) continue;
            expect((input as { confirmedBy: string }).confirmedBy, src).toMatch(/^e\d{4}$/u);
          }
        }
      }),
      { numRuns: runs },
    );
  });

  it('says nothing personal in an audit', () => {
    fc.assert(
      fc.property(anyCourse, (course) => {
        for (const scene of scenesOf(course))
          expect(JSON.stringify(auditsIn(scene))).not.toMatch(/Maria|maria@|529|98888|limpeza/u);
      }),
      { numRuns: runs },
    );
  });

  it('ends by an opt-out at once, also in the midst of something', () => {
    fc.assert(
      fc.property(anyCourse, (course) => {
        const last = scenesOf(course).at(-1) ?? given(...waysInto.menu).scene;
        const after = play(last, [says('PARAR')]);
        expect(after.folded.snapshot.value).toBe('withdrawn');
        expect(after.timers.size).toBe(0);
      }),
      { numRuns: runs },
    );
  });

  it('leads to a person from every question, by a word', () => {
    fc.assert(
      fc.property(anyCourse, (course) => {
        const last = scenesOf(course).at(-1);
        if (last === undefined || !valueIn(last).includes('talking')) return;
        const words = { 'pt-BR': 'falar com atendente', en: 'talk to a person', es: 'hablar con una persona' };
        const said = words[contextIn(last).locale as keyof typeof words];
        expect(valueIn(play(last, [says(said)]))).toContain('waitingForPerson');
      }),
      { numRuns: runs },
    );
  });

  it('is the same however often it is folded, and through JSON at each step', () => {
    fc.assert(
      fc.property(anyCourse, (course) => {
        const steps = [...waysInto.menu, ...stepsOf(course)];
        const events = steps.map((step, i): ToldEvent => ({
          ...step,
          at: noon + i * 1_000,
          eventId: `e${i.toString().padStart(4, '0')}`,
        }));
        const folds = [false, true].map((json) => {
          let folded = begin(conversationMachine, { settings: hasty }, noon);
          return events.map((event) => {
            const snapshot: FoldedSnapshot = json ? throughJson(conversationMachine, folded.snapshot) : folded.snapshot;
            folded = tell(conversationMachine, { ...folded, snapshot }, event, { settings: hasty });
            return JSON.stringify([folded.snapshot.value, folded.snapshot.context, folded.actions]);
          });
        });
        expect(folds[0]).toEqual(folds[1]);
      }),
      { numRuns: runs },
    );
  });
});
