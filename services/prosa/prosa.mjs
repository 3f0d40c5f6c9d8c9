#!/usr/bin/env node
/** `npx prosa …`: the command line as a command of this package. */
process.argv.splice(2, 0, 'prosa');
await import('../launcher.mjs');
