/** What the load process is told and what it tells back: JSON lines on its standard input and output. */

/** Webhooks that are sent one after the other's answer, so many at a time. */
export interface ClosedLoop {
  readonly kind: 'closed';
  readonly inFlight: number;
  readonly seconds: number;
  /** Ends earlier when so many were sent. */
  readonly requestsMax: number;
}

/** Webhooks that are sent at fixed times, whatever the answers do. */
export interface OpenLoop {
  readonly kind: 'open';
  readonly perSecond: number;
  readonly requests: number;
}

/** One phase of a load: messages go round the chats. */
export interface Phase {
  readonly name: string;
  readonly loop: ClosedLoop | OpenLoop;
  /** Said by a chat in each round of the phase; the last is repeated. */
  readonly texts: readonly string[];
}

/** A whole load. */
export interface LoadPlan {
  /** `http://127.0.0.1:1234`; only loopback is taken. */
  readonly origin: string;
  readonly path: string;
  /** The instance's, for the signatures. */
  readonly secret: string;
  readonly chats: number;
  readonly phases: readonly Phase[];
}

/** What became of a phase. Latencies in milliseconds, in an open loop from the time a webhook was due. */
export interface PhaseReport {
  readonly name: string;
  readonly sent: number;
  /** Answered 200 with the one message as accepted. */
  readonly accepted: number;
  /** Answers of other kinds by status; 0 is none. */
  readonly refused: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly latencies: readonly number[];
  /** In an open loop: chat and time (epoch milliseconds) at which each webhook was due, in order. */
  readonly due: readonly (readonly [chat: number, at: number])[];
}

const firstNumber = 5_511_900_000_000;

/** Chat address of the chat of that index, as WAHA names it. Invented numbers. */
export const chatAddress = (chat: number): string => `${firstNumber + chat}@c.us`;

/** What a person wrote, as WAHA reports it; `stanza` is WhatsApp's id of the message. */
export function wahaMessage({
  chat,
  text,
  stanza,
  at,
  photo,
}: {
  readonly chat: string;
  readonly text: string;
  readonly stanza: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Where the photo is that it goes with. */
  readonly photo?: string;
}): Buffer {
  return Buffer.from(
    JSON.stringify({
      id: `evt_${stanza}`,
      timestamp: at,
      event: 'message',
      session: 'default',
      metadata: {},
      me: { id: '5511800000000@c.us', lid: '900000000000000@lid', jid: '5511800000000:3@s.whatsapp.net' },
      payload: {
        id: `false_${chat}_${stanza}`,
        timestamp: Math.floor(at / 1_000),
        from: chat,
        fromMe: false,
        source: 'app',
        to: '5511800000000@c.us',
        body: text,
        hasMedia: photo !== undefined,
        media: photo === undefined ? null : { url: photo, mimetype: 'image/jpeg', filename: null },
        ack: 1,
        ackName: 'SERVER',
        vCards: [],
        replyTo: null,
        _data: { pushName: 'Ana Inventada', broadcast: false },
      },
      engine: 'NOWEB',
      environment: { version: '2026.7.1', engine: 'NOWEB', tier: 'CORE', browser: null },
    }),
  );
}
