/** A check of the doctor's: what was looked at, what was found, and what to do about it. */
import { OperatingError } from '#runtime/errors.ts';

/** What a check found. */
export interface Finding {
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  readonly fix?: string;
  /** It fails because something that runs elsewhere does not answer. */
  readonly away?: true;
}

/** A check with its name. Never rejects. */
export interface Check {
  readonly name: string;
  readonly run: () => Promise<Finding>;
}

export const ok = (detail: string): Finding => ({ status: 'ok', detail });
export const warn = (detail: string, fix: string): Finding => ({ status: 'warn', detail, fix });
export const fail = (detail: string, fix: string): Finding => ({ status: 'fail', detail, fix });

const checkMs = 10_000;

/** A check that is cut when it takes too long; what it throws is a failure with this fix. */
export const check = (name: string, fix: string, look: () => Promise<Finding> | Finding): Check => ({
  name,
  async run() {
    const late = Promise.withResolvers<Finding>();
    const timer = setTimeout(() => {
      late.resolve({ ...fail(`It did not answer in ${checkMs / 1_000} s.`, fix), away: true });
    }, checkMs);
    try {
      return await Promise.race([look(), late.promise]);
    } catch (caught) {
      return failed(caught, fix);
    } finally {
      clearTimeout(timer);
    }
  },
});

/** Messages of libraries may hold addresses with passwords: only their codes are repeated. */
function failed(caught: unknown, fix: string): Finding {
  if (caught instanceof OperatingError) {
    const away = caught.disposition === 'retry' || caught.disposition === 'yield';
    return { ...fail(caught.message, fix), ...(away ? { away: true } : {}) };
  }
  const code = caught instanceof Error && 'code' in caught ? ` (${String(caught.code)})` : '';
  return { ...fail(`It does not answer${code}.`, fix), away: true };
}
