/** Spanish of the Americas. Short, warm, spoken, with "tú"; `*bold*` as WhatsApp shows it. */
import type { ConsentOccasion, Controller, Language, Texts, Words } from './language.ts';

const greetingOf: Readonly<Record<ConsentOccasion, (businessName: string) => string>> = {
  first: (businessName) =>
    `¡Hola! 👋 Soy el asistente automático de *${businessName}*.\n\nAntes de empezar, una pregunta:`,
  refused: (businessName) =>
    `¡Hola de nuevo! 👋 Soy el asistente de *${businessName}*.\n\nLa última vez preferiste no autorizar el uso de tus datos, así que te pregunto otra vez:`,
  withdrawn: (businessName) =>
    `¡Hola de nuevo! 👋 Soy el asistente de *${businessName}*.\n\nLa última vez pediste no recibir más mensajes, así que debo preguntarte otra vez:`,
  renewed: (businessName) =>
    `¡Hola de nuevo! 👋 Soy el asistente de *${businessName}*.\n\nNuestro aviso de privacidad cambió, así que debo preguntarte otra vez:`,
};

const notice = ({ privacyUrl }: Controller): string =>
  privacyUrl === undefined ? '' : `\n\nAviso de privacidad: ${privacyUrl}`;

const called = (name: string | null): string => (name === null ? '' : `, ${name}`);

const menu = '*1* Información\n*2* Mis datos\n*3* Hablar con alguien';

const texts: Texts = {
  consentQuestion: (of) =>
    `${greetingOf[of.occasion](of.businessName)} ¿podemos guardar tu nombre, tu número y los mensajes de esta conversación, solo para atenderte por aquí?\n\n` +
    `Tú decides, como dice la LGPD, la ley brasileña de protección de datos. Y puedes cambiar de opinión cuando quieras: solo envía *BAJA*.${notice(of)}\n\n` +
    `Responde *SÍ* o *NO*. Para entender mejor, envía *SABER MÁS*.`,
  consentExplained: (of) =>
    `¡Claro, te explico! 🙂\n\n` +
    `• *Quién cuida los datos:* ${of.businessName}\n` +
    `• *Qué guardamos:* tu nombre, tu número de WhatsApp y los mensajes de esta conversación\n` +
    `• *Para qué:* atenderte por aquí\n` +
    `• *Tus derechos:* según la LGPD, puedes ver, corregir y borrar tus datos, y retirar tu consentimiento cuando quieras, enviando *BAJA*\n` +
    `• *Si dices que no:* está bien, solo que no podemos atenderte por aquí${notice(of)}\n\n` +
    `¿Seguimos? Responde *SÍ* o *NO*.`,
  consentUnclear:
    'Perdón, no entendí. 😅 ¿Podemos guardar tus datos para atenderte por aquí? Responde *SÍ* o *NO*, o envía *SABER MÁS*.',
  consentUnclearLast:
    '¡Sin prisa! 🙂 Cuando quieras seguir, responde *SÍ*. Si prefieres que no, responde *NO*. Hasta entonces no voy a insistir.',
  consentTypePlease:
    'Por aquí solo puedo leer texto. 🙂 ¿Puedes escribirlo? Para seguir, responde *SÍ*; si prefieres que no, *NO*.',
  consentRefused:
    'Está bien, ¡gracias por responder! Sin tu consentimiento no seguimos por aquí. Si cambias de opinión, solo envía *SÍ*. 👋',
  consentReminder:
    'Como preferiste no autorizar el uso de tus datos, no puedo seguir por aquí. Si cambias de opinión, envía *SÍ*.',
  withdrawn: ({ hadConsent }) =>
    `¡Listo! ${hadConsent ? 'Tu consentimiento fue retirado y ya' : 'Ya'} no vas a recibir más mensajes nuestros por aquí. Si un día quieres volver, solo escribe. ¡Hasta luego! 👋`,
  nameQuestion: '¡Perfecto, gracias por la confianza! 💚\n\n¿Cómo te llamas?',
  nameQuestionOnReturn: '¡Hola de nuevo! 👋 Antes de seguir, ¿cómo te llamas? Si prefieres no decirlo, envía *OMITIR*.',
  nameQuestionBriefly: '¿Cómo te llamas? Si prefieres no decirlo, envía *OMITIR*.',
  nameUnclear:
    'Mmm, no pude entender el nombre. ¿Puedes escribir solo tu nombre, sin números ni enlaces? Por ejemplo: *Ana García*.\n\nSi prefieres no decirlo, envía *OMITIR*.',
  nameTypePlease:
    'Por aquí solo puedo leer texto. 🙂 ¿Puedes escribir tu nombre? Si prefieres no decirlo, envía *OMITIR*.',
  menuWelcome: ({ name }) =>
    `${name === null ? '¡No hay problema!' : `¡Mucho gusto${called(name)}!`} 🙂 ¿En qué puedo ayudarte?\n\n${menu}`,
  menuWelcomeBack: ({ name }) => `¡Hola de nuevo${called(name)}! 👋 ¿En qué puedo ayudarte?\n\n${menu}`,
  menuAfterConsent: ({ name }) => `¡Perfecto${called(name)}, gracias! 💚 ¿En qué puedo ayudarte?\n\n${menu}`,
  menu: `¿En qué puedo ayudarte?\n\n${menu}`,
  menuUnclear: `Perdón, no entendí. 😅 Elige una opción:\n\n${menu}`,
  menuTypePlease: `Por aquí solo puedo leer texto. 🙂 ¿Puedes escribirlo, o elegir una opción?\n\n${menu}`,
  menuHint: 'Para ver las opciones, envía *MENÚ*.',
  myData: (of) =>
    `*Tus datos con ${of.businessName}*\n\n` +
    `• Nombre: ${of.name ?? 'no informado'}\n` +
    `• Consentimiento: dado el ${of.consentAt}, con la versión ${of.noticeVersion} del aviso de privacidad\n` +
    `• También guardamos tu número de WhatsApp y los mensajes de esta conversación${notice(of)}\n\n` +
    `Para retirar tu consentimiento, envía *BAJA*. Para ver las opciones, envía *MENÚ*.`,
  personRequested: ({ name }) =>
    `¡Claro${called(name)}! 🙂 Alguien de nuestro equipo te va a responder por aquí en cuanto pueda. Si quieres, ve contando qué necesitas.\n\nPara volver a las opciones, envía *MENÚ*.`,
  personWaiting:
    '¡Recibido, gracias! Tu mensaje quedó guardado y alguien de nuestro equipo te responde por aquí en cuanto pueda. Para volver a las opciones, envía *MENÚ*.',
  informationMissing:
    'Todavía estamos preparando la información que va aquí. Si necesitas algo ahora, envía *3* para hablar con alguien.',
  languageQuestion: '¿En qué idioma prefieres conversar? Solo envía su nombre:',
  languageSet: '¡Perfecto, seguimos en español! 🙂',
};

/** Words and phrases between commas. */
const listed = (list: string): readonly string[] => list.split(',').map((phrase) => phrase.trim());

const words: Words = {
  yes: listed(`
    si, s, sii, sip, sep, claro, claro que si, por supuesto, desde luego, como no, con gusto, seguro, obvio, exacto,
    correcto, asi es, eso, eso es, afirmativo, ok, okay, okey, oki, vale, dale, sale, va, listo, perfecto, de una,
    esta bien, ta bien, muy bien, de acuerdo, estoy de acuerdo, acepto, yo acepto, aceptar, si acepto, aceptado,
    autorizo, yo autorizo, si autorizo, autorizado, permito, consiento, doy consentimiento, doy mi consentimiento,
    confirmo, quiero, si quiero, quiero continuar, quiero seguir, continuar, continuemos, seguir, sigamos, seguimos,
    sigue, adelante, puede, pueden, puedes, si puede, si pueden, si puedes, pueden guardar, pueden guardarlos,
    vamos, por mi esta bien, sin problema, sin problemas, no hay problema, ningun problema, sim, yes, yep,
    👍, 👌, ✅, ✔, ☑, 🆗, 🤝
  `),
  yesClearly: listed(`
    si, s, claro, claro que si, por supuesto, desde luego, acepto, yo acepto, si acepto, autorizo, yo autorizo,
    si autorizo, permito, consiento, doy mi consentimiento, de acuerdo, estoy de acuerdo, quiero, si quiero,
    quiero continuar, quiero seguir, si puede, si pueden, si puedes, cambie de opinion, cambie de idea, ahora si,
    ahora si quiero, ahora acepto, sim, yes
  `),
  no: listed(`
    no, n, nop, nope, nel, no no, no gracias, no quiero, no acepto, no autorizo, no permito, no consiento,
    no estoy de acuerdo, no puede, no pueden, no puedes, no me interesa, no tengo interes, sin interes, ahora no,
    por ahora no, hoy no, todavia no, aun no, mejor no, creo que no, claro que no, por supuesto que no,
    desde luego que no, obvio que no, eso no, prefiero no, prefiero que no, negativo, nunca, jamas, ni hablar,
    ni loco, de ninguna manera, de ningun modo, para nada, rechazo, rechazar, rechazado, me niego, me opongo,
    no deseo, dejalo, dejalo asi, olvidalo, nao, 👎, ❌, 🚫
  `),
  fillers: listed(`
    por favor, porfavor, porfa, porfis, favor, gracias, muchas gracias, mil gracias, hola, buenas, buenos dias,
    buen dia, buenas tardes, buenas noches, bueno, pues, entonces, ah, oh, eh, ay, y, yo, que, senor, senora,
    senorita, amigo, amiga, todo bien, muy amable
  `),
  why: listed(`
    por que, porque, pq, xq, para que, para que es, que, que es, que es esto, que es eso, de que se trata,
    de que trata, como, como asi, saber mas, quiero saber mas, quisiera saber mas, me gustaria saber mas,
    mas informacion, quiero mas informacion, mas detalles, mas info, entender mejor, quiero entender mejor,
    explica, explicame, explique, expliqueme, me explicas, me explica, puedes explicar, puede explicar,
    explicame mejor, no entiendo, no entendi, no comprendo, lgpd, que es la lgpd, que es lgpd, privacidad,
    cual es el motivo, por cual motivo, con que fin, con que finalidad, que consentimiento, como funciona
  `),
  whyStarts: listed(`
    por que, porque, pq, xq, para que, que es esto, que es eso, que es la lgpd, que datos, cuales datos,
    que informacion, que hacen, que van a, como usan, como van a, como guardan, quien es, quien eres, quienes son,
    quien va, quien ve, quien tiene, que aviso, cual aviso
  `),
  optOut: listed(`
    baja, dar de baja, darme de baja, darse de baja, dame de baja, deme de baja, denme de baja, de baja,
    solicito la baja, pido la baja, parar, pare, paren, para ya, detener, detente, detengan, salir, salirme,
    salir de la lista, sacame de la lista, saquenme de la lista, quitame de la lista, quitenme de la lista,
    desuscribir, desuscribirme, desuscribirse, desuscribeme, desinscribir, desinscribirme, anular suscripcion,
    anular la suscripcion, anular mi suscripcion, cancelar suscripcion, cancelar la suscripcion,
    cancelar mi suscripcion, cancelar inscripcion, cancelar mi inscripcion, revocar, revoco,
    revocar consentimiento, revocar el consentimiento, revocar mi consentimiento, revoco el consentimiento,
    revoco mi consentimiento, retirar consentimiento, retirar el consentimiento, retirar mi consentimiento,
    retiro mi consentimiento, retiro el consentimiento, cancelar consentimiento, cancelar el consentimiento,
    cancelar mi consentimiento, dejar de recibir, dejar de recibir mensajes, no quiero mensajes,
    no quiero mas mensajes, no quiero recibir mensajes, no quiero recibir mas mensajes,
    no quiero recibir sus mensajes, no deseo recibir mensajes, no deseo recibir mas mensajes, no mas mensajes,
    no me escriban, no me escriban mas, no me escribas, no me escribas mas, no me manden mensajes,
    no me manden mas mensajes, no me mandes mensajes, no me mandes mas mensajes, no me envien mensajes,
    no me envien mas mensajes, no me envies mas mensajes, deja de escribirme, dejen de escribirme,
    deja de mandarme mensajes, dejen de mandarme mensajes, dejen de mandar mensajes, dejen de enviar mensajes,
    dejen de enviarme mensajes
  `),
  optOutLeads: listed(`quiero, yo quiero, quisiera, deseo, me gustaria, pueden, puedes, puede`),
  thisLanguage: listed(`
    espanol, en espanol, castellano, en castellano, idioma espanol, espanhol, em espanhol, spanish, in spanish,
    hablar espanol, hablar en espanol, hablo espanol, solo hablo espanol, yo hablo espanol, habla espanol,
    hablas espanol, hablan espanol, hablemos espanol, hablemos en espanol, solo espanol, puede ser en espanol,
    puedes hablar espanol, puedes hablar en espanol, puede hablar en espanol, pueden hablar en espanol,
    podemos hablar en espanol, se puede en espanol, prefiero espanol, prefiero el espanol, prefiero en espanol,
    quiero espanol, quiero en espanol, quiero hablar en espanol, responde en espanol, escribe en espanol,
    cambiar a espanol, cambiar al espanol, cambia a espanol, cambia al espanol, cambiar idioma a espanol,
    volver al espanol, no hablo portugues, no entiendo portugues, no entiendo el portugues, no se portugues,
    no hablo ingles, no entiendo ingles, no entiendo el ingles, no se ingles, falar espanhol, falar em espanhol,
    falo espanhol, so falo espanhol, fala espanhol, voce fala espanhol, pode ser em espanhol, prefiro espanhol,
    prefiro em espanhol, quero espanhol, quero em espanhol, quero falar em espanhol, mudar para espanhol,
    mudar para o espanhol, speak spanish, speak in spanish, do you speak spanish, can we speak spanish,
    i speak spanish, i only speak spanish, i prefer spanish, switch to spanish, change to spanish
  `),
  languages: listed(`
    idioma, idiomas, lengua, lenguas, lenguaje, cambiar idioma, cambiar de idioma, cambiar el idioma,
    cambiar lengua, cambia el idioma, cambia de idioma, otro idioma, otros idiomas, elegir idioma,
    elegir el idioma, escoger idioma, escoger el idioma, seleccionar idioma, que idiomas, que idiomas hablan,
    quiero cambiar de idioma, quiero cambiar el idioma, quiero otro idioma, no hablo espanol,
    no entiendo espanol, no entiendo el espanol
  `),
  menu: listed(`
    menu, el menu, ver menu, ver el menu, volver, regresar, volver al menu, regresar al menu, inicio, volver al inicio,
    opciones, opcion, ver opciones, ver las opciones, atras
  `),
  information: listed(`informacion, informaciones, info, infos, saber mas, mas informacion, mas info`),
  myData: listed(`mis datos, datos, mis datos personales, datos personales, mi registro, privacidad`),
  person: listed(`
    persona, una persona, humano, un humano, persona real, una persona real, agente, un agente, asesor, un asesor,
    asesora, una asesora, operador, ejecutivo, alguien, atencion, atencion al cliente, soporte, hablar,
    hablar persona, hablar con una persona, hablar con persona, hablar con alguien, hablar alguien,
    hablar con un humano, hablar humano, hablar con un agente, hablar con un asesor, hablar asesor,
    hablar con ustedes, hablar ustedes, hablar con el equipo, hablar equipo, hablar con gente, hablar persona real,
    hablar con una persona real, atencion humana
  `),
  ordinals: {
    information: listed(`1, uno, primera, primero`),
    myData: listed(`2, dos, segunda, segundo`),
    person: listed(`3, tres, tercera, tercero`),
  },
  personSigns: listed(`humano, humana, asesor, asesora, agente`),
  negations: listed(`no, n, ni, nunca, sin`),
  choiceFillers: listed(`
    quiero, quisiera, gustaria, me, necesito, deseo, de, del, la, el, las, los, un, una, con, a, al, por, favor, porfa,
    opcion, numero, ver, saber, conocer, yo, hola, y, sobre, acerca, puedo, podria, gracias
  `),
  skip: listed(`
    omitir, omite, omitelo, saltar, salta, saltarlo, pasar, paso, prefiero no decir, prefiero no decirlo,
    no quiero decir, no quiero decirlo, no quiero dar mi nombre, prefiero no dar mi nombre, sin nombre, anonimo,
    anonima
  `),
  greetings: listed(`
    hola, holi, holaa, ola, alo, buenas, muy buenas, buenos dias, buen dia, buenas tardes, buenas noches, que tal,
    como estas, como esta, como estan, como va, como te va, que onda, que hubo, todo bien, mucho gusto, un gusto,
    encantado, encantada, saludos, hi, hello, hey, oi
  `),
  nameLeads: listed(`
    mi nombre es, mi nombre completo es, mi nombre, nombre completo, nombre, el nombre es, me llamo, yo me llamo,
    llamame, llameme, puedes llamarme, puede llamarme, pueden llamarme, puedes decirme, me dicen, me puedes decir,
    soy, soy el, soy la, yo soy, yo soy el, yo soy la, aqui, aqui es, habla, le habla, te habla, es, es el, es la,
    my name is, i am, meu nome e, me chamo, si, claro, ok
  `),
  nameTails: listed(`
    gracias, muchas gracias, mucho gusto, un gusto, encantado, encantada, y tu, y usted, por favor, para servirle,
    a sus ordenes
  `),
  notNames: listed(`
    quiero, quisiera, gustaria, necesito, deseo, busco, puedo, puede, pueden, puedes, podria, cita, turno, consulta,
    agendar, reservar, reserva, horario, precio, precios, cuesta, gracias, porque, pq, xq, cuanto, cuantos, cuando,
    donde, cual, cuales, como, que, quien, usted, ustedes, tu, te, hola, no, eso, esto, esta, aqui, nombre, llamo,
    soy, estoy, tengo, tiene, tienen, hay, informacion, asesor, ayuda, menu, cancelar, favor, adios, chao, hablar,
    decir, decirlo, prefiero, mensaje, mensajes, datos, http, https, lgpd
  `),
  particles: listed(`de, del, la, las, los, y, e, da, do, dos, di, du, van, von, der`),
  honorifics: listed(`sr, sra, srta, don, dona, dr, dra, prof, profa, profesor, profesora, doctor, doctora`),
};

/** es, complete. */
export const es: Language = {
  locale: 'es',
  name: 'Español',
  texts,
  buttons: {
    yes: 'Sí',
    no: 'No',
    information: 'Información',
    myData: 'Mis datos',
    person: 'Hablar con alguien',
  },
  words,
  momentOf: ({ day, month, year, hour, minute }) => `${day}/${month}/${year} a las ${hour}:${minute}`,
};
