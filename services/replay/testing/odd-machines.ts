/** The echo machine as somebody might have changed it. */
import type { FindMachine } from '#runtime/actor/machines.ts';
import { findEcho } from '#runtime/testing/echo-machine.ts';

const wordIn = (event: unknown): string | undefined =>
  (event as { readonly content?: { readonly text?: string } }).content?.text;

/** Under a version of its own or that of the echo machine: it does not know one of the words. */
export const forgetting =
  (word: string, version = 'echo'): FindMachine =>
  (name, wanted) => {
    const release = findEcho(name, 'echo');
    if (release === undefined || wanted !== version) return findEcho(name, wanted);
    const machine = release.machine.provide({
      guards: {
        says: ({ event }: { readonly event: unknown }, params: unknown) => {
          const said = (params as { readonly word: string }).word;
          return said !== word && wordIn(event) === said;
        },
      },
    });
    machine.options.maxIterations = 100;
    return { ...release, version, machine };
  };
