/** Languages: chosen by the tenant, changed by the person at any time, kept for later episodes. */
import { describe, expect, it } from 'vitest';
import { auditsIn, noon, passes, repliesIn, scenariosOf } from '#machines/testing/given.ts';
import { paramsOf } from '#machines/testing/fold.ts';
import type { InboundContent } from '#schemas/content.ts';
import { conversationMachine } from './machine.ts';
import { type ConversationSettings, conversationSettingsDefaults } from '../settings.ts';
import { foreignIn } from '../testing/markers.ts';
import { presses, requests, says, sends, waysInOf } from '../testing/steps.ts';

const base: ConversationSettings = {
  ...conversationSettingsDefaults,
  businessName: 'Aurora',
  information: { 'pt-BR': 'Aberto de segunda a sexta.', en: 'Open on weekdays.', es: 'Abierto de lunes a viernes.' },
  noticeVersion: '7',
  privacyUrl: 'https://aurora.example/p',
};
const speaking = (locale: string, more: Partial<ConversationSettings> = {}) =>
  scenariosOf(conversationMachine, { settings: { ...base, ...more, locale } });
const timeout = base.sessionTimeoutMs;
type Locale = keyof typeof waysInOf;
const locales = Object.keys(waysInOf) as readonly Locale[];

/** What each language says at each step of the way, and which of its words lead on. */
const scripts: Readonly<Record<Locale, readonly (readonly [said: string, state: string, reply: RegExp])[]>> = {
  'pt-BR': [
    ['Olá', 'consent', /^Olá! 👋 .*\*Aurora\*.*LGPD.*\*PARAR\*.*https:.*\*SIM\* ou \*NÃO\*/su],
    ['pra quê?', 'consent', /^Claro, explico!/u],
    ['sei lá', 'consent', /^Desculpe, não entendi/u],
    ['Aceito', 'name', /Como você se chama\?$/u],
    ['42', 'name', /\*PULAR\*\.$/u],
    ['sou a ana', 'menu', /^Prazer, Ana!.*\*1\* Informações\n\*2\* Meus dados\n\*3\* Falar/su],
    ['informações', 'menu', /^Aberto de segunda a sexta\.\n\nPara ver as opções/u],
    ['meus dados', 'menu', /Nome: Ana\n.*dado em 15\/10\/2025 às 09:00, pela versão 7/su],
    ['xyz', 'menu', /^Desculpe, não entendi/u],
    ['quero falar com uma pessoa', 'waitingForPerson', /^Certo, Ana!/u],
    ['minha conta veio errada', 'waitingForPerson', /^Recebi, obrigado!/u],
    ['voltar', 'menu', /^Como posso ajudar\?/u],
    ['sair', 'withdrawn', /^Pronto! Seu consentimento foi retirado/u],
  ],
  en: [
    ['Hello', 'consent', /^Hi! 👋 .*\*Aurora\*.*LGPD.*\*STOP\*.*https:.*\*YES\* or \*NO\*/su],
    ['What for?', 'consent', /^Sure, let me explain!/u],
    ['I guess', 'consent', /^Sorry, I didn't get that/u],
    ['I agree', 'name', /What's your name\?$/u],
    ['42', 'name', /\*SKIP\*\.$/u],
    ["hi, I'm ana", 'menu', /^Nice to meet you, Ana!.*\*1\* Information\n\*2\* My data\n\*3\* Talk/su],
    ['information', 'menu', /^Open on weekdays\.\n\nTo see the options/u],
    ['my data', 'menu', /Name: Ana\n.*given on 15 October 2025 at 09:00, under version 7/su],
    ['xyz', 'menu', /^Sorry, I didn't get that/u],
    ["I'd like to speak to someone", 'waitingForPerson', /^Sure, Ana!/u],
    ['my bill is wrong', 'waitingForPerson', /^Got it, thanks!/u],
    ['back', 'menu', /^How can I help\?/u],
    ['unsubscribe', 'withdrawn', /^Done! Your consent has been withdrawn/u],
  ],
  es: [
    ['Hola', 'consent', /^¡Hola! 👋 .*\*Aurora\*.*LGPD.*\*BAJA\*.*https:.*\*SÍ\* o \*NO\*/su],
    ['¿por qué?', 'consent', /^¡Claro, te explico!/u],
    ['tal vez', 'consent', /^Perdón, no entendí/u],
    ['Acepto', 'name', /¿Cómo te llamas\?$/u],
    ['42', 'name', /\*OMITIR\*\.$/u],
    ['soy ana', 'menu', /^¡Mucho gusto, Ana!.*\*1\* Información\n\*2\* Mis datos\n\*3\* Hablar/su],
    ['información', 'menu', /^Abierto de lunes a viernes\.\n\nPara ver las opciones/u],
    ['mis datos', 'menu', /Nombre: Ana\n.*dado el 15\/10\/2025 a las 09:00, con la versión 7/su],
    ['xyz', 'menu', /^Perdón, no entendí/u],
    ['quiero hablar con alguien', 'waitingForPerson', /^¡Claro, Ana!/u],
    ['mi factura está mal', 'waitingForPerson', /^¡Recibido, gracias!/u],
    ['volver', 'menu', /^¿En qué puedo ayudarte\?/u],
    ['darme de baja', 'withdrawn', /^¡Listo! Tu consentimiento fue retirado/u],
  ],
};

describe.each(locales)('a tenant that speaks %s', (locale) => {
  const { given } = speaking(locale);
  const script = scripts[locale];

  it.each(script.map(([said, state, reply], index) => ({ said, state, reply, before: script.slice(0, index) })))(
    'leads by $said to $state',
    ({ said, state, reply, before }) => {
      const { scene, then } = given(...before.map(([earlier]) => says(earlier))).when(says(said));
      then({ state, replies: [reply] });
      expect(foreignIn(repliesIn(scene)[0] ?? '', { locale, name: 'Ana' })).toEqual([]);
    },
  );

  it('takes a refusal, reminds once, and greets whoever comes back by what was last', () => {
    const way = waysInOf[locale];
    for (const steps of [way.declined, [...way.declined, says('hm')], [...way.menu, passes(timeout), says('x')]]) {
      const [reply = ''] = repliesIn(given(...steps).scene);
      expect(reply).not.toBe('');
      expect(foreignIn(reply, { locale, name: 'Ana' })).toEqual([]);
    }
  });

  it('shows buttons in its language', () => {
    const [asked] = paramsOf(given(...waysInOf[locale].consent).scene.actions, 'reply');
    const titles = { 'pt-BR': ['Sim', 'Não'], en: ['Yes', 'No'], es: ['Sí', 'No'] }[locale];
    expect(asked?.content).toMatchObject({ kind: 'buttons', buttons: titles.map((title) => ({ title })) });
  });

  it('hints at the other languages, by their own names, where somebody might need them', () => {
    const others = {
      'pt-BR': '🌐 *English* · *Español*',
      en: '🌐 *Português* · *Español*',
      es: '🌐 *Português* · *English*',
    };
    for (const state of ['consent', 'menu'] as const)
      expect(repliesIn(given(...waysInOf[locale][state]).scene)[0]).toMatch(/\n\n🌐 [^\n]+$/u);
    expect(repliesIn(given(...waysInOf[locale].menu).scene)[0]).toContain(others[locale]);
  });
});

describe('the person', () => {
  const { given, play } = speaking('pt-BR');
  const ways = waysInOf['pt-BR'];
  const open = ['consent', 'name', 'menu', 'waitingForPerson', 'declined'] as const;
  const repeated = {
    consent: { en: /^Hi! 👋 .*may we keep.*YES/su, es: /^¡Hola! 👋 .*¿podemos guardar.*SÍ/su },
    name: { en: /^Sure.*English.*What's your name/su, es: /^¡Perfecto.*español.*¿Cómo te llamas/su },
    menu: { en: /^Sure.*English.*\*1\* Information/su, es: /^¡Perfecto.*español.*\*1\* Información/su },
    waitingForPerson: { en: /^Sure, Ana!.*will reply/su, es: /^¡Claro, Ana!.*va a responder/su },
    declined: { en: /^Sure.*English.*change your mind, send \*YES\*/su, es: /^¡Perfecto.*español.*envía \*SÍ\*/su },
  };

  it.each(open)('changes the language in %s and is asked the present question in it', (state) => {
    const spoken: readonly (readonly [InboundContent, 'en' | 'es'])[] = [
      [{ kind: 'text', text: 'English' }, 'en'],
      [{ kind: 'text', text: 'in english please' }, 'en'],
      [{ kind: 'text', text: 'Do you speak English?' }, 'en'],
      [{ kind: 'text', text: 'Español' }, 'es'],
      [{ kind: 'text', text: '¿Podemos hablar en español?' }, 'es'],
      [{ kind: 'button', id: 'language.es', title: 'Español' }, 'es'],
      [{ kind: 'list', id: 'language.en', title: '' }, 'en'],
    ];
    for (const [content, locale] of spoken) {
      const { scene, then } = given(...ways[state]).when(sends(content));
      then({ state, status: 'active', replies: [repeated[state][locale]], context: { locale, localeBy: 'person' } });
      expect(auditsIn(scene)[0]).toEqual({ type: 'language.chosen', subject: locale });
      expect(foreignIn(repliesIn(scene)[0] ?? '', { locale, name: 'Ana' })).toEqual([]);
    }
  });

  it.each(open)('may change it back and forth in %s', (state) => {
    given(...ways[state], says('English'), says('español'))
      .when(says('em português'))
      .then({ state, context: { locale: 'pt-BR', localeBy: 'person' } });
  });

  it.each(open)('is offered the languages in %s by asking, and nothing else changes', (state) => {
    const before = given(...ways[state]);
    for (const said of ['idioma', 'Language?', 'mudar idioma', 'change language', 'cambiar de idioma, por favor']) {
      const { scene, then } = before.when(says(said));
      then({ state, audits: [] });
      expect(paramsOf(scene.actions, 'reply')).toEqual([
        {
          content: {
            kind: 'buttons',
            optionsInText: true,
            text: expect.stringMatching(/^Em que idioma.*\*Português\*\n\*English\*\n\*Español\*$/su) as string,
            buttons: [
              { id: 'language.pt-BR', title: 'Português' },
              { id: 'language.en', title: 'English' },
              { id: 'language.es', title: 'Español' },
            ],
          },
        },
      ]);
      expect(scene.folded.snapshot.context).toEqual(before.scene.folded.snapshot.context);
      expect([...scene.timers.values()].map(({ dueAt }) => dueAt)).toEqual([scene.at + timeout]);
    }
  });

  it('may begin with it', () => {
    const first = given().when(says('English'));
    first.then({ state: 'consent', replies: [/^Hi! 👋/u], audits: ['language.chosen', 'consent.requested'] });
    given()
      .when(says('idioma'))
      .then({ state: 'idle', replies: [/^Em que idioma/u], audits: [], timers: {} });
    given(says('idioma'))
      .when(presses('language.es', 'Español'))
      .then({ state: 'consent', replies: [/^¡Hola!/u] });
    given(...ways.menu, passes(timeout))
      .when(says('español'))
      .then({ state: 'menu', replies: [/^¡Hola de nuevo, Ana!/u], audits: ['language.chosen', 'session.resumed'] });
    given(...ways.name, passes(timeout))
      .when(says('English'))
      .then({ state: 'name', replies: [/^Hi again!.*your name/u], audits: ['language.chosen', 'session.resumed'] });
  });

  it('is asked for consent anew in the language that can be read, as evidence of what was shown', () => {
    const { scene } = given(...ways.consent).when(says('English'));
    expect(auditsIn(scene)).toEqual([
      { type: 'language.chosen', subject: 'en' },
      { type: 'consent.requested', subject: '7' },
    ]);
    expect(scene.folded.snapshot.context).toMatchObject({
      consent: { status: 'requested', at: noon + 2000, eventId: 'e0001' },
    });
  });

  it('gets as much patience again in the new language', () => {
    given(...ways.consent, says('what'.repeat(3)), says('hmm'), says('hmmm'), says('English'))
      .when(says('hmm'))
      .then({ state: 'consent', replies: [/^Sorry, I didn't get that/u] });
  });

  it('is not reminded again of a refusal after a change of language', () => {
    given(...ways.declined, says('English'))
      .when(says('hello'))
      .then({ state: 'declined', replies: [] });
    given(...ways.declined, says('English'))
      .when(says('I accept'))
      .then({ state: 'name', replies: [/What's your name/u] });
  });

  it('keeps the language over expiry and withdrawal, whatever the tenant speaks', () => {
    given(...ways.menu, says('English'), passes(timeout))
      .when(says('oi'))
      .then({
        state: 'menu',
        episode: 2,
        replies: [/^Hi again, Ana!/u],
        context: { locale: 'en', localeBy: 'person' },
      });
    given(...ways.menu, says('English'), says('PARAR'))
      .when(says('oi'))
      .then({ state: 'consent', episode: 2, replies: [/Last time you asked us to stop/u] });
    const { output } = given(...ways.menu, says('English'), passes(timeout)).scene.folded.snapshot;
    expect(output).toMatchObject({ locale: 'en', localeBy: 'person', name: 'Ana Souza' });
    const later = scenariosOf(conversationMachine, { settings: { ...base, locale: 'es' }, carried: output });
    later
      .given()
      .when(says('hola'))
      .then({ replies: [/^Hi again, Ana!/u] });
  });

  it('who never chose follows the tenant to another language', () => {
    const { output } = given(...ways.menu, passes(timeout)).scene.folded.snapshot;
    expect(output).toMatchObject({ locale: 'pt-BR', localeBy: 'tenant' });
    const later = scenariosOf(conversationMachine, { settings: { ...base, locale: 'es' }, carried: output });
    later
      .given()
      .when(says('hola'))
      .then({ replies: [/^¡Hola de nuevo, Ana!/u] });
  });

  it.each(['não falo bem', 'English breakfast', 'I like Spanish food', 'quero aula de inglês', 'ingles ou espanhol'])(
    'does not change it by %j',
    (said) => {
      for (const state of open) {
        const { context } = given(...ways[state]).when(says(said)).scene.folded.snapshot;
        expect(context).toMatchObject({ locale: 'pt-BR', localeBy: 'tenant' });
      }
    },
  );

  it('is not renamed by a language', () => {
    given(...ways.name)
      .when(says('English'))
      .then({ state: 'name', context: { name: null } });
    given(...ways.name)
      .when(says('meu nome é Inglês'))
      .then({ state: 'name', context: { name: null } });
  });

  it('is sent what others ask for as it is', () => {
    expect(repliesIn(play(given(...ways.menu, says('English')).scene, [requests('m_1')]))).toEqual(['mensagem m_1']);
  });
});

describe('a way out', () => {
  const words = [
    ...['PARAR', 'sair', 'STOP', 'Stop.', 'unsubscribe', 'opt out', 'quit', 'BAJA', 'darme de baja', 'salir'],
    ...['please stop', 'I want to stop', 'quiero darme de baja', 'oi, quero sair por favor', 'hola, dame de baja'],
    ...["please, I don't want any more messages", 'no quiero recibir más mensajes', 'dejen de escribirme, gracias'],
    ...['Olá, não quero mais receber mensagens', 'withdraw my consent', 'cancelar mi suscripción', 'STOP ALL'],
  ];

  it.each(locales)('is understood in every language and state while %s is spoken', (locale) => {
    const { given } = speaking(locale);
    for (const way of Object.values(waysInOf[locale]))
      for (const said of words)
        given(...way)
          .when(says(said))
          .then({ state: 'withdrawn', status: 'done', audits: ['consent.withdrawn'], context: { name: null } });
  });

  it('is not taken by an ordinary word of any language', () => {
    const ordinary = [
      'cancel',
      'cancelar',
      'the bus stop',
      'stop by tomorrow',
      'sair mais cedo',
      'planta baja',
      'end of may',
    ];
    for (const locale of locales) {
      const { given } = speaking(locale);
      for (const way of Object.values(waysInOf[locale]))
        for (const said of [...ordinary, "don't stop", 'no parar', 'não quero parar'])
          expect(given(...way).when(says(said)).scene.folded.snapshot.status, said).toBe('active');
    }
  });
});

describe('the information', () => {
  it('may be one text for all languages', () => {
    const { given } = speaking('pt-BR', { information: 'Rua A, 1' });
    given(...waysInOf['pt-BR'].menu, says('English'))
      .when(says('1'))
      .then({ replies: [/^Rua A, 1\n\nTo see/u] });
  });

  it('is the tenant’s own where there is none in the language of the person', () => {
    const { given } = speaking('pt-BR', { information: { 'pt-BR': 'Rua A, 1' } });
    given(...waysInOf['pt-BR'].menu, says('English'))
      .when(says('1'))
      .then({ replies: [/^Rua A, 1\n\nTo see/u] });
  });

  it('is said to be missing in the language of the person', () => {
    const { information, ...bare } = base;
    expect(information).toBeDefined();
    const { given } = scenariosOf(conversationMachine, { settings: { ...bare, locale: 'es' } });
    given(...waysInOf.es.menu)
      .when(says('1'))
      .then({ replies: [/^Todavía estamos preparando/u] });
    given(...waysInOf.es.menu, says('English'))
      .when(says('1'))
      .then({ replies: [/^We're still preparing/u] });
  });
});

it('times are told in the tenant’s zone, in every language', () => {
  const told = { 'pt-BR': '15/10/2025 às 21:00', en: '15 October 2025 at 21:00', es: '15/10/2025 a las 21:00' };
  for (const locale of locales) {
    const { given } = speaking(locale, { timeZone: 'Asia/Tokyo' });
    expect(repliesIn(given(...waysInOf[locale].menu).when(says('2')).scene)[0]).toContain(told[locale]);
  }
});
