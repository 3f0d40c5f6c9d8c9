/** English, for readers anywhere. Short, warm, spoken; `*bold*` as WhatsApp shows it. */
import type { ConsentOccasion, Controller, Language, Texts, Words } from './language.ts';

const greetingOf: Readonly<Record<ConsentOccasion, (businessName: string) => string>> = {
  first: (businessName) =>
    `Hi! 👋 This is the automated assistant of *${businessName}*.\n\nBefore we start, one question:`,
  refused: (businessName) =>
    `Hi again! 👋 This is the assistant of *${businessName}*.\n\nLast time you preferred not to let us use your data, so let me ask again:`,
  withdrawn: (businessName) =>
    `Hi again! 👋 This is the assistant of *${businessName}*.\n\nLast time you asked us to stop, so I have to ask again:`,
  renewed: (businessName) =>
    `Hi again! 👋 This is the assistant of *${businessName}*.\n\nOur privacy notice has changed, so I have to ask again:`,
};

const notice = ({ privacyUrl }: Controller): string =>
  privacyUrl === undefined ? '' : `\n\nPrivacy notice: ${privacyUrl}`;

const called = (name: string | null): string => (name === null ? '' : `, ${name}`);

const menu = '*1* Information\n*2* My data\n*3* Talk to a person';

const texts: Texts = {
  consentQuestion: (of) =>
    `${greetingOf[of.occasion](of.businessName)} may we keep your name, your number and the messages of this chat, only to help you here?\n\n` +
    `It's your choice, as the LGPD, Brazil's data protection law, says. And you can change your mind at any time: just send *STOP*.${notice(of)}\n\n` +
    `Reply *YES* or *NO*. To understand it better, send *LEARN MORE*.`,
  consentExplained: (of) =>
    `Sure, let me explain! 🙂\n\n` +
    `• *Who looks after the data:* ${of.businessName}\n` +
    `• *What we keep:* your name, your WhatsApp number and the messages of this chat\n` +
    `• *What for:* to help you here\n` +
    `• *Your rights:* under the LGPD, you can see, correct and delete your data, and withdraw your consent at any time by sending *STOP*\n` +
    `• *If you say no:* that's fine, we just can't help you here${notice(of)}\n\n` +
    `Shall we go on? Reply *YES* or *NO*.`,
  consentUnclear:
    "Sorry, I didn't get that. 😅 May we keep your data to help you here? Reply *YES* or *NO*, or send *LEARN MORE*.",
  consentUnclearLast:
    "No rush! 🙂 When you'd like to go on, reply *YES*. If you'd rather not, reply *NO*. Until then I won't ask again.",
  consentTypePlease:
    "I can only read text here. 🙂 Could you type it? To go on, reply *YES*; if you'd rather not, *NO*.",
  consentRefused:
    "That's fine, thanks for answering! Without your consent we won't go on here. If you change your mind, just send *YES*. 👋",
  consentReminder:
    "As you preferred not to let us use your data, I can't go on here. If you change your mind, send *YES*.",
  withdrawn: ({ hadConsent }) =>
    `Done! ${hadConsent ? 'Your consent has been withdrawn and you' : 'You'} won't get any more messages from us here. If you ever want to come back, just write. Bye! 👋`,
  nameQuestion: "Great, thanks for your trust! 💚\n\nWhat's your name?",
  nameQuestionOnReturn: "Hi again! 👋 Before we go on, what's your name? If you'd rather not say, send *SKIP*.",
  nameQuestionBriefly: "What's your name? If you'd rather not say, send *SKIP*.",
  nameUnclear:
    "Hmm, I couldn't make out the name. Could you type just your name, without numbers or links? For example: *Emma Brown*.\n\nIf you'd rather not say, send *SKIP*.",
  nameTypePlease: "I can only read text here. 🙂 Could you type your name? If you'd rather not say, send *SKIP*.",
  menuWelcome: ({ name }) =>
    `${name === null ? 'No problem!' : `Nice to meet you${called(name)}!`} 🙂 How can I help?\n\n${menu}`,
  menuWelcomeBack: ({ name }) => `Hi again${called(name)}! 👋 How can I help?\n\n${menu}`,
  menuAfterConsent: ({ name }) => `Great${called(name)}, thank you! 💚 How can I help?\n\n${menu}`,
  menu: `How can I help?\n\n${menu}`,
  menuUnclear: `Sorry, I didn't get that. 😅 Pick an option:\n\n${menu}`,
  menuTypePlease: `I can only read text here. 🙂 Could you type it, or pick an option?\n\n${menu}`,
  menuHint: 'To see the options, send *MENU*.',
  myData: (of) =>
    `*Your data with ${of.businessName}*\n\n` +
    `• Name: ${of.name ?? 'not given'}\n` +
    `• Consent: given on ${of.consentAt}, under version ${of.noticeVersion} of the privacy notice\n` +
    `• We also keep your WhatsApp number and the messages of this chat${notice(of)}\n\n` +
    `To withdraw your consent, send *STOP*. To see the options, send *MENU*.`,
  personRequested: ({ name }) =>
    `Sure${called(name)}! 🙂 Someone from our team will reply here as soon as they can. You're welcome to tell us already what you need.\n\nTo go back to the options, send *MENU*.`,
  personWaiting:
    'Got it, thanks! Your message is saved and someone from our team will reply here as soon as they can. To go back to the options, send *MENU*.',
  informationMissing:
    "We're still preparing the information that belongs here. If you need something now, send *3* to talk to a person.",
  languageQuestion: 'Which language would you like to chat in? Just send its name:',
  languageSet: "Sure, let's go on in English! 🙂",
};

/** Words and phrases between commas. Apostrophes are blanks: "don t". */
const listed = (list: string): readonly string[] => list.split(',').map((phrase) => phrase.trim());

const words: Words = {
  yes: listed(`
    yes, y, ya, yea, yeah, yeh, yep, yup, yes i do, yes we can, aye, sure, sure thing, of course, certainly,
    definitely, absolutely, by all means, ok, okay, okey, oki, k, kk, alright, all right, fine, fine by me,
    that s fine, thats fine, that is fine, it s fine, sounds good, all good, agreed, agree, i agree, i do agree,
    accept, accepted, i accept, consent, i consent, i give consent, i give my consent, i do, you may, you can,
    yes you may, yes you can, i allow, i allow it, allowed, i authorize, i authorise, authorized, authorised,
    go ahead, go on, let s go, lets go, let s go on, let s do it, continue, proceed, i want to continue,
    i want to go on, i d like to continue, i would like to continue, correct, confirm, confirmed, i confirm,
    no problem, no worries, sim, si, 👍, 👌, ✅, ✔, ☑, 🆗, 🤝
  `),
  yesClearly: listed(`
    yes, y, yea, yeah, yep, yup, yes i do, of course, certainly, definitely, absolutely, agreed, agree, i agree,
    i do agree, accept, accepted, i accept, consent, i consent, i give consent, i give my consent, i allow,
    i authorize, i authorise, you may, yes you may, yes you can, i want to continue, i want to go on,
    i d like to continue, i would like to continue, i changed my mind, i ve changed my mind,
    i have changed my mind, changed my mind, sim
  `),
  no: listed(`
    no, n, nope, nop, nah, nay, naw, no no, no thanks, no thank you, no way, not now, not today, not yet,
    not really, not interested, i m not interested, im not interested, i am not interested, not for now,
    absolutely not, certainly not, definitely not, of course not, i think not, i don t, i do not, don t, dont,
    do not, i don t want, i don t want to, i dont want to, i do not want to, i don t agree, i dont agree,
    i do not agree, i don t accept, i dont accept, i do not accept, i don t consent, i do not consent,
    i don t allow, i do not allow, i don t think so, i dont think so, you may not, you can t, you cannot,
    disagree, i disagree, refuse, i refuse, refused, decline, i decline, declined, deny, rather not,
    i d rather not, i would rather not, better not, prefer not to, i prefer not to, i d prefer not to, never,
    never mind, nevermind, forget it, nao, 👎, ❌, 🚫
  `),
  fillers: listed(`
    please, pls, plz, thanks, thank you, thank you very much, thanks a lot, many thanks, thx, ty, hi, hello, hey,
    hi there, hello there, good morning, good afternoon, good evening, well, so, then, oh, ah, and, i, it, that,
    just, sir, madam, ma am, mate, guys, friend, very much, now then
  `),
  why: listed(`
    why, what, how, how so, how come, what for, why so, why is that, what is this, what s this, whats this,
    what is it, what s that, what is that, learn more, find out more, know more, tell me more, more info,
    more information, more details, i want to know more, i d like to know more, i want to learn more,
    i would like to know more, i want more information, explain, explain please, please explain, explain it,
    can you explain, could you explain, explain better, i don t understand, i dont understand,
    i do not understand, don t understand, i didn t understand, what do you mean, huh, lgpd, gdpr,
    what is lgpd, what is the lgpd, privacy, for what purpose, what purpose, which purpose, what consent,
    how does it work, how does this work, understand better
  `),
  whyStarts: listed(`
    why, what for, what do you, what will you, what is this, what is the lgpd, what data, which data,
    what information, which information, what kind of data, how do you, how will you, how is my, how are my,
    who are you, who is this, who is asking, who will, who gets, who sees, who has, which notice, what notice
  `),
  optOut: listed(`
    stop, stopall, stop all, stop it, stop please, quit, end, unsubscribe, unsubscribe me, optout, opt out,
    opt me out, i opt out, remove me, remove me from the list, remove me from your list, take me off the list,
    take me off your list, revoke, revoke consent, revoke my consent, revoke the consent, i revoke my consent,
    withdraw consent, withdraw my consent, withdraw the consent, i withdraw my consent, cancel consent,
    cancel my consent, cancel subscription, cancel my subscription, cancel the subscription, stop messages,
    stop the messages, stop messaging, stop messaging me, stop writing, stop writing to me, stop texting,
    stop texting me, stop sending, stop sending messages, stop sending me messages, stop sending me these messages,
    stop contacting me, don t message me, do not message me, don t text me, do not text me, don t contact me,
    do not contact me, don t write to me, don t send me messages, don t send me any more messages,
    do not send me any more messages, no more messages, i don t want messages, i don t want any messages,
    i don t want any more messages, i don t want to receive messages, i don t want to receive any messages,
    i do not want to receive messages, i don t want to get messages, leave me alone
  `),
  optOutLeads: listed(`
    i want to, i want you to, i wanna, want to, i would like to, i would like you to, i d like to,
    i d like you to, i wish to, can you, could you, would you, can i
  `),
  thisLanguage: listed(`
    english, in english, english language, english version, eng, ingles, em ingles, en ingles, speak english,
    speak in english, talk in english, write in english, answer in english, reply in english, chat in english,
    speaking english, i speak english, i only speak english, only english, english only, do you speak english,
    do you have english, can you speak english, can you speak in english, can we speak english,
    can we speak in english, can we talk in english, can we chat in english, could you speak english,
    could we speak english, could we speak in english, can you write in english, can i speak english,
    can i have it in english, can i have this in english, is there english, anyone speak english, let s speak english,
    let s speak in english, i prefer english, i d prefer english, i want english, i want it in english,
    i want to speak english, i want to speak in english, i d like english, i would like english,
    switch to english, change to english, change language to english, change the language to english,
    back to english, i don t speak portuguese, i dont speak portuguese, i do not speak portuguese,
    i can t speak portuguese, i don t understand portuguese, i do not understand portuguese, no portuguese,
    i don t speak spanish, i dont speak spanish, i do not speak spanish, i don t understand spanish, no spanish,
    falar ingles, falar em ingles, falo ingles, so falo ingles, fala ingles, voce fala ingles, pode ser em ingles,
    prefiro ingles, prefiro em ingles, quero ingles, quero em ingles, quero falar em ingles, mudar para ingles,
    mudar para o ingles, hablar ingles, hablar en ingles, hablo ingles, solo hablo ingles, habla ingles,
    hablan ingles, quiero ingles, quiero en ingles, quiero hablar en ingles, cambiar a ingles, cambiar al ingles,
    puede ser en ingles, prefiero ingles, prefiero en ingles
  `),
  languages: listed(`
    language, languages, change language, change languages, change the language, change my language,
    switch language, switch languages, switch the language, other language, other languages, another language,
    a different language, different language, choose language, choose a language, choose the language,
    select language, select a language, pick a language, set language, which languages, which languages do you speak,
    what languages, what languages do you speak, language options, i don t speak english, i dont speak english,
    i do not speak english, i don t understand english, i want to change the language,
    i want to change language, i want another language, can i change the language
  `),
  menu: listed(
    `menu, main menu, the menu, back, go back, back to menu, back to the menu, start, options, option, show menu`,
  ),
  information: listed(`information, informations, info, infos, learn more, more information, more info`),
  myData: listed(`my data, data, my personal data, personal data, my details, my information, my info, privacy`),
  person: listed(`
    person, a person, human, a human, human being, someone, somebody, agent, an agent, attendant, representative,
    operator, support, customer service, customer support, talk, speak, talk to a person, talk to person,
    talk person, talk with person, speak to a person, speak person, speak with person, talk to a human,
    talk human, speak human, speak to a human, talk to someone, talk someone, talk with someone, speak to someone,
    speak someone, speak with someone, talk to somebody, talk somebody, speak to somebody, speak somebody,
    talk to you, talk you, talk to the team, talk team, real person, a real person, talk real person,
    speak real person, talk to a real person
  `),
  ordinals: {
    information: listed(`1, one, first`),
    myData: listed(`2, two, second`),
    person: listed(`3, three, third`),
  },
  personSigns: listed(`human, attendant, representative, agent`),
  negations: listed(`no, not, n, don, dont, never, nor, without`),
  choiceFillers: listed(`
    i, want, wanna, would, d, like, need, to, a, an, the, of, with, please, pls, plz, option, number, item, see,
    show, me, get, know, about, some, can, could, may, hi, hello, hey, and, thanks, thank, you
  `),
  skip: listed(`
    skip, skip it, skip this, pass, rather not say, i d rather not say, i would rather not say, prefer not to say,
    i prefer not to say, i d prefer not to say, i don t want to say, i dont want to say, i do not want to say,
    no name, anonymous
  `),
  greetings: listed(`
    hi, hii, hello, hey, heya, hiya, hi there, hello there, hey there, howdy, yo, good morning, good afternoon,
    good evening, good day, morning, afternoon, evening, greetings, how are you, how are you doing, how do you do,
    how is it going, how s it going, hows it going, what s up, whats up, sup, nice to meet you, pleased to meet you,
    oi, ola, hola
  `),
  nameLeads: listed(`
    my name is, my name s, my full name is, my first name is, my name, full name, first name, name, the name is,
    the name s, name is, i am, i am called, i m, im, i m called, they call me, people call me, call me,
    you can call me, you may call me, please call me, just call me, this is, it is, it s, its, here is, here s,
    me llamo, mi nombre es, meu nome e, me chamo, sure, yes, ok, okay
  `),
  nameTails: listed(`thanks, thank you, please, here, and you, and yours, nice to meet you, pleased to meet you`),
  notNames: listed(`
    want, wanted, wanna, would, need, needed, can, could, should, shall, please, help, appointment, book, booking,
    schedule, reschedule, price, prices, cost, costs, much, many, thanks, thank, because, why, when, where, which,
    what, how, who, you, your, yours, they, he, she, not, dont, isn, didn, this, that, here, there, name, call, me,
    my, mine, have, has, had, is, are, was, were, looking, trying, calling, writing, interested, fine, good, well,
    sorry, information, info, attendant, menu, cancel, know, bye, goodbye, talk, speak, say, tell, prefer, rather,
    message, messages, data, question, http, https, lgpd, gdpr
  `),
  particles: listed(`de, da, do, dos, of, the, van, von, der, den, del, la, le, di, du, bin, ibn, al`),
  honorifics: listed(`mr, mrs, ms, miss, mx, dr, prof, professor, doctor, sir, madam, rev`),
};

const months = 'January February March April May June July August September October November December'.split(' ');

/** en, complete. The month is a word: readers disagree about what 03/04 means. */
export const en: Language = {
  locale: 'en',
  name: 'English',
  texts,
  buttons: {
    yes: 'Yes',
    no: 'No',
    information: 'Information',
    myData: 'My data',
    person: 'Talk to a person',
  },
  words,
  momentOf: ({ day, month, year, hour, minute }) =>
    `${Number(day).toString()} ${months[Number(month) - 1] ?? month} ${year} at ${hour}:${minute}`,
};
