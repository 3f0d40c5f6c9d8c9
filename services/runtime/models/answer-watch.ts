/** Watches over one answer: how long it lets wait, and how long it is. */
import { type CallBounds, ModelError } from './model-server.ts';

/** The watch over a call. To be ended. */
export interface Watch {
  /** Aborted when the time of the call is over, nobody waits any more, or the watch has ended. */
  readonly signal: AbortSignal;
  /** Bytes of the content have come. */
  saw(): void;
  /** There are too many: the answer is what came before. */
  fill(): void;
  readonly isFull: () => boolean;
  readonly timedOut: () => boolean;
  end(): void;
}

/** Begins one. `outer` is the time of whoever asks. */
export function watchOver({ firstByteMs, idleMs }: CallBounds, outer: AbortSignal): Watch {
  const abort = new AbortController();
  let [full, timedOut, ended] = [false, false, false];
  const expire = (): void => {
    timedOut = true;
    abort.abort();
  };
  let timer = setTimeout(expire, firstByteMs);
  if (outer.aborted) expire();
  else outer.addEventListener('abort', expire);
  return {
    signal: abort.signal,
    saw() {
      clearTimeout(timer);
      if (!ended) timer = setTimeout(expire, idleMs);
    },
    fill() {
      full = true;
    },
    isFull: () => full,
    timedOut: () => timedOut,
    end() {
      ended = true;
      clearTimeout(timer);
      outer.removeEventListener('abort', expire);
      abort.abort();
    },
  };
}

/** The same answer, its bytes counted and timed. What is beyond `bytesMax` ends it with an error. */
export function bounded(answer: Response, watch: Watch, bytesMax: number): Response {
  if (answer.body === null) return answer;
  let bytes = 0;
  const counted = answer.body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        watch.saw();
        bytes += chunk.byteLength;
        if (bytes <= bytesMax) {
          controller.enqueue(chunk);
          return;
        }
        watch.fill();
        controller.error(new ModelError('unreadable'));
      },
    }),
  );
  const { status, statusText, headers } = answer;
  return new Response(counted, { status, statusText, headers });
}
