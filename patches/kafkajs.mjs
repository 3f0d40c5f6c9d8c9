/**
 * Edits to kafkajs 2.2.4, which is pinned and has had no release since February 2023. The launcher
 * applies them after an install; every `find` occurs exactly once in its file.
 *
 * 1. Idle timers. After every answer the request queue of a connection schedules a look at its
 *    waiting requests, also when none waits, with a delay that is then negative: the timer fires at
 *    once and schedules itself again, about a thousand times a second per connection for ever
 *    (measured: 4.7 % of a core for one idle connection, 0.2 % with this edit), with a
 *    TimeoutNegativeWarning on Node 24 and later. Whoever puts a request into the queue schedules by
 *    itself, and every answer looks, so nothing is lost by not scheduling for an empty queue.
 *    Reported as tulios/kafkajs issues 1556, 1604, 1667, 1704 and 1751; never fixed in a release.
 *
 * 2. Two sockets for one connection. Requests that meet a closed connection at the same time each
 *    open a socket; the last one is used, the others stay open unused, and when the broker closes
 *    one of them for being idle, the connection in use is closed with it. Connecting is now shared.
 *
 * Not edited: kafkajs' consumer, which resets and commits offsets by itself where the broker says
 * OFFSET_OUT_OF_RANGE, and its producer, which repeats what must not be repeated. The adapter
 * (services/runtime/log/adapters/kafka) uses neither, but its connections and encoding only.
 */
export const patch = {
  package: 'kafkajs',
  version: '2.2.4',
  edits: [
    {
      file: 'src/network/requestQueue/index.js',
      find: `    if (!this.throttleCheckTimeoutId) {
      if (this.pending.length > 0) {
        scheduleAt = scheduleAt > 0 ? scheduleAt : CHECK_PENDING_REQUESTS_INTERVAL
      }
`,
      replace: `    if (!this.throttleCheckTimeoutId && this.pending.length > 0) {
      scheduleAt = scheduleAt > 0 ? scheduleAt : CHECK_PENDING_REQUESTS_INTERVAL
`,
    },
    {
      file: 'src/network/connection.js',
      find: `  connect() {
    return new Promise((resolve, reject) => {
`,
      replace: `  connect() {
    if (!this.connecting) {
      this.connecting = this.connectOnce().finally(() => {
        this.connecting = null
      })
    }
    return this.connecting
  }

  /**
   * @private
   * @returns {Promise}
   */
  connectOnce() {
    return new Promise((resolve, reject) => {
`,
    },
  ],
};
