// Goal: a load is bounded, and measured as the people of it would.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { exitCodes } from './exit-codes.ts';
import { Installation } from './testing/installation.ts';

let at: Installation;
beforeAll(async () => {
  at = await Installation.open();
});
afterAll(() => at.close());

describe('a load', () => {
  test('is measured, from when each message was due to the reply at the phone', async () => {
    const report = await at.answer('load --rate 40 --duration 1s --people 8');
    expect(report).toMatchObject({ sent: 40, accepted: 40, failed: {}, repliesAwaited: 8 });
    expect(report).toMatchObject({ acceptMs: { count: 40 }, replyMs: { count: 8 } });
    for (const kind of ['acceptMs', 'replyMs']) {
      const { p50, p99, max } = report[kind] as { p50: number; p99: number; max: number };
      expect(p50).toBeGreaterThan(0);
      expect(p99).toBeGreaterThanOrEqual(p50);
      expect(max).toBeGreaterThanOrEqual(p99);
    }
    expect((await at.run('load --rate 20 --duration 100ms')).stdout).toMatch(/accept +p50 .* ms {2}p99 /);
  });

  test('by a key that sees no phones is measured without replies', async () => {
    expect(await at.answer('load --rate 20 --duration 200ms', 'ingest')).toMatchObject({ accepted: 4, replyMs: null });
  });

  test('that nothing takes fails as the first message did', async () => {
    expect(await at.run('load --rate 500 --duration 1s', 'analyst')).toMatchObject({
      code: exitCodes.refused,
      stdout: '',
    });
  });

  test('that is interrupted tells what it measured', async () => {
    const running = at.start('load --rate 20 --duration 10m --json', 'admin');
    await new Promise((resolve) => setTimeout(resolve, 300));
    running.interrupt();
    const { code, stdout } = await running.ended;
    expect(code).toBe(exitCodes.interrupted);
    expect((JSON.parse(stdout) as { sent: number }).sent).toBeGreaterThan(0);
  });
});
