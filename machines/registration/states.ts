/**
 * Inscription: field after field, each validated and normalised; CPF and e-mail looked up; all of it read
 * back, corrected, confirmed, saved, and a mail.
 *
 *   deciding ──► fullName, email, cpf, phone, city, state, profile ──► checking (CPF, e-mail) ─┐
 *      ▲  └──► confirming ──► saving ──► confirmingByMail                                      │
 *      │            └──► choosingField                                                        │
 *      └──────────────────────────────────────────────────────────────────────────────────────┘
 */
import { agreementIn } from '#machines/conversation/agreement.ts';
import { commandIn } from '#machines/conversation/commands.ts';
import type { ConversationContext } from '#machines/conversation/context.ts';
import { mentions, needsModel, pressedIn, saidIn, wordsOf } from '#machines/conversation/hearing.ts';
import { failAndShowMenu } from '#machines/conversation/menu.ts';
import type { Question } from '#machines/conversation/question.ts';
import { type Of, audits, conversation, opens, say, sets } from '#machines/conversation/setup.ts';
import { readChoice } from '#machines/understanding/number-choice.ts';
import { answerTo, fieldRow, missingIn, withAnswer } from './answers.ts';
import { type Field, type RegistrationContext, fields, registrationStart } from './context.ts';
import * as replies from './replies.ts';

const isHeard = ({ context }: Of): boolean => context.heard !== null;

/** What is begun with: an inscription, or the one that was left half way. To be spread into a transition's actions. */
export const beginRegistration = [
  sets('registration', ({ registration: { fields: known, summary } }) => ({
    ...registrationStart,
    fields: known,
    summary,
  })),
  { type: 'startAfresh' },
  { type: 'settle' },
] as const;

const question = (field: Field): Question => ({ ask: replies.askFor(field), tools: ['fill'] });

/** What it asks. */
export const registrationQuestions: Readonly<Record<string, Question>> = {
  ...Object.fromEntries(fields.map((field) => [fieldRow(field), question(field)])),
  'registration.confirming': { ask: replies.askToConfirm, tools: ['fill'] },
  'registration.choosingField': { ask: replies.askField, tools: [] },
};

/** The state in which a field is asked for. */
const asking = (field: Field) =>
  conversation.createStateConfig({
    id: fieldRow(field),
    entry: opens(fieldRow(field)),
    always: [
      {
        guard: (of) => isHeard(of) && mistakenIn(of.context) !== undefined,
        target: 'deciding',
        actions: [...correct(mistakenIn), 'startAfresh', 'settle'],
      },
      {
        guard: (of) => isHeard(of) && fieldsIn(of.context, field),
        target: 'deciding',
        actions: [
          sets('registration', (context) => withAnswer(context, answerTo(context, field))),
          'startAfresh',
          'settle',
        ],
      },
      {
        // Said again as long as there is something to be said; then as for every question.
        guard: (of) => isHeard(of) && problemIn(of.context, field) && of.context.nudges < problemsMax,
        actions: [
          sets('registration', (context) => withAnswer(context, answerTo(context, field))),
          ...say(replies.askFor(field)),
          'countNudge',
          'settle',
        ],
      },
    ],
  });

const problemsMax = 3;

function fieldsIn(context: ConversationContext, field: Field): boolean {
  const answer = answerTo(context, field);
  return answer !== undefined && 'fields' in answer;
}

function problemIn(context: ConversationContext, field: Field): boolean {
  const answer = answerTo(context, field);
  // What a model may be able to read it is asked for first; of a number or an address it can say no more.
  const mayStillBeAsked = !/^[\d\s.()+-]+$|@/u.test(wordsOf(context)) && needsModel(context);
  return answer !== undefined && 'problem' in answer && (answer.problem !== 'invalid' || !mayStillBeAsked);
}

const agreement = ({ context }: Of): 'yes' | 'no' | undefined =>
  agreementIn(context, 'register', replies.confirmation(context));

/** The field that the message names. */
function fieldIn(context: ConversationContext): Field | undefined {
  const pressed = pressedIn(context);
  if (pressed !== undefined) return fields.find((field) => fieldRow(field) === pressed);
  const said = saidIn(context);
  if (said === undefined) return undefined;
  const { words } = replies.textsIn(context);
  const named = fields.filter((field) => mentions(said, new Set(words[field])));
  if (named.length === 1) return named[0];
  const number = readChoice(said, fields.length);
  return number === undefined ? undefined : fields[number - 1];
}

/** A field that was answered before, which the message says is wrong. */
function mistakenIn(context: ConversationContext): Field | undefined {
  const said = saidIn(context) ?? '';
  const { corrects } = replies.textsIn(context);
  const named = mentions(said, corrects) ? fieldIn(context) : undefined;
  return named !== undefined && context.registration.fields[named] !== undefined ? named : undefined;
}

/** The same at the confirmation, where a number is no field's, and a word may be a command's. */
const namedIn = (context: ConversationContext): Field | undefined =>
  pressedIn(context) === undefined && commandIn(context) === undefined && !/^\d+$/u.test(saidIn(context) ?? '')
    ? fieldIn(context)
    : undefined;

const correct = (field: (context: ConversationContext) => Field | undefined) => [
  sets('registration', (context) => {
    const { registration } = context;
    const wrong = field(context) ?? 'fullName';
    // Another city may be in another state.
    const dropped: readonly Field[] = wrong === 'city' ? ['city', 'state'] : [wrong];
    const kept = Object.entries(registration.fields).filter(([name]) => !dropped.some((one) => one === name));
    return { ...registration, fields: Object.fromEntries(kept), problem: null };
  }),
];

/** Where it waits for the person. */
export const registrationTalking = conversation.createStateConfig({
  id: 'registration',
  initial: 'beginning',
  states: {
    beginning: {
      always: [
        ...fields.map((field) => ({
          guard: ({ context }: Of) => missingIn(context) === field,
          target: field,
          actions: say(replies.begin(field)),
        })),
        { target: 'deciding' },
      ],
    },
    deciding: {
      id: 'registration.deciding',
      always: [
        { guard: ({ context }) => context.registration.checking !== null, target: '#checking' },
        ...fields.map((field) => ({
          guard: ({ context }: Of) => missingIn(context) === field,
          target: field,
          actions: say(replies.askFor(field)),
        })),
        {
          target: 'confirming',
          actions: [
            sets('registration', ({ registration }) => ({ ...registration, summary: registration.summary + 1 })),
            ...say(replies.askToConfirm),
          ],
        },
      ],
    },
    fullName: asking('fullName'),
    email: asking('email'),
    cpf: asking('cpf'),
    phone: asking('phone'),
    city: asking('city'),
    state: asking('state'),
    profile: asking('profile'),
    confirming: {
      id: 'registration.confirming',
      entry: opens('registration.confirming'),
      always: [
        {
          guard: (of) => isHeard(of) && agreement(of) === 'yes',
          target: '#saving',
          actions: [
            sets('registration', (context) => ({
              ...context.registration,
              confirmedBy: context.heard?.eventId ?? null,
            })),
            'startAfresh',
            'settle',
          ],
        },
        {
          guard: (of) => isHeard(of) && namedIn(of.context) !== undefined,
          target: 'deciding',
          actions: [...correct(namedIn), 'startAfresh', 'settle'],
        },
        {
          guard: (of) => isHeard(of) && agreement(of) === 'no',
          target: 'choosingField',
          actions: [...say(replies.askField), 'startAfresh', 'settle'],
        },
      ],
    },
    choosingField: {
      entry: opens('registration.choosingField'),
      always: {
        guard: (of) => isHeard(of) && fieldIn(of.context) !== undefined,
        target: 'deciding',
        actions: [...correct(fieldIn), 'startAfresh', 'settle'],
      },
    },
  },
});

const failed = { target: '#menu', actions: [...say(failAndShowMenu), audits('registration.failed')] } as const;

/** A field that somebody else's inscription has is asked for again. */
const taken = (
  { registration }: ConversationContext,
  field: 'cpf' | 'email',
): { readonly known: Partial<ConversationContext> } => {
  const { [field]: _, ...rest } = registration.fields;
  return { known: { registration: { ...registration, fields: rest, problem: 'taken', checking: null } } };
};

const other = (checking: RegistrationContext['checking']): 'email' | 'cpf' => checking ?? 'cpf';

/** Where it waits for the participants and the mail. */
export const registrationWorking = {
  checking: conversation.createStateConfig({
    id: 'checking',
    invoke: {
      id: 'participants',
      src: 'participants.check',
      input: ({ context: { registration } }) => ({
        field: other(registration.checking),
        value: registration.fields[other(registration.checking)] ?? '',
      }),
      onDone: [
        {
          guard: ({ event }) => event.output.taken,
          target: '#registration.deciding',
          actions: { type: 'know', params: ({ context }) => taken(context, other(context.registration.checking)) },
        },
        {
          target: '#registration.deciding',
          actions: sets('registration', ({ registration }) => ({ ...registration, checking: null })),
        },
      ],
      // Saving looks again.
      onError: {
        target: '#registration.deciding',
        actions: sets('registration', ({ registration }) => ({ ...registration, checking: null })),
      },
    },
  }),
  saving: conversation.createStateConfig({
    id: 'saving',
    invoke: {
      id: 'participants',
      src: 'participants.save',
      input: ({ context: { registration } }) => ({
        registration: { ...nothing, ...registration.fields },
        confirmedBy: registration.confirmedBy ?? '',
      }),
      onDone: [
        {
          guard: ({ event }) => event.output.outcome === 'saved',
          target: '#confirmingByMail',
          actions: [
            {
              type: 'know',
              params: ({ context: { registration }, event: { output } }) => ({
                known: {
                  registration: {
                    ...registration,
                    participant: output.outcome === 'saved' ? output.participant : null,
                  },
                },
              }),
            },
            ...say(replies.saySaved),
            audits('participant.registered'),
          ],
        },
        {
          target: '#registration.deciding',
          actions: {
            type: 'know',
            params: ({ context, event: { output } }) =>
              output.outcome === 'taken' ? taken(context, output.field) : { known: {} },
          },
        },
      ],
      onError: failed,
    },
  }),
  confirmingByMail: conversation.createStateConfig({
    id: 'confirmingByMail',
    invoke: {
      id: 'mail',
      src: 'mail.confirm',
      input: ({ context: { registration, locale } }) => ({
        to: registration.fields.email ?? '',
        locale,
        name: registration.fields.fullName ?? null,
        about: { kind: 'registration' as const, participant: registration.participant ?? '' },
      }),
      onDone: [
        {
          guard: ({ event }) => event.output.sent,
          target: '#menu',
          actions: [...say(replies.sayMailed), sets('registration', () => registrationStart)],
        },
        { target: '#menu', actions: [...say(replies.sayNotMailed), sets('registration', () => registrationStart)] },
      ],
      onError: {
        target: '#menu',
        actions: [...say(replies.sayNotMailed), sets('registration', () => registrationStart)],
      },
    },
  }),
};

const nothing = { fullName: '', email: '', cpf: '', phone: '', city: '', state: '', profile: '' };
