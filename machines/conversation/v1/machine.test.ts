/** Behaviour of the conversation, given / when / then. */
import { describe, expect, it } from 'vitest';
import { type Expected, auditsIn, noon, passes, repliesIn, scenariosOf } from '#machines/testing/given.ts';
import { paramsOf } from '#machines/testing/fold.ts';
import { conversationMachine } from './machine.ts';
import { type ConversationSettings, conversationSettingsDefaults } from '../settings.ts';
import { asides, presses, requests, says, sends, speaks, waysInto } from '../testing/steps.ts';

const settings: ConversationSettings = {
  ...conversationSettingsDefaults,
  businessName: 'Clínica Aurora',
  information: 'Atendemos de segunda a sexta.',
  noticeVersion: '7',
  privacyUrl: 'https://aurora.example/privacidade',
};
const { given, play } = scenariosOf(conversationMachine, { settings });
const timeout = settings.sessionTimeoutMs;
const timerOf = (state: string): string => `xstate.after.sessionTimeout.conversation.${state}`;
const inConsent = waysInto.consent;
const inName = waysInto.name;
const inMenu = waysInto.menu;
const inWaiting = waysInto.waitingForPerson;
const inDeclined = waysInto.declined;
const silent: Expected = { replies: [], audits: [] };

describe('at the beginning', () => {
  it('sends nothing until the person writes', () => {
    const { scene } = given();
    expect(scene.folded.snapshot.value).toBe('idle');
    expect(scene.actions).toEqual([]);
    expect(scene.timers.size).toBe(0);
  });

  it.each([says('Oi'), says('sim'), says('3'), speaks(), presses('menu.person', 'x')])(
    'asks for consent first, whatever the person begins with',
    (first) => {
      given()
        .when(first)
        .then({
          state: 'consent',
          replies: [/Clínica Aurora.*SIM.*NÃO/su],
          audits: ['consent.requested'],
          timers: { [timerOf('consent')]: noon + 1000 + timeout },
        });
    },
  );

  it('names who asks, what for, how to withdraw and where the notice is, with buttons', () => {
    const { scene } = given().when(says('Oi'));
    const [reply] = paramsOf(scene.actions, 'reply');
    expect(reply?.content).toMatchObject({ kind: 'buttons', buttons: [{ title: 'Sim' }, { title: 'Não' }] });
    for (const part of ['Clínica Aurora', 'PARAR', 'LGPD', settings.privacyUrl ?? '', 'SABER MAIS'])
      expect(repliesIn(scene)[0]).toContain(part);
    expect(auditsIn(scene)).toEqual([{ type: 'consent.requested', subject: '7' }]);
  });
});

describe('consent', () => {
  it.each([says('sim'), says('Pode ser!'), says('👍'), presses('consent.yes', 'Sim')])('takes a yes', (yes) => {
    given(...inConsent)
      .when(yes)
      .then({
        state: 'name',
        replies: [/como você se chama/iu],
        audits: ['consent.given'],
        timers: { [timerOf('name')]: noon + 2000 + timeout },
      });
  });

  it('keeps when, under which notice, by what and by which record it was given', () => {
    const { scene } = given(...inConsent).when(presses('consent.yes', 'Sim'));
    expect(scene.folded.snapshot.context).toMatchObject({
      consent: { status: 'given', at: noon + 2000, noticeVersion: '7', eventId: 'e0001', by: 'button' },
    });
    expect(auditsIn(scene)).toEqual([{ type: 'consent.given', subject: '7', outcome: 'button' }]);
  });

  it.each([says('não'), says('agora não'), says('n'), presses('consent.no', 'Não')])('takes a no', (no) => {
    given(...inConsent)
      .when(no)
      .then({ state: 'declined', replies: [/Tudo bem.*SIM/u], audits: ['consent.refused'] });
  });

  it.each(['por quê?', 'saber mais', 'o que é isso?', '?'])('explains at %j and asks again', (why) => {
    given(...inConsent)
      .when(says(why))
      .then({ state: 'consent', replies: [/Clínica Aurora.*LGPD.*PARAR.*SIM/su], audits: ['consent.explained'] });
  });

  it('asks again gently, twice, and then waits in silence', () => {
    given(...inConsent)
      .when(says('talvez'))
      .then({ state: 'consent', replies: [/não entendi/u], audits: [] });
    given(...inConsent, says('talvez'))
      .when(says('hmm'))
      .then({ replies: [/não vou insistir/u] });
    given(...inConsent, says('talvez'), says('hmm'))
      .when(says('sei lá'))
      .then({ ...silent, state: 'consent' });
    given(...inConsent, says('talvez'), says('hmm'), says('sei lá'))
      .when(says('sim'))
      .then({ state: 'name' });
  });

  it('asks again after a long pause', () => {
    given(...inConsent, says('talvez'), says('hmm'), says('sei lá'), passes(settings.nudgePauseMs))
      .when(says('oi'))
      .then({ state: 'consent', replies: [/SIM/u] });
  });

  it('does not take "cancelar" for a withdrawal', () => {
    for (const way of [inConsent, inName, inMenu, inWaiting, inDeclined]) {
      const { scene } = given(...way).when(says('cancelar'));
      expect(scene.folded.snapshot.status).toBe('active');
    }
  });
});

describe('the name', () => {
  it('goes on to the menu and calls the person by the first name', () => {
    given(...inName)
      .when(says('meu nome é Ana Souza'))
      .then({
        state: 'menu',
        context: { name: 'Ana Souza' },
        replies: [/Prazer, Ana!.*Informações.*Meus dados.*Falar com uma pessoa/su],
        audits: ['name.given'],
      });
  });

  it.each(['123', 'https://x.example', '😀', 'oi', 'não', 'x'])('asks again at %j', (said) => {
    given(...inName)
      .when(says(said))
      .then({ state: 'name', context: { name: null }, replies: [/nome/u] });
  });

  it('may be left unsaid', () => {
    given(...inName)
      .when(says('pular'))
      .then({ state: 'menu', context: { name: null }, replies: [/Sem problema/u], audits: ['name.skipped'] });
  });

  it('can wait when the person asks for a person, but not for a number', () => {
    given(...inName)
      .when(says('quero falar com um atendente'))
      .then({ state: 'waitingForPerson', replies: [/^Certo! /u], audits: ['person.requested'] });
    given(...inName)
      .when(says('3'))
      .then({ state: 'name' });
  });

  it('has an end to asking again', () => {
    const again = ['1', '2', '3', '4'].map(says);
    given(...inName, ...again)
      .when(says('5'))
      .then({ ...silent, state: 'name' });
    given(...inName, ...again, says('5'))
      .when(says('Ana'))
      .then({ state: 'menu' });
  });
});

describe('the menu', () => {
  it.each([says('1'), says('informações'), presses('menu.information', 'Informações')])('informs', (choice) => {
    given(...inMenu)
      .when(choice)
      .then({ state: 'menu', replies: [/^Atendemos de segunda a sexta\..*MENU/su], audits: ['information.shown'] });
  });

  it.each([says('2'), says('meus dados'), presses('menu.data', 'Meus dados')])('shows what is stored', (choice) => {
    const { scene, then } = given(...inMenu).when(choice);
    then({ state: 'menu', audits: ['data.shown'] });
    // Noon UTC and two seconds is 09:00 in São Paulo.
    for (const part of ['Ana Souza', '15/10/2025 às 09:00', 'versão 7', 'PARAR', 'Clínica Aurora'])
      expect(repliesIn(scene)[0]).toContain(part);
  });

  it('tells the time of the consent in the tenant’s zone', () => {
    const manaus = scenariosOf(conversationMachine, { settings: { ...settings, timeZone: 'America/Manaus' } });
    expect(repliesIn(manaus.given(...inMenu).when(says('2')).scene)[0]).toContain('às 08:00');
  });

  it.each([says('3'), says('falar com uma pessoa'), presses('menu.person', 'Falar com uma pessoa')])(
    'hands over to a person',
    (choice) => {
      given(...inMenu)
        .when(choice)
        .then({ state: 'waitingForPerson', replies: [/^Certo, Ana!.*pessoa/su], audits: ['person.requested'] });
    },
  );

  it('shows itself again when it is greeted, asked for, or does not understand', () => {
    given(...inMenu)
      .when(says('menu'))
      .then({ state: 'menu', replies: [/^Como posso ajudar/u] });
    given(...inMenu)
      .when(says('oi'))
      .then({ state: 'menu', replies: [/^Como posso ajudar/u] });
    given(...inMenu)
      .when(says('qual o preço?'))
      .then({ state: 'menu', replies: [/não entendi/u] });
  });

  it('does not go on for ever with one who is not understood', () => {
    const noise = Array.from({ length: 20 }, (_, index) => says(`bip ${index.toString()}`));
    const replies = noise.map((_, index) => repliesIn(play(given(...inMenu).scene, noise.slice(0, index + 1))).length);
    expect(replies.reduce((sum, count) => sum + count, 0)).toBe(4);
  });
});

describe('waiting for a person', () => {
  it('answers the first further message and then seldom', () => {
    given(...inWaiting)
      .when(says('minha fatura veio errada'))
      .then({ state: 'waitingForPerson', replies: [/guardada.*pessoa/u] });
    given(...inWaiting, says('a'), says('b'))
      .when(speaks())
      .then({ ...silent, state: 'waitingForPerson' });
    given(...inWaiting, says('a'), passes(settings.nudgePauseMs))
      .when(says('alguém aí?'))
      .then({ state: 'waitingForPerson', replies: [/pessoa/u] });
  });

  it.each(['menu', 'voltar', 'Voltar!'])('goes back at %j', (said) => {
    given(...inWaiting)
      .when(says(said))
      .then({ state: 'menu', replies: [/Como posso ajudar/u], audits: ['person.cancelled'] });
  });

  it('audits that a human wrote from the phone, and changes nothing', () => {
    given(...inWaiting)
      .when({ type: 'message.echoed', source: 'app' })
      .then({
        state: 'waitingForPerson',
        replies: [],
        audits: ['attendant.wrote'],
        timers: { [timerOf('waitingForPerson')]: noon + 4000 + timeout },
      });
  });
});

describe('a refusal', () => {
  it('is reminded of once and then respected in silence', () => {
    given(...inDeclined)
      .when(says('oi'))
      .then({ state: 'declined', replies: [/Se mudar de ideia/u], audits: [] });
    given(...inDeclined, says('oi'))
      .when(says('oi?'))
      .then({ ...silent, state: 'declined' });
    given(...inDeclined, says('oi'), passes(timeout - 10_000))
      .when(says('oi?'))
      .then({ ...silent, state: 'declined' });
  });

  it.each(['sim', 'aceito', 'quero', 'mudei de ideia'])('ends by a clear %j', (said) => {
    given(...inDeclined, says('oi'))
      .when(says(said))
      .then({ state: 'name', replies: [/como você se chama/iu], audits: ['consent.given'] });
  });

  it.each(['ok', '👍', 'obrigado', 'tá bom'])('does not end by a polite %j', (said) => {
    const { scene } = given(...inDeclined).when(says(said));
    expect(scene.folded.snapshot.value).toBe('declined');
  });

  it('is asked about again only in a new episode', () => {
    given(...inDeclined, passes(timeout))
      .when(says('oi'))
      .then({ state: 'consent', episode: 2, replies: [/preferiu não autorizar/u], audits: ['consent.requested'] });
  });
});

describe('opting out', () => {
  it.each(Object.entries(waysInto))('works in %s', (_, way) => {
    for (const said of ['PARAR', 'sair', 'Stop', 'descadastrar', 'REVOGAR', 'cancelar inscrição']) {
      given(...way)
        .when(says(said))
        .then({
          state: 'withdrawn',
          status: 'done',
          replies: [/não vai mais receber/u],
          audits: ['consent.withdrawn'],
          context: { name: null },
          timers: {},
        });
    }
  });

  it('says which notice is withdrawn from, and by what', () => {
    expect(auditsIn(given(...inMenu).when(says('PARAR')).scene)).toEqual([
      { type: 'consent.withdrawn', subject: '7', outcome: 'text' },
    ]);
    expect(repliesIn(given(...inMenu).when(says('PARAR')).scene)[0]).toContain('consentimento foi retirado');
    expect(repliesIn(given().when(says('PARAR')).scene)[0]).not.toContain('consentimento foi retirado');
  });

  it('is carried, without the name', () => {
    given(...inMenu)
      .when(says('PARAR'))
      .then({
        output: {
          consent: { status: 'withdrawn', at: noon + 4000, noticeVersion: '7', eventId: 'e0003', by: 'text' },
          name: null,
          locale: 'pt-BR',
          localeBy: 'tenant',
        },
      });
  });

  it('makes the next episode ask anew', () => {
    given(...inMenu, says('PARAR'))
      .when(says('Oi'))
      .then({
        state: 'consent',
        episode: 2,
        replies: [/pediu para parar/u],
        audits: ['consent.requested'],
        context: { name: null },
      });
    given(...inMenu, says('PARAR'), says('Oi'))
      .when(says('sim'))
      .then({ state: 'name', audits: ['consent.given'] });
  });
});

describe('silence', () => {
  const waiting = Object.entries(waysInto).filter(([state]) => state !== 'idle');

  it.each(waiting)('ends %s after the session time, without a word', (_, way) => {
    given(...way)
      .when(passes(timeout - 1))
      .then({ ...silent, status: 'active' });
    given(...way)
      .when(passes(timeout))
      .then({ state: 'expired', status: 'done', replies: [], audits: ['session.expired'] });
  });

  it.each(waiting)('begins again in %s at each message of the person', (state, way) => {
    const { scene } = given(...way, passes(timeout - 5000)).when(says('xyz'));
    expect(scene.folded.snapshot.value).toBe(state === 'name' ? 'menu' : state);
    expect([...scene.timers.values()].map(({ dueAt }) => dueAt)).toEqual([scene.at + timeout]);
  });

  it('lets a known person go straight to the menu', () => {
    given(...inMenu, passes(timeout))
      .when(says('oi'))
      .then({
        state: 'menu',
        episode: 2,
        replies: [/^Olá de novo, Ana!.*Informações/su],
        audits: ['session.resumed'],
        context: { name: 'Ana Souza' },
      });
  });

  it('lets one with consent and without a name be asked for it', () => {
    given(...inName, passes(timeout))
      .when(says('oi'))
      .then({ state: 'name', replies: [/Olá de novo.*como você se chama/u] });
  });

  it('asks one who did not answer as if for the first time', () => {
    given(...inConsent, passes(timeout))
      .when(says('oi'))
      .then({ state: 'consent', replies: [/^Olá! /u], audits: ['consent.requested'] });
  });

  it('has the length that the tenant sets', () => {
    const quick = scenariosOf(conversationMachine, { settings: { ...settings, sessionTimeoutMs: 60_000 } });
    quick
      .given(...inConsent)
      .when(passes(60_000))
      .then({ state: 'expired' });
  });
});

describe('a new notice', () => {
  const carried = given(...inMenu, passes(timeout)).scene.folded.snapshot.output;
  const renewed = scenariosOf(conversationMachine, { settings: { ...settings, noticeVersion: '8' }, carried });

  it('is asked about, and the name is kept', () => {
    renewed
      .given()
      .when(says('oi'))
      .then({ state: 'consent', replies: [/aviso de privacidade mudou/u], context: { name: 'Ana Souza' } });
    renewed
      .given(says('oi'))
      .when(says('sim'))
      .then({ state: 'menu', replies: [/^Combinado, Ana, obrigado!/u], audits: ['consent.given'] });
    renewed
      .given(says('oi'))
      .when(says('não'))
      .then({ state: 'declined', context: { name: null }, audits: ['consent.refused'] });
  });

  it('leaves the old consent in force until there is an answer', () => {
    renewed
      .given(says('oi'))
      .when(requests('m_1'))
      .then({ declined: [], replies: ['mensagem m_1'] });
  });
});

describe('messages that somebody else asks to be sent', () => {
  const open = ['idle', 'consent', 'name', 'menu', 'waitingForPerson'] as const;

  it.each(open)('go out in %s, whole, and change nothing', (state) => {
    const before = given(...waysInto[state]);
    const { scene } = before.when(requests('m_1', 'operator', 'high'));
    expect(paramsOf(scene.actions, 'reply')).toEqual([
      { content: { kind: 'text', text: 'mensagem m_1' }, messageId: 'm_1', origin: 'operator', priority: 'high' },
    ]);
    expect(scene.actions).toHaveLength(1);
    expect(scene.folded.snapshot.value).toBe(state);
    expect(scene.folded.snapshot.context).toEqual(before.scene.folded.snapshot.context);
    expect(scene.timers).toEqual(before.scene.timers);
  });

  it('are declined after a refusal', () => {
    given(...inDeclined)
      .when(requests('m_1'))
      .then({ state: 'declined', replies: [], declined: ['consent.refused'] });
  });

  it('are declined after a withdrawal, also while consent is asked for anew', () => {
    given(...inMenu, says('PARAR'))
      .when(requests('m_1'))
      .then({ replies: [], declined: ['consent.withdrawn'] });
    given(...inMenu, says('PARAR'), says('Oi'))
      .when(requests('m_1'))
      .then({ state: 'consent', replies: [], declined: ['consent.withdrawn'] });
    given(...inMenu, says('PARAR'), says('Oi'), says('sim'))
      .when(requests('m_1'))
      .then({ state: 'name', replies: ['mensagem m_1'], declined: [] });
  });

  it('do not keep the person from being greeted in the next episode', () => {
    given(...inMenu, says('PARAR'), requests('m_1'))
      .when(says('Oi'))
      .then({ state: 'consent', replies: [/pediu para parar/u] });
    given(...inMenu, passes(timeout), requests('m_1'))
      .when(says('Oi'))
      .then({ state: 'menu', replies: [/^Olá de novo, Ana!/u] });
  });
});

describe('what changes nothing', () => {
  it.each(Object.entries(waysInto))('leaves the snapshot of %s as it is', (_, way) => {
    const before = given(...way).scene;
    for (const aside of asides) {
      const after = play(before, [aside]);
      expect(after.folded.snapshot).toBe(before.folded.snapshot);
      expect(after.actions).toEqual([]);
    }
  });
});

describe('messages without text', () => {
  const media = [
    speaks(),
    sends({ kind: 'image', media: {} }),
    sends({ kind: 'location', latitude: 1, longitude: 2 }),
    sends({ kind: 'contacts', contacts: [] }),
    sends({ kind: 'unknown' }),
    says('   '),
  ];

  it.each(['consent', 'name', 'menu'] as const)('are answered in %s by a request to type', (state) => {
    for (const medium of media)
      given(...waysInto[state])
        .when(medium)
        .then({ state, replies: [/escrever/u] });
  });

  it('are read by their caption', () => {
    given(...inConsent)
      .when(sends({ kind: 'image', media: {}, caption: 'sim' }))
      .then({ state: 'name' });
  });
});

describe('settings', () => {
  it('may be missing or too long', () => {
    const bare = scenariosOf(conversationMachine, { settings: undefined });
    bare
      .given()
      .when(says('oi'))
      .then({ state: 'consent', replies: [/Prosa/u] });
    const huge = scenariosOf(conversationMachine, { settings: { ...settings, information: 'a'.repeat(10_000) } });
    expect(repliesIn(huge.given(...inMenu).when(says('1')).scene)[0]).toHaveLength(4096);
  });

  it('in a language without a catalogue speak pt-BR', () => {
    const other = scenariosOf(conversationMachine, { settings: { ...settings, locale: 'tlh' } });
    other
      .given()
      .when(says('oi'))
      .then({ replies: [/Olá!/u] });
  });
});
