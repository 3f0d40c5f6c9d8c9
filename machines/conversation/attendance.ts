/** Waiting for a person of the tenant's. */
import { showMenu } from './menu.ts';
import * as replies from './replies.ts';
import { audits, conversation, optingOut, say, told } from './setup.ts';
import { wordedChoiceOf } from './understanding.ts';

/** The state. */
export const attendance = conversation.createStateConfig({
  id: 'waitingForPerson',
  entry: 'heed',
  on: {
    'message.received': [
      optingOut,
      {
        guard: 'choosesLanguage',
        target: 'waitingForPerson',
        reenter: true,
        actions: [
          'takeLanguage',
          'startAfresh',
          { type: 'reply', params: replies.promisePerson },
          { type: 'audit', params: replies.languageChosen },
        ],
      },
      {
        guard: 'asksForLanguages',
        target: 'waitingForPerson',
        reenter: true,
        actions: { type: 'reply', params: replies.offerLanguages },
      },
      {
        guard: (asked) => told(asked, wordedChoiceOf) === 'menu',
        target: '#menu',
        actions: ['startAfresh', ...say(showMenu), audits('person.cancelled')],
      },
      {
        guard: { type: 'mayNudge', params: { max: replies.nudgesMax.waitingForPerson } },
        target: 'waitingForPerson',
        reenter: true,
        actions: ['countNudge', { type: 'reply', params: replies.promisePersonAgain }],
      },
      { target: 'waitingForPerson', reenter: true },
    ],
  },
});
