/**
 * Evolution webhooks of every kind, for tests. The shapes follow the code of Evolution 2.3.6 and 2.3.7 (and
 * of 2.3.0 where it differs) and the issues named; every name, number, id and key is invented.
 */

/** What is expected of a sample's events, each compared as a subset. */
export interface EvolutionSample {
  readonly title: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly expected: readonly object[];
}

/** The instance's token, which Evolution puts into every body. */
export const evolutionApiKey = 'B6D711FC-DE4D-4FD5-9365-INVENTED0001';
/** Name of the instance. */
const evolutionInstance = 'clinica';

const me = '5511900000000@s.whatsapp.net';
const ana = '5511911111111@s.whatsapp.net';
const anaLid = '911111111111111@lid';
const group = '120363000000000001@g.us';
const at = 1_763_640_000;
const id = '3A5F0E3C7B1D2A4F6E80';
const target = '3EB0BBBBBBBBBBBBBBBBBB';

const envelope = (event: string, data: unknown, extra: object = {}): Readonly<Record<string, unknown>> => ({
  event,
  instance: evolutionInstance,
  data,
  destination: 'https://prosa.example.com/webhooks/evolution/evolution-token',
  // Local time, marked as if it were UTC: three hours behind.
  date_time: '2025-11-20T09:00:00.000Z',
  sender: me,
  server_url: 'https://evolution.example.com',
  apikey: evolutionApiKey,
  ...extra,
});

const key = (extra: object = {}) => ({ remoteJid: ana, fromMe: false, id, ...extra });

const web = (message: unknown, messageType: string, extra: object = {}) => ({
  key: key(),
  pushName: 'Ana Inventada',
  status: 'DELIVERY_ACK',
  message,
  messageType,
  messageTimestamp: at,
  instanceId: '5d1c6a3e-0000-4000-8000-00000000c11a',
  source: 'ios',
  ...extra,
});

const upsert = (message: unknown, messageType: string, extra: object = {}) =>
  envelope('messages.upsert', web(message, messageType, extra));

const text = (extra: object = {}) => upsert({ conversation: 'Olá, quero ajuda' }, 'conversation', extra);

const chat = { addresses: [ana], group: false };

const received = (content: object) => ({
  type: 'message.received',
  providerAt: at * 1_000,
  chat,
  message: { messageId: id, stableId: id, chat: ana, sender: { address: ana, name: 'Ana Inventada' }, content },
});

const changed = (change: string, details: object = {}) => ({
  type: 'message.changed',
  change,
  chat,
  details: { target, chat: ana, ...details },
});

const other = (event: string, of?: object) => ({ type: 'webhook.other', event, chat: of });
const reported = (status: string) => ({ type: 'instance.reported', status });

const sample = (title: string, body: Readonly<Record<string, unknown>>, ...expected: object[]): EvolutionSample => ({
  title,
  body,
  expected,
});

const indexMap = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [String(i), (i * 7) % 256]));

const file = (extra: object = {}) => ({
  url: 'https://mmg.whatsapp.net/v/encrypted',
  mimetype: 'image/jpeg',
  fileLength: '20480',
  mediaKey: indexMap,
  fileSha256: 'qrvM3Q==',
  jpegThumbnail: indexMap,
  ...extra,
});

const messages: readonly EvolutionSample[] = [
  sample('a text', text(), received({ kind: 'text', text: 'Olá, quero ajuda' })),
  sample(
    'a text of a version that does not fold its form',
    upsert({ extendedTextMessage: { text: 'Olá', contextInfo: { stanzaId: target } } }, 'extendedTextMessage'),
    { type: 'message.received', message: { replyTo: target, content: { kind: 'text', text: 'Olá' } } },
  ),
  sample('a text that answers another', text({ contextInfo: { stanzaId: target, participant: me } }), {
    type: 'message.received',
    message: { replyTo: target },
  }),
  sample(
    'a text in the spelling of a subscription',
    { ...text(), event: 'MESSAGES_UPSERT' },
    received({ kind: 'text' }),
  ),
  sample('a text in the spelling of a path', { ...text(), event: 'messages-upsert' }, received({ kind: 'text' })),
  sample(
    'a list of texts',
    envelope('messages.upsert', [
      web({ conversation: 'um' }, 'conversation', { key: key({ id: 'A1' }) }),
      web({ conversation: 'dois' }, 'conversation', { key: key({ id: 'A2' }) }),
      null,
    ]),
    { type: 'message.received', message: { stableId: 'A1', content: { text: 'um' } } },
    { type: 'message.received', message: { stableId: 'A2', content: { text: 'dois' } } },
    other('messages.upsert'),
  ),
  sample('a text whose time is text', text({ messageTimestamp: String(at) }), { providerAt: at * 1_000 }),
  sample('a text whose time is a 64-bit number', text({ messageTimestamp: { low: at, high: 0, unsigned: true } }), {
    providerAt: at * 1_000,
  }),
  sample('a text without a time has none: `date_time` is not UTC', text({ messageTimestamp: undefined }), {
    type: 'message.received',
    providerAt: null,
  }),
  sample(
    'a text from a LID whose number the key tells',
    text({ key: key({ remoteJid: anaLid, remoteJidAlt: ana, addressingMode: 'lid' }) }),
    {
      chat: { addresses: [anaLid, ana], group: false },
      message: { sender: { address: anaLid, alternateAddresses: [ana] } },
    },
  ),
  sample('a text from a LID as 2.3.7 swaps it', text({ key: key({ remoteJidAlt: anaLid, addressingMode: 'lid' }) }), {
    chat: { addresses: [ana, anaLid], group: false },
  }),
  sample('a text from a LID as 2.3.0 says it', text({ key: key({ remoteJid: anaLid, senderPn: ana }) }), {
    chat: { addresses: [anaLid, ana], group: false },
  }),
  sample('a text from a LID alone', text({ key: key({ remoteJid: anaLid, participant: '' }) }), {
    type: 'message.received',
    chat: { addresses: [anaLid], group: false },
  }),
  sample('a text of somebody without a name', text({ pushName: '5511911111111' }), {
    type: 'message.received',
    message: { sender: { address: ana } },
  }),
  sample('a text in a group', text({ key: key({ remoteJid: group, participant: anaLid, participantAlt: ana }) }), {
    type: 'message.received',
    chat: { addresses: [group], group: true },
    message: { chat: group, sender: { address: anaLid, alternateAddresses: [ana], name: 'Ana Inventada' } },
  }),
  sample(
    'a text in a disappearing chat, seen once',
    upsert(
      { ephemeralMessage: { message: { viewOnceMessageV2: { message: { conversation: 'some' } } } } },
      'ephemeralMessage',
    ),
    received({ kind: 'text', text: 'some' }),
  ),
  sample(
    'an image with a caption, its bytes as index maps',
    upsert({ imageMessage: file({ caption: 'a conta' }) }, 'imageMessage'),
    received({ kind: 'image', media: { mimetype: 'image/jpeg', size: 20_480, id }, caption: 'a conta' }),
  ),
  sample(
    'an image that was put into a store, and inside of the body',
    upsert(
      { imageMessage: file(), mediaUrl: 'https://s3.example.com/evolution/a.jpg?sig=1', base64: '/9j/4AAQ' },
      'imageMessage',
    ),
    received({ kind: 'image', media: { url: 'https://s3.example.com/evolution/a.jpg?sig=1', id } }),
  ),
  sample(
    'a voice note with its transcript',
    upsert(
      {
        audioMessage: file({ mimetype: 'audio/ogg; codecs=opus', seconds: 4, ptt: true }),
        speechToText: '[audio] quero marcar',
      },
      'audioMessage',
    ),
    received({ kind: 'audio', media: { mimetype: 'audio/ogg; codecs=opus', voice: true } }),
  ),
  sample('a video', upsert({ videoMessage: file({ mimetype: 'video/mp4' }) }, 'videoMessage'), {
    ...received({ kind: 'video' }),
  }),
  sample(
    'a round video',
    upsert({ ptvMessage: file({ mimetype: 'video/mp4' }) }, 'ptvMessage'),
    received({ kind: 'video' }),
  ),
  sample(
    'a document whose size is a 64-bit number',
    upsert(
      {
        documentMessage: file({
          mimetype: 'application/pdf',
          fileName: 'exame.pdf',
          fileLength: { low: 1_234, high: 0, unsigned: true },
        }),
      },
      'documentMessage',
    ),
    received({ kind: 'document', media: { filename: 'exame.pdf', size: 1_234 } }),
  ),
  sample(
    'a document with a caption, its wrapper kept',
    upsert(
      {
        documentWithCaptionMessage: {
          message: { documentMessage: file({ mimetype: 'application/pdf', fileName: 'exame.pdf', caption: 'veja' }) },
        },
      },
      'documentWithCaptionMessage',
    ),
    received({ kind: 'document', caption: 'veja' }),
  ),
  sample(
    'a sticker',
    upsert({ stickerMessage: file({ mimetype: 'image/webp' }) }, 'stickerMessage'),
    received({ kind: 'sticker' }),
  ),
  sample(
    'a location',
    upsert(
      { locationMessage: { degreesLatitude: -23.5505, degreesLongitude: -46.6333, name: 'Praça' } },
      'locationMessage',
    ),
    received({ kind: 'location', latitude: -23.5505, longitude: -46.6333, name: 'Praça' }),
  ),
  sample(
    'a location that goes on being sent',
    upsert({ liveLocationMessage: { degreesLatitude: -23.5, degreesLongitude: -46.6 } }, 'liveLocationMessage'),
    received({ kind: 'location', latitude: -23.5 }),
  ),
  sample(
    'a contact card',
    upsert(
      {
        contactMessage: {
          displayName: 'Bia Inventada',
          vcard: 'BEGIN:VCARD\nVERSION:3.0\nFN:Bia Inventada\nEND:VCARD',
        },
      },
      'contactMessage',
    ),
    received({ kind: 'contacts', contacts: [{ name: 'Bia Inventada' }] }),
  ),
  sample(
    'several contact cards',
    upsert(
      {
        contactsArrayMessage: {
          displayName: '2 contacts',
          contacts: [
            { vcard: 'BEGIN:VCARD\nFN:Bia Inventada\nEND:VCARD' },
            { vcard: 'BEGIN:VCARD\nFN:Rui\nEND:VCARD' },
          ],
        },
      },
      'contactsArrayMessage',
    ),
    received({ kind: 'contacts', contacts: [{ name: 'Bia Inventada' }, { name: 'Rui' }] }),
  ),
  sample(
    'a button',
    upsert(
      { buttonsResponseMessage: { selectedButtonId: 'sim', selectedDisplayText: 'Sim', type: 1 } },
      'buttonsResponseMessage',
    ),
    received({ kind: 'button', id: 'sim', title: 'Sim' }),
  ),
  sample(
    'a template button',
    upsert(
      { templateButtonReplyMessage: { selectedId: 'nao', selectedDisplayText: 'Não', selectedIndex: 1 } },
      'templateButtonReplyMessage',
    ),
    received({ kind: 'button', id: 'nao', title: 'Não' }),
  ),
  sample(
    'a list row',
    upsert(
      { listResponseMessage: { title: 'Meus dados', listType: 1, singleSelectReply: { selectedRowId: 'dados' } } },
      'listResponseMessage',
    ),
    received({ kind: 'list', id: 'dados', title: 'Meus dados' }),
  ),
  sample(
    'an answer to an interactive message',
    upsert(
      {
        interactiveResponseMessage: {
          body: { text: 'Sim' },
          nativeFlowResponseMessage: { name: 'quick_reply', paramsJson: '{"id":"sim"}' },
        },
      },
      'interactiveResponseMessage',
    ),
    received({ kind: 'button', id: 'sim', title: 'Sim' }),
  ),
  sample(
    'a poll',
    upsert(
      { pollCreationMessageV3: { name: 'Dia?', options: [{ optionName: 'Seg' }, { optionName: 'Ter' }] } },
      'pollCreationMessageV3',
    ),
    received({ kind: 'poll', name: 'Dia?', options: ['Seg', 'Ter'] }),
  ),
  sample(
    'what a business sends, of which the words can be read',
    upsert({ interactiveMessage: { body: { text: 'Escolha' } } }, 'interactiveMessage'),
    received({ kind: 'unknown', text: 'Escolha' }),
  ),
  sample('a message of a kind that nobody knows yet', upsert({ hologramMessage: {} }, 'hologramMessage'), {
    ...received({ kind: 'unknown' }),
  }),
  sample('a message without an id', text({ key: { remoteJid: ana, fromMe: false } }), {
    type: 'message.received',
    chat,
  }),
];

const echoes: readonly EvolutionSample[] = [
  sample('a text written on our phone', text({ key: key({ fromMe: true }), pushName: 'Você' }), {
    type: 'message.echoed',
    source: 'app',
    chat,
    message: { stableId: id, chat: ana, sender: { address: me } },
  }),
  sample(
    'a text of our account that a computer may have written, or we',
    text({ key: key({ fromMe: true, id: target }), source: 'web' }),
    { type: 'message.echoed', source: 'unknown', chat },
  ),
  sample(
    'the echo of a send',
    envelope('send.message', {
      ...web({ conversation: 'Olá!' }, 'conversation', { key: key({ fromMe: true, id: target }), status: 'PENDING' }),
    }),
    { type: 'message.echoed', source: 'api', chat, message: { stableId: target, content: { text: 'Olá!' } } },
  ),
  sample(
    'an echo does not take our own LID for a name of the chat',
    text({ key: key({ fromMe: true, senderLid: '988888888888888@lid' }) }),
    { type: 'message.echoed', chat: { addresses: [ana], group: false } },
  ),
];

const changes: readonly EvolutionSample[] = [
  sample(
    'a reaction',
    upsert({ reactionMessage: { key: { remoteJid: ana, fromMe: true, id: target }, text: '👍' } }, 'reactionMessage'),
    { ...changed('reacted', { stableId: id, reaction: '👍', sender: { address: ana } }), providerAt: at * 1_000 },
  ),
  ...[{ text: '' }, {}].map((said) =>
    sample(
      `a reaction taken back, ${'text' in said ? 'empty' : 'absent'}`,
      upsert({ reactionMessage: { key: { remoteJid: ana, fromMe: true, id: target }, ...said } }, 'reactionMessage'),
      changed('unreacted', { stableId: id }),
    ),
  ),
  sample(
    'a reaction in a group',
    upsert({ reactionMessage: { key: { remoteJid: group, id: target }, text: '❤️' } }, 'reactionMessage', {
      key: key({ remoteJid: group, participant: ana }),
    }),
    { change: 'reacted', chat: { addresses: [group], group: true }, details: { sender: { address: ana } } },
  ),
  sample(
    'an edit that could be read',
    envelope('messages.edited', {
      key: { remoteJid: ana, fromMe: false, id: target },
      type: 'MESSAGE_EDIT',
      editedMessage: { conversation: 'Olá!' },
      timestampMs: String(at * 1_000),
    }),
    { ...changed('edited', { text: 'Olá!', sender: { address: ana } }), providerAt: at * 1_000 },
  ),
  sample(
    'an edit in numbers, of a caption',
    envelope('messages.edited', {
      key: { remoteJid: ana, fromMe: false, id: target },
      type: 14,
      editedMessage: { imageMessage: { caption: 'a conta nova' } },
    }),
    changed('edited', { text: 'a conta nova' }),
  ),
  sample(
    'an edit inside of an upsert',
    upsert(
      {
        editedMessage: {
          message: {
            protocolMessage: {
              key: { id: target },
              type: 14,
              editedMessage: { extendedTextMessage: { text: 'Olá!' } },
            },
          },
        },
      },
      'editedMessage',
    ),
    changed('edited', { stableId: id, text: 'Olá!' }),
  ),
  sample(
    'an encrypted edit: edited, content unknown (issue 2545)',
    upsert(
      {
        secretEncryptedMessage: {
          targetMessageKey: { remoteJid: ana, fromMe: false, id: target },
          encPayload: indexMap,
          encIv: indexMap,
          secretEncType: 'MESSAGE_EDIT',
        },
      },
      'secretEncryptedMessage',
    ),
    changed('edited', { stableId: id }),
  ),
  sample(
    'an edit whose key names us as the chat: which chat is not known',
    envelope('messages.edited', {
      key: { remoteJid: me, fromMe: true, id: target },
      type: 14,
      editedMessage: { conversation: 'Olá!' },
    }),
    other('messages.edited'),
  ),
  sample(
    'an edit of our own through the API',
    envelope('send.message.update', {
      key: { remoteJid: ana, fromMe: true, id: target },
      type: 'MESSAGE_EDIT',
      editedMessage: { conversation: 'Olá!' },
    }),
    changed('edited', { text: 'Olá!', sender: { address: me } }),
  ),
  sample(
    'a revocation that comes as an edit',
    envelope('messages.edited', { key: { remoteJid: ana, fromMe: false, id: target }, type: 'REVOKE' }),
    changed('revoked', { stableId: target }),
  ),
  sample(
    'other business of the apps that comes as an edit',
    envelope('messages.edited', { key: { remoteJid: ana, fromMe: false, id: target }, type: 'EPHEMERAL_SETTING' }),
    other('messages.edited'),
  ),
  sample(
    'a revocation',
    envelope('messages.delete', { remoteJid: ana, fromMe: false, id: target, status: 'DELETED' }),
    changed('revoked', { stableId: target, sender: { address: ana } }),
  ),
  sample(
    'a revocation through the API, with the stored message',
    envelope('messages.delete', {
      id: 'cm1inventedid00000000000',
      key: { remoteJid: ana, fromMe: true, id: target },
      status: 'DELETED',
      message: { conversation: 'Olá' },
    }),
    changed('revoked', { stableId: target, sender: { address: me } }),
  ),
  sample(
    'a vote that could be read',
    upsert(
      { pollUpdateMessage: { pollCreationMessageKey: { id: target }, vote: { selectedOptions: ['Seg'] } } },
      'pollUpdateMessage',
    ),
    changed('voted', { stableId: id, options: ['Seg'], sender: { address: ana } }),
  ),
  sample(
    'a vote that could not be read has no options',
    upsert(
      { pollUpdateMessage: { pollCreationMessageKey: { id: target }, vote: { encPayload: 'AA==', encIv: 'AA==' } } },
      'pollUpdateMessage',
    ),
    changed('voted', { stableId: id }),
  ),
  sample(
    'votes in sum',
    envelope('messages.update', {
      keyId: target,
      remoteJid: ana,
      fromMe: true,
      status: 'DELETED',
      pollUpdates: [
        { name: 'Seg', voters: [ana] },
        { name: 'Ter', voters: [] },
      ],
    }),
    changed('voted', { options: ['Seg'], sender: { address: ana } }),
  ),
  sample(
    'an answer to an invitation, encrypted',
    upsert({ encEventResponseMessage: { eventCreationMessageKey: { id: target } } }, 'encEventResponseMessage'),
    changed('responded', { stableId: id }),
  ),
];

const update = (status: unknown, extra: object = {}) =>
  envelope('messages.update', {
    keyId: target,
    remoteJid: ana,
    fromMe: true,
    status,
    instanceId: '5d1c6a3e-0000-4000-8000-00000000c11a',
    messageId: 'cm1inventedid00000000000',
    ...extra,
  });

const statusOf = (status: string, reason: string | null = null) => ({
  type: 'message.status',
  status,
  reason,
  chat,
  details: { stableId: target, chat: ana },
});

const statuses: readonly EvolutionSample[] = [
  sample('status ERROR', update('ERROR'), statusOf('failed', 'provider.failed')),
  sample('status PENDING', update('PENDING'), statusOf('pending')),
  sample('status SERVER_ACK', update('SERVER_ACK'), statusOf('sent')),
  sample('status DELIVERY_ACK', update('DELIVERY_ACK'), statusOf('delivered')),
  sample('status READ', update('READ'), statusOf('read')),
  sample('status PLAYED', update('PLAYED'), statusOf('played')),
  sample('a status as a number', update(4), statusOf('read')),
  sample('a status in a group', update('READ', { remoteJid: group, participant: ana }), {
    type: 'message.status',
    chat: { addresses: [group], group: true },
    details: { participant: ana },
  }),
  sample('a status with an empty participant', update('READ', { participant: '' }), statusOf('read')),
  sample(
    'the status that stands for none says nothing: it may be an edit (issue 2010)',
    update('DELETED'),
    other('messages.update', chat),
  ),
  sample('that we read a message on the phone', update('READ', { fromMe: false }), other('messages.update', chat)),
];

const connection = (state: string, statusReason = 200) =>
  envelope('connection.update', { instance: evolutionInstance, state, statusReason, wuid: me, profileName: 'Clínica' });

const instances: readonly EvolutionSample[] = [
  sample('connected', connection('open'), reported('working')),
  sample('connecting', connection('connecting'), reported('starting')),
  sample('closed for a while', connection('close', 428), reported('stopped')),
  ...[401, 402, 403, 406].map((reason) =>
    sample(`closed for good: ${reason}`, connection('close', reason), reported('failed')),
  ),
  sample('nobody scanned', connection('refused', 428), reported('failed')),
  sample('a state of the future', connection('dreaming'), reported('unknown')),
  sample(
    'a code to scan',
    envelope('qrcode.updated', {
      qrcode: {
        instance: evolutionInstance,
        pairingCode: 'ABCD1234',
        code: '2@invented==',
        base64: 'data:image/png;base64,AA',
      },
    }),
    { ...reported('scanning'), qr: { code: '2@invented==', pairingCode: 'ABCD1234' } },
  ),
  sample(
    'no more codes',
    envelope('qrcode.updated', { message: 'QR code limit reached, please login again', statusCode: 500 }),
    reported('failed'),
  ),
  sample(
    'an instance that was logged out by the phone',
    envelope('status.instance', { instance: evolutionInstance, status: 'closed', disconnectionReasonCode: 401 }),
    reported('failed'),
  ),
  sample('logged out', envelope('logout.instance', null), reported('stopped')),
  sample('removed', envelope('remove.instance', null), reported('stopped')),
];

const kept: readonly EvolutionSample[] = [
  sample(
    'a story',
    text({ key: key({ remoteJid: 'status@broadcast', participant: ana, remoteJidAlt: ana }) }),
    other('messages.upsert'),
  ),
  sample('a channel', text({ key: key({ remoteJid: '120363000000000009@newsletter' }) }), other('messages.upsert')),
  sample(
    'content that is not on linked devices (issue 1319)',
    upsert({ placeholderMessage: { type: 'MASK_LINKED_DEVICES' } }, 'placeholderMessage'),
    other('messages.upsert', chat),
  ),
  sample('a message that nobody could decrypt', upsert(null, 'unknown'), other('messages.upsert', chat)),
  sample(
    'bookkeeping between the apps',
    upsert({ protocolMessage: { type: 5 } }, 'protocolMessage'),
    other('messages.upsert', chat),
  ),
  sample(
    'presence, as a map',
    envelope('presence.update', { id: ana, presences: { [ana]: { lastKnownPresence: 'composing' } } }),
    other('presence.update', chat),
  ),
  sample('a call', envelope('call', { chatId: ana, from: ana, id: 'CALL1', status: 'offer' }), other('call', chat)),
  sample(
    'contacts',
    envelope('contacts.upsert', [{ remoteJid: ana, pushName: 'Ana Inventada' }]),
    other('contacts.upsert'),
  ),
  sample('a contact', envelope('contacts.update', { remoteJid: ana, pushName: 'Ana' }), other('contacts.update')),
  sample('the history', envelope('messages.set', [web({ conversation: 'Oi' }, 'conversation')], { isLatest: true }), {
    ...other('messages.set'),
  }),
  ...[
    'application.startup contacts.set chats.set chats.upsert chats.update chats.delete groups.upsert groups.update',
    'group-participants.update labels.edit labels.association typebot.start typebot.change-status instance.create',
    'instance.delete',
  ]
    .join(' ')
    .split(' ')
    .map((event) => sample(event, envelope(event, { id: group }), other(event.replaceAll('-', '.')))),
  sample('an event of the future', envelope('Hologram Sent!', { id: ana }), other('hologram-sent-')),
  sample(
    'an event that names another instance than its token has',
    { ...text(), instance: 'outra' },
    other('messages.upsert'),
  ),
  sample('an event without data', envelope('messages.upsert', null), other('messages.upsert')),
  sample('an event with no items', envelope('messages.upsert', []), other('messages.upsert')),
  sample('nothing', {}, other('unknown')),
];

/** All of them. */
export const evolutionSamples: readonly EvolutionSample[] = [
  ...messages,
  ...echoes,
  ...changes,
  ...statuses,
  ...instances,
  ...kept,
];
