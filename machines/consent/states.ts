/**
 * Consent, before anything else, as states of the conversation: asked for, explained, refused. A no and a
 * withdrawal are respected until the person says yes clearly. No model has a say here.
 */
import { assistingTextsIn } from '#machines/conversation/assisting-texts.ts';
import { consentInForce } from '#machines/conversation/context.ts';
import { thankAndShowMenu } from '#machines/conversation/menu.ts';
import * as replies from '#machines/conversation/replies.ts';
import {
  type Of,
  audits,
  conversation,
  offeringLanguages,
  optingOut,
  say,
  takingLanguage,
  told,
} from '#machines/conversation/setup.ts';
import { acceptsClearly, answerOf, asksWhy, languageAskedIn, textOf } from '#machines/conversation/understanding.ts';
import type { ActionParams } from '#machines/machine.ts';
import { saysMinor } from '#machines/understanding/minor.ts';

/** The question, asked anew with the whole notice. */
const askInWhole = [
  { type: 'reply', params: replies.askConsent },
  { type: 'requestConsent' },
  { type: 'audit', params: replies.consentRequested },
] as const;

const choosingLanguage = [{ type: 'takeLanguage' }, { type: 'audit', params: replies.languageChosen }] as const;
const accepted = [{ type: 'giveConsent' }, { type: 'startAfresh' }] as const;
const answered = { type: 'audit', params: replies.consentAnswered } as const;

const askGuardian = ({ context }: Of): ActionParams['reply'] => ({
  content: { kind: 'text', text: assistingTextsIn(context).minorsConsent },
});

/** Waiting for a yes or a no. */
export const consent = conversation.createStateConfig({
  entry: 'heed',
  on: {
    'message.received': [
      optingOut,
      // What is agreed to has to have been read: the whole question, not the short one.
      takingLanguage('consent', ['startAfresh', ...askInWhole]),
      offeringLanguages('consent'),
      {
        guard: (asked) => told(asked, (content) => saysMinor(textOf(content) ?? '')) === true,
        target: 'consent',
        reenter: true,
        actions: [{ type: 'reply', params: askGuardian }, audits('consent.minor')],
      },
      {
        guard: (asked) => told(asked, answerOf) === 'yes' && asked.context.name !== null,
        target: 'assisting',
        actions: [...accepted, ...say(thankAndShowMenu), answered, 'settle'],
      },
      {
        guard: (asked) => told(asked, answerOf) === 'yes',
        target: 'name',
        actions: [...accepted, { type: 'reply', params: replies.askName }, answered],
      },
      {
        guard: (asked) => told(asked, answerOf) === 'no',
        target: 'declined',
        actions: ['refuseConsent', 'startAfresh', { type: 'reply', params: replies.acceptRefusal }, answered],
      },
      {
        guard: (asked) => told(asked, asksWhy) === true,
        target: 'consent',
        reenter: true,
        actions: [{ type: 'reply', params: replies.explainConsent }, audits('consent.explained')],
      },
      {
        guard: { type: 'mayNudge', params: { max: replies.nudgesMax.consent } },
        target: 'consent',
        reenter: true,
        actions: ['keepWish', 'countNudge', { type: 'reply', params: replies.askConsentAgain }],
      },
      { target: 'consent', reenter: true },
    ],
  },
});

/** After a no: one reminder, then silence, until there is a clear yes. */
export const declined = conversation.createStateConfig({
  entry: 'heed',
  on: {
    'message.received': [
      optingOut,
      takingLanguage('declined', ['noteReminder', { type: 'reply', params: replies.remindOfRefusalInLanguage }]),
      offeringLanguages('declined'),
      {
        guard: (asked) => told(asked, acceptsClearly) === true,
        target: 'name',
        actions: [...accepted, { type: 'reply', params: replies.askName }, answered],
      },
      {
        guard: ({ context }) => context.nudges === 0,
        target: 'declined',
        reenter: true,
        actions: ['countNudge', { type: 'reply', params: replies.remindOfRefusal }],
      },
      { target: 'declined', reenter: true },
    ],
  },
});

/** Nothing is sent until the person writes. What is asked first depends on what an earlier episode left. */
export const idle = conversation.createStateConfig({
  on: {
    'message.received': [
      optingOut,
      {
        guard: (asked) => consentInForce(asked.context) && asked.context.name !== null,
        target: 'assisting',
        actions: ['heed', 'hear', audits('session.resumed')],
      },
      offeringLanguages('idle'),
      {
        guard: (asked) => consentInForce(asked.context) && told(asked, languageAskedIn) !== undefined,
        target: 'name',
        actions: [...choosingLanguage, { type: 'reply', params: replies.askNameOnReturn }, audits('session.resumed')],
      },
      {
        guard: (asked) => consentInForce(asked.context),
        target: 'name',
        actions: ['keepWish', { type: 'reply', params: replies.askNameOnReturn }, audits('session.resumed')],
      },
      { guard: 'choosesLanguage', target: 'consent', actions: [...choosingLanguage, ...askInWhole] },
      { target: 'consent', actions: ['keepWish', ...askInWhole] },
    ],
  },
});
