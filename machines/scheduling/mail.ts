/** The confirmation of a booking by e-mail: offered, an address taken (asked about where it looks mistyped), sent. */
import { answerIn, thanksIn } from '#machines/conversation/commands.ts';
import type { ConversationContext } from '#machines/conversation/context.ts';
import { ask } from '#machines/conversation/hearing.ts';
import { type Of, conversation, opens, say, sets } from '#machines/conversation/setup.ts';
import { answerOf } from '#machines/conversation/understanding.ts';
import { readEmail } from '#machines/understanding/email.ts';
import type { SchedulingContext } from './context.ts';
import * as replies from './replies.ts';
import { isAnswer } from './request.ts';

const heard = ({ context }: Of): boolean => isAnswer(context);

/** An address that is plain, or was written again, or agreed to after the hint. */
function emailIn(context: ConversationContext): string | undefined {
  const { emailHint } = context.scheduling;
  if (emailHint !== null && ask(context, answerOf) === 'yes') return emailHint;
  const read = readEmail(answerIn(context) ?? '');
  return read.kind === 'ok' && (read.hint === undefined || emailHint !== null) ? read.email : undefined;
}

function hintIn(context: ConversationContext): string | undefined {
  const read = readEmail(answerIn(context) ?? '');
  return read.kind === 'none' ? undefined : read.hint;
}

const invalidEmail = (context: ConversationContext): boolean => readEmail(answerIn(context) ?? '').kind === 'invalid';

/** Said again as long as there is something to be said; then as for every question. */
const problemsMax = 3;

/** The address goes into the effect, and is forgotten with it. */
const withEmail = (context: ConversationContext): SchedulingContext => ({
  ...context.scheduling,
  emailHint: emailIn(context) ?? null,
});

const forgetEmail = [
  sets('scheduling', ({ scheduling }) => ({ ...scheduling, emailHint: null })),
  { type: 'settle' },
] as const;
const notMailed = { target: '#menu', actions: [...say(replies.sayNotMailed), ...forgetEmail] } as const;

/** Waiting for an address, or a no. */
export const offeringMail = conversation.createStateConfig({
  id: 'scheduling.offeringMail',
  entry: opens('scheduling.offeringMail'),
  always: [
    {
      guard: (of) => heard(of) && emailIn(of.context) !== undefined,
      target: '#mailing',
      actions: [sets('scheduling', withEmail), 'startAfresh', 'settle'],
    },
    {
      guard: (of) => heard(of) && hintIn(of.context) !== undefined,
      actions: [
        sets('scheduling', (context) => ({ ...context.scheduling, emailHint: hintIn(context) ?? null })),
        ...say(replies.sayEmailHint),
        'settle',
      ],
    },
    {
      guard: (of) => heard(of) && invalidEmail(of.context) && of.context.nudges < problemsMax,
      actions: [...say(replies.sayEmailInvalid), 'countNudge', 'settle'],
    },
    {
      guard: (of) => heard(of) && ask(of.context, answerOf) === 'yes' && of.context.nudges < problemsMax,
      actions: [...say(replies.askAddress), 'countNudge', 'settle'],
    },
    {
      guard: (of) => heard(of) && (ask(of.context, answerOf) === 'no' || thanksIn(of.context)),
      target: '#menu',
      actions: [...say(replies.sayClosing), 'startAfresh', 'settle'],
    },
  ],
});

/** It is on its way. */
export const mailing = conversation.createStateConfig({
  id: 'mailing',
  invoke: {
    id: 'mail',
    src: 'mail.confirm',
    input: ({ context: { scheduling, locale, name } }) => ({
      to: scheduling.emailHint ?? '',
      locale,
      name,
      about: {
        kind: 'appointment' as const,
        appointment: scheduling.booked ?? { id: '', service: '', start: 0, end: 0 },
      },
    }),
    onDone: [
      {
        guard: ({ event }) => event.output.sent,
        target: '#menu',
        actions: [...say(replies.sayMailed), ...forgetEmail],
      },
      notMailed,
    ],
    onError: notMailed,
  },
});
