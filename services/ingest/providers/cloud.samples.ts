/**
 * Cloud API webhooks of every payload kind, for tests. The shapes follow Meta's webhook references of May
 * to July 2026 (Graph v26.0); every name, number and id is invented.
 */
import type { Instance } from '#runtime/instances/instances.ts';

/** What is expected of a sample's events, in order; each compared as a subset. */
export interface CloudSample {
  readonly title: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly expected: readonly Readonly<Record<string, unknown>>[];
}

/** An instance of the number and the account that the samples are of. */
export const cloudInstance: Instance = {
  id: 'i_cloud',
  tenant: 'demo',
  line: 'l_cloud',
  provider: 'cloud',
  name: 'cloud',
  settings: { phoneNumberId: '106540352242922', businessAccountId: '102290129340398' },
  credentials: {
    webhookToken: 'cloud-token',
    webhookSecret: 'an invented app secret',
    verifyToken: 'an invented verify token',
  },
};

const ours = '5511900000000';
const ana = '5511911111111';
const anaId = 'BR.13491208655302741918';
const at = 1_763_640_000;
const group = 'Y2FwaV9ncm91cDoxOTUwNTU1MDA3OQ==';
const wamid = (name: string): string => `wamid.HBgNNTUxMTkxMTExMTExMRUCABIYFD${name}`;
const received = wamid('AAAA');
const sent = wamid('BBBB');

const metadata = { display_phone_number: ours, phone_number_id: '106540352242922' };
const anaContact = { profile: { name: 'Ana Inventada' }, wa_id: ana, user_id: anaId };

const envelope = (...changes: readonly object[]) => ({
  object: 'whatsapp_business_account',
  entry: [{ id: '102290129340398', changes }],
});

/** A change of the number. */
const ofNumber = (value: object, field = 'messages') => ({
  field,
  value: { messaging_product: 'whatsapp', metadata, ...value },
});

/** A change of the account, which names no number. */
const ofAccount = (field: string, value: object) => ({
  object: 'whatsapp_business_account',
  entry: [{ id: '102290129340398', time: at, changes: [{ field, value }] }],
});

const messageOf = (type: string, body: unknown, extra: object = {}) => ({
  from: ana,
  from_user_id: anaId,
  id: received,
  timestamp: String(at),
  type,
  ...(body === undefined ? {} : { [type]: body }),
  ...extra,
});

const bodyOf = (type: string, body: unknown, extra: object = {}) =>
  envelope(ofNumber({ contacts: [anaContact], messages: [messageOf(type, body, extra)] }));

const sample = (title: string, body: object, ...expected: readonly object[]): CloudSample => ({
  title,
  body: body as Readonly<Record<string, unknown>>,
  expected: expected as readonly Readonly<Record<string, unknown>>[],
});

const both = { addresses: [anaId, ana], group: false };

const message = (content: object, extra: object = {}) => ({
  type: 'message.received',
  providerAt: at * 1_000,
  chat: both,
  message: {
    messageId: received,
    stableId: received,
    chat: anaId,
    sender: { address: anaId, alternateAddresses: [ana], name: 'Ana Inventada' },
    content,
    ...extra,
  },
});

const change = (word: string, details: object) => ({
  type: 'message.changed',
  change: word,
  providerAt: at * 1_000,
  chat: both,
  details: { messageId: received, stableId: received, target: sent, chat: anaId, ...details },
});

const other = (event: string, addresses?: readonly string[], isGroup = false) => ({
  type: 'webhook.other',
  event,
  chat: addresses === undefined ? undefined : { addresses, group: isGroup },
});

const file = (mimetype: string, extra: object = {}) => ({
  id: '1003383421387256',
  mime_type: mimetype,
  sha256: '3rWwqGLCH8jzBnIjQnTmyZUvNkDMM2d3n3dQvbjYyQw=',
  ...extra,
});
const media = (mimetype: string, extra: object = {}) => ({ id: '1003383421387256', mimetype, ...extra });

const messages: readonly CloudSample[] = [
  sample('a text', bodyOf('text', { body: 'Olá, quero ajuda' }), message({ kind: 'text', text: 'Olá, quero ajuda' })),
  sample(
    'a text of before business-scoped ids',
    envelope(
      ofNumber({
        contacts: [{ profile: { name: 'Ana Inventada' }, wa_id: ana }],
        messages: [{ from: ana, id: received, timestamp: String(at), type: 'text', text: { body: 'Oi' } }],
      }),
    ),
    { type: 'message.received', chat: { addresses: [ana], group: false }, message: { sender: { address: ana } } },
  ),
  sample(
    'a text of somebody who hides the number',
    envelope(
      ofNumber({
        contacts: [{ profile: { name: 'Ana Inventada', username: 'ana.inventada' }, user_id: anaId }],
        messages: [{ from_user_id: anaId, id: received, timestamp: String(at), type: 'text', text: { body: 'Oi' } }],
      }),
    ),
    {
      type: 'message.received',
      chat: { addresses: [anaId], group: false },
      message: { sender: { address: anaId, name: 'Ana Inventada' } },
    },
  ),
  sample(
    'a text that answers another',
    bodyOf('text', { body: 'Sim' }, { context: { from: ours, id: sent } }),
    message({ kind: 'text', text: 'Sim' }, { replyTo: sent }),
  ),
  sample(
    'a forwarded text',
    bodyOf('text', { body: 'Veja' }, { context: { forwarded: true } }),
    message({ kind: 'text', text: 'Veja' }),
  ),
  sample(
    'a text after a click on an advertisement',
    bodyOf(
      'text',
      { body: 'Vi o anúncio' },
      {
        referral: {
          source_url: 'https://example.com/ad',
          source_type: 'ad',
          source_id: '120226305854810726',
          headline: 'Converse conosco',
          body: 'Consultas',
          media_type: 'image',
          image_url: 'https://example.com/ad.jpg',
          ctwa_clid: 'invented',
        },
      },
    ),
    message({ kind: 'text', text: 'Vi o anúncio' }),
  ),
  sample(
    'an image with a caption',
    bodyOf('image', file('image/jpeg', { caption: 'Meu exame', url: 'https://lookaside.example.com/a' })),
    message({
      kind: 'image',
      media: media('image/jpeg', { url: 'https://lookaside.example.com/a' }),
      caption: 'Meu exame',
    }),
  ),
  sample('a video', bodyOf('video', file('video/mp4')), message({ kind: 'video', media: media('video/mp4') })),
  sample(
    'a voice note',
    bodyOf('audio', file('audio/ogg; codecs=opus', { voice: true })),
    message({ kind: 'audio', media: media('audio/ogg; codecs=opus', { voice: true }) }),
  ),
  sample(
    'an audio file',
    bodyOf('audio', file('audio/mpeg', { voice: false })),
    message({ kind: 'audio', media: media('audio/mpeg') }),
  ),
  sample(
    'a document',
    bodyOf('document', file('application/pdf', { filename: 'exame.pdf' })),
    message({ kind: 'document', media: media('application/pdf', { filename: 'exame.pdf' }) }),
  ),
  sample(
    'a sticker',
    bodyOf('sticker', file('image/webp', { animated: false })),
    message({ kind: 'sticker', media: media('image/webp') }),
  ),
  sample(
    'a location',
    bodyOf('location', { latitude: -23.55052, longitude: -46.633308, name: 'Praça da Sé', address: 'São Paulo' }),
    message({
      kind: 'location',
      latitude: -23.55052,
      longitude: -46.633308,
      name: 'Praça da Sé',
      address: 'São Paulo',
    }),
  ),
  sample(
    'contacts',
    bodyOf('contacts', [
      {
        name: { formatted_name: 'Bia; Inventada', first_name: 'Bia' },
        phones: [{ phone: '+55 11 92222-2222', wa_id: '5511922222222', type: 'CELL' }],
        emails: [{ email: 'bia@example.com', type: 'WORK' }],
      },
    ]),
    message({
      kind: 'contacts',
      contacts: [
        {
          name: 'Bia\\; Inventada',
          vcard:
            'BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Bia\\; Inventada\r\nTEL:+55 11 92222-2222\r\nEMAIL:bia@example.com\r\nEND:VCARD',
        },
      ],
    }),
  ),
  sample(
    'a quick reply of a template',
    bodyOf('button', { text: 'Confirmar', payload: 'confirm' }, { context: { from: ours, id: sent } }),
    message({ kind: 'button', id: 'confirm', title: 'Confirmar' }, { replyTo: sent }),
  ),
  sample(
    'a button that was chosen',
    bodyOf('interactive', { type: 'button_reply', button_reply: { id: 'yes', title: 'Sim' } }),
    message({ kind: 'button', id: 'yes', title: 'Sim' }),
  ),
  sample(
    'a row that was chosen',
    bodyOf('interactive', {
      type: 'list_reply',
      list_reply: { id: 'slot-1', title: '9 h', description: 'com Dra. Lima' },
    }),
    message({ kind: 'list', id: 'slot-1', title: '9 h' }),
  ),
  sample(
    'the answer of a flow',
    bodyOf('interactive', {
      type: 'nfm_reply',
      nfm_reply: {
        name: 'flow',
        body: 'Sent',
        response_json: '{"flow_token":"t","day":"2026-12-01","guests":["Ana",2]}',
      },
    }),
    message({
      kind: 'form',
      name: 'flow',
      text: 'Sent',
      fields: [
        { name: 'flow_token', value: 't' },
        { name: 'day', value: '2026-12-01' },
        { name: 'guests', value: '["Ana",2]' },
      ],
    }),
  ),
  sample(
    'the answer of a flow that cannot be read',
    bodyOf('interactive', {
      type: 'nfm_reply',
      nfm_reply: { name: 'flow', body: 'Sent', response_json: '{"flow_token":' },
    }),
    message({ kind: 'unknown', text: '{"flow_token":' }),
  ),
  sample(
    'the answer to a request to call',
    bodyOf('interactive', {
      type: 'call_permission_reply',
      call_permission_reply: { response: 'accept', expiration_timestamp: '1763726400', response_source: 'user_action' },
    }),
    message({ kind: 'unknown' }),
  ),
  sample(
    'an order',
    bodyOf('order', {
      catalog_id: '194836987003835',
      text: 'Pode entregar hoje?',
      product_items: [
        { product_retailer_id: 'sabonete', quantity: 2, item_price: 7.5, currency: 'BRL' },
        { product_retailer_id: 'creme', quantity: 1, item_price: 30, currency: 'BRL' },
      ],
    }),
    message({
      kind: 'order',
      text: 'Pode entregar hoje?',
      catalogue: '194836987003835',
      items: [
        { product: 'sabonete', quantity: 2, price: 7.5, currency: 'BRL' },
        { product: 'creme', quantity: 1, price: 30, currency: 'BRL' },
      ],
    }),
  ),
  sample(
    'an order of nothing that is named',
    bodyOf('order', { catalog_id: '194836987003835', text: 'Pode?', product_items: [{ quantity: 2 }] }),
    message({ kind: 'unknown', text: 'Pode?' }),
  ),
  sample(
    'a kind that the Cloud API does not pass on',
    bodyOf(
      'unsupported',
      { type: 'poll_creation' },
      {
        errors: [{ code: 131051, title: 'Message type unknown', message: 'Message type unknown' }],
      },
    ),
    message({ kind: 'unknown' }),
  ),
  sample(
    'a kind that is not known, in the old form',
    bodyOf('unknown', undefined, { errors: [{ code: 131051, title: 'Unsupported message type' }] }),
    message({ kind: 'unknown' }),
  ),
  sample(
    'a kind of the future',
    bodyOf('hologram', { body: 'Oi em 3D' }),
    message({ kind: 'unknown', text: 'Oi em 3D' }),
  ),
  sample(
    'a chat that was opened',
    bodyOf('request_welcome', undefined),
    other('messages.request_welcome', both.addresses),
  ),
  sample(
    'a message of a group',
    envelope(
      ofNumber({
        contacts: [anaContact],
        messages: [messageOf('text', { body: 'Bom dia a todos' }, { group_id: group })],
      }),
    ),
    {
      type: 'message.received',
      chat: { addresses: [`${group}@g.us`], group: true },
      message: {
        chat: `${group}@g.us`,
        sender: { address: anaId, alternateAddresses: [ana], name: 'Ana Inventada' },
        content: { kind: 'text', text: 'Bom dia a todos' },
      },
    },
  ),
];

const changes: readonly CloudSample[] = [
  sample('a reaction', bodyOf('reaction', { message_id: sent, emoji: '👍' }), change('reacted', { reaction: '👍' })),
  sample('a reaction taken back', bodyOf('reaction', { message_id: sent }), change('unreacted', {})),
  sample(
    'a reaction taken back, in the other form',
    bodyOf('reaction', { message_id: sent, emoji: '' }),
    change('unreacted', {}),
  ),
  sample(
    'an edit',
    bodyOf('edit', { original_message_id: sent, message: { type: 'text', text: { body: 'às 10h' } } }),
    change('edited', { text: 'às 10h' }),
  ),
  sample(
    'an edit of a caption',
    bodyOf('edit', {
      original_message_id: sent,
      message: { type: 'image', image: { id: '1', mime_type: 'image/png', caption: 'a certa' } },
    }),
    change('edited', { text: 'a certa' }),
  ),
  sample('a revocation', bodyOf('revoke', { original_message_id: sent }), change('revoked', {})),
  sample(
    'another number of a person',
    envelope(
      ofNumber({
        messages: [
          {
            from: ana,
            id: received,
            timestamp: String(at),
            type: 'system',
            system: { body: 'Ana changed from A to B', wa_id: '5511933333333', type: 'user_changed_number' },
          },
        ],
      }),
    ),
    other('system.user_changed_number', [ana, '5511933333333']),
  ),
  sample(
    'another id of a person',
    envelope(
      ofNumber({
        messages: [
          {
            from: ana,
            from_user_id: anaId,
            id: received,
            timestamp: String(at),
            type: 'system',
            system: {
              body: 'User id changed',
              type: 'user_changed_user_id',
              user_id_update: { previous: anaId, current: 'BR.2222222222222222' },
            },
          },
        ],
      }),
    ),
    other('system.user_changed_user_id', [anaId, ana, 'BR.2222222222222222']),
  ),
  sample(
    'another device of a person',
    envelope(
      ofNumber({
        messages: [
          {
            from: ana,
            id: received,
            timestamp: String(at),
            type: 'system',
            system: {
              body: 'Ana changed devices',
              type: 'customer_identity_changed',
              identity: { acknowledged: false, created_timestamp: at, hash: 'invented' },
            },
          },
        ],
      }),
    ),
    other('system.customer_identity_changed', [ana]),
  ),
];

const statusOf = (word: string, extra: object = {}) => ({
  id: sent,
  status: word,
  timestamp: String(at),
  recipient_id: ana,
  recipient_user_id: anaId,
  ...extra,
});

const statusBody = (word: string, extra: object = {}) => envelope(ofNumber({ statuses: [statusOf(word, extra)] }));

const status = (word: string, reason: string | null = null, details: object = {}) => ({
  type: 'message.status',
  status: word,
  reason,
  providerAt: at * 1_000,
  chat: both,
  details: { messageId: sent, stableId: sent, chat: anaId, ...details },
});

const failed = (code: number, reason: string): CloudSample =>
  sample(
    `a failure ${code}`,
    statusBody('failed', {
      errors: [
        {
          code,
          title: 'invented',
          message: 'invented',
          error_data: { details: 'invented' },
          href: 'https://example.com',
        },
      ],
    }),
    status('failed', reason),
  );

const statuses: readonly CloudSample[] = [
  sample(
    'sent, priced, with what we gave along',
    statusBody('sent', {
      biz_opaque_callback_data: 'd_6XJVRAMSR52FDDHVRT5CY0936C',
      conversation: { id: 'c1', expiration_timestamp: '1763726400', origin: { type: 'utility' } },
      pricing: { billable: true, pricing_model: 'PMP', category: 'utility', type: 'regular' },
    }),
    status('sent', null, { deliveryId: 'd_6XJVRAMSR52FDDHVRT5CY0936C' }),
  ),
  ...['delivered', 'read', 'played'].map((word) => sample(word, statusBody(word), status(word))),
  sample(
    'read, of somebody who hides the number',
    envelope(ofNumber({ statuses: [{ id: sent, status: 'read', timestamp: String(at), recipient_user_id: anaId }] })),
    { type: 'message.status', chat: { addresses: [anaId], group: false } },
  ),
  sample(
    'delivered to a member of a group',
    statusBody('delivered', {
      recipient_type: 'group',
      recipient_id: group,
      recipient_user_id: undefined,
      recipient_participant_id: ana,
      recipient_participant_user_id: anaId,
    }),
    {
      type: 'message.status',
      chat: { addresses: [`${group}@g.us`], group: true },
      details: { stableId: sent, participant: anaId },
    },
  ),
  sample('a status that is not known', statusBody('evaporated'), other('statuses.evaporated', [anaId, ana])),
  failed(131_047, 'provider.window-closed'),
  failed(131_026, 'provider.recipient-unreachable'),
  failed(131_049, 'provider.marketing-capped'),
  failed(131_050, 'provider.marketing-opted-out'),
  failed(131_048, 'provider.restricted'),
  failed(131_056, 'provider.pair-rate-limited'),
  failed(190, 'provider.unauthorized'),
  failed(999_999, 'provider.graph-999999'),
  sample('a failure without a cause', statusBody('failed'), status('failed', 'provider.failed')),
  sample(
    'an error of the number',
    envelope(
      ofNumber({
        errors: [{ code: 130_429, title: 'Rate limit hit', message: 'Rate limit hit', error_data: { details: 'x' } }],
      }),
    ),
    other('errors.provider.rate-limited'),
  ),
];

const phone: readonly CloudSample[] = [
  sample(
    'a message written in the WhatsApp Business app',
    envelope(
      ofNumber(
        {
          message_echoes: [
            {
              from: ours,
              to: ana,
              to_user_id: anaId,
              id: sent,
              timestamp: String(at),
              type: 'text',
              text: { body: 'Aqui é a Carla' },
            },
          ],
        },
        'smb_message_echoes',
      ),
    ),
    {
      type: 'message.echoed',
      source: 'app',
      chat: both,
      message: { stableId: sent, sender: { address: ours }, content: { kind: 'text', text: 'Aqui é a Carla' } },
    },
  ),
  sample(
    'a revocation in the WhatsApp Business app',
    envelope(
      ofNumber(
        {
          message_echoes: [
            {
              from: ours,
              to: ana,
              id: received,
              timestamp: String(at),
              type: 'revoke',
              revoke: { original_message_id: sent },
            },
          ],
        },
        'smb_message_echoes',
      ),
    ),
    { type: 'message.changed', change: 'revoked', details: { target: sent, sender: { address: ours } } },
  ),
  sample(
    'the past of two chats',
    envelope(
      ofNumber(
        {
          history: [
            {
              metadata: { phase: 0, chunk_order: 1, progress: 55 },
              threads: [ana, '5511922222222'].map((id) => ({
                id,
                messages: [
                  {
                    from: ours,
                    id: wamid(`H${id}`),
                    timestamp: '1763000000',
                    type: 'text',
                    text: { body: 'de antes' },
                    history_context: { status: 'READ' },
                  },
                ],
              })),
            },
          ],
        },
        'history',
      ),
    ),
    other('history.thread', [ana]),
    other('history.thread', ['5511922222222']),
  ),
  sample(
    'a file of the past',
    envelope(
      ofNumber(
        { messages: [{ from: ana, id: received, timestamp: String(at), type: 'image', image: file('image/jpeg') }] },
        'history',
      ),
    ),
    other('history.image', [ana]),
  ),
  sample(
    'a past that is not shared',
    envelope(
      ofNumber({ history: [{ errors: [{ code: 2_593_109, title: 'History sync is turned off' }] }] }, 'history'),
    ),
    other('history'),
  ),
  sample(
    'contacts of the phone',
    envelope(
      ofNumber(
        {
          state_sync: [{ type: 'contact', contact: { full_name: 'Ana Inventada', phone_number: ana }, action: 'add' }],
        },
        'smb_app_state_sync',
      ),
    ),
    other('smb_app_state_sync'),
  ),
];

const people: readonly CloudSample[] = [
  ...['stop', 'resume'].map((value) =>
    sample(
      `a person says ${value} to marketing`,
      envelope(
        ofNumber(
          {
            contacts: [anaContact],
            user_preferences: [
              { wa_id: ana, detail: 'User requested', category: 'marketing_messages', value, timestamp: at },
            ],
          },
          'user_preferences',
        ),
      ),
      { ...other(`user_preferences.marketing_messages.${value}`, [anaId, ana]), providerAt: at * 1_000 },
    ),
  ),
  sample(
    'the id of a person changed',
    envelope(
      ofNumber(
        {
          user_id_update: [
            { wa_id: ana, user_id: { previous: anaId, current: 'BR.2222222222222222' }, timestamp: String(at) },
          ],
        },
        'user_id_update',
      ),
    ),
    other('user_id_update', [anaId, 'BR.2222222222222222', ana]),
  ),
  sample(
    'a call',
    envelope(
      ofNumber({ calls: [{ id: 'wacid.A', from: ana, to: ours, event: 'connect', timestamp: String(at) }] }, 'calls'),
    ),
    other('calls.connect', [ana]),
  ),
  sample(
    'news of a group',
    envelope(
      ofNumber(
        { groups: [{ group_id: group, type: 'group_create', timestamp: String(at) }] },
        'group_lifecycle_update',
      ),
    ),
    other('group_lifecycle_update'),
  ),
];

const reported = (word: string) => ({ type: 'instance.reported', status: word, providerAt: at * 1_000 });

const accounts: readonly CloudSample[] = [
  sample(
    'a ban',
    ofAccount('account_update', {
      event: 'DISABLED_UPDATE',
      ban_info: { waba_ban_state: 'DISABLE', waba_ban_date: 'November 20, 2026' },
    }),
    reported('failed'),
  ),
  sample(
    'the end of a ban',
    ofAccount('account_update', { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'REINSTATE' } }),
    reported('working'),
  ),
  sample(
    'a ban that is to come',
    ofAccount('account_update', { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'SCHEDULE_FOR_DISABLE' } }),
    other('account_update.disabled_update'),
  ),
  sample('an account that was deleted', ofAccount('account_update', { event: 'ACCOUNT_DELETED' }), reported('failed')),
  sample(
    'a violation',
    ofAccount('account_update', { event: 'ACCOUNT_VIOLATION', violation_info: { violation_type: 'SPAM' } }),
    other('account_update.account_violation'),
  ),
  sample(
    'a restriction',
    ofAccount('account_update', {
      event: 'ACCOUNT_RESTRICTION',
      restriction_info: [{ restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration: at + 86_400 }],
    }),
    other('account_update.account_restriction'),
  ),
  ...(
    [
      ['account_alerts', { alert_severity: 'CRITICAL', alert_status: 'NONE', alert_type: 'INCREASED_CAPABILITIES' }],
      ['account_review_update', { decision: 'APPROVED' }],
      ['business_capability_update', { max_daily_conversations_per_business: 2_000 }],
      ['message_template_components_update', { message_template_id: 1, message_template_name: 'lembrete' }],
      ['message_template_quality_update', { previous_quality_score: 'GREEN', new_quality_score: 'YELLOW' }],
      ['template_category_update', { message_template_name: 'lembrete', new_category: 'MARKETING' }],
      ['partner_solutions', { solution_id: '1', solution_status: 'INITIATED' }],
      ['phone_number_name_update', { display_phone_number: ours, decision: 'APPROVED' }],
      ['hologram_update', { anything: [1, 2, 3] }],
    ] as const
  ).map(([field, value]) => sample(field, ofAccount(field, value), other(field))),
  sample(
    'phone_number_quality_update',
    ofAccount('phone_number_quality_update', {
      display_phone_number: ours,
      event: 'ONBOARDING',
      current_limit: 'TIER_250',
    }),
    other('phone_number_quality_update.onboarding'),
  ),
  sample(
    'security',
    ofAccount('security', { display_phone_number: ours, event: 'PIN_CHANGED', requester: '1' }),
    other('security.pin_changed'),
  ),
  sample(
    'a template that was rejected',
    ofAccount('message_template_status_update', {
      event: 'REJECTED',
      message_template_id: 1_689_556_908_129_832,
      message_template_name: 'lembrete',
      message_template_language: 'pt_BR',
      reason: 'INVALID_FORMAT',
    }),
    other('message_template_status_update.rejected'),
  ),
];

const batches: readonly CloudSample[] = [
  sample(
    'a batch of two entries, of several people, with messages and statuses in one value',
    {
      object: 'whatsapp_business_account',
      entry: [
        {
          id: '102290129340398',
          changes: [
            ofNumber({
              contacts: [anaContact, { profile: { name: 'Bia' }, wa_id: '5511922222222' }],
              messages: [
                messageOf('text', { body: 'um' }),
                {
                  from: '5511922222222',
                  id: wamid('BIA'),
                  timestamp: String(at),
                  type: 'text',
                  text: { body: 'dois' },
                },
              ],
              statuses: [statusOf('delivered'), statusOf('read')],
            }),
            ofNumber({ errors: [{ code: 131_016, title: 'Service unavailable' }] }),
          ],
        },
        {
          id: '102290129340398',
          changes: [ofNumber({ messages: [messageOf('text', { body: 'três' }, { id: wamid('THREE') })] })],
        },
      ],
    },
    message({ kind: 'text', text: 'um' }),
    {
      type: 'message.received',
      chat: { addresses: ['5511922222222'], group: false },
      message: { sender: { address: '5511922222222', name: 'Bia' }, content: { text: 'dois' } },
    },
    status('delivered'),
    status('read'),
    other('errors.provider.unavailable'),
    { type: 'message.received', message: { stableId: wamid('THREE'), content: { text: 'três' } } },
  ),
  sample(
    'a body of another number',
    envelope({
      field: 'messages',
      value: {
        messaging_product: 'whatsapp',
        metadata: { display_phone_number: '15550000000', phone_number_id: '999999999999999' },
        messages: [messageOf('text', { body: 'Oi' })],
      },
    }),
    other('foreign.messages'),
  ),
  sample('contacts without a message', envelope(ofNumber({ contacts: [anaContact] })), other('messages')),
  sample('a value with nothing in it', envelope(ofNumber({})), other('messages')),
  sample('an entry without changes', { object: 'whatsapp_business_account', entry: [{ id: '1' }] }, other('unknown')),
  sample('no entry', { object: 'whatsapp_business_account', entry: [] }, other('unknown')),
  sample('something else', { object: 'page', hello: 'world' }, other('unknown')),
];

/** All of them. */
export const cloudSamples: readonly CloudSample[] = [
  ...messages,
  ...changes,
  ...statuses,
  ...phone,
  ...people,
  ...accounts,
  ...batches,
];
