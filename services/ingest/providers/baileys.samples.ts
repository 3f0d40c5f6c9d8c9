/**
 * Webhooks of our Baileys gateway of every kind, for tests. The messages are in the form of Baileys
 * 7.0.0-rc14, and the issues named; every name, number and id is invented.
 */
import type { Instance } from '#runtime/instances/instances.ts';

/** What is expected of a sample's events, each compared as a subset. */
export interface BaileysSample {
  readonly title: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly expected: readonly object[];
}

/** The instance that the samples are of. */
export const baileysInstance: Instance = {
  id: 'i_baileys',
  tenant: 'demo',
  line: 'l_baileys',
  provider: 'baileys',
  name: 'baileys',
  settings: {},
  credentials: { webhookToken: 'baileys-token', webhookSecret: 'an-invented-secret' },
};

const me = { id: '5511900000000:7@s.whatsapp.net', lid: '900000000000000@lid' };
const ana = '5511911111111@s.whatsapp.net';
const anaLid = '911111111111111@lid';
const bia = '5511922222222@s.whatsapp.net';
const group = '120363000000000001@g.us';
const at = 1_763_640_000;
const id = '3A5F0E3C7B1D2A4F6E80';
const target = '3EB0BBBBBBBBBBBBBBBBBB';

const envelope = (event: string, data: unknown, extra: object = {}): Readonly<Record<string, unknown>> => ({
  id: '01KAG7P1A0ZZZZZZZZZZZZZZZZ',
  timestamp: at * 1_000 + 250,
  event,
  session: baileysInstance.id,
  epoch: 3,
  me,
  sequence: 42,
  data,
  ...extra,
});

const key = (extra: object = {}) => ({ remoteJid: ana, fromMe: false, id, ...extra });
const ours = (extra: object = {}) => ({ remoteJid: ana, fromMe: true, id: target, ...extra });

const message = (content: unknown, extra: object = {}) => ({
  key: key(),
  messageTimestamp: at,
  pushName: 'Ana Inventada',
  broadcast: false,
  message: content,
  ...extra,
});

const upsert = (content: unknown, extra: object = {}, type = 'notify') =>
  envelope('messages.upsert', { type, messages: [message(content, extra)] });
const updates = (...list: object[]) => envelope('messages.update', list);
const status = (update: object, of: object = ours()) => updates({ key: of, update });

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
const reached = (word: string, reason: string | null = null) => ({
  type: 'message.status',
  status: word,
  reason,
  chat,
  details: { messageId: target, stableId: target },
});
const reported = (word: string) => ({ type: 'instance.reported', status: word });

const sample = (title: string, body: Readonly<Record<string, unknown>>, ...expected: object[]): BaileysSample => ({
  title,
  body,
  expected,
});

const file = { url: 'https://mmg.whatsapp.net/v/x', mimetype: 'image/jpeg', fileLength: '20480', mediaKey: 'qrvM3Q==' };
const fileUrl = 'http://127.0.0.1:3010/files/demo/i_baileys/aa';

const messages: readonly BaileysSample[] = [
  sample('a text', upsert({ conversation: 'Olá' }), received({ kind: 'text', text: 'Olá' })),
  sample('a text that came while nobody was there', upsert({ conversation: 'Olá' }, {}, 'append'), {
    type: 'message.received',
    message: { stableId: id },
  }),
  sample(
    'a text that answers another',
    upsert({ extendedTextMessage: { text: 'Sim', contextInfo: { stanzaId: target, participant: me.id } } }),
    { type: 'message.received', message: { replyTo: target, content: { kind: 'text', text: 'Sim' } } },
  ),
  sample(
    'a text whose time is a 64-bit number',
    upsert({ conversation: 'Olá' }, { messageTimestamp: { low: at, high: 0, unsigned: true } }),
    { providerAt: at * 1_000 },
  ),
  sample(
    'several messages of one event',
    envelope('messages.upsert', {
      type: 'append',
      messages: [
        message({ conversation: 'um' }, { key: key({ id: 'A1' }) }),
        null,
        message({ conversation: 'dois' }, { key: key({ id: 'A2' }) }),
      ],
    }),
    { type: 'message.received', message: { stableId: 'A1', content: { text: 'um' } } },
    other('messages.upsert'),
    { type: 'message.received', message: { stableId: 'A2', content: { text: 'dois' } } },
  ),
  sample(
    'a text from a LID whose number the key tells',
    upsert({ conversation: 'Olá' }, { key: key({ remoteJid: anaLid, remoteJidAlt: ana, addressingMode: 'lid' }) }),
    { type: 'message.received', chat: { addresses: [anaLid, ana], group: false } },
  ),
  sample(
    'a text from a LID alone',
    upsert({ conversation: 'Olá' }, { key: key({ remoteJid: anaLid, addressingMode: 'lid' }) }),
    { type: 'message.received', chat: { addresses: [anaLid], group: false } },
  ),
  sample(
    'a text in a group',
    upsert({ conversation: 'Olá' }, { key: key({ remoteJid: group, participant: anaLid, participantAlt: ana }) }),
    {
      type: 'message.received',
      chat: { addresses: [group], group: true },
      message: { sender: { address: anaLid, alternateAddresses: [ana], name: 'Ana Inventada' } },
    },
  ),
  sample(
    'the content of a message that had to be asked for again',
    envelope('messages.upsert', { type: 'notify', requestId: 'R1', messages: [message({ conversation: 'Olá' })] }),
    received({ kind: 'text', text: 'Olá' }),
  ),
  sample('an image that the gateway can fetch', upsert({ imageMessage: { ...file, caption: 'Veja' } }, { fileUrl }), {
    type: 'message.received',
    message: {
      content: { kind: 'image', caption: 'Veja', media: { url: fileUrl, mimetype: 'image/jpeg', size: 20_480 } },
    },
  }),
  sample(
    'a voice note',
    upsert({ audioMessage: { mimetype: 'audio/ogg; codecs=opus', ptt: true } }),
    received({ kind: 'audio', media: { voice: true } }),
  ),
  sample(
    'a document with a caption',
    upsert({ documentWithCaptionMessage: { message: { documentMessage: { fileName: 'a.pdf', caption: 'Exame' } } } }),
    received({ kind: 'document', caption: 'Exame', media: { filename: 'a.pdf' } }),
  ),
  sample('a sticker', upsert({ stickerMessage: { mimetype: 'image/webp' } }), received({ kind: 'sticker' })),
  sample(
    'a place',
    upsert({ locationMessage: { degreesLatitude: -23.5, degreesLongitude: -46.6, name: 'Clínica' } }),
    received({ kind: 'location', latitude: -23.5, longitude: -46.6, name: 'Clínica' }),
  ),
  sample(
    'a contact',
    upsert({ contactMessage: { vcard: 'BEGIN:VCARD\nFN:Rui\nEND:VCARD' } }),
    received({ kind: 'contacts', contacts: [{ name: 'Rui' }] }),
  ),
  sample(
    'a button',
    upsert({ buttonsResponseMessage: { selectedButtonId: 'sim', selectedDisplayText: 'Sim' } }),
    received({ kind: 'button', id: 'sim', title: 'Sim' }),
  ),
  sample(
    'a row of a list',
    upsert({ listResponseMessage: { title: 'Manhã', singleSelectReply: { selectedRowId: 'am' } } }),
    received({ kind: 'list', id: 'am', title: 'Manhã' }),
  ),
  sample(
    'a poll',
    upsert({ pollCreationMessageV3: { name: 'Quando?', options: [{ optionName: 'Hoje' }] } }),
    received({ kind: 'poll', name: 'Quando?', options: ['Hoje'] }),
  ),
  sample('what a person wrote on our phone', upsert({ conversation: 'Já vejo' }, { key: key({ fromMe: true }) }), {
    type: 'message.echoed',
    source: 'app',
    chat,
    message: { sender: { address: me.id } },
  }),
  sample('what came from another linked device of ours', upsert({ conversation: 'Já vejo' }, { key: ours() }), {
    type: 'message.echoed',
    source: 'unknown',
  }),
  sample('what the gateway sent', upsert({ conversation: 'Oi' }, { key: ours(), sentByUs: true }), {
    type: 'message.echoed',
    source: 'api',
  }),
];

const edit = {
  protocolMessage: { type: 'MESSAGE_EDIT', key: { id: target }, editedMessage: { conversation: 'Às dez' } },
};

const changes: readonly BaileysSample[] = [
  sample('an edit', upsert(edit), changed('edited', { stableId: id, text: 'Às dez' })),
  sample(
    'an edit in its wrapper',
    upsert({ editedMessage: { message: edit } }),
    changed('edited', { stableId: id, text: 'Às dez' }),
  ),
  sample(
    'an edit in its encrypted form (issue 2545 of Evolution)',
    upsert({ secretEncryptedMessage: { targetMessageKey: { id: target }, secretEncType: 'MESSAGE_EDIT' } }),
    changed('edited', { stableId: id }),
  ),
  sample(
    'an edit as an update alone',
    status({ message: { editedMessage: { message: { conversation: 'Às dez' } } } }, key({ id: target })),
    changed('edited', { text: 'Às dez' }),
  ),
  sample(
    'a revocation',
    upsert({ protocolMessage: { type: 'REVOKE', key: { id: target } } }),
    changed('revoked', { stableId: id }),
  ),
  sample(
    'a revocation as an update alone',
    status({ message: null, messageStubType: 1 }, key({ id: target })),
    changed('revoked', { stableId: target }),
  ),
  sample(
    'a reaction',
    upsert({ reactionMessage: { key: { id: target }, text: '👍' } }),
    changed('reacted', { stableId: id, reaction: '👍' }),
  ),
  sample(
    'a reaction taken back',
    upsert({ reactionMessage: { key: { id: target }, text: '' } }),
    changed('unreacted', { stableId: id }),
  ),
  sample(
    'a vote, which is encrypted',
    upsert({
      pollUpdateMessage: { pollCreationMessageKey: { id: target }, vote: { encPayload: 'qrvM', encIv: 'qrvM' } },
    }),
    changed('voted', { stableId: id }),
  ),
  sample(
    'a vote that the gateway could read',
    upsert({ pollUpdateMessage: { pollCreationMessageKey: { id: target }, vote: { selectedOptions: ['Hoje'] } } }),
    changed('voted', { stableId: id, options: ['Hoje'] }),
  ),
];

const statuses: readonly BaileysSample[] = [
  sample('accepted by the server', status({ status: 2 }), reached('sent')),
  sample('delivered', status({ status: 3, messageTimestamp: at }), { ...reached('delivered'), providerAt: at * 1_000 }),
  sample('read', status({ status: 4 }), reached('read')),
  sample('played', status({ status: 'PLAYED' }), reached('played')),
  sample(
    'restricted (issue 2441)',
    status({ status: 0, messageStubParameters: ['463', 'Your account has been restricted'] }),
    reached('failed', 'provider.restricted'),
  ),
  sample(
    'refused as malformed',
    status({ status: 0, messageStubParameters: ['479'] }),
    reached('failed', 'provider.whatsapp-479'),
  ),
  sample('failed, nobody says why', status({ status: 0 }), reached('failed', 'provider.failed')),
  sample(
    'statuses of two messages',
    updates({ key: ours(), update: { status: 4 } }, { key: ours({ id: 'B2' }), update: { status: 3 } }),
    reached('read'),
    {
      ...reached('delivered'),
      details: { messageId: 'B2' },
    },
  ),
  sample(
    'a status of a LID whose number is known',
    status({ status: 4 }, ours({ remoteJid: anaLid, remoteJidAlt: ana })),
    {
      ...reached('read'),
      chat: { addresses: [anaLid, ana] },
    },
  ),
  sample(
    'a receipt in a group',
    envelope('message-receipt.update', [
      { key: ours({ remoteJid: group, participant: bia }), receipt: { userJid: bia, readTimestamp: at } },
    ]),
    { ...reached('read'), chat: { addresses: [group], group: true }, details: { messageId: target, participant: bia } },
  ),
  sample('that we read on the phone', status({ status: 4 }, key()), other('messages.update', chat)),
  sample('a star', status({ starred: true }), other('messages.update', chat)),
];

const sessions: readonly BaileysSample[] = [
  sample('working', envelope('session.status', { status: 'working', reason: null, epoch: 3 }), reported('working')),
  sample(
    'a code to scan',
    envelope('session.status', { status: 'scanning', reason: null, qr: { code: '2@abc,def' } }),
    {
      ...reported('scanning'),
      qr: { code: '2@abc,def' },
    },
  ),
  sample(
    'a code to type',
    envelope('session.status', { status: 'scanning', qr: { code: '2@abc', pairingCode: 'ABCD1234' } }),
    { ...reported('scanning'), qr: { code: '2@abc', pairingCode: 'ABCD1234' } },
  ),
  sample(
    'logged out',
    envelope('session.status', { status: 'stopped', reason: 'session.logged-out' }),
    reported('stopped'),
  ),
  sample('banned', envelope('session.status', { status: 'failed', reason: 'session.forbidden' }), reported('failed')),
  sample(
    'restricted for some time',
    envelope('session.status', {
      status: 'working',
      reachoutTimeLock: { isActive: true, timeEnforcementEnds: '2025-11-21T12:00:00.000Z' },
    }),
    { ...reported('working'), restriction: { active: true } },
  ),
  sample('a state that we do not know', envelope('session.status', { status: 'dancing' }), reported('unknown')),
];

const kept: readonly BaileysSample[] = [
  sample(
    'a message that could not be decrypted',
    upsert(undefined, { messageStubType: 2, messageStubParameters: ['Invalid PreKey ID'] }),
    other('messages.upsert', chat),
  ),
  sample(
    'two names of one person',
    envelope('lid-mapping.update', { lid: anaLid, pn: ana }),
    other('lid-mapping.update', { addresses: [ana, anaLid], group: false, mustExist: true }),
  ),
  sample('a deletion on our own phone', envelope('messages.delete', { keys: [key()] }), other('messages.delete', chat)),
  sample('a chat that was cleared', envelope('messages.delete', { jid: ana, all: true }), other('messages.delete')),
  sample('a call', envelope('call', [{ chatId: ana, from: ana, id: 'CALL1', status: 'offer' }]), other('call', chat)),
  sample(
    'how many new chats are left',
    envelope('message-capping.update', { total_quota: 100, used_quota: 90 }),
    other('message-capping.update'),
  ),
  sample(
    'a story (issue 2652)',
    upsert(
      { conversation: 'Olá' },
      { key: key({ remoteJid: 'status@broadcast', participant: ana, remoteJidAlt: ana }) },
    ),
    other('messages.upsert'),
  ),
  sample(
    'a channel',
    upsert({ conversation: 'Olá' }, { key: key({ remoteJid: '1203@newsletter' }) }),
    other('messages.upsert'),
  ),
  sample('bookkeeping between devices', upsert({ protocolMessage: { type: 5 } }), other('messages.upsert', chat)),
  sample('of another instance', { ...upsert({ conversation: 'Olá' }), session: 'i_other' }, other('messages.upsert')),
  sample('an event of the future', envelope('Hologram Sent!', { a: 1 }), other('hologram-sent-')),
  sample('an event with no items', envelope('messages.update', []), other('messages.update')),
  sample('an event without data', envelope('messages.upsert', null), other('messages.upsert')),
  sample('nothing', {}, other('unknown')),
];

/** All of them. */
export const baileysSamples: readonly BaileysSample[] = [...messages, ...changes, ...statuses, ...sessions, ...kept];
