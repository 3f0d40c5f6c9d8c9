/** What everyday messages mean in English and Spanish, and what must not be guessed. pt-BR: understanding.test.ts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InboundContent } from '#schemas/content.ts';
import { languageOf, locales } from './texts/catalogue.ts';
import {
  acceptsClearly,
  answerOf,
  asksForLanguages,
  asksWhy,
  callNameOf,
  choiceOf,
  greets,
  languageAskedIn,
  nameOf,
  optsOut,
  skipsName,
  wordedChoiceOf,
} from './understanding.ts';

const text = (said: string): InboundContent => ({ kind: 'text', text: said });
const listed = (list: string): readonly string[] => list.split('|').map((said) => said.trim());

interface Everyday {
  readonly yes: readonly string[];
  readonly yesClearly: readonly string[];
  readonly onlyPolite: readonly string[];
  readonly no: readonly string[];
  readonly neither: readonly string[];
  readonly why: readonly string[];
  readonly notWhy: readonly string[];
  readonly choices: Readonly<Record<'information' | 'myData' | 'person' | 'menu', readonly string[]>>;
  readonly noChoice: readonly string[];
  readonly names: Readonly<Record<string, string>>;
  readonly noNames: readonly string[];
  readonly skip: readonly string[];
  readonly greetings: readonly string[];
  readonly called: Readonly<Record<string, string>>;
}

const english: Everyday = {
  yes: listed(`yes|Yes!|YES|y|yep|yeah|Yesss|sure|Sure!|of course|ok|OK 👍|okay|k|fine|that's fine|That’s fine, thanks
    |I agree|i accept|I consent|go ahead|go ahead please|yes please|Yes, of course|👍|👍🏽|✅|sounds good|no problem
    |hi, yes|absolutely|I'd like to continue|1|sim|let's go|all right then`),
  yesClearly: listed(
    `yes|Yes please|I agree|I accept!|I changed my mind|hi, yes|I've changed my mind, yes|sim|of course`,
  ),
  onlyPolite: listed(`ok|fine|👍|thanks|thank you|sure thing|hello|no thanks|cool|`),
  no: listed(`no|No!|NO|n|nope|nah|no thanks|No, thank you|not now|I don't agree|I don’t agree|i dont want to|I'd rather not
    |of course not|no way|not interested|never|👎|❌|2|no, that's fine|ok no|I refuse|no, please don't|não`),
  neither:
    listed(`maybe|hi|hello, how are you?|I don't know|not sure|I'm not sure|yes or no?|ok?|sure?|can I think about it
    |I want information|yes but not sure|😀|...||why not|12|cancel|Ann|3|it depends|yes I have a question|what|thank you`),
  why: listed(`why?|What for?|learn more|LEARN MORE|what is this|what's this?|What’s this?|?|???|what data do you keep?
    |hi, what is this?|who are you?|I don't understand|explain please|which data|how do you use my data`),
  notWhy: listed(`yes|no|hi|Ann|...||I want to book|what time do you open`),
  choices: {
    information: listed(`1|1.|option 1|one|Information|I want information, please|info|more information`),
    myData: listed(`2|my data|I want to see my data|show me my data please|two|privacy`),
    person: listed(`3|three|talk to a person|I want to talk to a person|can I speak to someone|human please|agent
      |I'd like to talk to a human|is there any human here?|representative|customer service`),
    menu: listed(`menu|MENU|back|go back|show me the menu|options`),
  },
  noChoice: listed(`4|12|1 2|I don't want an agent|hi|good morning||personal trainer|a|what time`),
  names: {
    Ann: 'Ann',
    ann: 'Ann',
    'ANN MARIE BROWN': 'Ann Marie Brown',
    'My name is Ann': 'Ann',
    "my name's ann brown": 'Ann Brown',
    "I'm Ann": 'Ann',
    'I’m Ann Brown': 'Ann Brown',
    'im ann': 'Ann',
    "hi, I'm Ann": 'Ann',
    'Hello! Good morning, this is Ann.': 'Ann',
    'call me Bob 😊': 'Bob',
    "it's Will": 'Will',
    'Name: Ann Brown': 'Ann Brown',
    'Ann, thanks': 'Ann',
    'sure, Ann': 'Ann',
    "Sean O'Neill": "Sean O'Neill",
    'Mary-Jane': 'Mary-Jane',
    'Don Draper': 'Don Draper',
    'Grace May': 'Grace May',
    'me llamo Ana': 'Ana',
  },
  noNames: listed(`123|Ann123|a|hi|hi, how are you?|good morning|😀|https://x.com/ann|ann.com|ann@x.com||...|yes|no|ok
    |my name is|I'm|why?|menu|I want to book an appointment|Ann and I want to book|stop|agent|skip|I'd rather not say
    |I don't want to say|I don't know|I'm looking for help|can you help me|I'm fine|English|language|what is this`),
  skip: listed(`skip|*SKIP*|I'd rather not say|prefer not to say`),
  greetings: listed(`Hi, good morning! How are you? 😊|hello|What's up?|hey there`),
  called: { 'Ann Brown': 'Ann', 'Mr. John Brown': 'Mr. John', 'Dr Ann Brown': 'Dr Ann', Miss: 'Miss' },
};

const spanish: Everyday = {
  yes: listed(`sí|si|Sí!|SÍ|s|siii|claro|Claro que sí|por supuesto|ok|OK 👍|vale|dale|acepto|Sí, acepto|de acuerdo
    |está bien|sí por favor|hola, sí|adelante|pueden|no hay problema|sin problema|👍|👍🏽|✅|1|autorizo|bueno, sí|sim|perfecto
    |quiero continuar|listo|cómo no`),
  yesClearly: listed(`sí|acepto|Sí, acepto|quiero|cambié de opinión|claro que sí|hola, sí quiero|ahora sí`),
  onlyPolite: listed(`ok|vale|👍|está bien|gracias|muchas gracias|hola|no quiero|listo|`),
  no: listed(`no|No!|NO|n|nop|no gracias|No, muchas gracias|no quiero|no acepto|ahora no|claro que no|prefiero que no
    |de ninguna manera|para nada|👎|❌|2|no, está bien|ok no|me niego|rechazo|não|sí no`),
  neither: listed(`quizás|tal vez|hola|hola, todo bien?|no sé|no estoy seguro|¿sí o no?|¿puedo?|puede?|depende
    |quiero información|sí pero no sé|😀|...||12|cancelar|Ana|3|bueno|¿ok?`),
  why: listed(`¿por qué?|¿Para qué?|saber más|SABER MÁS|¿qué es esto?|que es eso|no entiendo|no entendí|?|¿?|???
    |¿qué datos guardan?|hola, ¿qué es esto?|¿quién eres?|explícame|¿quiénes son ustedes?`),
  notWhy: listed(`sí|no|hola|Ana|...||quiero agendar|¿a qué hora abren?`),
  choices: {
    information: listed(`1|1.|opción 1|uno|Información|quiero información, por favor|info|más información`),
    myData: listed(`2|mis datos|quiero ver mis datos|dos|quisiera ver mis datos por favor|privacidad`),
    person: listed(`3|tres|hablar con una persona|Quiero hablar con una persona|puedo hablar con alguien|asesor
      |quiero hablar con un asesor|¿hay algún humano ahí?|atención al cliente|agente por favor`),
    menu: listed(`menú|MENÚ|volver|opciones|ver el menú|regresar`),
  },
  noChoice: listed(`4|12|1 2|no quiero un asesor|hola|buenos días||persona jurídica|a|¿a qué hora?`),
  names: {
    Ana: 'Ana',
    ana: 'Ana',
    'MARÍA DE LOS ÁNGELES RUIZ': 'María de los Ángeles Ruiz',
    'josé de la cruz': 'José de la Cruz',
    'Me llamo Ana': 'Ana',
    'mi nombre es ana garcía': 'Ana García',
    'soy el Toño': 'Toño',
    'hola, soy Ana': 'Ana',
    '¡Hola! Buenas tardes, me llamo Ana.': 'Ana',
    'puedes llamarme Pepe 😊': 'Pepe',
    'Nombre: Ana García': 'Ana García',
    'Ana, gracias': 'Ana',
    'Ana, mucho gusto': 'Ana',
    'sí, Ana': 'Ana',
    Íñigo: 'Íñigo',
    'Ortega y Gasset': 'Ortega y Gasset',
    Consuelo: 'Consuelo',
    'my name is Ana': 'Ana',
  },
  noNames:
    listed(`123|Ana123|a|hola|hola, ¿qué tal?|buenos días|😀|https://x.com/ana|ana.com||...|sí|no|ok|vale|me llamo|soy
    |¿por qué?|menú|quiero agendar una cita|Ana y quiero una cita|baja|asesor|omitir|prefiero no decirlo|no quiero decir
    |no sé|estoy buscando ayuda|español|idioma|que tal`),
  skip: listed(`omitir|*OMITIR*|prefiero no decirlo|saltar`),
  greetings: listed(`¡Hola, buenos días! ¿Qué tal? 😊|hola|Buenas|¿cómo estás?`),
  called: { 'Ana García': 'Ana', 'Sra. Ana García': 'Sra. Ana', 'Don José Ruiz': 'Don José', 'Doña Ana': 'Doña Ana' },
};

describe.each([
  ['en', english],
  ['es', spanish],
] as const)('in %s', (locale, everyday) => {
  const { lexicon } = languageOf(locale);

  it.each(everyday.yes)('%j is a yes', (said) => {
    expect(answerOf(text(said), lexicon)).toBe('yes');
  });

  it.each(everyday.no)('%j is a no', (said) => {
    expect(answerOf(text(said), lexicon)).toBe('no');
  });

  it.each(everyday.neither)('%j is neither', (said) => {
    expect(answerOf(text(said), lexicon)).toBeUndefined();
  });

  it('wants a clear yes after a refusal', () => {
    for (const said of everyday.yesClearly) expect(acceptsClearly(text(said), lexicon), said).toBe(true);
    for (const said of everyday.onlyPolite) expect(acceptsClearly(text(said), lexicon), said).toBe(false);
  });

  it.each(everyday.why)('%j asks why', (said) => {
    expect(asksWhy(text(said), lexicon)).toBe(true);
  });

  it.each(everyday.notWhy)('%j does not ask why', (said) => {
    expect(asksWhy(text(said), lexicon)).toBe(false);
  });

  const choices = Object.entries(everyday.choices).flatMap(([choice, all]) =>
    all.map((said) => [said, choice] as const),
  );
  it.each(choices)('%j chooses %s', (said, choice) => {
    expect(choiceOf(text(said), lexicon)).toBe(choice);
  });

  it.each(everyday.noChoice)('%j chooses nothing', (said) => {
    expect(choiceOf(text(said), lexicon)).toBeUndefined();
  });

  it('takes numbers only where it is told to', () => {
    expect(wordedChoiceOf(text('3'), lexicon)).toBeUndefined();
  });

  it.each(Object.entries(everyday.names))('the name in %j is %j', (said, name) => {
    expect(nameOf(text(said), lexicon)).toBe(name);
  });

  it.each(everyday.noNames)('there is no name in %j', (said) => {
    expect(nameOf(text(said), lexicon)).toBeUndefined();
  });

  it.each(Object.entries(everyday.called))('%j is called %j', (name, called) => {
    expect(callNameOf(name, lexicon)).toBe(called);
  });

  it('lets one skip, and greets back', () => {
    for (const said of everyday.skip) expect(skipsName(text(said), lexicon), said).toBe(true);
    for (const said of everyday.greetings) expect(greets(text(said), lexicon), said).toBe(true);
  });

  it('reads any text without throwing, and no name that is not one', () => {
    const nasty = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 3000 }),
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      fc.constantFrom('?', ' .', 'i ', "i'm ", 'no ', 'que ', 'english ').map((unit) => unit.repeat(5000)),
    );
    const questions = [
      ...[answerOf, optsOut, asksWhy, choiceOf, greets, acceptsClearly, skipsName],
      ...[languageAskedIn, asksForLanguages],
    ];
    fc.assert(
      fc.property(nasty, (said) => {
        for (const ask of questions) ask(text(said), lexicon);
        const name = nameOf(text(said), lexicon);
        if (name !== undefined) expect(name).toMatch(/^\p{L}[\p{L}\p{M}'’.\- ]{1,}$/u);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a language is asked for', () => {
  const asked: Readonly<Record<string, readonly string[]>> = {
    en: listed(`English|ENGLISH!|english please|in English|In English, please|English?|inglês|em inglês, por favor|en inglés
      |do you speak English?|I don't speak Portuguese|hi, can we speak English please?|English 🇺🇸|I prefer English`),
    es: listed(`Español|español por favor|en español|castellano|spanish|espanhol|em espanhol|¿hablas español?
      |no hablo portugués|hola, ¿podemos hablar en español?|in Spanish please|prefiero español`),
    'pt-BR': listed(`Português|em português|portugues por favor|Portuguese|in Portuguese, please|en portugués|pt-BR
      |pode falar português?|oi, não falo inglês|voltar para o português`),
  };
  const offered = listed(`idioma|Idiomas?|mudar idioma|mudar de idioma, por favor|language|Languages?|change language
    |change the language please|cambiar idioma|cambiar el idioma|otro idioma|outro idioma|não falo português`);
  const ordinary = listed(`sim|hello|hola|o inglês|English breakfast|my English teacher|aula de espanhol|comida española
    |body language|a língua dói|||en|pt|not English|3|inglês ou espanhol`);

  it.each(locales)('by the same words in a conversation in %s', (locale) => {
    const { lexicon } = languageOf(locale);
    for (const [wanted, all] of Object.entries(asked))
      for (const said of all) expect(languageAskedIn(text(said), lexicon), said).toBe(wanted);
    for (const said of offered) {
      expect(asksForLanguages(text(said), lexicon), said).toBe(true);
      expect(languageAskedIn(text(said), lexicon), said).toBeUndefined();
    }
    for (const said of ordinary) {
      expect(languageAskedIn(text(said), lexicon), said).toBeUndefined();
      expect(asksForLanguages(text(said), lexicon), said).toBe(false);
    }
  });

  it('by its button, whatever the title says', () => {
    const { lexicon } = languageOf('pt-BR');
    expect(languageAskedIn({ kind: 'button', id: 'language.en', title: 'Español' }, lexicon)).toBe('en');
    expect(languageAskedIn({ kind: 'button', id: 'language.tlh', title: 'tlhIngan' }, lexicon)).toBeUndefined();
    expect(languageAskedIn({ kind: 'image', media: {}, caption: 'english' }, lexicon)).toBe('en');
    expect(languageAskedIn({ kind: 'audio', media: {} }, lexicon)).toBeUndefined();
  });
});
