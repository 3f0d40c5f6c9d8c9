/**
 * WAHA webhooks of every event kind, for tests. The shapes follow WAHA's documentation and OpenAPI
 * 2026.7.1 and the engines' own messages; every name, number and id is invented.
 */

/** What is expected of a sample's event; compared as a subset. */
export interface WahaSample {
  readonly title: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly expected: Readonly<Record<string, unknown>>;
}

export const me = { id: '5511900000000@c.us', lid: '900000000000000@lid', jid: '5511900000000:3@s.whatsapp.net' };
const ana = '5511911111111@c.us';
const anaJid = '5511911111111@s.whatsapp.net';
const anaLid = '911111111111111@lid';
const group = '120363000000000001@g.us';
const at = 1_763_640_000;

const envelope = (event: string, payload: unknown, engine = 'NOWEB') => ({
  id: `evt_01k0000000000000000${event.replaceAll('.', '')}`,
  timestamp: at * 1_000 + 250,
  event,
  session: 'default',
  metadata: {},
  me,
  payload,
  engine,
  environment: { version: '2026.7.1', engine, tier: 'CORE', browser: null },
});

const direct = (extra: object = {}) => ({
  id: `false_${ana}_3EB0AAAAAAAAAAAAAAAAAA`,
  timestamp: at,
  from: ana,
  fromMe: false,
  source: 'app',
  to: me.id,
  body: 'Olá, quero ajuda',
  hasMedia: false,
  media: null,
  ack: 1,
  ackName: 'SERVER',
  vCards: [],
  replyTo: null,
  ...extra,
});

const received = (content: object) => ({
  type: 'message.received',
  providerAt: at * 1_000,
  chat: { addresses: [ana], group: false },
  message: { stableId: '3EB0AAAAAAAAAAAAAAAAAA', chat: ana, sender: { address: ana }, content },
});

const sample = (title: string, body: Readonly<Record<string, unknown>>, expected: object): WahaSample => ({
  title,
  body,
  expected: expected as Readonly<Record<string, unknown>>,
});

const withMedia = (mimetype: string, extra: object = {}) =>
  direct({
    body: undefined,
    hasMedia: true,
    media: { url: 'http://localhost:3000/api/files/a', mimetype, filename: null, s3: null, error: null },
    ...extra,
  });

const reaction = (text: unknown) => ({
  ...direct({ id: `false_${ana}_REACTION1`, timestamp: at + 0.853, body: undefined }),
  reaction: { text, messageId: `true_${ana}_3EB0BBBBBBBBBBBBBBBBBB` },
});

const status = (ack: unknown, ackName: string, extra: object = {}) => ({
  id: `true_${ana}_3EB0BBBBBBBBBBBBBBBBBB`,
  from: ana,
  participant: null,
  fromMe: true,
  ack,
  ackName,
  ...extra,
});

const statusOf = (word: string, reason: string | null = null) => ({
  type: 'message.status',
  status: word,
  reason,
  chat: { addresses: [ana], group: false },
  details: { stableId: '3EB0BBBBBBBBBBBBBBBBBB', chat: ana },
});

const other = (event: string, addresses?: readonly string[], isGroup = false) => ({
  type: 'webhook.other',
  event,
  chat: addresses === undefined ? undefined : { addresses, group: isGroup },
});

const session = (name: string) => ({
  name: 'default',
  status: name,
  statuses: [{ status: name, timestamp: at * 1_000 }],
});
const reported = (word: string) => ({ type: 'instance.reported', status: word });

const messages: readonly WahaSample[] = [
  sample('a text', envelope('message', direct()), received({ kind: 'text', text: 'Olá, quero ajuda' })),
  sample(
    'a text that answers another',
    envelope('message.any', direct({ replyTo: { id: `true_${ana}_3EB0CCCC`, body: 'Oi' } })),
    { type: 'message.received', message: { replyTo: '3EB0CCCC' } },
  ),
  sample(
    'a text from a LID whose number the key tells',
    envelope(
      'message.any',
      direct({
        id: `false_${anaLid}_3EB0AAAAAAAAAAAAAAAAAA`,
        from: anaLid,
        _data: { key: { remoteJid: anaLid, remoteJidAlt: anaJid, addressingMode: 'lid' }, pushName: 'Ana Inventada' },
      }),
    ),
    {
      chat: { addresses: [anaLid, anaJid], group: false },
      message: { sender: { address: anaLid, alternateAddresses: [anaJid], name: 'Ana Inventada' } },
    },
  ),
  sample(
    'a text from a LID of an older version',
    envelope('message', direct({ from: anaLid, _data: { key: { remoteJid: anaLid, senderPn: anaJid } } })),
    { chat: { addresses: [anaLid, anaJid], group: false } },
  ),
  sample(
    'a text from GOWS',
    envelope(
      'message',
      direct({
        from: anaLid,
        _data: { Info: { Chat: anaLid, Sender: anaLid, SenderAlt: anaJid, PushName: 'Ana Inventada' } },
      }),
      'GOWS',
    ),
    { chat: { addresses: [anaLid, anaJid], group: false }, message: { sender: { name: 'Ana Inventada' } } },
  ),
  sample(
    'a text whose id names another chat than its sender',
    envelope('message', direct({ id: 'false_5511922222222@c.us_3EB0AAAAAAAAAAAAAAAAAA' })),
    { chat: { addresses: [ana], group: false } },
  ),
  sample(
    'a text in a group',
    envelope(
      'message',
      direct({
        id: `false_${group}_3EB0AAAAAAAAAAAAAAAAAA_${anaLid}`,
        from: group,
        participant: anaLid,
        _data: { key: { remoteJid: group, participant: anaLid, participantAlt: anaJid } },
      }),
    ),
    {
      type: 'message.received',
      chat: { addresses: [group], group: true },
      message: { chat: group, sender: { address: anaLid, alternateAddresses: [anaJid] } },
    },
  ),
  sample(
    'a text in a group with an empty participant',
    envelope('message', direct({ id: `false_${group}_3EB0AA_${ana}`, from: group, participant: '' })),
    { message: { stableId: '3EB0AA', sender: { address: ana } } },
  ),
  sample(
    'a text written on our phone',
    envelope('message.any', direct({ id: `true_${ana}_3EB0BB`, from: me.id, to: ana, fromMe: true })),
    {
      type: 'message.echoed',
      source: 'app',
      chat: { addresses: [ana], group: false },
      message: { stableId: '3EB0BB', sender: { address: me.id } },
    },
  ),
  sample(
    'the echo of a send, without `to`',
    envelope(
      'message.any',
      direct({ id: `true_${ana}_3EB0BB`, from: ana, to: undefined, fromMe: true, source: 'api' }),
    ),
    { type: 'message.echoed', source: 'api', chat: { addresses: [ana], group: false } },
  ),
  sample(
    'an echo does not take our own LID for a name of the chat',
    envelope(
      'message.any',
      direct({
        id: `true_${ana}_3EB0BB`,
        from: '988888888888888@lid',
        to: ana,
        fromMe: true,
        source: undefined,
        _data: { Info: { Chat: anaJid, SenderAlt: '988888888888888@lid' } },
      }),
    ),
    { type: 'message.echoed', source: 'unknown', chat: { addresses: [ana], group: false } },
  ),
  sample(
    'a message that gives our own LID as the other name',
    envelope('message', direct({ _data: { key: { remoteJid: anaJid, remoteJidAlt: me.lid } } })),
    { chat: { addresses: [ana], group: false } },
  ),
  sample('a message without an id', envelope('message', direct({ id: undefined })), {
    type: 'message.received',
    message: { stableId: 'evt_01k0000000000000000message' },
  }),
  sample('an image with a caption', envelope('message', withMedia('image/jpeg', { body: 'a conta' })), {
    ...received({
      kind: 'image',
      media: { url: 'http://localhost:3000/api/files/a', mimetype: 'image/jpeg' },
      caption: 'a conta',
    }),
  }),
  sample(
    'a voice note',
    envelope(
      'message',
      withMedia('audio/ogg; codecs=opus', { _data: { message: { audioMessage: { ptt: true, seconds: 4 } } } }),
    ),
    received({ kind: 'audio', media: { mimetype: 'audio/ogg; codecs=opus', voice: true } }),
  ),
  sample(
    'a voice note of WEBJS',
    envelope('message', withMedia('audio/ogg; codecs=opus', { _data: { type: 'ptt', size: 2048 } }), 'WEBJS'),
    received({ kind: 'audio', media: { voice: true, size: 2048 } }),
  ),
  sample('a video', envelope('message', withMedia('video/mp4')), received({ kind: 'video' })),
  sample(
    'a document that was not downloaded',
    envelope(
      'message',
      direct({
        body: undefined,
        hasMedia: true,
        media: null,
        _data: {
          message: {
            documentWithCaptionMessage: {
              message: { documentMessage: { fileName: 'exame.pdf', mimetype: 'application/pdf', fileLength: '1234' } },
            },
          },
        },
      }),
    ),
    received({ kind: 'document', media: { filename: 'exame.pdf', mimetype: 'application/pdf', size: 1234 } }),
  ),
  sample(
    'a sticker',
    envelope('message', withMedia('image/webp', { _data: { message: { stickerMessage: {} } } })),
    received({ kind: 'sticker' }),
  ),
  sample(
    'a location, its coordinates as text',
    envelope(
      'message',
      direct({ body: '', location: { live: false, latitude: '-23.5505', longitude: '-46.6333', name: 'Praça' } }),
    ),
    received({ kind: 'location', latitude: -23.5505, longitude: -46.6333, name: 'Praça' }),
  ),
  sample(
    'contact cards',
    envelope('message', direct({ body: '', vCards: ['BEGIN:VCARD\nVERSION:3.0\nFN:Bia Inventada\nEND:VCARD'] })),
    received({ kind: 'contacts', contacts: [{ name: 'Bia Inventada' }] }),
  ),
  sample(
    'a button',
    envelope(
      'message',
      direct({
        body: 'Sim',
        _data: { message: { buttonsResponseMessage: { selectedButtonId: 'sim', selectedDisplayText: 'Sim' } } },
      }),
    ),
    received({ kind: 'button', id: 'sim', title: 'Sim' }),
  ),
  sample(
    'a template button',
    envelope(
      'message',
      direct({ _data: { message: { templateButtonReplyMessage: { selectedId: 'nao', selectedDisplayText: 'Não' } } } }),
    ),
    received({ kind: 'button', id: 'nao', title: 'Não' }),
  ),
  sample(
    'a button of GOWS in a disappearing chat',
    envelope(
      'message',
      direct({
        _data: {
          Message: {
            ephemeralMessage: {
              message: {
                buttonsResponseMessage: { selectedButtonID: 'sim', Response: { SelectedDisplayText: 'Sim' } },
              },
            },
          },
        },
      }),
      'GOWS',
    ),
    received({ kind: 'button', id: 'sim', title: 'Sim' }),
  ),
  sample(
    'a list row',
    envelope(
      'message',
      direct({
        _data: {
          message: { listResponseMessage: { title: 'Meus dados', singleSelectReply: { selectedRowId: 'dados' } } },
        },
      }),
    ),
    received({ kind: 'list', id: 'dados', title: 'Meus dados' }),
  ),
  sample(
    'a list row of WEBJS',
    envelope(
      'message',
      direct({
        _data: {
          type: 'list_response',
          listResponse: { title: 'Meus dados', singleSelectReply: { selectedRowId: 'dados' } },
        },
      }),
      'WEBJS',
    ),
    received({ kind: 'list', id: 'dados', title: 'Meus dados' }),
  ),
  sample(
    'an answer to an interactive message',
    envelope(
      'message',
      direct({
        _data: {
          message: {
            interactiveResponseMessage: {
              body: { text: 'Sim' },
              nativeFlowResponseMessage: { name: 'quick_reply', paramsJson: '{"id":"sim"}' },
            },
          },
        },
      }),
    ),
    received({ kind: 'button', id: 'sim', title: 'Sim' }),
  ),
  sample(
    'a poll',
    envelope(
      'message',
      direct({
        body: '',
        _data: {
          message: {
            pollCreationMessageV3: { name: 'Dia?', options: [{ optionName: 'Seg' }, { optionName: 'Ter' }] },
          },
        },
      }),
    ),
    received({ kind: 'poll', name: 'Dia?', options: ['Seg', 'Ter'] }),
  ),
  sample(
    'a message of a kind that nobody knows yet',
    envelope('message', direct({ body: '', _data: { message: { hologramMessage: {} } } })),
    received({ kind: 'unknown' }),
  ),
];

const changes: readonly WahaSample[] = [
  sample('a reaction', envelope('message.reaction', reaction('👍')), {
    type: 'message.changed',
    change: 'reacted',
    providerAt: at * 1_000 + 853,
    chat: { addresses: [ana], group: false },
    details: { stableId: 'REACTION1', target: '3EB0BBBBBBBBBBBBBBBBBB', reaction: '👍', sender: { address: ana } },
  }),
  sample('a reaction taken back', envelope('message.reaction', reaction('')), { change: 'unreacted' }),
  sample(
    'an edit',
    envelope(
      'message.edited',
      direct({ id: `false_${ana}_EDIT1`, editedMessageId: '3EB0AAAAAAAAAAAAAAAAAA', body: 'Olá!' }),
    ),
    { change: 'edited', details: { stableId: 'EDIT1', target: '3EB0AAAAAAAAAAAAAAAAAA', text: 'Olá!' } },
  ),
  sample(
    'an edit that repeats the id of the original',
    envelope('message.edited', direct({ editedMessageId: '3EB0AAAAAAAAAAAAAAAAAA', body: 'Olá!' }), 'WEBJS'),
    {
      change: 'edited',
      details: {
        stableId: '3EB0AAAAAAAAAAAAAAAAAA/evt_01k0000000000000000messageedited',
        target: '3EB0AAAAAAAAAAAAAAAAAA',
      },
    },
  ),
  ...(['NOWEB', 'GOWS'] as const).map((engine) =>
    sample(
      `an edit that ${engine} could not decrypt: edited, content unknown`,
      envelope(
        'message.any',
        direct({
          id: `false_${ana}_EDIT1`,
          body: undefined,
          _data:
            engine === 'NOWEB'
              ? { message: { secretEncryptedMessage: { targetMessageKey: { id: 'EDITED1' }, secretEncType: 2 } } }
              : { Message: { secretEncryptedMessage: { targetMessageKey: { ID: 'EDITED1' }, secretEncType: 2 } } },
        }),
        engine,
      ),
      {
        type: 'message.changed',
        change: 'edited',
        details: { stableId: 'EDIT1', target: 'EDITED1', sender: { address: ana } },
      },
    ),
  ),
  sample(
    'a revocation',
    envelope('message.revoked', {
      after: direct({ id: `false_${ana}_REVOKE1`, body: '' }),
      before: null,
      revokedMessageId: '3EB0AAAAAAAAAAAAAAAAAA',
    }),
    { change: 'revoked', details: { stableId: 'REVOKE1', target: '3EB0AAAAAAAAAAAAAAAAAA', sender: { address: ana } } },
  ),
  sample(
    'a vote',
    envelope('poll.vote', {
      vote: {
        id: `false_${ana}_VOTE1`,
        to: 'me',
        from: ana,
        fromMe: false,
        selectedOptions: ['Seg'],
        timestamp: at * 1_000,
      },
      poll: { id: `true_${ana}_POLL1`, to: ana, from: 'me', fromMe: true },
    }),
    {
      change: 'voted',
      providerAt: at * 1_000,
      chat: { addresses: [ana], group: false },
      details: { stableId: 'VOTE1', target: 'POLL1', options: ['Seg'], sender: { address: ana } },
    },
  ),
  sample(
    'a vote in a group',
    envelope('poll.vote', {
      vote: {
        id: `false_${group}_VOTE1_${ana}`,
        to: 'me',
        from: group,
        participant: ana,
        fromMe: false,
        selectedOptions: [],
      },
      poll: { id: `true_${group}_POLL1_${me.id}`, to: group, from: 'me', fromMe: true },
    }),
    { chat: { addresses: [group], group: true }, details: { options: [], sender: { address: ana } } },
  ),
  sample(
    'a vote that could not be read',
    envelope('poll.vote.failed', {
      vote: { id: `false_${ana}_VOTE1`, to: 'me', from: ana, fromMe: false, selectedOptions: [], timestamp: at },
      poll: { id: `true_${ana}_POLL1`, to: ana, from: 'me', fromMe: true },
    }),
    { change: 'voted', details: { target: 'POLL1' } },
  ),
  sample(
    'an answer to an invitation',
    envelope('event.response', {
      ...direct({ id: `false_${ana}_RESPONSE1` }),
      eventCreationKey: { id: `true_${ana}_EVENT1`, to: ana, from: 'me', fromMe: true },
      eventResponse: { response: 'GOING', timestampMs: at * 1_000, extraGuestCount: 0 },
    }),
    { change: 'responded', details: { stableId: 'RESPONSE1', target: 'EVENT1', options: ['GOING'] } },
  ),
  sample(
    'an answer to an invitation that could not be read',
    envelope('event.response.failed', {
      ...direct({ id: `false_${ana}_RESPONSE1` }),
      eventCreationKey: { id: `true_${ana}_EVENT1`, to: ana, from: 'me', fromMe: true },
      eventResponse: null,
    }),
    { change: 'responded', details: { target: 'EVENT1' } },
  ),
];

const statuses: readonly WahaSample[] = [
  sample('ack -1', envelope('message.ack', status(-1, 'ERROR')), statusOf('failed', 'provider.failed')),
  sample(
    'ack -1 because the account is restricted',
    envelope('message.ack', status(-1, 'ERROR', { error: { code: '463', reason: 'account_restricted' } })),
    statusOf('failed', 'provider.restricted'),
  ),
  sample('ack 0', envelope('message.ack', status(0, 'PENDING')), statusOf('pending')),
  sample('ack 1', envelope('message.ack', status(1, 'SERVER')), statusOf('sent')),
  sample('ack 2', envelope('message.ack', status(2, 'DEVICE')), statusOf('delivered')),
  sample('ack 3', envelope('message.ack', status(3, 'READ')), statusOf('read')),
  sample('ack 4', envelope('message.ack', status(4, 'PLAYED')), statusOf('played')),
  sample('an ack by name alone', envelope('message.ack', status(null, 'READ')), statusOf('read')),
  sample(
    'an ack in a group',
    envelope('message.ack.group', {
      ...status(3, 'READ'),
      id: `true_${group}_3EB0BBBBBBBBBBBBBBBBBB_${ana}`,
      from: group,
      participant: ana,
    }),
    {
      type: 'message.status',
      status: 'read',
      chat: { addresses: [group], group: true },
      details: { stableId: '3EB0BBBBBBBBBBBBBBBBBB', participant: ana },
    },
  ),
  sample('an ack that says nothing', envelope('message.ack', status(null, 'UNKNOWN')), other('message.ack', [ana])),
  sample(
    'that we read a message on the phone',
    envelope('message.ack', status(3, 'READ', { id: `false_${ana}_3EB0AA`, fromMe: false })),
    other('message.ack', [ana]),
  ),
];

const instances: readonly WahaSample[] = [
  sample('session stopped', envelope('session.status', session('STOPPED')), reported('stopped')),
  sample('session starting', envelope('session.status', session('STARTING')), reported('starting')),
  sample('session waits for a scan', envelope('session.status', session('SCAN_QR_CODE')), reported('scanning')),
  sample('session wants a passkey', envelope('session.status', session('PASSKEY_REQUIRED')), reported('scanning')),
  sample(
    'session wants a passkey confirmed',
    envelope('session.status', session('PASSKEY_CONFIRMATION_REQUIRED')),
    reported('scanning'),
  ),
  sample('session working', envelope('session.status', session('WORKING')), reported('working')),
  sample(
    'session working, kept from writing to new chats',
    envelope('session.status', {
      ...session('WORKING'),
      data: { reachoutTimelock: { isActive: true, timeEnforcementEnds: at + 86_400, enforcementType: 'DEFAULT' } },
    }),
    { ...reported('working'), restriction: { active: true, until: (at + 86_400) * 1_000 } },
  ),
  sample(
    'session working, its restriction told beside the account',
    { ...envelope('session.status', session('WORKING')), me: { ...me, reachoutTimelock: { isActive: false } } },
    { ...reported('working'), restriction: { active: false } },
  ),
  sample('session failed', envelope('session.status', session('FAILED')), reported('failed')),
  sample('a session status of the future', envelope('session.status', session('DREAMING')), reported('unknown')),
  sample('the deprecated state', envelope('state.change', { state: 'CONNECTED' }, 'WEBJS'), reported('working')),
  sample('the deprecated state as text', envelope('state.change', 'UNPAIRED', 'WEBJS'), reported('scanning')),
];

const kept: readonly WahaSample[] = [
  sample(
    'a story',
    envelope(
      'message',
      direct({ id: `false_status@broadcast_3EB0AA_${ana}`, from: 'status@broadcast', participant: ana }),
    ),
    other('message'),
  ),
  sample('a channel', envelope('message', direct({ from: '120363000000000009@newsletter' })), other('message')),
  sample(
    'an entry that no person wrote',
    envelope('message', direct({ body: '', _data: { type: 'e2e_notification' } }), 'WEBJS'),
    other('message', [ana]),
  ),
  sample(
    'bookkeeping between the apps',
    envelope('message', direct({ body: '', _data: { message: { protocolMessage: { type: 5 } } } })),
    other('message', [ana]),
  ),
  sample('a message that waits', envelope('message.waiting', direct()), other('message.waiting', [ana])),
  sample(
    'a call',
    envelope('call.received', { id: 'CALL1', from: ana, timestamp: at, isVideo: false, isGroup: false }),
    other('call.received', [ana]),
  ),
  sample(
    'a call taken',
    envelope('call.accepted', { id: 'CALL1', from: ana, timestamp: at }),
    other('call.accepted', [ana]),
  ),
  sample('a call refused', envelope('call.rejected', { id: 'CALL1', from: ana }), other('call.rejected', [ana])),
  sample(
    'presence',
    envelope('presence.update', {
      id: ana,
      presences: [{ participant: ana, lastKnownPresence: 'typing', lastSeen: null }],
    }),
    other('presence.update', [ana]),
  ),
  sample(
    'a chat archived',
    envelope('chat.archive', { id: ana, timestamp: at, archived: true }),
    other('chat.archive', [ana]),
  ),
  sample(
    'a label made',
    envelope('label.upsert', { id: '1', name: 'vip', color: 1, colorHex: '#fff' }),
    other('label.upsert'),
  ),
  sample('a label gone', envelope('label.deleted', { id: '1', name: 'vip' }), other('label.deleted')),
  sample(
    'a label on a chat',
    envelope('label.chat.added', { labelId: '1', chatId: ana, label: null }),
    other('label.chat.added', [ana]),
  ),
  sample(
    'a label off a chat',
    envelope('label.chat.deleted', { labelId: '1', chatId: ana, label: null }),
    other('label.chat.deleted', [ana]),
  ),
  ...['group.v2.join', 'group.v2.leave', 'group.v2.participants', 'group.v2.update'].map((event) =>
    sample(
      event,
      envelope(event, {
        type: 'join',
        timestamp: at,
        group: { id: group },
        participants: [{ id: ana, role: 'admin' }],
      }),
      other(event, [group], true),
    ),
  ),
  ...['group.join', 'group.leave'].map((event) =>
    sample(event, envelope(event, { id: group }), other(event, [group], true)),
  ),
  sample('an engine event', envelope('engine.event', { event: 'events.CB', data: [1] }), other('engine.event')),
  sample('an event of the future', envelope('Hologram Sent!', { from: ana }), other('hologram-sent-', [ana])),
  sample(
    'an event that names another session than the instance has',
    { ...envelope('message', direct()), session: 'another' },
    other('message'),
  ),
  sample('an event without a payload', envelope('message', null), other('message')),
  sample('nothing', {}, other('unknown')),
];

/** All of them. */
export const wahaSamples: readonly WahaSample[] = [...messages, ...changes, ...statuses, ...instances, ...kept];
