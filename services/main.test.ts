// Goal: what a newcomer does works with everything in one process.
import { newcomerCases } from './newcomer.cases.ts';
import { Program } from './testing/program.ts';

newcomerCases((environment) => Program.start(environment));
