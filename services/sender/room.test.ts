/** What a sender has room for: places are never more than there are, and hints are forgotten only for broader ones. */
import { describe, expect, test } from 'vitest';

import { Room } from './room.ts';

/** As after a look that found nothing left. */
function roomOf(concurrency: number): Room {
  const room = new Room(concurrency);
  room.looked(false, new Set());
  return room;
}

describe('a place', () => {
  test('is reserved within the bounds of the process and of the instance, and something may wait past them', () => {
    const room = roomOf(3);
    expect([room.reserve('a', 2), room.reserve('a', 2), room.reserve('a', 2)]).toEqual([true, true, false]);
    expect([room.isCrowded('a'), room.isCrowded('b')]).toEqual([true, false]);
    expect([room.reserve('b', 2), room.reserve('c', 2)]).toEqual([true, false]);
    room.release(['a', 'a', 'b']);
    expect([room.free, room.busy.size]).toEqual([3, 0]);
  });

  test('is taken by work until that ends, and none is reserved after the end', async () => {
    const room = roomOf(2);
    const work = Promise.withResolvers<undefined>();
    room.track(work.promise.then(() => undefined));
    expect(room.free).toBe(1);
    work.resolve(undefined);
    await room.empty();
    expect(room.free).toBe(2);
    room.close();
    expect([room.reserve('a', 1), room.isCrowded('a')]).toEqual([false, false]);
  });
});

test('more chats than can be remembered are all that may wait', () => {
  const room = roomOf(1);
  room.queued('c_1');
  expect([room.takeQueued('c_1'), room.takeQueued('c_1'), room.isCrowded('a')]).toEqual([true, false, false]);
  for (let i = 0; i <= 10_000; i += 1) room.queued(`c_${i.toString()}`);
  expect([room.takeQueued('c_1'), room.isCrowded('a')]).toEqual([false, true]);
});
