/** Goal: a confirmation says what is booked, in the person's language, once. Method: golden texts; a mailer that counts. */
import { describe, expect, test } from 'vitest';

import type { Asks } from '#machines/conversation/asks.ts';
import type { Calendar } from '#runtime/calendar/calendar.ts';
import type { Tenants } from '#runtime/tenants/tenants.ts';

import { EffectFailure } from '../handler.ts';
import type { Mail } from '../ports/mail.ts';
import { type ConfirmationParts, confirmationHandler } from './confirmation.ts';
import { type CalendarFile, calendarFileOf } from './ics.ts';

const start = Date.parse('2026-11-25T11:00:00Z');
const settings = {
  businessName: 'Clínica Aurora',
  timeZone: 'America/Sao_Paulo',
  scheduling: {
    services: [{ id: 'consulta', name: { 'pt-BR': 'Consulta', en: 'Visit', es: 'Consulta' }, durationMinutes: 30 }],
    openingHours: {},
  },
  registration: { eventName: { 'pt-BR': 'Congresso de Saúde', en: 'Health Congress' }, profiles: [] },
};
const appointment = { id: 'ap_1', service: 'consulta', start, end: start + 1_800_000 };

const tenants: Pick<Tenants, 'configuration' | 'currentRevision'> = {
  configuration: () => Promise.resolve({ machines: { conversation: { version: '1', settings } }, answerGroups: false }),
  currentRevision: () => Promise.resolve('r_1'),
};

/** Asks for a confirmation; what went out, and what was answered. */
async function confirm(asked: Partial<Asks['mail.confirm'][0]>, parts: Partial<ConfirmationParts> = {}) {
  const mails: Mail[] = [];
  const booking = { ...appointment, status: 'booked', sequence: 2 } as Awaited<ReturnType<Calendar['read']>>;
  const handler = confirmationHandler({
    runtime: { now: () => Date.parse('2026-11-21T12:00:00Z'), tenants: tenants as Tenants },
    calendar: { read: (_, id) => Promise.resolve(id === appointment.id ? booking : undefined) },
    mailer: { send: (mail) => (mails.push(mail), Promise.resolve()) },
    leaves: true,
    from: 'agenda@aurora.example',
    ...parts,
  });
  const input = {
    to: 'ana@exemplo.example',
    locale: 'pt-BR',
    name: 'Ana',
    about: { kind: 'appointment', appointment },
    ...asked,
  };
  const { signal } = new AbortController();
  const call = {
    tenant: 'demo',
    actor: 'c_1',
    effectId: 'f_1',
    revision: 'r_1',
    attempt: 1,
    input,
    signal,
  };
  return { answer: await handler.run(call), mails, handler };
}

describe('a confirmation', () => {
  test('of an appointment says service, day and time of the tenant’s zone, with an invitation', async () => {
    const { answer, mails } = await confirm({});
    expect(answer).toEqual({ sent: true });
    expect(mails).toMatchObject([
      {
        id: 'f_1',
        to: 'ana@exemplo.example',
        subject: 'Agendamento confirmado: Consulta, quarta-feira, 25 de novembro de 2026 às 08:00',
        text: `Olá, Ana!

Seu agendamento em Clínica Aurora está confirmado:

Consulta
quarta-feira, 25 de novembro de 2026 às 08:00

O convite em anexo põe o horário na sua agenda.

Para mudar ou cancelar, responda na conversa do WhatsApp.

Até logo,
Clínica Aurora
`,
        attachments: [{ filename: 'prosa.ics', contentType: 'text/calendar; charset=utf-8; method=PUBLISH' }],
      },
    ]);
    const file = String(mails[0]?.attachments[0]?.content);
    expect(file).toContain(
      'UID:ap_1\r\nDTSTAMP:20261121T120000Z\r\nDTSTART:20261125T110000Z\r\nDTEND:20261125T113000Z\r\nSEQUENCE:2\r\n',
    );
    expect(file).toContain('ORGANIZER;CN="Clínica Aurora":mailto:agenda@aurora.example\r\n');
  });

  test.each([
    ['en', 'Appointment confirmed: Visit, Wednesday, November 25, 2026 at 8:00 AM', 'Hello, Ana!', 'Health Congress'],
    ['es', 'Cita confirmada: Consulta, miércoles, 25 de noviembre de 2026, 8:00', '¡Hola, Ana!', 'Congresso de Saúde'],
    [
      'pt-BR',
      'Agendamento confirmado: Consulta, quarta-feira, 25 de novembro de 2026 às 08:00',
      'Olá, Ana!',
      'Congresso de Saúde',
    ],
  ])('is in the language of the person: %s', async (locale, subject, greeting, event) => {
    const { mails } = await confirm({ locale });
    expect(mails[0]?.subject).toBe(subject);
    expect(mails[0]?.text.startsWith(greeting)).toBe(true);
    const registration = await confirm({ locale, name: null, about: { kind: 'registration', participant: 'pa_7' } });
    expect(registration.mails).toMatchObject([{ subject: expect.stringContaining(event) as string, attachments: [] }]);
    expect(registration.mails[0]?.text).toContain('pa_7');
    expect(registration.mails[0]?.text).not.toContain('null');
  });

  test('lets nobody write lines of their own', async () => {
    const { mails } = await confirm({ name: 'Ana\r\n\r\nBcc: all@exemplo.example\n' });
    expect(mails[0]?.text.split('\n')[0]).toBe('Olá, Ana Bcc: all@exemplo.example!');
    await expect(confirm({ to: 'a@b.example\r\nBcc: c@d.example' })).rejects.toThrow(new EffectFailure('mail.invalid'));
    await expect(confirm({ to: 'a@b.example, c@d.example' })).rejects.toThrow('mail.invalid');
  });

  test('of what was cancelled meanwhile is not sent, and of one that stays here is not said that it was', async () => {
    const gone = { kind: 'appointment' as const, appointment: { ...appointment, id: 'ap_gone' } };
    expect(await confirm({ about: gone })).toMatchObject({ answer: { sent: false }, mails: [] });
    expect((await confirm({}, { leaves: false })).answer).toEqual({ sent: false });
  });

  test('of which nobody knows whether it left is not sent again', async () => {
    const { handler } = await confirm({});
    expect(handler.repeatable).toBe(false);
    const unknown = new EffectFailure('mail.outcome-unknown');
    await expect(confirm({}, { mailer: { send: () => Promise.reject(unknown) } })).rejects.toBe(unknown);
  });
});

describe('a calendar file', () => {
  const file: CalendarFile = {
    uid: 'ap_1',
    sequence: 0,
    status: 'CONFIRMED',
    start,
    end: start + 1_800_000,
    at: Date.parse('2026-11-21T12:00:00.750Z'),
    summary: 'Consulta, retorno; sala 2\\B',
    description: 'Traga os exames.\r\nAté logo!',
    organizer: { name: 'Clínica "Aurora"', email: 'agenda@aurora.example' },
  };
  const golden = (status: string, sequence: number) =>
    [
      'BEGIN:VCALENDAR',
      'PRODID:-//Prosa//Prosa//EN',
      'VERSION:2.0',
      'CALSCALE:GREGORIAN',
      'METHOD:PUBLISH',
      'BEGIN:VEVENT',
      'UID:ap_1',
      'DTSTAMP:20261121T120000Z',
      'DTSTART:20261125T110000Z',
      'DTEND:20261125T113000Z',
      `SEQUENCE:${sequence}`,
      `STATUS:${status}`,
      'SUMMARY:Consulta\\, retorno\\; sala 2\\\\B',
      'DESCRIPTION:Traga os exames.\\nAté logo!',
      `ORGANIZER;CN="Clínica 'Aurora'":mailto:agenda@aurora.example`,
      'TRANSP:OPAQUE',
      'END:VEVENT',
      'END:VCALENDAR',
      '',
    ].join('\r\n');

  test('is as RFC 5545 has it, new, moved and cancelled', () => {
    expect(calendarFileOf(file)).toBe(golden('CONFIRMED', 0));
    expect(calendarFileOf({ ...file, sequence: 3 })).toBe(golden('CONFIRMED', 3));
    expect(calendarFileOf({ ...file, sequence: 4, status: 'CANCELLED' })).toBe(golden('CANCELLED', 4));
  });

  test.each(['a'.repeat(300), 'ã'.repeat(200), '👩🏽‍⚕️ é '.repeat(30), 'x'.repeat(67) + 'é', 'x'.repeat(66) + 'é'])(
    'folds long lines at 75 octets, and no character is cut: %#',
    (summary) => {
      const written = calendarFileOf({ ...file, summary });
      const lines = written.split('\r\n');
      for (const line of lines) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75);
      expect(written).not.toMatch(/[^\r]\n|\r[^\n]/);
      expect(written.replaceAll('\r\n ', '')).toContain(`\r\nSUMMARY:${summary}\r\n`);
      expect(Buffer.from(written).toString('utf8')).toBe(written);
    },
  );

  test('gives nobody a property of their own', () => {
    const text = 'Ana\r\nATTENDEE:mailto:x@y.example\u0000\u0007';
    const written = calendarFileOf({
      ...file,
      summary: text,
      description: text,
      organizer: { name: text, email: 'a@b.example' },
    });
    expect(written).not.toMatch(/^ATTENDEE/m);
    expect(written.split('\r\n').filter((line) => !/^[A-Z]+[:;]|^ |^$/.test(line))).toEqual([]);
  });
});
