/** What may be asked to be sent, what is refused with which words, and what content it becomes. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

import { Problem } from '#runtime/http.ts';

import { type ContentSources, contentFields, contentOf, oneKind } from './message-content.ts';
import { messageExamples } from './message-examples.ts';

const form = z.strictObject(contentFields).superRefine(oneKind);

const sources: ContentSources = {
  target: (id) => Promise.resolve({ target: `stable-${id}`, ours: true }),
  requireFile: (id) => (id === 'f_1' ? Promise.resolve() : Promise.reject(new Problem(404, 'not-found', 'no'))),
  outside: { trusted: ['http://10.0.0.7:9000'] },
  renderTemplate: ({ body = [] }) => Promise.resolve(`Olá, ${body.join(' ')}`),
};

const made = (wanted: unknown) => contentOf(form.parse(wanted), sources);

const url = 'https://files.example/a';
const row = (i: number) => ({ id: `r${i}`, title: `Linha ${i}` });
const rows = (count: number) => Array.from({ length: count }, (_, i) => row(i));
const button = (i: number) => ({ id: `b${i}`, title: `Botão ${i}` });

describe('what is asked for becomes', () => {
  test.each<readonly [object, object]>([
    [{ text: 'oi' }, { kind: 'text', text: 'oi' }],
    [
      { text: 'Vem?', buttons: [button(1)] },
      { kind: 'buttons', text: 'Vem?', buttons: [button(1)] },
    ],
    [
      { text: 'Quando?', list: { button: 'Ver', sections: [{ rows: rows(2) }] } },
      { kind: 'list', text: 'Quando?', button: 'Ver', sections: [{ rows: rows(2) }] },
    ],
    [
      { media: { kind: 'image', url, mimetype: 'image/png', caption: 'foto' } },
      { kind: 'image', media: { url, mimetype: 'image/png' }, caption: 'foto' },
    ],
    [
      { media: { kind: 'audio', fileId: 'f_1', mimetype: 'audio/ogg', voice: true } },
      { kind: 'audio', media: { blob: 'f_1', mimetype: 'audio/ogg', voice: true } },
    ],
    [
      { location: { latitude: 1, longitude: 2, name: 'Aqui' } },
      { kind: 'location', latitude: 1, longitude: 2, name: 'Aqui' },
    ],
    [
      { contacts: [{ name: 'Ana', phone: '+5511988887777' }] },
      { kind: 'contacts', contacts: [{ name: 'Ana', phone: '+5511988887777' }] },
    ],
    [
      { template: { name: 'ola', language: 'pt_BR', body: ['Ana'] } },
      { kind: 'template', name: 'ola', language: 'pt_BR', body: ['Ana'], text: 'Olá, Ana' },
    ],
    [
      {
        template: {
          name: 'ola',
          language: 'pt_BR',
          headerMedia: { kind: 'video', fileId: 'f_1', mimetype: 'video/mp4' },
        },
      },
      {
        kind: 'template',
        name: 'ola',
        language: 'pt_BR',
        headerMedia: { kind: 'video', blob: 'f_1', mimetype: 'video/mp4' },
        text: 'Olá, ',
      },
    ],
    [
      { reaction: { messageId: 'm_1', emoji: '👩🏽‍⚕️' } },
      { kind: 'reaction', emoji: '👩🏽‍⚕️', target: 'stable-m_1', ours: true },
    ],
    [{ reaction: { messageId: 'm_1', emoji: '' } }, { kind: 'reaction', emoji: '', target: 'stable-m_1', ours: true }],
    [
      { text: 'oi', replyTo: 'm_1', typingMs: 25_000 },
      { kind: 'text', text: 'oi', replyTo: { target: 'stable-m_1', ours: true }, typingMs: 25_000 },
    ],
  ])('%j', async (wanted, content) => {
    expect(await made(wanted)).toEqual(content);
  });

  test('every example is one of them', async () => {
    for (const { body } of messageExamples) {
      const { instanceId, to, ...content } = body;
      expect([typeof instanceId, typeof to]).toEqual(['string', 'string']);
      await expect(made(content)).resolves.toHaveProperty('kind');
    }
  });
});

describe('the bounds of WhatsApp are kept: up to them it is taken, past them refused', () => {
  const list = (sections: readonly object[]) => ({ text: 'a', list: { button: 'b', sections } });
  test.each<readonly [string, object, object]>([
    ['text', { text: 'x'.repeat(4_096) }, { text: 'x'.repeat(4_097) }],
    [
      'text of buttons',
      { text: 'x'.repeat(1_024), buttons: [button(1)] },
      { text: 'x'.repeat(1_025), buttons: [button(1)] },
    ],
    ['buttons', { text: 'a', buttons: [1, 2, 3].map(button) }, { text: 'a', buttons: [1, 2, 3, 4].map(button) }],
    [
      'button title',
      { text: 'a', buttons: [{ id: 'b', title: 'x'.repeat(20) }] },
      { text: 'a', buttons: [{ id: 'b', title: 'x'.repeat(21) }] },
    ],
    ['rows', list([{ rows: rows(10) }]), list([{ rows: rows(11) }])],
    [
      'rows of all sections',
      list([
        { title: 'a', rows: rows(5) },
        { title: 'b', rows: rows(10).slice(5) },
      ]),
      list([
        { title: 'a', rows: rows(5) },
        { title: 'b', rows: rows(11).slice(5) },
      ]),
    ],
    [
      'row title',
      list([{ rows: [{ id: 'a', title: 'x'.repeat(24) }] }]),
      list([{ rows: [{ id: 'a', title: 'x'.repeat(25) }] }]),
    ],
    [
      'row description',
      list([{ rows: [{ ...row(1), description: 'x'.repeat(72) }] }]),
      list([{ rows: [{ ...row(1), description: 'x'.repeat(73) }] }]),
    ],
    [
      'caption',
      { media: { kind: 'image', url, mimetype: 'image/png', caption: 'x'.repeat(1_024) } },
      { media: { kind: 'image', url, mimetype: 'image/png', caption: 'x'.repeat(1_025) } },
    ],
    ['latitude', { location: { latitude: 90, longitude: 0 } }, { location: { latitude: 90.1, longitude: 0 } }],
    ['longitude', { location: { latitude: 0, longitude: -180 } }, { location: { latitude: 0, longitude: -180.1 } }],
    ['typing', { text: 'a', typingMs: 25_000 }, { text: 'a', typingMs: 25_001 }],
    ['emoji', { reaction: { messageId: 'm', emoji: '🇧🇷' } }, { reaction: { messageId: 'm', emoji: '👍👍' } }],
  ])('%s', async (_, most, over) => {
    await expect(made(most)).resolves.toHaveProperty('kind');
    expect(form.safeParse(over).success).toBe(false);
  });
});

describe('is refused, and the place is named', () => {
  const refused = (wanted: object): readonly string[] => {
    const { error } = form.safeParse(wanted);
    return (error?.issues ?? []).map(
      ({ path, code, message }) => `${path.join('.')}: ${code === 'custom' ? message : code}`,
    );
  };
  const image = { kind: 'image', mimetype: 'image/png' };

  test.each<readonly [object, string]>([
    [{}, 'text: one of text, media, template, location, contacts, reaction'],
    [
      { text: 'a', location: { latitude: 0, longitude: 0 } },
      'location: one of text, media, template, location, contacts, reaction',
    ],
    [{ location: { latitude: 0, longitude: 0 }, buttons: [button(1)] }, 'buttons: only with text'],
    [
      { text: 'a', buttons: [button(1)], list: { button: 'b', sections: [{ rows: rows(1) }] } },
      'list: not together with buttons',
    ],
    [{ text: 'a', buttons: [button(1), button(1)] }, 'buttons: ids have to differ'],
    [{ text: 'a', list: { button: 'b', sections: [{ rows: [row(1), row(1)] }] } }, 'list.sections: ids have to differ'],
    [
      { text: 'a', list: { button: 'b', sections: [{ rows: [row(1)] }, { rows: [row(2)] }] } },
      'list.sections: every section needs a title',
    ],
    [{ media: image }, 'media.url: one of url and fileId'],
    [{ media: { ...image, url, fileId: 'f_1' } }, 'media.url: one of url and fileId'],
    [{ media: { ...image, url, mimetype: 'video/mp4' } }, 'media.mimetype: is not of this kind'],
    [{ media: { ...image, url, mimetype: 'png' } }, 'media.mimetype: invalid_format'],
    [{ media: { kind: 'sticker', url, mimetype: 'image/png' } }, 'media.mimetype: is not of this kind'],
    [{ media: { kind: 'audio', url, mimetype: 'audio/ogg', caption: 'a' } }, 'media.caption: not with this kind'],
    [{ media: { ...image, url, voice: true } }, 'media.voice: only with audio'],
    [{ media: { ...image, url, filename: '../a' } }, 'media.filename: invalid_format'],
    [{ template: { name: 'Olá', language: 'pt_BR' } }, 'template.name: invalid_format'],
    [
      {
        template: {
          name: 'ola',
          language: 'pt_BR',
          headerMedia: { kind: 'sticker', fileId: 'f_1', mimetype: 'image/webp' },
        },
      },
      'template.headerMedia: an image, a video or a document',
    ],
    [{ template: { name: 'ola', language: 'pt_BR', body: ['a\nb'] } }, 'template.body.0: invalid_format'],
    [{ reaction: { messageId: 'm', emoji: 'sim' } }, 'reaction.emoji: one emoji, or none'],
    [{ reaction: { messageId: 'm', emoji: '👍' }, replyTo: 'm' }, 'replyTo: not with a reaction'],
    [{ contacts: [{ name: 'Ana', phone: 'ligue' }] }, 'contacts.0.phone: invalid_format'],
  ])('%j', (wanted, place) => {
    expect(refused(wanted)).toContain(place);
  });

  test.each([
    'ftp://files.example/a',
    'file:///etc/passwd',
    'http://127.0.0.1/a',
    'http://2130706433/a',
    'http://[::1]/a',
    'http://10.0.0.1/a',
    'http://169.254.169.254/latest/meta-data',
    'https://user:pass@files.example/a',
    'https://files.example:6379/a',
    'not a url',
  ])('the address of a file: %s', async (address) => {
    const refusal = { status: 400, code: 'url-refused' };
    await expect(made({ media: { ...image, url: address } })).rejects.toMatchObject(refusal);
  });

  test('but an origin that our configuration names is taken', async () => {
    const inside = 'http://10.0.0.7:9000/a';
    await expect(made({ media: { ...image, url: inside } })).resolves.toMatchObject({ media: { url: inside } });
  });

  test('a file that is not there', async () => {
    await expect(made({ media: { ...image, fileId: 'f_2' } })).rejects.toMatchObject({ status: 404 });
  });
});
