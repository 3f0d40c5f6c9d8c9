/** Brazilian Portuguese. Short, warm, spoken; `*bold*` as WhatsApp shows it. */
import type { ConsentOccasion, Controller, Language, Texts, Words } from './language.ts';

const greetingOf: Readonly<Record<ConsentOccasion, (businessName: string) => string>> = {
  first: (businessName) =>
    `Olá! 👋 Este é o atendimento automático de *${businessName}*.\n\nAntes de começar, um pedido:`,
  refused: (businessName) =>
    `Olá de novo! 👋 Este é o atendimento de *${businessName}*.\n\nDa última vez você preferiu não autorizar o uso dos seus dados, então pergunto outra vez:`,
  withdrawn: (businessName) =>
    `Olá de novo! 👋 Este é o atendimento de *${businessName}*.\n\nDa última vez você pediu para parar, então preciso perguntar outra vez:`,
  renewed: (businessName) =>
    `Olá de novo! 👋 Este é o atendimento de *${businessName}*.\n\nNosso aviso de privacidade mudou, então preciso perguntar outra vez:`,
};

const notice = ({ privacyUrl }: Controller): string =>
  privacyUrl === undefined ? '' : `\n\nAviso de privacidade: ${privacyUrl}`;

const called = (name: string | null): string => (name === null ? '' : `, ${name}`);

const menu = '*1* Informações\n*2* Meus dados\n*3* Falar com uma pessoa';

const texts: Texts = {
  consentQuestion: (of) =>
    `${greetingOf[of.occasion](of.businessName)} podemos guardar seu nome, seu número e as mensagens desta conversa, só para atender você por aqui?\n\n` +
    `É você quem decide, como manda a LGPD. E pode voltar atrás quando quiser: é só mandar *PARAR*.${notice(of)}\n\n` +
    `Responda *SIM* ou *NÃO*. Para entender melhor, mande *SABER MAIS*.`,
  consentExplained: (of) =>
    `Claro, explico! 🙂\n\n` +
    `• *Quem cuida dos dados:* ${of.businessName}\n` +
    `• *O que guardamos:* seu nome, seu número de WhatsApp e as mensagens desta conversa\n` +
    `• *Para quê:* atender você por aqui\n` +
    `• *Seus direitos:* pela LGPD, você pode ver, corrigir e apagar seus dados, e retirar o consentimento quando quiser, mandando *PARAR*\n` +
    `• *Se disser não:* tudo bem, só não conseguimos atender você por aqui${notice(of)}\n\n` +
    `Podemos seguir? Responda *SIM* ou *NÃO*.`,
  consentUnclear:
    'Desculpe, não entendi. 😅 Podemos guardar seus dados para atender você por aqui? Responda *SIM* ou *NÃO*, ou mande *SABER MAIS*.',
  consentUnclearLast:
    'Sem pressa! 🙂 Quando quiser seguir, responda *SIM*. Se preferir que não, responda *NÃO*. Até lá, não vou insistir.',
  consentTypePlease:
    'Por aqui eu só consigo ler texto. 🙂 Pode escrever? Para seguir, responda *SIM*; se preferir que não, *NÃO*.',
  consentRefused:
    'Tudo bem, obrigado por responder! Sem o seu consentimento não seguimos por aqui. Se mudar de ideia, é só mandar *SIM*. 👋',
  consentReminder:
    'Como você preferiu não autorizar o uso dos seus dados, não consigo continuar por aqui. Se mudar de ideia, mande *SIM*.',
  withdrawn: ({ hadConsent }) =>
    `Pronto! ${hadConsent ? 'Seu consentimento foi retirado e você' : 'Você'} não vai mais receber nossas mensagens por aqui. Se um dia quiser voltar, é só escrever. Até logo! 👋`,
  nameQuestion: 'Combinado, obrigado pela confiança! 💚\n\nComo você se chama?',
  nameQuestionOnReturn: 'Olá de novo! 👋 Antes de continuar, como você se chama? Se preferir não dizer, mande *PULAR*.',
  nameQuestionBriefly: 'Como você se chama? Se preferir não dizer, mande *PULAR*.',
  nameUnclear:
    'Hum, não consegui entender o nome. Pode escrever só o nome, sem números nem links? Por exemplo: *Ana Souza*.\n\nSe preferir não dizer, mande *PULAR*.',
  nameTypePlease: 'Por aqui eu só consigo ler texto. 🙂 Pode escrever seu nome? Se preferir não dizer, mande *PULAR*.',
  menuWelcome: ({ name }) =>
    `${name === null ? 'Sem problema!' : `Prazer${called(name)}!`} 🙂 Como posso ajudar?\n\n${menu}`,
  menuWelcomeBack: ({ name }) => `Olá de novo${called(name)}! 👋 Como posso ajudar?\n\n${menu}`,
  menuAfterConsent: ({ name }) => `Combinado${called(name)}, obrigado! 💚 Como posso ajudar?\n\n${menu}`,
  menu: `Como posso ajudar?\n\n${menu}`,
  menuUnclear: `Desculpe, não entendi. 😅 Escolha uma opção:\n\n${menu}`,
  menuTypePlease: `Por aqui eu só consigo ler texto. 🙂 Pode escrever, ou escolher uma opção:\n\n${menu}`,
  menuHint: 'Para ver as opções, mande *MENU*.',
  myData: (of) =>
    `*Seus dados com ${of.businessName}*\n\n` +
    `• Nome: ${of.name ?? 'não informado'}\n` +
    `• Consentimento: dado em ${of.consentAt}, pela versão ${of.noticeVersion} do aviso de privacidade\n` +
    `• Guardamos também seu número de WhatsApp e as mensagens desta conversa${notice(of)}\n\n` +
    `Para retirar seu consentimento, mande *PARAR*. Para ver as opções, mande *MENU*.`,
  personRequested: ({ name }) =>
    `Certo${called(name)}! 🙂 Uma pessoa da equipe vai responder por aqui assim que puder. Se quiser, já vá contando o que precisa.\n\nPara voltar às opções, mande *MENU*.`,
  personWaiting:
    'Recebi, obrigado! Sua mensagem está guardada e uma pessoa da equipe responde por aqui assim que puder. Para voltar às opções, mande *MENU*.',
  informationMissing:
    'Ainda estamos preparando as informações que ficam aqui. Se precisar de algo agora, mande *3* para falar com uma pessoa.',
  languageQuestion: 'Em que idioma você prefere conversar? É só mandar o nome dele:',
  languageSet: 'Combinado, seguimos em português! 🙂',
};

/** Words and phrases between commas. */
const listed = (list: string): readonly string[] => list.split(',').map((phrase) => phrase.trim());

const words: Words = {
  yes: listed(`
    sim, s, ss, si, sin, simm, yes, y, aham, uhum, isso, isso mesmo, exato, positivo, claro, claro que sim,
    com certeza, certeza, certo, logico, obvio, perfeito, ctz, ok, okay, oks, okey, blz, beleza, bele, joia,
    fechado, combinado, show, pode, pode ser, pode sim, podem, podemos, podemos sim, pode guardar,
    podem guardar, aceito, eu aceito, aceitar, aceita, concordo, eu concordo, de acordo, estou de acordo,
    autorizo, eu autorizo, autorizado, permito, consinto, dou consentimento, dou meu consentimento, quero,
    quero sim, quero continuar, quero seguir, continuar, seguir, podemos seguir, pode seguir, vamos,
    vamos la, bora, por mim tudo bem, ta, ta bom, ta ok, ta certo, esta bem, esta bom,
    sem problema, sem problemas, 👍, 👌, ✅, ✔, ☑, 🆗, 🤝
  `),
  yesClearly: listed(`
    sim, s, ss, yes, aceito, eu aceito, concordo, eu concordo, autorizo, eu autorizo, permito, quero,
    quero sim, quero continuar, quero seguir, claro, claro que sim, pode sim, consinto, mudei de ideia,
    de acordo, estou de acordo, agora sim, agora eu quero, agora aceito
  `),
  no: listed(`
    nao, n, nn, no, nao nao, num, naum, nop, nope, negativo, nunca, jamais, nem pensar, nao aceito,
    nao quero, nao concordo, nao autorizo, nao pode, nao permito, nao obrigado, agora nao, por enquanto nao,
    hoje nao, melhor nao, acho que nao, claro que nao, prefiro nao, recuso, eu recuso, recusar, recusado,
    discordo, dispenso, de jeito nenhum, de forma alguma, deixa, deixa pra la, deixa quieto, nada disso,
    sem interesse, nao tenho interesse, 👎, ❌, 🚫
  `),
  fillers: listed(`
    por favor, pf, pfv, pfvr, pls, please, obrigado, obrigada, obg, brigado, brigada, vlw, oi, ola, bom dia,
    boa tarde, boa noite, opa, entao, ai, ah, eh, e, eu, que, viu, ne, senhor, senhora, moca, moco, amigo,
    amiga, querida, querido, gente, mesmo, muito, tudo bem,
    tudo bom, tudo certo, td bem
  `),
  why: listed(`
    por que, porque, pq, pra que, para que, pra que isso, para que isso, o que e isso, que e isso, q e isso,
    que isso, oq e isso, o que, oque, oq, saber mais, quero saber mais, queria saber mais,
    gostaria de saber mais, mais informacoes, quero mais informacoes, mais detalhes, entender melhor,
    quero entender melhor, como assim, explica, explique, me explica, explica melhor, explica ai,
    pode explicar, nao entendi, n entendi, nao compreendi, lgpd, o que e lgpd, privacidade, qual motivo,
    qual o motivo, com que finalidade, qual a finalidade, que consentimento, como funciona
  `),
  whyStarts: listed(`
    por que, porque, pq, pra que, para que, o que, oq, que dados, quais dados, qual dado, que informacoes,
    quais informacoes, como voces, como vcs, quem e, quem sao, quem vai, qual aviso
  `),
  optOut: listed(`
    parar, pare, parem, nao quero mais, sair, stop, stopall, unsubscribe, optout, opt out, descadastrar, descadastre,
    descadastro, descadastrar me, me descadastrar, me descadastre, descadastra, desinscrever,
    me desinscrever, revogar, revogo, revogar consentimento, revogar o consentimento,
    revogar meu consentimento, revogo meu consentimento, revogo o consentimento, retirar consentimento,
    retirar meu consentimento, retirar o consentimento, retiro meu consentimento, cancelar consentimento,
    cancelar meu consentimento, cancelar o consentimento, cancelar inscricao, cancelar a inscricao,
    cancelar minha inscricao, cancelar cadastro, cancelar meu cadastro, sair da lista, me tira da lista,
    me tire da lista, parar mensagens, parar as mensagens, parar de receber, parar de receber mensagens,
    pare de mandar mensagem, pare de mandar mensagens, pare de me mandar mensagem, parem de mandar mensagem,
    pare de me mandar mensagens, parem de mandar mensagens, para de mandar mensagem,
    para de me mandar mensagem, nao quero receber mensagens, nao quero mais receber mensagens,
    nao quero receber mais mensagens, nao me mande mais mensagens, nao me mandem mais mensagens,
    nao me mande mais mensagem
  `),
  optOutLeads: listed(`quero, eu quero`),
  thisLanguage: listed(`
    portugues, em portugues, en portugues, portugues do brasil, portugues brasileiro, pt br, ptbr, portuguese,
    in portuguese, brazilian portuguese, falar portugues, falar em portugues, falo portugues, so falo portugues,
    fala portugues, voce fala portugues, voces falam portugues, vcs falam portugues, pode falar portugues,
    pode falar em portugues, podemos falar em portugues, pode ser em portugues, prefiro portugues,
    prefiro em portugues, quero portugues, quero em portugues, quero falar em portugues, mudar para portugues,
    mudar para o portugues, muda para portugues, trocar para portugues, troca para portugues,
    voltar para portugues, voltar para o portugues, volta para portugues, nao falo ingles, nao entendo ingles,
    nao falo espanhol, nao entendo espanhol, hablar en portugues, speak portuguese, speak in portuguese,
    switch to portuguese, change to portuguese
  `),
  languages: listed(`
    idioma, idiomas, lingua, linguas, mudar idioma, mudar de idioma, mudar o idioma, mudar lingua,
    mudar de lingua, mudar a lingua, trocar idioma, trocar de idioma, trocar o idioma, trocar de lingua,
    alterar idioma, alterar o idioma, outro idioma, outros idiomas, outra lingua, outras linguas,
    escolher idioma, escolher o idioma, quero mudar de idioma, quero mudar o idioma, quero trocar de idioma,
    quero outro idioma, nao falo portugues, nao entendo portugues, nao sei portugues
  `),
  menu: listed(`menu, voltar, volta, volte, inicio, opcoes, opcao, voltar ao menu, voltar menu, ver menu`),
  information: listed(`informacoes, informacao, info, infos, saber mais, mais informacoes`),
  myData: listed(`meus dados, dados, meu cadastro, privacidade, meus dados pessoais`),
  person: listed(`
    pessoa, uma pessoa, humano, atendente, atendimento, suporte, alguem, falar, falar com gente,
    falar com uma pessoa, falar com pessoa, falar com alguem, falar com uma pessoa de verdade,
    atendimento humano, falar com voces, falar com vcs, falar com a equipe
  `),
  ordinals: {
    information: listed(`1, um, primeira, primeiro`),
    myData: listed(`2, dois, segunda, segundo`),
    person: listed(`3, tres, terceira, terceiro`),
  },
  personSigns: listed(`atendente, atendentes, humano, humana`),
  negations: listed(`nao, n, nem, nunca, sem`),
  choiceFillers: listed(`
    quero, queria, gostaria, preciso, de, a, o, as, os, por, favor, pf, pfv, opcao, numero, item, ver, saber,
    eu, oi, ola, e, das, dos, sobre, obrigado, obrigada
  `),
  skip: listed(`pular, pula, pule, prefiro nao dizer, nao quero dizer, sem nome, prefiro nao informar, anonimo`),
  greetings: listed(`
    oi, oie, oii, ola, alo, opa, hey, hi, hello, eai, e ai, eae, bom dia, boa tarde, boa noite, tudo bem,
    tudo bom, td bem, tudo certo, como vai, prazer, muito prazer
  `),
  nameLeads: listed(`
    meu nome e, o meu nome e, meu nome completo e, meu nome, nome completo, nome, o nome e, me chamo,
    eu me chamo, chamo me, me chama de, me chame de, pode me chamar de, podem me chamar de, pode chamar de,
    sou, sou o, sou a, eu sou, eu sou o, eu sou a, aqui e, aqui e o, aqui e a, aqui quem fala e,
    aqui quem fala e o, aqui quem fala e a, quem fala e, quem fala e o, quem fala e a, e, e o, e a,
    my name is, i am, sim, ok
  `),
  nameTails: listed(`obrigado, obrigada, prazer, e voce, por favor, e o seu`),
  notNames: listed(`
    quero, queria, gostaria, preciso, posso, pode, consulta, marcar, agendar, horario, preco, obrigado,
    obrigada, porque, pq, quanto, quando, onde, qual, quais, como, que, quem, voce, voces, vc, vcs, oi, ola,
    nao, isso, aqui, nome, chamo, sou, meu, minha, estou, tenho, tem, informacao, informacoes, atendente,
    ajuda, menu, cancelar, favor, sei, tchau, falar, dizer, prefiro, mensagem, dados, http, https, lgpd
  `),
  particles: listed(`de, da, do, das, dos, e, di, du, del, la, van, von, der`),
  honorifics: listed(`sr, sra, dr, dra, dona, seu, prof, profa, professor, professora, doutor, doutora`),
};

/** pt-BR, complete. */
export const ptBr: Language = {
  locale: 'pt-BR',
  name: 'Português',
  texts,
  buttons: {
    yes: 'Sim',
    no: 'Não',
    information: 'Informações',
    myData: 'Meus dados',
    person: 'Falar com uma pessoa',
  },
  words,
  momentOf: ({ day, month, year, hour, minute }) => `${day}/${month}/${year} às ${hour}:${minute}`,
};
