/** A log of which some methods are others. */
import type { RecordLog } from '#runtime/log/record-log.ts';

/** The same log with these methods in place of its own. */
export const changedLog = (log: RecordLog, changes: Partial<RecordLog>): RecordLog =>
  new Proxy(log, {
    get(target, name) {
      const value: unknown = Object.hasOwn(changes, name)
        ? Reflect.get(changes, name)
        : Reflect.get(target, name, target);
      // Its own are bound: they reach for private fields.
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
