/** Words by which something is asked for from anywhere, whatever the agent, by language. What they mean: `commands.ts`. */
import { type ByLocale, inLanguage } from './assisting-texts.ts';

const phrases = (list: string): ReadonlySet<string> =>
  new Set(list.split(',').map((phrase) => phrase.trim().replace(/\s+/gu, ' ')));

/** Phrases, folded, that ask for something anywhere in a message, or give up what is being done. */
export interface CommandWords {
  readonly scheduling: ReadonlySet<string>;
  readonly appointments: ReadonlySet<string>;
  readonly cancel: ReadonlySet<string>;
  readonly move: ReadonlySet<string>;
  /** The same before the name of a service: "cancelar a limpeza". */
  readonly cancelVerbs: ReadonlySet<string>;
  readonly moveVerbs: ReadonlySet<string>;
  readonly registration: ReadonlySet<string>;
  /** Somebody wants what is kept of them erased or corrected. */
  readonly rights: ReadonlySet<string>;
  /** Of an inscription that was made: nothing but a person does it. */
  readonly unregister: ReadonlySet<string>;
  readonly information: ReadonlySet<string>;
  /** A person of the tenant's is wanted, beside the words of the language's own. */
  readonly person: ReadonlySet<string>;
  /** Who, or what, is speaking here? */
  readonly whoAreYou: ReadonlySet<string>;
  /** What was left half way is to be gone on with; as a whole message. */
  readonly resume: ReadonlySet<string>;
  /** As a whole message. */
  readonly stop: ReadonlySet<string>;
  /** Those of them that are an opt-out where there was no consent yet. */
  readonly givesUp: ReadonlySet<string>;
  /** Those of them that mean the appointment where nothing is being done. */
  readonly cancelAlone: ReadonlySet<string>;
  /** Says that somebody is angry, anywhere in a short message. */
  readonly upset: ReadonlySet<string>;
  /** What a wish begins with that is none: "não quero" before "marcar". */
  readonly unwilling: readonly string[];
  /** Says thanks or goodbye, and asks for nothing; as a whole message, with fillers. */
  readonly thanks: ReadonlySet<string>;
}

const commandWords: ByLocale<CommandWords> = {
  'pt-BR': {
    scheduling: phrases(
      `marcar, agendar, agendamento, marca, agenda pra mim, quero um horario, tem horario, horario livre, tem vaga,
       queria um horario, preciso de um horario, nova consulta, uma consulta, quero consulta, preciso de consulta,
       marcacao, reservar`,
    ),
    appointments: phrases(
      `meus agendamentos, meus horarios, minhas consultas, minha consulta, meu agendamento, meu horario,
       minhas reservas, quando e minha consulta, que dia e minha consulta, ver agendamentos`,
    ),
    cancel: phrases(
      `cancelar consulta, cancelar a consulta, cancelar minha consulta, cancelar horario, cancelar o horario,
       cancelar meu horario, cancelar agendamento, cancelar o agendamento, cancelar meu agendamento, desmarcar,
       desmarca, cancela minha consulta, cancela meu horario, nao vou poder ir, nao posso ir, nao vou conseguir ir,
       cancelar a reserva, cancelar reserva, cancelar a de, cancelar a das, cancelar o de, cancelar o das, cancela a de,
       cancela a das, cancela o de, cancela o das, cancelar tudo`,
    ),
    cancelVerbs: phrases(`cancelar, cancela, cancele, desmarcar, desmarca, desmarque`),
    moveVerbs: phrases(`mudar, muda, mude, trocar, troca, adiar, adia, passar, transferir, remarcar, remarca`),
    move: phrases(
      `remarcar, remarca, reagendar, mudar o horario, mudar meu horario, trocar o horario, trocar meu horario,
       mudar a consulta, mudar minha consulta, adiar, mudar a data, trocar a data, mudar o dia, trocar o dia`,
    ),
    registration: phrases(
      `inscricao, inscrever, me inscrever, fazer inscricao, quero me inscrever, inscricoes, participar do congresso,
       participar do evento`,
    ),
    information: phrases(
      `informacoes, informacao, programacao, palestrantes, palestras, endereco, local do evento, onde fica, onde e,
       que horas comeca, quanto custa, valor, preco, valores`,
    ),
    rights: phrases(
      `apagar meus dados, apaga meus dados, apague meus dados, apaguem meus dados, excluir meus dados,
       exclua meus dados, exclui meus dados, deletar meus dados, deleta meus dados, remover meus dados,
       exclusao dos meus dados, corrigir meus dados, apagar minhas informacoes, apagar meu cadastro,
       excluir meu cadastro`,
    ),
    unregister: phrases(
      `cancelar inscricao, cancelar a inscricao, cancelar minha inscricao, cancelar a minha inscricao,
       cancela minha inscricao, cancele minha inscricao, desistir da inscricao, desisti da inscricao, desinscrever,
       cancelar meu cadastro no evento`,
    ),
    person: phrases(
      `chama alguem, chamar alguem, chame alguem, me passa para, me passa pra, me transfere, me transfira,
       transferir para, falar com a recepcao, falar com o dentista, falar com a dentista, falar com o doutor,
       falar com a doutora, falar com alguem, quero falar com, preciso de ajuda, me ajuda, me ajude, socorro`,
    ),
    whoAreYou: phrases(
      `quem e voce, quem e vc, voce e um robo, vc e um robo, voce e robo, e um robo, voce e uma ia, vc e uma ia,
       voce e uma maquina, voce e um bot, vc e um bot, e um bot, e robo, com quem eu falo, com quem estou falando,
       com quem falo, quem esta falando, quem fala, to falando com quem, voce e de verdade, voce e uma pessoa`,
    ),
    resume: phrases(
      `continuar, continua, continue, vamos continuar, quero continuar, continuar inscricao, continuar a inscricao`,
    ),
    stop: phrases(
      `nada, nada nao, cancelar, cancela, voltar, volta, desistir, desisto, deixa, deixa pra la, esquece, para, chega, nao quero mais,
       mudei de ideia, desisti, nao precisa, nao precisa mais, deixa quieto, quero cancelar,
       queria cancelar, pode cancelar, preciso cancelar, gostaria de cancelar`,
    ),
    givesUp: phrases(`nao quero mais`),
    cancelAlone: phrases(
      `cancelar, cancela, quero cancelar, queria cancelar, pode cancelar, preciso cancelar, gostaria de cancelar`,
    ),
    upset: phrases(
      `burro, burra, idiota, imbecil, inutil, lixo, merda, porcaria, bosta, caralho, porra, fdp, droga, palhacada, absurdo,
       tomar no cu, vai se foder, vsf, vtnc, que saco, incompetente, incompetentes, pessimo, horrivel atendimento,
       nao funciona, voce nao entende, vc nao entende, nao entende nada, robo chato`,
    ),
    unwilling: ['nao quero', 'nao queria', 'nao preciso', 'nao vou', 'nao desejo', 'n quero'],
    thanks: phrases(
      `obrigado, obrigada, muito obrigado, muito obrigada, brigado, brigada, obg, obgd, valeu, vlw, grato, grata,
       agradeco, agradecido, agradecida, tchau, ate mais, ate logo, ate la, ate amanha, ate, fui, abraco, abracos, bjs,
       so isso, era so isso, e so isso, e so, nada mais, mais nada, por enquanto e so, por enquanto so, ajudou muito,
       deus abencoe, bom trabalho, bom descanso, igualmente, 🙏, ❤, 💚, 🥰, 😘, 👋`,
    ),
  },
  en: {
    scheduling: phrases(`book, booking, schedule, appointment please, an appointment, new appointment`),
    appointments: phrases(`my appointments, my appointment, my bookings, my booking, when is my appointment`),
    cancel: phrases(
      `cancel my appointment, cancel the appointment, cancel appointment, cancel my booking, cancel booking, i can t come`,
    ),
    cancelVerbs: phrases(`cancel`),
    moveVerbs: phrases(`move, change, postpone, reschedule`),
    move: phrases(
      `reschedule, move my appointment, change my appointment, change the time, another time for my appointment, postpone`,
    ),
    registration: phrases(`register, registration, sign up, enrol, enroll`),
    information: phrases(`information, programme, program, speakers, where is it, address, how much, price, venue`),
    rights: phrases(
      `erase my data, delete my data, remove my data, correct my data, delete my information, forget my data`,
    ),
    unregister: phrases(
      `cancel my registration, cancel the registration, cancel registration, withdraw my registration, unregister`,
    ),
    person: phrases(
      `call somebody, call someone, transfer me, talk to the reception, talk to the dentist, i need help, help me, help`,
    ),
    whoAreYou: phrases(
      `who are you, are you a robot, are you a bot, are you an ai, are you human, are you a person, are you real, who am i talking to, is this a bot`,
    ),
    resume: phrases(`continue, go on, let us continue, let s continue`),
    stop: phrases(
      `nothing, cancel, stop that, back, go back, never mind, nevermind, forget it, quit, changed my mind, i changed my mind,
       i want to cancel, please cancel`,
    ),
    givesUp: phrases(`nao quero mais`),
    cancelAlone: phrases(`cancel, i want to cancel, please cancel, can i cancel`),
    upset: phrases(
      `stupid, idiot, useless, shit, crap, fuck, fuck you, fuck off, damn, bullshit, does not work, doesn t work, you don t understand`,
    ),
    unwilling: ['i don t want', 'i do not want', 'don t want', 'i don t need', 'i do not need', 'i won t'],
    thanks: phrases(
      `thanks, thank you, thank you very much, thanks a lot, many thanks, thx, ty, cheers, bye, goodbye, see you,
       see you then, that is all, that s all, that was all, nothing else, nothing more, 🙏, ❤, 💚, 🥰, 😘, 👋`,
    ),
  },
  es: {
    scheduling: phrases(`reservar, agendar, pedir turno, pedir cita, sacar turno, un turno, una cita, un horario`),
    appointments: phrases(`mis turnos, mi turno, mis citas, mi cita, mis reservas, mi reserva, cuando es mi cita`),
    cancel: phrases(
      `cancelar mi turno, cancelar el turno, cancelar turno, cancelar mi cita, cancelar la cita, cancelar cita,
       anular mi cita, anular mi turno, no puedo ir, no voy a poder ir`,
    ),
    cancelVerbs: phrases(`cancelar, cancela, anular, anula`),
    moveVerbs: phrases(`cambiar, cambia, mover, pasar, postergar, reprogramar`),
    move: phrases(
      `cambiar mi turno, cambiar mi cita, cambiar el horario, reprogramar, mover mi cita, postergar, aplazar`,
    ),
    registration: phrases(`inscripcion, inscribirme, inscribir, registrarme, registro`),
    information: phrases(`informacion, programa, ponentes, donde es, donde queda, direccion, cuanto cuesta, precio`),
    rights: phrases(`borrar mis datos, borra mis datos, eliminar mis datos, elimina mis datos, corregir mis datos`),
    unregister: phrases(
      `cancelar mi inscripcion, cancelar la inscripcion, cancelar inscripcion, anular mi inscripcion, darme de baja del congreso`,
    ),
    person: phrases(
      `llama a alguien, llamar a alguien, pasame con, transfiereme, hablar con la recepcion, hablar con el dentista, necesito ayuda, ayudame, ayuda`,
    ),
    whoAreYou: phrases(
      `quien eres, quien sos, eres un robot, sos un robot, eres un bot, es un robot, eres una persona, con quien hablo, quien habla`,
    ),
    resume: phrases(`continuar, continua, sigamos, seguir, quiero continuar`),
    stop: phrases(`nada, cancelar, cancela, volver, atras, dejalo, olvidalo, desisto, ya no quiero, cambie de idea, quiero cancelar,
       quisiera cancelar`),
    givesUp: phrases(`nao quero mais`),
    cancelAlone: phrases(`cancelar, cancela, quiero cancelar, quisiera cancelar, puedes cancelar`),
    upset: phrases(
      `estupido, estupida, idiota, inutil, mierda, basura, carajo, joder, porqueria, no funciona, no entiendes, no entendes`,
    ),
    unwilling: ['no quiero', 'no queria', 'no necesito', 'no voy a'],
    thanks: phrases(
      `gracias, muchas gracias, mil gracias, te agradezco, adios, chau, chao, hasta luego, hasta pronto, nos vemos,
       eso es todo, es todo, nada mas, 🙏, ❤, 💚, 🥰, 😘, 👋`,
    ),
  },
};

/** The words of a conversation's language. */
export const commandWordsIn = ({ locale }: { readonly locale: string }): CommandWords =>
  inLanguage(commandWords, locale);
