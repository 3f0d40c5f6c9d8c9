/**
 * Node's options for a service's process. On a large machine V8 lets a heap grow to gigabytes before it
 * collects, and most of what a busy service holds is garbage: after 100 000 conversations a conversation
 * service had 616 MB resident of which 150 were alive. With these, and fewer actors in memory, it has 383.
 * Twice as much may be alive as the fullest service was seen to have.
 */
export const serviceFlags: readonly string[] = ['--max-semi-space-size=16', '--max-old-space-size=320'];

/** The same where all services share one process: `npm start`, a container of which nothing else is said. Tests compare. */
export const wholeProgramFlags: readonly string[] = ['--max-semi-space-size=16', '--max-old-space-size=1024'];
