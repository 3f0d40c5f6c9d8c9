/**
 * What holds for every conversation, whatever people send: found by random sequences of messages,
 * pauses and requests. And purity: folding is repeatable, in one go or through JSON at each step.
 */
import fc from 'fast-check';
import { initialTransition } from 'xstate';
import { describe, expect, it } from 'vitest';
import { type FoldedSnapshot, type Start, type ToldEvent, begin, tell, throughJson } from '#machines/testing/fold.ts';
import { type Scene, type Step, passes, repliesIn, scenariosOf } from '#machines/testing/given.ts';
import type { InboundContent } from '#schemas/content.ts';
import { type ConversationOutput, type PersonContext, personContextOf } from '../context.ts';
import { languageButtonOf } from '../lexicon.ts';
import { conversationMachine } from './machine.ts';
import { conversationSettingsDefaults, conversationSettingsLimits } from '../settings.ts';
import { asides, presses, requests, says, sends, waysInOf, waysInto } from '../testing/steps.ts';
import { foreignIn } from '../testing/markers.ts';
import { languageNames, languageOf } from '../texts/catalogue.ts';
import { asksForLanguages, languageAskedIn, optsOut } from '../understanding.ts';

const { lexicon } = languageOf('pt-BR');
const runs = 60;

const vocabulary = [
  ...['oi', 'sim', 'não', 'ok', '👍', 'por quê?', 'saber mais', 'Ana Souza', 'meu nome é João', 'pular', '1', '2', '3'],
  ...['menu', 'voltar', 'falar com atendente', 'cancelar', 'bla', '?', '', 'aceito', 'quero', 'não aceito'],
  ...['hi', 'yes', 'no', 'why?', 'learn more', 'my name is John', 'skip', 'my data', 'talk to a person', 'go back'],
  ...['hola', 'sí', '¿por qué?', 'saber más', 'me llamo José', 'omitir', 'mis datos', 'hablar con alguien', 'volver'],
  ...['idioma', 'language', 'English', 'in English, please', 'español', 'em português'],
];
const anyText = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...vocabulary) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 120 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 5000 }) },
);
const media = fc.record({ url: fc.string(), filename: fc.string() }, { requiredKeys: [] });
const anyContent: fc.Arbitrary<InboundContent> = fc.oneof(
  { weight: 8, arbitrary: anyText.map((text) => ({ kind: 'text' as const, text })) },
  fc.record({ kind: fc.constantFrom('button' as const, 'list' as const), id: fc.string(), title: anyText }),
  fc
    .constantFrom('consent.yes', 'consent.no', 'menu.information', 'menu.data', 'menu.person')
    .map((id) => ({ kind: 'button' as const, id, title: id })),
  fc
    .constantFrom(...languageNames)
    .map(({ locale, name }) => ({ kind: 'button' as const, id: languageButtonOf(locale), title: name })),
  fc.record({ kind: fc.constantFrom('image' as const, 'audio' as const, 'sticker' as const), media, caption: anyText }),
  fc.record({ kind: fc.constantFrom('video' as const, 'document' as const), media }),
  fc.record({ kind: fc.constant('location' as const), latitude: fc.double(), longitude: fc.double() }),
  fc.record({ kind: fc.constant('contacts' as const), contacts: fc.array(fc.record({ name: fc.string() })) }),
  fc.record({ kind: fc.constant('poll' as const), options: fc.array(fc.string()) }),
  fc.record({ kind: fc.constant('unknown' as const), text: fc.string() }),
);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: anyContent.map(sends) },
  fc.constantFrom(...asides, requests('m_1'), requests('m_2', 'operator', 'high')),
  fc.nat(30 * 3600).map((seconds) => passes(seconds * 1000)),
);
const text = (length: number): fc.Arbitrary<string> => fc.string({ minLength: 1, maxLength: length, unit: 'grapheme' });
const anySettings = fc.record(
  {
    businessName: text(conversationSettingsLimits.businessName),
    information: text(conversationSettingsLimits.information),
    noticeVersion: text(conversationSettingsLimits.noticeVersion),
    privacyUrl: fc.webUrl(),
    locale: fc.constantFrom('pt-BR', 'en', 'es'),
    sessionTimeoutMs: fc.integer({ min: 60_000, max: 7 * 86_400_000 }),
  },
  { requiredKeys: [] },
);

const speaksOfLanguage = (content: InboundContent): boolean =>
  asksForLanguages(content, lexicon) || languageAskedIn(content, lexicon) !== undefined;
const isNoRequest = (step: Step): boolean => !('type' in step) || step.type !== 'message.requested';
/** The language that a step asks for and gets: a withdrawal goes first. */
const askedIn = (step: Step): string | undefined => {
  if (!('type' in step) || step.type !== 'message.received') return undefined;
  const content = step['content'] as InboundContent;
  return optsOut(content, lexicon) ? undefined : languageAskedIn(content, lexicon);
};

const contextIn = (snapshot: FoldedSnapshot): PersonContext => snapshot.context as PersonContext;

const locales = ['pt-BR', 'en', 'es'] as const;

describe.each(locales)('any sequence of messages in %s', (locale) => {
  const settings = { ...conversationSettingsDefaults, locale };
  const ways = waysInOf[locale];

  it('never throws, and every reply can be sent', () => {
    fc.assert(
      fc.property(anySettings, fc.array(anyStep, { maxLength: 25 }), (chosen, steps) => {
        const { given, play } = scenariosOf(conversationMachine, {
          settings: { ...settings, ...chosen },
        });
        let scene = given().scene;
        for (const step of steps) {
          scene = play(scene, [step]);
          for (const reply of repliesIn(scene)) {
            expect(reply.trim()).not.toBe('');
            expect(reply.length).toBeLessThanOrEqual(4096);
          }
          // Nothing of what is said is kept but a name.
          expect(JSON.stringify(contextIn(scene.folded.snapshot)).length).toBeLessThan(6000);
        }
      }),
      { numRuns: runs },
    );
  });

  it('is answered at most once per message', () => {
    const { given, play } = scenariosOf(conversationMachine, { settings });
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 25 }), (steps) => {
        let scene = given().scene;
        for (const step of steps) {
          scene = play(scene, [step]);
          expect(repliesIn(scene).length).toBeLessThanOrEqual('type' in step ? 1 : 0);
        }
      }),
      { numRuns: runs },
    );
  });

  it('ends in withdrawn by an opt-out', () => {
    const { given } = scenariosOf(conversationMachine, { settings });
    const optOut = fc.constantFrom(...lexicon.optOut).map((phrase) => phrase.toUpperCase());
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 20 }), optOut, (steps, said) => {
        given(...steps)
          .when(says(said))
          .then({ state: 'withdrawn', status: 'done', audits: ['consent.withdrawn'], context: { name: null } });
      }),
      { numRuns: runs },
    );
  });

  it('is reminded at most once after a refusal', () => {
    const { given, play } = scenariosOf(conversationMachine, { settings });
    const within = fc.array(
      fc.oneof(
        anyContent.filter((content) => !optsOut(content, lexicon) && !speaksOfLanguage(content)).map(sends),
        fc.nat(3600).map((seconds) => passes(seconds * 1000)),
      ),
      { maxLength: 25 },
    );
    fc.assert(
      fc.property(within, (steps) => {
        let scene = given(...ways.declined).scene;
        let reminders = 0;
        for (const step of steps) {
          scene = play(scene, [step]);
          if (scene.folded.snapshot.value !== 'declined') break;
          reminders += repliesIn(scene).length;
        }
        expect(reminders).toBeLessThanOrEqual(1);
      }),
      { numRuns: runs },
    );
  });

  it('begins the silence anew at each message of the person, and at nothing else', () => {
    const { given, play } = scenariosOf(conversationMachine, { settings });
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 25 }), (steps) => {
        let scene = given(...ways.consent).scene;
        for (const step of steps) {
          const before = scene;
          scene = play(scene, [step]);
          if (!('type' in step) || scene.folded.episode !== before.folded.episode) continue;
          const { status, value } = scene.folded.snapshot;
          const timer = `xstate.after.sessionTimeout.conversation.${value as string}`;
          const dueAt = scene.at + conversationSettingsDefaults.sessionTimeoutMs;
          if (step.type !== 'message.received') expect(scene.timers).toEqual(before.timers);
          else if (value === 'idle') expect(scene.timers.size).toBe(0);
          else if (status === 'active')
            expect([...scene.timers]).toEqual([[timer, expect.objectContaining({ dueAt })]]);
        }
      }),
      { numRuns: runs },
    );
  });

  it('is answered in the language in force, which only the person changes', () => {
    const { given, play } = scenariosOf(conversationMachine, { settings });
    const spoken = fc.array(anyStep.filter(isNoRequest), { maxLength: 25 });
    fc.assert(
      fc.property(spoken, (steps) => {
        let scene: Scene = given().scene;
        for (const step of steps) {
          const before = contextIn(scene.folded.snapshot);
          scene = play(scene, [step]);
          const after = contextIn(scene.folded.snapshot);
          expect(after.locale).toBe(askedIn(step) ?? before.locale);
          for (const reply of repliesIn(scene)) expect(foreignIn(reply, after), reply).toEqual([]);
        }
      }),
      { numRuns: runs },
    );
  });

  it('never goes past consent without one', () => {
    const { given } = scenariosOf(conversationMachine, { settings });
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 25 }), (steps) => {
        const { snapshot } = given(...steps).scene.folded;
        if (['name', 'menu', 'waitingForPerson'].includes(snapshot.value as string))
          expect(contextIn(snapshot).consent.status).toBe('given');
      }),
      { numRuns: runs },
    );
  });
});

describe('purity', () => {
  const start: Start = { settings: conversationSettingsDefaults };
  const toldOf = (steps: readonly Step[]): readonly ToldEvent[] => {
    let at = 1_760_529_600_000;
    return steps.flatMap((step, index) => {
      at += 'type' in step ? 1000 : step.passesMs;
      return 'type' in step ? [{ ...step, at, eventId: `e${index.toString()}` }] : [];
    });
  };
  const timer = (state: string): Step => ({ type: `xstate.after.sessionTimeout.conversation.${state}` });
  const anyTold = fc
    .array(fc.oneof(anyStep, fc.constantFrom(...['consent', 'menu', 'name', 'declined'].map(timer))), { maxLength: 25 })
    .map(toldOf);
  const plain = (snapshot: FoldedSnapshot): unknown => JSON.parse(JSON.stringify(snapshot));

  it('folds the same events to the same snapshots and actions, also through JSON at each step', () => {
    fc.assert(
      fc.property(anyTold, (events) => {
        let once = begin(conversationMachine, start, 1);
        let again = begin(conversationMachine, start, 1);
        let stored = begin(conversationMachine, start, 1);
        for (const event of events) {
          once = tell(conversationMachine, once, event, start);
          again = tell(conversationMachine, again, event, start);
          const restored = throughJson(conversationMachine, stored.snapshot);
          stored = tell(conversationMachine, { ...stored, snapshot: restored }, event, start);
          expect(plain(again.snapshot)).toEqual(plain(once.snapshot));
          expect(again.actions).toEqual(once.actions);
          expect(plain(stored.snapshot)).toEqual(plain(once.snapshot));
          expect(stored.actions).toEqual(once.actions);
          expect(stored.episode).toBe(once.episode);
        }
      }),
      { numRuns: runs },
    );
  });

  it('bears being constructed without input, as XState does at every transition', () => {
    expect(personContextOf(undefined)).toEqual(
      personContextOf({ tenant: 't', actor: 'a', at: 0, settings: conversationSettingsDefaults }),
    );
    expect(initialTransition(conversationMachine, undefined as never)[0].status).toBe('active');
  });

  it('keeps a context that is plain JSON', () => {
    const { given } = scenariosOf(conversationMachine, { settings: conversationSettingsDefaults });
    for (const way of Object.values(waysInto)) {
      const { context, output } = given(...way, presses('menu.person', 'x'), says('PARAR')).scene.folded.snapshot;
      expect(JSON.parse(JSON.stringify(context))).toStrictEqual(context);
      expect(JSON.parse(JSON.stringify(output))).toStrictEqual(output as ConversationOutput);
    }
  });

  it('changes no event and no snapshot that it is given', () => {
    const frozen = <Value>(value: Value): Value => {
      if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
      return value;
    };
    fc.assert(
      fc.property(anyTold, (events) => {
        let folded = begin(conversationMachine, frozen(structuredClone(start)), 1);
        for (const event of events) {
          frozen(folded.snapshot.context);
          folded = tell(conversationMachine, folded, frozen(structuredClone(event)), start);
        }
      }),
      { numRuns: 50 },
    );
  });
});
